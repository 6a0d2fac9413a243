"""Spending a refresh token under the lock: intent, grant, answer (L13, L14 and L16 of `docs/renewal.md`)."""

from __future__ import annotations

from keyturn.errors import AuthError, ConfigurationError, Rejected, Unavailable
from keyturn.oauth import outcomes, protocol
from keyturn.oauth.pauses import PAUSE_FIRST, PAUSE_REFUSED, check_rejections, check_trouble, remember
from keyturn.oauth.save import latest, quarantine, save
from keyturn.stores.journal import Intent
from keyturn.stores.sidecar import Rejection
from keyturn.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from keyturn.login import Authority, Identity, Login
    from keyturn.oauth.protocol import Denied, Unreadable
    from keyturn.stores import Claim, Held
    from keyturn.values import Secret
    from keyturn.world import World

    Need = Literal["ahead", "due", "rejected"]

# an answer that got lost lets its token be sent once more, and never again
SENDINGS = 2
# ahead of time an authority that cannot be reached is left alone sooner: the current token serves
AHEAD_CONNECT_SECONDS = 3.0
_SERVER_FAULT, _OK = 500, 200


class Spending(Value):
    """One renewal: the held store, the login, and whether its caller could be served without it.

    `rejected` says that only a rejection by the API makes it due, and not the token's own end (L19).
    `replaces` is what the store holds: the login itself, or what a login that waits in the journal replaces.
    """

    __slots__ = (
        "authority",
        "held",
        "login",
        "must",
        "refresh_token",
        "rejected",
        "replaces",
        "since",
        "world",
    )
    authority: Authority
    held: Held
    login: Login
    must: bool
    refresh_token: Secret
    rejected: bool
    replaces: Identity
    since: float
    world: World


def spend(
    held: Held,
    world: World,
    login: Login,
    *,
    replaces: Identity,
    need: Need,
    since: float,
    wait: float,
) -> Login:
    """Renew a login; the lock is held. `since` is when the caller began to wait, in Unix seconds.

    It is "due" when its token has run out, "rejected" when only the API says so, else "ahead" of time.

    `wait` is how long another machine is waited for that renews it already; seconds.

    `replaces` is the identity in the store; not the login's own, when that waits in the journal (L15).

    Raises: Unavailable, Rejected, ConfigurationError, StoreError; the login is kept, unless its authority
    said that it has ended.
    """
    if login.authority is None or login.refresh_token is None:
        raise ConfigurationError("the stored login cannot be renewed", hint=outcomes.LOGIN_HINT)
    renewal = Spending(
        authority=login.authority,
        held=held,
        login=login,
        must=need != "ahead",
        refresh_token=login.refresh_token,
        rejected=need == "rejected",
        replaces=replaces,
        since=since,
        world=world,
    )
    check_trouble(renewal)
    check_rejections(renewal)
    claim = held.claim(login.identity.refresh_hash)
    lost = _lost_answer(renewal) if claim is None else None
    held.check_savable()
    # Before the intent: what fails here has sent nothing. Under the lock, although it takes its time: of the
    # programs that start together on an expired login one loads the HTTP stack, and not all of them at once.
    world.prepare(renewal.authority.token_url)
    if claim is None:
        return _send(renewal, lost, None)
    with claim:
        if not claim.take(seconds=wait, overtaken=lambda: _changed(renewal)):
            return latest(renewal)
        return _send(renewal, _lost_answer(renewal), claim)


