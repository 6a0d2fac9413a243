"""One value that somebody set, and where."""

from __future__ import annotations

from keyturn.values import Value
from keyturn.variables import checked_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keyturn.scene import Scene


class Said(Value):
    """A text and the place that says it; `remedy` undoes that for one command, or says how to."""

    __slots__ = ("remedy", "text", "where")
    remedy: str | None
    text: str
    where: str


def said(scene: Scene, name: str) -> Said | None:
    """A variable's text, stripped. Raises: ConfigurationError for what no address or id may hold."""
    setting = scene.variable(name)
    text = checked_text(setting.value, setting.name) if setting is not None else None
    if setting is None or text is None:
        return None
    return Said(text=text, where=setting.where, remedy=setting.remedy)


def said_by_profile(scene: Scene, key: str) -> Said | None:
    """What the profile's configuration says."""
    text = getattr(scene.profile, key)
    where = f"profile {scene.profile.name} of {scene.config.path}"
    return None if text is None else Said(text=text, where=where)


def path_of(scene: Scene, name: str) -> str | None:
    """A variable that names a file, as it is: a path may hold spaces. Raises: ConfigurationError."""
    setting = scene.variable(name)
    return setting.value if setting is not None else None


def names(scene: Scene, prefix: str) -> tuple[str, ...]:
    """The variables that are set and begin so, sorted."""
    there = (key.removeprefix("env.") for key in scene.settings.found if key.startswith("env."))
    return tuple(sorted({name for name in (*scene.world.env, *there) if name.startswith(prefix)}))
