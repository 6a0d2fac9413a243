"""Moving a login from one store of its profile to another, so that it is alive in one of them at any time.

All stores of a profile share one lock. Under it the login is written and read back in its new place, marked
as moved from the old one; then the old place gets the record that says where it went; then the configuration
is written. Whoever is killed between leaves a login that works: until that record is there the old place
rules, and a renewal that starts from the new one sees so and goes back (`oauth.renew`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keyturn.errors import StoreCorrupt, StoreDenied, StoreError, Unavailable
from keyturn.login import MOVED_FROM, Login, Moved
from keyturn.stores import login_of, open_store
from keyturn.values import Value

if TYPE_CHECKING:
    from keyturn.login import Record
    from keyturn.stores import LoginStore
    from keyturn.stores.file import FileStore, HeldFile
    from keyturn.stores.keychain import HeldKeychain, KeychainStore
    from keyturn.world import World

    Place = FileStore | KeychainStore
    Held = HeldFile | HeldKeychain

WAIT_SECONDS = 45.0


class Move(Value):
    """A login that lies in `to` now. `copied` is False when it lay there and just `origin` lost one."""

    __slots__ = ("copied", "login", "origin", "to")
    copied: bool
    login: Login
    origin: LoginStore
    to: LoginStore


class NotReadable(StoreError):
    """The store that the login lies in does not give it; nothing was changed."""


def move(world: World, profile: str, own: str, to: str) -> Move | None:
    """Move the profile's login to the store of the kind `to`; None when there is none in the other one.

    `own` is the kind that the profile uses: a login there is the one that counts (P26). Raises: NotReadable,
    StoreError, Unavailable (the lock is held, or a renewal is unsettled); the login is then where it was.
    """
    target = _place(world, profile, to)
    origin = _place(world, profile, "keychain" if target.kind == "file" else "file")
    seen = origin.glance()
    if seen is None or (seen == "unseen" and own != origin.kind):
        return None
    with _held(origin) as held:
        beside = target.beside(held.lock)
        try:
            login = login_of(held.load())
        except StoreError as failure:
            raise NotReadable(failure.message, hint=failure.hint, code=failure.code) from None
        if login is None:
            return None
        if origin.read_only:
            raise StoreDenied(
                f"{origin.where} was provided by somebody else and is only read",
                hint="change the login where it is provisioned, or use another KEYTURN_HOME",
            )
        there = _there(beside)
        kept = login_of(there)
        copied = kept is None or own != target.kind
        if kept is None or copied:
            newest = _settled(held, login)
            held.prove_writable()
            kept = _copy(beside, newest.replace(profile=profile), there, origin.kind)
        _leave(held, world, login, target.kind)
        if copied:
            held.journal.clear()
        return Move(copied=copied, login=kept, origin=origin, to=target)


def retire(world: World, profile: str, kind: str, to: str) -> None:
    """After a new login in the store `to`: what still runs on the one of this `kind` follows there.

    Raises: StoreError, Unavailable.
    """
    former = _place(world, profile, kind)
    if former.glance() is None:
        return
    with _held(former) as held:
        login = login_of(_there(held))
        if login is not None:
            _leave(held, world, login, to)


def _place(world: World, profile: str, kind: str) -> Place:
    place = open_store(world, profile, kind)
    assert place.kind in ("file", "keychain")  # noqa: S101 - there are no other kinds yet
    return place  # type: ignore[return-value] # as just said


def _held(place: Place) -> Held:
    held = place.hold(seconds=WAIT_SECONDS)
    if held is None:
        raise Unavailable("the store is held by another program", hint="try again in a moment", sent=False)
    return held


def _there(held: Held) -> Record | None:
    try:
        return held.load()
    except StoreCorrupt:
        held.prove_writable()
        held.set_aside()
        return None


def _settled(held: Held, login: Login) -> Login:
    """The login as it is moved: with what waits in the journal, and with no renewal of unknown outcome."""
    intent = held.journal.intent()
    if intent is not None and intent.is_about(login.identity):
        raise Unavailable(
            "the answer to an earlier renewal was lost, so it is not known which token would be moved",
            hint="let it be settled, then move the login: keyturn token > /dev/null",
            code="unsettled",
            sent=False,
        )
    rescued = held.journal.rescued()
    return rescued.login if rescued is not None and rescued.replaces == login.identity else login


def _copy(beside: Held, login: Login, there: Record | None, origin: str) -> Login:
    beside.prove_writable()
    extra = {**(login.extra or {}), MOVED_FROM: origin}
    replacing = there.identity if there is not None else None
    stored = beside.save(login.replace(extra=extra), replacing=replacing, verify=True)
    assert isinstance(stored, Login)  # noqa: S101 - a store gives back what it was given
    return stored


def _leave(held: Held, world: World, login: Login, to: str) -> None:
    """From here on the login is alive in its new place alone. Raises: StoreError."""
    moved = Moved(at=world.now(), generation=login.generation, to=to)
    held.save(moved, replacing=login.identity)
