"""Renewal of a stored login: decide purely, act briefly, never log anybody out by accident.

The steps after a look found the token not fresh: the lock between processes, the record read again, what
others did adopted, writability proved, the grant sent, the result saved by compare-and-swap. The rules
and why each is there: `docs/renewal.md`.
"""

from __future__ import annotations

from keyturn.errors import (
    AuthError,
    ConfigurationError,
    Rejected,
    StoreChanged,
    StoreDenied,
)
from keyturn.login import ANCESTORS_KEPT, Login, Quarantine, Tombstone, fingerprint
from keyturn.oauth import outcomes
from keyturn.stores import login_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from keyturn.login import Authority
    from keyturn.oauth.protocol import Granted
    from keyturn.stores import Held, LoginStore
    from keyturn.values import Secret
    from keyturn.world import World

    State = Literal["fresh", "ahead", "due"]

WAIT_SECONDS = 45.0


def state(login: Login, now: float, rejected: Secret | None = None) -> State:
    """`fresh`: serve it. `ahead`: serve it, and renew if nobody else is at it. `due`: it cannot be served.

    Renew ahead below min(300 s, 20 % of the life), due below min(30 s, 5 %). Without a known life, or
    with an API key, only a rejection makes it due.
    """
    if login.api_key is not None:
        return "due" if rejected is not None and rejected == login.api_key else "fresh"
    if login.access_token is None or (rejected is not None and rejected == login.access_token):
        return "due"
    if login.expires_at is None:
        return "fresh"
    left = login.expires_at - now
    life = max(login.expires_at - login.issued_at, 0.0)
    if left < min(30.0, life * 0.05) or left <= 0:
        return "due"
    return "ahead" if left < min(300.0, life * 0.2) else "fresh"


def current(
    store: LoginStore,
    world: World,
    *,
    rejected: Secret | None = None,
    expected: Login | None = None,
    wait: float = WAIT_SECONDS,
) -> Login:
    """The login of a store with a token that can be used, renewed if that is due.

    `expected` is the login this program has used so far: one of another account is an error, not a
    surprise (L18). Raises: NoCredential (logged out), Rejected, Unavailable, StoreError, ConfigurationError.
    """
    seen = store.glance()
    login = login_of(seen)
    if login is not None:
        _check_same(login, expected)
        now_state = state(login, world.now(), rejected)
        if now_state == "fresh" or (now_state == "ahead" and not _can_renew(login, store)):
            return login
        if now_state == "ahead":
            return _renew_ahead(store, world, login, expected)
        if not _can_renew(login, store):
            raise outcomes.ended(login, store, rejected)
    elif seen is None or isinstance(seen, Tombstone):
        raise outcomes.nothing_stored(store, logged_out=isinstance(seen, Tombstone))
    return _renew(store, world, login, rejected=rejected, expected=expected, wait=wait)


def _renew_ahead(store: LoginStore, world: World, login: Login, expected: Login | None) -> Login:
    """While the token still serves, nobody waits and no trouble of renewal is anybody's error (I7)."""
    try:
        return _renew(store, world, login, rejected=None, expected=expected, wait=0.0)
    except AuthError:
        return login


def _renew(
    store: LoginStore,
    world: World,
    seen: Login | None,
    *,
    rejected: Secret | None,
    expected: Login | None,
    wait: float,
) -> Login:
    if seen is not None and seen.authority is not None:
        world.prepare(seen.authority.token_url)  # a slow import must not happen under the lock
    before = store.mark()
    adopted: Login | None = None

    def others_did_it() -> bool:
        nonlocal before, adopted
        mark = store.mark()
        if mark == before:
            return False
        before = mark
        latest = login_of(store.glance())
        if latest is None or state(latest, world.now(), rejected) == "due":
            return False
        adopted = latest
        return True

    held = store.hold(seconds=wait, until=others_did_it)
    if held is None:
        latest = adopted or login_of(store.glance()) or seen
        if latest is None:
            raise outcomes.nothing_stored(store, logged_out=True)
        _check_same(latest, expected)
        return latest
    from keyturn.oauth.uninterrupted import to_its_end

    return to_its_end(
        lambda: _under_lock(held, store, world, rejected=rejected, expected=expected, wait=wait)
    )


