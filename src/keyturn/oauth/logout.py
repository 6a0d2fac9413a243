"""Logging out: the stored login replaced by a tombstone, then revoked where the authority offers that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keyturn.errors import AuthError, Unavailable
from keyturn.oauth import protocol
from keyturn.oauth.grant import forget
from keyturn.stores import login_of, open_store
from keyturn.values import Value
from keyturn.world import files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keyturn.login import Login
    from keyturn.stores import LoginStore
    from keyturn.world import World

REVOKE_SECONDS = 10.0
_OK = 200


class LoggedOut(Value):
    """What a logout did. `revoked` and `unrevoked` name tokens, `why_not` says why the latter live on.

    `aside` is where a damaged record was moved to, `shared_with` are the profiles of L25.
    """

    __slots__ = ("aside", "login", "profile", "revoked", "shared_with", "unrevoked", "where", "why_not")
    aside: str | None
    login: Login | None
    profile: str
    revoked: tuple[str, ...]
    shared_with: tuple[str, ...]
    unrevoked: tuple[str, ...]
    where: str
    why_not: str | None


def log_out(world: World, profile: str, store: LoginStore) -> LoggedOut:
    """Log a profile out; works offline, with a dead login and with a damaged record.

    The tombstone comes first: from then on no program uses the login, whatever the network does.
    Raises: StoreError, Unavailable (the store's lock is held).
    """
    from keyturn.oauth.pending import sweep

    found = forget(store, world)
    sweep(world, profile)  # nor is a login finished that was begun before
    login = found.login
    revoked, unrevoked, why_not = _revoke(world, login) if login is not None else ([], [], None)
    return LoggedOut(
        aside=found.aside,
        login=login,
        profile=profile,
        revoked=tuple(revoked),
        shared_with=_sharing(world, profile, login) if login is not None else (),
        unrevoked=tuple(unrevoked),
        where=store.where,
        why_not=why_not,
    )


def places_of(world: World, profile: str, kind: str) -> list[LoginStore]:
    """Where copies of a profile's login may lie: its store first, then the other one if it was ever used."""
    own = open_store(world, profile, kind)
    other, trace = ("keychain", "cache") if own.kind == "file" else ("file", "json")
    if files.mark(f"{world.state_dir()}/logins/{profile}.{trace}") is None:
        return [own]
    return [own, open_store(world, profile, other)]


def other_logins(world: World, but: str) -> Iterator[tuple[str, LoginStore]]:
    """The names and stores of all other profiles that hold something, or did."""
    directory = f"{world.state_dir()}/logins"
    for kind, suffix in (("file", ".json"), ("keychain", ".cache")):
        for name in files.names(directory, suffix):
            if name != but:
                yield name, open_store(world, name, kind)


def _revoke(world: World, login: Login) -> tuple[list[str], list[str], str | None]:
    """What was revoked, what was not, and why; the refresh token first, for it may end the rest by itself."""
    tokens = {"refresh_token": login.refresh_token, "access_token": login.access_token}
    held = {name: token for name, token in tokens.items() if token is not None}
    if login.authority is None or not login.authority.revoke_url:
        return [], list(held), "its authority offers no revocation" if held else None
    revoked: list[str] = []
    why_not = None
    for name, token in held.items():
        try:
            request = protocol.revocation(login.authority, token, name)
            status = world.send(request, seconds=REVOKE_SECONDS).status
        except Unavailable as error:
            why_not = error.message
            break  # the next would only wait as long again
        if status == _OK:
            revoked.append(name)
        else:
            why_not = f"{login.authority.revoke_url} answered with status {status}"
    return revoked, [name for name in held if name not in revoked], why_not


def _sharing(world: World, profile: str, login: Login) -> tuple[str, ...]:
    """Other profiles of the same issuer, client and account: some servers end those too (L25)."""
    found = set()
    for name, store in other_logins(world, profile):
        try:
            other = login_of(store.glance())
        except AuthError:
            continue
        if other is None or other.authority is None or login.authority is None:
            continue
        if other.authority.client_id == login.authority.client_id and other.same_person(login):
            found.add(name)
    return tuple(sorted(found))
