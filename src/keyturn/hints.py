"""Hints that name the next command name the profile too: a plain `keyturn login` would log in to another."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    from keyturn.errors import AuthError
    from keyturn.scene import Scene

    Error = TypeVar("Error", bound=AuthError)

# the commands that are about one profile; a hint that names a profile already is left alone
_COMMANDS = r"\bkeyturn (login|logout|status|explain)\b(?! --profile)"


def of_profile(text: str, name: str, chosen_by: str = "default") -> str:
    """The text with its commands for a profile, unless it is the one that is meant without a word.

    `chosen_by` is what chose it, as `Config.chosen` says: who chose `default` has chosen it against another.
    """
    if "keyturn" not in text or (name == "default" and chosen_by in ("", "default")):
        return text
    import re

    return re.sub(_COMMANDS, rf"keyturn \1 --profile {name}", text)


def in_scene(text: str, scene: Scene) -> str:
    """The text with its commands for the profile of a scene."""
    return of_profile(text, scene.profile.name, scene.chosen_by)


def with_profile(error: Error, scene: Scene) -> Error:
    """The same error, its hint with commands for the profile of a scene."""
    if error.hint:
        error.hint = in_scene(error.hint, scene)
    return error