def _under_lock(
    held: Held,
    store: LoginStore,
    world: World,
    *,
    rejected: Secret | None,
    expected: Login | None,
    wait: float,
) -> Login:
    """Read again, adopt what others did, else renew; gives the lock back."""
    with held:
        record = held.load()
        login = login_of(record)
        if login is None:
            raise outcomes.nothing_stored(store, logged_out=isinstance(record, Tombstone))
        _check_same(login, expected)
        found = state(login, world.now(), rejected)
        if found == "fresh" or (found == "ahead" and wait > 0):
            return login  # somebody was faster: adopt
        if not _can_renew(login, store):
            raise outcomes.ended(login, store, rejected)
        return _spend(held, world, login)


def _spend(held: Held, world: World, login: Login) -> Login:
    """Send the grant and keep what comes of it; the lock is held."""
    from keyturn.oauth import protocol  # a fresh token needs none of it

    authority, refresh_token = login.authority, login.refresh_token
    if authority is None or refresh_token is None:
        raise ConfigurationError("the stored login cannot be renewed", hint=outcomes.LOGIN_HINT)
    held.prove_writable()
    answer = protocol.read_token(world.send(protocol.refresh_grant(authority, refresh_token)))
    if not isinstance(answer, protocol.Granted):
        failure = outcomes.refused(answer, authority.token_url)
        if failure.code == outcomes.LOGIN_ENDED:
            _quarantine(held, world, login, "the authority rejected its refresh token")
        raise failure
    try:
        new = renewed(login, answer, world.now())
    except Rejected:
        if answer.refresh_token not in (None, refresh_token):
            # the stored one is known to be replaced, and must not be sent again (I2)
            _quarantine(held, world, login, "the authority answered its renewal with another account's token")
        raise
    try:
        return _keep(held, new, login)
    except StoreChanged:
        # Only a lock that two could hold at once lets this happen (L10): what is stored by now rules (I3).
        latest = login_of(held.load())
        if latest is None:
            _revoke(world, authority, answer)  # logged out: nobody may be left with a token that works (L4)
        elif latest.same_person(login) and state(latest, world.now()) != "due":
            return latest
        raise


def renewed(login: Login, answer: Granted, now: float) -> Login:
    """The login after a granted renewal; fields the answer leaves out keep their values (P25).

    Raises: Rejected when the answer is for another account or organisation.
    """
    changed = login.replace(
        access_token=answer.access_token,
        issued_at=now,
        expires_at=None if answer.life is None else now + answer.life,
        scopes=login.scopes if answer.scopes is None else answer.scopes,
        account=answer.account or login.account,
        account_id=answer.account_id or login.account_id,
        organization=answer.organization or login.organization,
        organization_id=answer.organization_id or login.organization_id,
    )
    if not login.same_person(changed):
        raise Rejected(
            "the authority answered a renewal with another account's token; it was not stored",
            hint=outcomes.LOGIN_HINT,
            code="account_changed",
        )
    new, old = answer.refresh_token, login.refresh_token
    if new is None or old is None or new == old:
        return changed
    ancestors = (*login.ancestors, fingerprint(old))[-ANCESTORS_KEPT:]
    return changed.replace(refresh_token=new, ancestors=ancestors)


def _keep(held: Held, login: Login, old: Login) -> Login:
    stored = held.save(login, replacing=old.identity)
    if not isinstance(stored, Login):
        raise StoreChanged("the store turned a login into something else")
    return stored


def _revoke(world: World, authority: Authority, answer: Granted) -> None:
    from keyturn.oauth import protocol

    for hint, token in (("refresh_token", answer.refresh_token), ("access_token", answer.access_token)):
        if token is None or not authority.revoke_url:
            continue
        try:
            world.send(protocol.revocation(authority, token, hint))
        except AuthError:
            continue


def _quarantine(held: Held, world: World, login: Login, reason: str) -> None:
    """The one definite end (I4): marked, not deleted, and never over a newer login (I3, L16)."""
    dead = login.replace(quarantine=Quarantine(at=world.now(), reason=reason))
    try:  # noqa: SIM105 - contextlib is not imported on this way
        _keep(held, dead, login)
    except (StoreChanged, StoreDenied):
        pass  # the verdict is worth nothing more than the record it is written to


def _can_renew(login: Login, store: LoginStore) -> bool:
    return login.renewable and not store.read_only


def _check_same(login: Login, expected: Login | None) -> None:
    if expected is not None and not expected.same_person(login):
        raise Rejected(
            f"the login changed to another account while this program ran ({login.who or 'unknown account'})",
            hint="restart the program to use it",
            code="login_changed",
        )