def _send(renewal: Spending, lost: Intent | None, claim: Claim | None) -> Login:
    """Intent, grant, answer, save: with the sole right to send this token."""
    held, world, login = renewal.held, renewal.world, renewal.login
    grant = protocol.refresh_grant(renewal.authority, renewal.refresh_token)
    if not renewal.must:
        # Nothing is lost by giving up before anything was sent, and a program that wants to end waits for us.
        grant = grant.replace(connect_seconds=AHEAD_CONNECT_SECONDS)
    attempt = lost.attempt + 1 if lost is not None else 1
    if claim is not None:
        claim.check()  # held up until here: the journal may be another machine's by now
    held.journal.begin(_intent(renewal, attempt, lost.at if lost is not None else world.now()))
    try:
        if claim is not None:
            claim.check()
        response = world.send(grant)
    except Unavailable as error:
        if error.facts.get("sent") is False:
            _take_back(renewal, lost, claim)
        failure = outcomes.not_reached(error, login)
        remember(renewal, failure, PAUSE_FIRST)
        raise failure from None
    except AuthError:
        _take_back(renewal, lost, claim)  # nothing was sent: a proxy or a certificate is set up wrongly
        raise
    answer = protocol.read_token(response)
    if isinstance(answer, protocol.Granted):
        stored = save(renewal, answer)
        if renewal.rejected:
            held.trouble.write_rejection(Rejection(at=world.now(), login_id=login.login_id))
        else:
            held.trouble.clear()
        return stored
    raise _refused(renewal, answer, lost, claim)


def _changed(renewal: Spending) -> bool:
    """Whether another machine has renewed the login, or ended it, since this one looked."""
    record, waiting = renewal.held.load(), renewal.held.journal.rescued()
    stored = record.identity if record is not None else None
    newest = waiting.login.identity if waiting is not None and waiting.replaces == stored else stored
    return stored != renewal.replaces or newest != renewal.login.identity


def _lost_answer(renewal: Spending) -> Intent | None:
    """The intent of an earlier sending whose answer nobody saved; stale ones are dropped (L13)."""
    intent = renewal.held.journal.intent()
    if intent is None:
        return None
    if not intent.is_about(renewal.login.identity):
        renewal.held.journal.take_back()
        return None
    if intent.attempt >= SENDINGS:
        raise Rejected(
            f"the login cannot be renewed: the answer to its renewal was lost at {outcomes.when(intent.at)}, "
            f"and so was the answer to the second try ({outcomes.about(renewal.login)})",
            hint=outcomes.LOGIN_HINT,
            code="answer_lost",
        )
    if not renewal.must:
        # the current token serves; a token whose fate is unknown is not risked for convenience
        raise Unavailable(
            "an earlier renewal is unsettled; the current token serves meanwhile",
            code="unsettled",
            sent=False,
        )
    return intent


def _intent(renewal: Spending, attempt: int, at: float) -> Intent:
    identity = renewal.login.identity
    return Intent(
        at=at,
        attempt=attempt,
        generation=identity.generation,
        login_id=identity.login_id,
        refresh_hash=identity.refresh_hash,
    )


def _take_back(renewal: Spending, lost: Intent | None, claim: Claim | None) -> None:
    """Nothing was spent: the journal says again what it said before, unless another machine has it by now."""
    if claim is not None and not claim.holds():
        return
    if lost is None:
        renewal.held.journal.take_back()
    else:
        renewal.held.journal.begin(lost)


def _refused(
    renewal: Spending, answer: Denied | Unreadable, lost: Intent | None, claim: Claim | None
) -> AuthError:
    failure = outcomes.refused(answer, renewal.authority.token_url)
    if failure.code == outcomes.LOGIN_ENDED:
        reason = "the authority rejected its refresh token"
        if lost is not None:
            reason = f"the answer to its renewal was lost at {outcomes.when(lost.at)}"
        failure = outcomes.over(reason, renewal.login)
        quarantine(renewal, reason)
        renewal.held.trouble.clear()
        return failure
    if isinstance(answer, protocol.Unreadable) and answer.status >= _SERVER_FAULT:
        # The server says itself that it failed; most have not touched the token then. It may be tried again
        # when the pause is over, as often as it takes, and is never counted as an answer that was lost. But
        # after one that was lost this sending was the second of an unknown fate, and stays the last (L13).
        if lost is None or lost.attempt == 0:
            renewal.held.journal.begin(lost or _intent(renewal, 0, renewal.world.now()))
        remember(renewal, failure, answer.retry_after or PAUSE_FIRST)
    elif isinstance(answer, protocol.Unreadable) and answer.status == _OK:
        remember(renewal, failure, PAUSE_FIRST)  # it may have been spent: the intent stays
    else:
        _take_back(renewal, lost, claim)
        wait = answer.retry_after if isinstance(answer, protocol.Unreadable) else None
        remember(renewal, failure, wait or PAUSE_REFUSED)
    return failure
