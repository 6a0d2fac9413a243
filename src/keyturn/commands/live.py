"""What a command says while it runs, passed on at once: to the person if one looks on, else to the log.

A code or an address to open may be on a line that does not end before somebody has acted on it, so parts of
lines are passed on too.
"""

from __future__ import annotations

import codecs

from keyturn.clean import clean, visible
from keyturn.redact import redact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from keyturn.world import World

_LINE_KEPT = 4096  # of a line that does not end, for the log


class Live:
    """Takes the pieces of both streams; call it as `World.run` does, and `close` it at the end."""

    def __init__(self, world: World) -> None:
        self._tell: Callable[[str], None] | None = world.tell
        self._decoders = {
            name: codecs.getincrementaldecoder("utf-8")("replace") for name in ("stdout", "stderr")
        }
        self._escapes = {name: Escapes() for name in self._decoders}
        self._returned: set[str] = set()
        self._line = ""
        self._at_begin = True

    def __call__(self, stream: str, piece: bytes) -> None:
        """Pass on a piece as it comes."""
        text = self._escapes[stream].without(self._decoders[stream].decode(piece))
        if not text:
            return
        if stream in self._returned:
            text = text.removeprefix("\n")  # the other half of a line break
            self._returned.discard(stream)
        if text.endswith("\r"):
            self._returned.add(stream)
        self._pass_on(text)

    def close(self) -> None:
        """End the last line, so that what comes after it begins a new one."""
        if not self._at_begin:
            self._pass_on("\n")

    def _pass_on(self, text: str) -> None:
        lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        text = "\n".join(visible(line) for line in lines)
        if not text:
            return
        self._at_begin = text.endswith("\n")
        if self._tell is not None:
            self._tell(text)
            return
        from keyturn.logs import logger

        *whole, self._line = (self._line + text).split("\n")
        if len(self._line) > _LINE_KEPT:
            whole, self._line = [*whole, self._line], ""
        for line in whole:
            logger().info("%s", redact(clean(line, _LINE_KEPT)))


class Escapes:
    """Terminal sequences out of a text that comes in pieces, each one whole (ECMA-48)."""

    def __init__(self) -> None:
        self._state = ""

    def without(self, text: str) -> str:
        """The text without them; one that is not over yet is remembered."""
        if not self._state and "\x1b" not in text:
            return text
        return "".join(character for character in text if self._shows(character))

    def _shows(self, character: str) -> bool:
        state = self._state
        if character == "\x1b":
            self._state = "escape"
        elif state == "escape":
            # "[" begins a control sequence; these begin strings, which end with BEL or another escape
            self._state = {"[": "control"}.get(character, "string" if character in "]PX^_" else "")
            if character in " #%()*+-./":  # one more character belongs to it
                self._state = "one more"
        elif state == "control":
            self._state = "" if "@" <= character <= "~" else "control"
        elif state == "string":
            self._state = "" if character in "\x07\n" else "string"
        elif state == "one more":
            self._state = ""
        else:
            return True
        return False
