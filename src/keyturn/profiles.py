"""The named logins of this machine: which there are, which one is chosen where, and how to forget one."""

from __future__ import annotations

from keyturn.errors import AuthError, UsageError
from keyturn.scene import Scene
from keyturn.settings.config import DEFAULT_PROFILE, change_config, is_name, read_config
from keyturn.sources import stored_login
from keyturn.survey import Absent
from keyturn.values import Value
from keyturn.world import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from keyturn.settings.config import Config, Profile
    from keyturn.survey import Offer
    from keyturn.world import World


class Listed(Value):
    """A profile, its configuration, and what a look at its store gave."""

    __slots__ = ("answer", "bound", "chosen", "name", "profile", "where")
    answer: Absent | Offer | AuthError
    bound: tuple[str, ...]
    chosen: bool
    name: str
    profile: Profile
    where: str | None


def profiles(world: World, chosen: str | None = None) -> list[Listed]:
    """Every profile that is configured or holds a login, and the chosen one; a look asks nobody.

    Raises: ConfigurationError.
    """
    config = read_config(world)
    name, chosen_by = config.chosen(chosen, world)
    found = [_listed(world, config, other, chosen_by) for other in sorted(_names(world, config) | {name})]
    return [
        row.replace(chosen=row.name == name)
        for row in found
        if row.name in config.profiles or row.name == name or not isinstance(row.answer, Absent)
    ]


def use(world: World, name: str) -> Config:
    """Choose a profile where nothing else does. Raises: UsageError, ConfigurationError, StoreError."""
    _check_known(world, name)

    def change(raw: dict[str, Any]) -> None:
        raw["default_profile"] = name

    return change_config(world, change)


def bind(world: World, name: str, directory: str) -> Config:
    """Choose a profile below a directory. Raises: UsageError, ConfigurationError, StoreError."""
    _check_known(world, name)

    def change(raw: dict[str, Any]) -> None:
        raw["bindings"] = {**(raw.get("bindings") or {}), directory: name}

    return change_config(world, change)


def unbind(world: World, directory: str) -> Config:
    """Undo `bind`. Raises: UsageError when nothing is bound there, ConfigurationError, StoreError."""
    if directory not in read_config(world).bindings:
        raise UsageError(f"no profile is bound to {directory}", hint="see: keyturn profile list")

    def change(raw: dict[str, Any]) -> None:
        raw["bindings"] = {place: name for place, name in raw["bindings"].items() if place != directory}

    return change_config(world, change)


def remove(world: World, name: str) -> Config:
    """Forget a profile's configuration, its bindings, and that it is the default one.

    Raises: UsageError when it still holds a login, which would then be revoked by nobody; ConfigurationError.
    """
    config = read_config(world)
    _check_known(world, name)
    row = _listed(world, config, name, "")
    if not isinstance(row.answer, Absent):
        raise UsageError(
            f"profile {name} holds a login in {row.where or 'its store'}",
            hint=f"log out first: keyturn logout --profile {name}",
            code="profile_holds_login",
        )

    def change(raw: dict[str, Any]) -> None:
        raw["profiles"] = {
            other: kept for other, kept in (raw.get("profiles") or {}).items() if other != name
        }
        raw["bindings"] = {at: other for at, other in (raw.get("bindings") or {}).items() if other != name}
        if raw.get("default_profile") == name:
            raw["default_profile"] = None

    return change_config(world, change)


def _names(world: World, config: Config) -> set[str]:
    directory = f"{world.state_dir()}/logins"
    kept = {*files.names(directory, ".json"), *files.names(directory, ".cache")}
    return {*config.profiles, *(name for name in kept if is_name(name))}  # the rest are somebody else's files


def _listed(world: World, config: Config, name: str, chosen_by: str) -> Listed:
    profile = config.profile(name)
    scene = Scene(world, config, profile, chosen_by)
    answer: Absent | Offer | AuthError
    where = None
    try:
        where = scene.store.where
        answer = stored_login.look(scene)
    except AuthError as error:
        answer = error
    bound = tuple(sorted(place for place, other in config.bindings.items() if other == name))
    return Listed(answer=answer, bound=bound, chosen=False, name=name, profile=profile, where=where)


def _check_known(world: World, name: str) -> None:
    config = read_config(world)
    if name != DEFAULT_PROFILE and name not in _names(world, config):
        known = ", ".join(sorted({DEFAULT_PROFILE, *_names(world, config)}))
        raise UsageError(
            f"there is no profile {name if is_name(name) else repr(name[:64])}",
            hint=f"there are: {known}"
            + (f"; a new one: keyturn login --profile {name}" if is_name(name) else ""),
            code="profile_unknown",
        )
