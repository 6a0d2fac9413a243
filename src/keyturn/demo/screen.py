"""How the story is told: steps, facts as they are seen, and one live line where a person watches."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from keyturn.clean import clean

if TYPE_CHECKING:
    from collections.abc import Callable

_WIDEST = 100  # beyond it lines are hard to follow
_INDENT = "   "
_NARROWEST = 16
_TEXT_LIMIT = 4000


def _plain(text: str, *styles: str) -> str:
    del styles
    return text


class Screen:
    """`write` takes text at once; `watched`: by a person, on a terminal that can take a line back.

    `style` colours a text by names, as `Terminal.style` does; `encoding` decides about the marks.
    """

    def __init__(
        self,
        write: Callable[[str], object],
        *,
        width: int = 80,
        watched: bool = False,
        encoding: str = "utf-8",
        style: Callable[..., str] = _plain,
    ) -> None:
        self._send = write
        self.width = min(width, _WIDEST)
        self.watched = watched
        self.unicode = _can_write(encoding, "✓✗━·◆●")
        self.style = style
        self._live = False
        self._column = 0
        self.shown: list[str] = []

    def title(self, text: str) -> None:
        """The first line."""
        for line in _wrapped(text, self.width):
            self._line(self.style(line, "bold"))

    def ending(self, text: str) -> None:
        """The last word."""
        self._line("")
        self.title(text)

    def step(self, number: int, title: str) -> None:
        """A step begins."""
        self._line("")
        lines = _wrapped(title, self.width - len(_INDENT))
        for at, line in enumerate(lines):
            self._line(self.style(f"{number if at == 0 else ' '}  {line}", "bold"))

    def heading(self, text: str) -> None:
        """What comes now is no step."""
        self._line("")
        for line in _wrapped(text, self.width - len(_INDENT)):
            self._line(self.style(f"{_INDENT}{line}", "bold"))

    def say(self, text: str) -> None:
        """A sentence of the story."""
        for line in _wrapped(clean(text, _TEXT_LIMIT), self.width - len(_INDENT)):
            self._line(self.style(f"{_INDENT}{line}", "dim"))

    def raw(self, text: str) -> None:
        """One logical line as it is, so that it can be copied whole."""
        self._line(f"\n{text}\n")

    def path(self, place: str) -> None:
        """A path, whole on one line."""
        self._line(f"{_INDENT}{clean(place, _TEXT_LIMIT)}")

    def block(self, lines: list[str]) -> None:
        """Lines that are laid out already."""
        for line in lines:
            self._line(f"{_INDENT}{line}".rstrip())

    def quote(self, *lines: str) -> None:
        """What keyturn says to its user."""
        for text in lines:
            for line in _wrapped(clean(text, _TEXT_LIMIT), self.width - len(_INDENT) - 2):
                self._line(f"{_INDENT}{self.style('|', 'blue')} {line}")

    def asked(self, text: str) -> None:
        """A question to Claude's stand-in; its answer follows piece by piece."""
        self._line(f"{_INDENT}{self.style('>', 'blue')} {text}")

    def piece(self, text: str) -> None:
        """A piece of a streamed answer, wrapped between words."""
        for word in clean_piece(text):
            if self._column + len(word.rstrip()) > self.width and word.strip():
                self._write("\n")
                self._column = 0
            if self._column == 0:
                word = word.lstrip()  # noqa: PLW2901 - no line begins with the space that parted it
                self._write(_INDENT)
                self._column = len(_INDENT)
            self._write(word)
            self._column += len(word)

    def end_piece(self) -> None:
        """The streamed answer is over."""
        if self._column:
            self._write("\n")
            self._column = 0

    def fact(self, name: str, seen: object) -> None:
        """Something that was checked and holds."""
        mark = self.style("✓" if self.unicode else "+", "green")
        self._marked(mark, name if seen is True else f"{name}: {_said(seen)}")

    def failed(self, name: str, expected: object, seen: object) -> None:
        """Something that was checked and does not hold."""
        differs = (
            "it did not happen" if expected is True else f"expected {_said(expected)}, seen {_said(seen)}"
        )
        self._marked(self._cross(), f"{name}: {differs}")

    def trouble(self, what: str, hint: str | None) -> None:
        """An error, as the command line shows one."""
        self._marked(self._cross(), what)
        if hint:
            self.say(f"hint: {hint}")

    def live(self, text: str) -> None:
        """What is going on just now; replaced by whatever comes next. Shown only to a person."""
        if self.watched:
            self._send(f"\r\x1b[2K{self.style(f'{_INDENT}{text}'[: self.width - 1], 'dim')}")
            self._live = True

    def quiet(self) -> None:
        """Take the live line away."""
        if self._live:
            self._live = False
            self._send("\r\x1b[2K")

    def _cross(self) -> str:
        return self.style("✗" if self.unicode else "x", "red", "bold")

    def _marked(self, mark: str, text: str) -> None:
        lines = _wrapped(clean(text, _TEXT_LIMIT), self.width - len(_INDENT) - 2)
        for at, line in enumerate(lines):
            self._line(f"{_INDENT}{mark} {line}" if at == 0 else f"{_INDENT}  {line}")

    def _line(self, text: str) -> None:
        self._write(f"{text}\n")

    def _write(self, text: str) -> None:
        self.quiet()
        self.shown.append(text)
        self._send(text)


def clean_piece(text: str) -> list[str]:
    """A piece of foreign text as words, each with the space before it."""
    spaced = f" {clean(text)}" if text[:1].isspace() else clean(text)
    return [f" {word}" if at or spaced[:1] == " " else word for at, word in enumerate(spaced.split())]


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, max(width, _NARROWEST), break_on_hyphens=False)


def _said(value: object) -> str:
    """A value as a person says it."""
    if isinstance(value, list):
        return ", ".join(map(_said, value)) or "nothing"
    return "nothing" if value is None else str(value)


def _can_write(encoding: str, text: str) -> bool:
    try:
        text.encode(encoding)
    except (LookupError, UnicodeEncodeError):
        return False
    return True
