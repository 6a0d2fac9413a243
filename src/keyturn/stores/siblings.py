"""The same profile's place in the other store: a login there is reported, and never preferred (P26)."""

from __future__ import annotations

from keyturn.errors import AuthError
from keyturn.login import Login
from keyturn.records import read_record
from keyturn.stores import open_store
from keyturn.values import Value
from keyturn.world import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keyturn.stores import LoginStore
    from keyturn.world import World

_OTHER = {"file": ("keychain", "cache"), "keychain": ("file", "json")}


class Sibling(Value):
    """A login in a store that its profile does not use, as far as a look shows it."""

    __slots__ = ("login", "store")
    login: Login
    store: LoginStore


def sibling(world: World, profile: str, kind: str) -> Sibling | None:
    """The login in the store that is not of this kind; looks at files alone, and asks no keychain."""
    if kind not in _OTHER:
        return None
    other, suffix = _OTHER[kind]
    path = f"{world.state_dir()}/logins/{profile}.{suffix}"
    try:
        found = files.read_private(path)
        record = read_record(found.text, path) if found is not None else None
    except AuthError:
        return None  # what cannot be read is no login; `doctor` looks at each file by itself
    if not isinstance(record, Login):
        return None
    return Sibling(login=record, store=open_store(world, profile, other))
