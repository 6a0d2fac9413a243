"""Values people set: empty is unset, secrets and URLs are stripped, what no header can carry is refused."""

from __future__ import annotations

from keyturn.errors import ConfigurationError, frameless
from keyturn.values import Secret

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from keyturn.settings.layers import Setting

    class Place(Protocol):
        """Where variables are asked for: a World knows the environment, a Scene the settings too."""

        def variable(self, name: str) -> Setting | str | None:
            """The variable, None when it is unset or empty."""


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


def secret_variable(place: Place, name: str) -> Secret | None:
    """A secret among the variables. Raises: ConfigurationError naming where it is set."""
    text = text_variable(place, name)
    return Secret(text) if text else None


def text_variable(place: Place, name: str) -> str | None:
    """An id or URL among the variables. Raises: ConfigurationError naming where it is set."""
    return checked_text(*_found(place, name))


def flag_variable(place: Place, name: str) -> bool:
    """An on/off variable. Raises: ConfigurationError for anything but the eight words, in any case."""
    found, where = _found(place, name)
    text = found.strip().lower()
    if text in _TRUE:
        return True
    if not text or text in _FALSE:
        return False
    raise ConfigurationError(
        f"{where} is neither on nor off",
        hint=f"use one of {', '.join(_TRUE)} or {', '.join(_FALSE)}: "
        + (f"export {name}=1" if where == name else f'"{name}": "1"'),
        variable=name,
    )


def where_of(place: Place, name: str) -> str:
    """What a message calls a variable: its name, or its key and file where a settings file sets it."""
    return _found(place, name)[1]


def undo_of(place: Place, name: str) -> str:
    """How to be rid of a variable: for one command, or out of the settings file that sets it."""
    found = place.variable(name)
    if found is None or isinstance(found, str):
        return f"unset it for this command: env -u {name} keyturn …"
    return found.undo


def _found(place: Place, name: str) -> tuple[str, str]:
    """The value, and what an error calls it."""
    found = place.variable(name)
    if found is None or isinstance(found, str):
        return found or "", name
    return found.value, found.name
