"""Values people set: empty is unset, secrets and URLs are stripped, what no header can carry is refused."""

from __future__ import annotations

from keyturn.errors import ConfigurationError, frameless
from keyturn.values import Secret

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keyturn.world import World

_TRUE = ("1", "true", "yes", "on")
_FALSE = ("0", "false", "no", "off")


@frameless
def checked_text(text: str, name: str) -> str | None:
    """A secret, an id or a URL, stripped; None when nothing is left.

    Raises: ConfigurationError naming `name`, never the value, for control characters, whitespace inside
    and anything that is not ASCII.
    """
    text = text.strip()
    if not text:
        return None
    for position, character in enumerate(text, 1):
        if "!" <= character <= "~":
            continue
        if character in "\r\n":
            what = "a line break"
        elif character.isspace():
            what = "a space"
        elif character < " " or "\x7f" <= character <= "\x9f":
            what = "a control character"
        else:
            what = "a character that is not ASCII"
        raise ConfigurationError(
            f"{name} holds {what} at position {position} of {len(text)}",
            hint=f"set {name} again, without it; often it comes from copying a wrapped line",
            variable=name,
        )
    return text


def secret_variable(world: World, name: str) -> Secret | None:
    """A secret of the environment. Raises: ConfigurationError."""
    text = checked_text(world.variable(name) or "", name)
    return Secret(text) if text else None


def text_variable(world: World, name: str) -> str | None:
    """An id or URL of the environment. Raises: ConfigurationError."""
    return checked_text(world.variable(name) or "", name)


def flag_variable(world: World, name: str) -> bool:
    """An on/off variable. Raises: ConfigurationError for anything but the eight words, in any case."""
    text = (world.variable(name) or "").strip().lower()
    if text in _TRUE:
        return True
    if not text or text in _FALSE:
        return False
    raise ConfigurationError(
        f"{name} is neither on nor off",
        hint=f"use one of {', '.join(_TRUE)} or {', '.join(_FALSE)}: export {name}=1",
        variable=name,
    )
