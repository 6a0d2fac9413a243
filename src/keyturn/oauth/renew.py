"""Renewal of a stored login: decide purely, act briefly, never log anybody out by accident.

The steps after a look found the token not fresh: the lock between processes, the record read again, what
others did adopted, writability proved, the grant sent, the result saved by compare-and-swap. The rules
and why each is there: `docs/renewal.md`.
"""

from __future__ import annotations

from keyturn.errors import AuthError, Rejected, StoreError, Unavailable
from keyturn.login import MOVED_FROM, Login, Moved
from keyturn.oauth import outcomes
from keyturn.oauth.lifetime import now_for, state
from keyturn.stores import login_of
from keyturn.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keyturn.oauth.spend import Need
    from keyturn.oauth.uninterrupted import Work
    from keyturn.stores import Held, LoginStore
    from keyturn.values import Secret
    from keyturn.world import World

__all__ = ["WAIT_SECONDS", "current", "now_for", "state"]

WAIT_SECONDS = 45.0
# how long somebody whose token still serves waits for a better one (I7); the renewal itself goes on
AHEAD_SECONDS = 1.0


class Waiting(Value):
    """Since when a caller waits (Unix seconds), and until when it will (by `World.clock`).

    With `ahead` its token still serves, and it need not.
    """

    __slots__ = ("ahead", "since", "until")
    ahead: bool
    since: float
    until: float


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
        waiting = store.waiting()
        if waiting is not None and waiting.is_for(login):
            served = _served_meanwhile(store, world, waiting.login, rejected, expected)
            if served is not None:
                return served
        now_state = state(login, now_for(login, world), rejected)
        if now_state == "fresh" or (now_state == "ahead" and not _can_renew(login, store)):
            return login
        if now_state == "ahead":
            return _renew_ahead(store, world, login, expected)
        if not _can_renew(login, store):
            raise outcomes.ended(login, store, rejected)
    elif seen != "unseen":
        raise outcomes.nothing_stored(store, seen)
    renewed = _renew(store, world, login, rejected=rejected, expected=expected, wait=wait)
    assert renewed is not None  # noqa: S101 - who has all patience gets a login or an error
    return renewed


def _served_meanwhile(
    store: LoginStore, world: World, waiting: Login, rejected: Secret | None, expected: Login | None
) -> Login | None:
    """The login that waits in the journal, while it serves (L15): who has it need not be rejected first.

    Each caller tries to save it, and none has to wait for that.
    """
    _check_same(waiting, expected)
    if state(waiting, now_for(waiting, world), rejected) == "due":
        return None
    return _renew_ahead(store, world, waiting, expected)


def _renew_ahead(store: LoginStore, world: World, login: Login, expected: Login | None) -> Login:
    """While the token still serves, nobody waits and no trouble of renewal is anybody's error (I7)."""
    try:
        renewed = _renew(
            store, world, login, rejected=None, expected=expected, wait=0.0, patience=AHEAD_SECONDS
        )
    except AuthError:
        return login
    return renewed or login


def _renew(
    store: LoginStore,
    world: World,
    seen: Login | None,
    *,
    rejected: Secret | None,
    expected: Login | None,
    wait: float,
    patience: float | None = None,
) -> Login | None:
    """The renewed or adopted login; None when that takes longer than `patience`, and goes on by itself."""
    from keyturn.oauth.uninterrupted import Work

    def work(this: Work[Login]) -> Login:
        # One thread takes the lock, works and gives it back: an interrupt between two of these would leave
        # the lock with a process that lives on.
        return _wait_and_renew(this, store, world, seen, rejected=rejected, expected=expected, wait=wait)

    return Work(store.key, work).result(world, seconds=patience)


def _wait_and_renew(
    this: Work[Login],
    store: LoginStore,
    world: World,
    seen: Login | None,
    *,
    rejected: Secret | None,
    expected: Login | None,
    wait: float,
) -> Login:
    before = store.mark()
    waiting = Waiting(ahead=wait == 0, since=world.now(), until=world.clock() + wait)
    adopted: Login | None = None

    def others_did_it() -> bool:
        nonlocal before, adopted
        if this.unwanted:
            return True
        mark = store.mark()
        if mark == before:
            return False
        before = mark
        latest = login_of(store.glance())
        if latest is None or state(latest, now_for(latest, world), rejected) == "due":
            return False
        adopted = latest
        return True

    held = store.hold(seconds=wait, until=others_did_it)
    if held is None:
        latest = adopted or login_of(store.glance()) or seen
        if latest is None:
            raise outcomes.nothing_stored(store, store.load())
        _check_same(latest, expected)
        return latest
    with held:
        if this.unwanted:
            raise Unavailable("interrupted before anything was done", code="interrupted", sent=False)
        return _under_lock(held, store, world, waiting, rejected=rejected, expected=expected)


def _under_lock(
    held: Held,
    store: LoginStore,
    world: World,
    waiting: Waiting,
    *,
    rejected: Secret | None,
    expected: Login | None,
) -> Login:
    """Read again, adopt what others did, else renew."""
    record = held.load()
    login = login_of(record)
    if login is None:
        raise outcomes.nothing_stored(store, record)
    if login.extra and MOVED_FROM in login.extra:
        from keyturn.stores.siblings import sibling

        source = sibling(world, login.profile, store.kind)
        if source is not None:  # whoever moved it was killed halfway: the old place rules, alone
            raise outcomes.nothing_stored(store, Moved(at=waiting.since, generation=0, to=source.store.kind))
    replaces = login.identity
    login = _with_rescued(held, login)
    if login.generation > replaces.generation:
        replaces = login.identity  # it is in the store now
    _check_same(login, expected)
    found = state(login, now_for(login, world), rejected)
    if found == "fresh" or (found == "ahead" and not waiting.ahead):
        return login  # somebody was faster: adopt
    if not _can_renew(login, store):
        raise outcomes.ended(login, store, rejected)
    from keyturn.oauth.spend import spend  # a fresh token needs none of it

    need: Need = "ahead"
    if found == "due":
        need = "due" if state(login, now_for(login, world)) == "due" else "rejected"
    left = max(0.0, waiting.until - world.clock())
    return spend(held, world, login, replaces=replaces, need=need, since=waiting.since, wait=left)


def _with_rescued(held: Held, login: Login) -> Login:
    """The login, or its successor that could not be saved when it was made (L15): that is tried again."""
    rescued = held.journal.rescued()
    if rescued is None:
        return login
    if rescued.replaces != login.identity:
        held.journal.clear()  # somebody has saved since
        return login
    from keyturn.oauth.save import keep

    try:
        stored = keep(held, rescued.login, rescued.replaces)
    except StoreError:
        return rescued.login
    held.journal.clear()
    return stored


def _can_renew(login: Login, store: LoginStore) -> bool:
    return login.renewable and not store.read_only


def _check_same(login: Login, expected: Login | None) -> None:
    if expected is not None and not expected.same_person(login):
        raise Rejected(
            f"the login changed to another account while this program ran ({login.who or 'unknown account'})",
            hint="restart the program to use it",
            code="login_changed",
        )
