"""Spending a refresh token under the lock: intent, grant, answer, save (L13 to L16 of `docs/renewal.md`)."""

from __future__ import annotations

from keyturn.errors import AuthError, ConfigurationError, Rejected, StoreChanged, StoreError, Unavailable
from keyturn.login import Login, Quarantine
from keyturn.oauth import outcomes, protocol
from keyturn.oauth.pauses import PAUSE_FIRST, PAUSE_REFUSED, check_rejections, check_trouble, remember
from keyturn.oauth.successor import renewed
from keyturn.stores import login_of
from keyturn.stores.journal import Intent
from keyturn.stores.sidecar import Rejection
from keyturn.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keyturn.login import Authority, Identity
    from keyturn.oauth.protocol import Denied, Granted, Unreadable
    from keyturn.stores import Held
    from keyturn.values import Secret
    from keyturn.world import World

# an answer that got lost lets its token be sent once more, and never again
SENDINGS = 2
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
    must: bool,
    rejected: bool,
    since: float,
) -> Login:
    """Renew a login; the lock is held. `since` is when the caller began to wait, in Unix seconds.

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
        must=must,
        refresh_token=login.refresh_token,
        rejected=rejected,
        replaces=replaces,
        since=since,
        world=world,
    )
    check_trouble(renewal)
    check_rejections(renewal)
    lost = _lost_answer(renewal)
    held.check_savable()
    # Before the intent: what fails here has sent nothing. Under the lock, although it takes its time: of the
    # programs that start together on an expired login one loads the HTTP stack, and not all of them at once.
    world.prepare(renewal.authority.token_url)
    grant = protocol.refresh_grant(renewal.authority, renewal.refresh_token)
    attempt = lost.attempt + 1 if lost is not None else 1
    held.journal.begin(_intent(renewal, attempt, lost.at if lost is not None else world.now()))
    try:
        response = world.send(grant)
    except Unavailable as error:
        if error.facts.get("sent") is False:
            _take_back(renewal, lost)
        failure = outcomes.not_reached(error, login)
        remember(renewal, failure, PAUSE_FIRST)
        raise failure from None
    except AuthError:
        _take_back(renewal, lost)  # nothing was sent: a proxy or a certificate is set up wrongly
        raise
    answer = protocol.read_token(response)
    if isinstance(answer, protocol.Granted):
        stored = _save(renewal, answer)
        if rejected:
            held.trouble.write_rejection(Rejection(at=world.now(), login_id=login.login_id))
        else:
            held.trouble.clear()
        return stored
    raise _refused(renewal, answer, lost)


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
            "and so was the answer to the second try",
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


def _take_back(renewal: Spending, lost: Intent | None) -> None:
    """Nothing was sent: the journal says again what it said before."""
    if lost is None:
        renewal.held.journal.take_back()
    else:
        renewal.held.journal.begin(lost)


def _refused(renewal: Spending, answer: Denied | Unreadable, lost: Intent | None) -> AuthError:
    failure = outcomes.refused(answer, renewal.authority.token_url)
    if failure.code == outcomes.LOGIN_ENDED:
        reason = "the authority rejected its refresh token"
        if lost is not None:
            reason = f"the answer to its renewal was lost at {outcomes.when(lost.at)}"
            failure = outcomes.lost(reason)
        _quarantine(renewal, reason)
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
        _take_back(renewal, lost)
        wait = answer.retry_after if isinstance(answer, protocol.Unreadable) else None
        remember(renewal, failure, wait or PAUSE_REFUSED)
    return failure


def _save(renewal: Spending, answer: Granted) -> Login:
    held, login = renewal.held, renewal.login
    try:
        new = renewed(login, answer, renewal.world)
    except Rejected:
        if answer.refresh_token not in (None, renewal.refresh_token):
            # nobody may be left with a pair that works; the stored one is known to be replaced, and must
            # not be sent again (I2)
            _revoke(renewal, answer)
            _quarantine(renewal, "the authority answered its renewal with another account's token")
        else:
            held.journal.take_back()
        raise
    try:
        stored = keep(held, new, renewal.replaces)
    except StoreChanged:
        # Only a lock that two could hold at once lets this happen (L10): what is stored by now rules (I3).
        return _overtaken(renewal, answer)
    except StoreError as refusal:
        return _rescue(renewal, new, refusal)
    held.journal.clear()
    return stored


def _overtaken(renewal: Spending, answer: Granted) -> Login:
    from keyturn.oauth.lifetime import now_for, state

    latest = login_of(renewal.held.load())
    if latest is None:
        _revoke(renewal, answer)  # logged out: nobody may be left with a token that works (L4)
        raise StoreChanged(
            "the login was logged out while it was renewed; nothing was stored", hint=outcomes.LOGIN_HINT
        )
    if latest.same_person(renewal.login) and state(latest, now_for(latest, renewal.world)) != "due":
        return latest
    raise StoreChanged("the login was replaced while it was renewed; nothing was written", hint="try again")


def _rescue(renewal: Spending, new: Login, refusal: StoreError) -> Login:
    """The one declared plaintext place: better there than gone (L15)."""
    try:
        renewal.held.journal.rescue(new, renewal.replaces)
    except StoreError:
        raise refusal from None
    import logging

    try:  # noqa: SIM105 - contextlib is not imported on this way
        logging.getLogger("keyturn").warning(
            "the renewed login could not be saved (%s); it waits in %s until that is mended",
            refusal.message,
            renewal.held.journal.path,
        )
    except Exception:  # noqa: BLE001, S110 - the handlers are the program's own, and the login is kept
        pass
    return new


def keep(held: Held, login: Login, replaces: Identity) -> Login:
    """Save a login over the one it was made from. Raises: StoreChanged, StoreError."""
    stored = held.save(login, replacing=replaces)
    if not isinstance(stored, Login):
        raise StoreChanged("the store turned a login into something else")
    return stored


def _revoke(renewal: Spending, answer: Granted) -> None:
    for hint, token in (("refresh_token", answer.refresh_token), ("access_token", answer.access_token)):
        if token is None or not renewal.authority.revoke_url:
            continue
        try:
            renewal.world.send(protocol.revocation(renewal.authority, token, hint))
        except AuthError:
            continue


def _quarantine(renewal: Spending, reason: str) -> None:
    """The one definite end (I4): marked, not deleted, and never over a newer login (I3, L16).

    A verdict that the store cannot take waits in the journal, as a login would: else the next caller sends
    the dead token again, or the one before it (I2).
    """
    journal = renewal.held.journal
    dead = renewal.login.replace(quarantine=Quarantine(at=renewal.world.now(), reason=reason))
    try:
        keep(renewal.held, dead, renewal.replaces)
    except StoreChanged:
        pass  # the verdict is worth nothing more than the record it was about
    except StoreError:
        try:  # noqa: SIM105 - contextlib is not imported on this way
            journal.rescue(dead, renewal.replaces)
        except StoreError:
            pass  # the intent stays, and with it the count of sendings
        return
    journal.clear()
