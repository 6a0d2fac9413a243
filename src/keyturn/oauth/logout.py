"""Logging out: the stored login replaced by a tombstone, then revoked where the authority offers that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keyturn.errors import AuthError
from keyturn.oauth import protocol
from keyturn.oauth.grant import forget
from keyturn.stores import login_of, open_store
from keyturn.values import Value
from keyturn.world import files

if TYPE_CHECKING:
    from keyturn.login import Login
    from keyturn.stores import LoginStore
    from keyturn.world import World

_OK = 200


class LoggedOut(Value):
    """What a logout did. `revoked` and `unrevoked` name tokens, `why_not` says why the latter live on."""

    __slots__ = ("login", "profile", "revoked", "shared_with", "unrevoked", "where", "why_not")
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
    login = forget(store, world)
    revoked: list[str] = []
    unrevoked: list[str] = []
    why_not = None
    if login is not None and login.kind == "bearer":
        for name, token in (("refresh_token", login.refresh_token), ("access_token", login.access_token)):
            if token is None:
                continue
            if login.authority is None or not login.authority.revoke_url:
                why_not = "its authority offers no revocation"
                unrevoked.append(name)
                continue
            try:
                answer = world.send(protocol.revocation(login.authority, token, name), seconds=10)
            except AuthError as error:
                why_not = error.message
                unrevoked.append(name)
                continue
            if answer.status == _OK:
                revoked.append(name)
            else:
                why_not = f"{login.authority.revoke_url} answered with status {answer.status}"
                unrevoked.append(name)
    return LoggedOut(
        login=login,
        profile=profile,
        revoked=tuple(revoked),
        shared_with=_sharing(world, profile, login) if login is not None else (),
        unrevoked=tuple(unrevoked),
        where=store.where,
        why_not=why_not,
    )


def _sharing(world: World, profile: str, login: Login) -> tuple[str, ...]:
    """Other profiles of the same issuer, client and account: some servers end those too (L25)."""
    found = []
    for name in files.names(f"{world.state_dir()}/logins", ".json"):
        try:
            other = login_of(open_store(world, name, "file").load()) if name != profile else None
        except AuthError:
            continue
        if other is None or other.authority is None or login.authority is None:
            continue
        if other.authority.client_id == login.authority.client_id and other.same_person(login):
            found.append(name)
    return tuple(found)
