"""How the story is told: steps, facts as they are seen, and one live line where a person watches."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from keyturn.clean import clean

if TYPE_CHECKING:
    from keyturn.cli.terminal import Terminal

_WIDEST = 100  # beyond it lines are hard to follow
_INDENT = "   "
_TEXT_LIMIT = 4000


class Screen:
    """Writes to a terminal's standard output, or to its standard error when that is for JSON."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._stream = terminal.stderr if terminal.json else terminal.stdout
        self.width = min(terminal.width, _WIDEST)
        self.person = self._stream is not None and self._stream.isatty()
        self.unicode = _can_write(self._stream, "✓✗━·◆●")
        self._live = False
        self._column = 0
        self.shown: list[str] = []

    def style(self, text: str, *styles: str) -> str:
        """The text in the terminal's styles, plain where nobody watches."""
        return self._terminal.style(text, *styles, stream=self._stream)

    def title(self, text: str) -> None:
        """The first line."""
        for line in textwrap.wrap(text, self.width):
            self._line(self.style(line, "bold"))

    def step(self, number: int, title: str) -> None:
        """A step begins."""
        self._line("")
        lines = textwrap.wrap(title, self.width - len(_INDENT))
        for at, line in enumerate(lines):
            self._line(self.style(f"{number if at == 0 else ' '}  {line}", "bold"))

    def heading(self, text: str) -> None:
        """What comes now is no step."""
        self._line("")
        for line in textwrap.wrap(text, self.width - len(_INDENT)):
            self._line(self.style(f"{_INDENT}{line}", "bold"))

    def say(self, text: str) -> None:
        """A sentence of the story."""
        for line in textwrap.wrap(clean(text, _TEXT_LIMIT), self.width - len(_INDENT)):
            self._line(self.style(f"{_INDENT}{line}", "dim"))

    def raw(self, text: str) -> None:
        """One logical line as it is, so that it can be copied whole."""
        self._line(f"\n{text}\n")

    def block(self, lines: list[str]) -> None:
        """Lines that are laid out already."""
        for line in lines:
            self._line(f"{_INDENT}{line}".rstrip())

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
        self._marked(self.style("✓" if self.unicode else "ok", "green"), f"{name}: {seen}")

    def failed(self, name: str, expected: object, seen: object) -> None:
        """Something that was checked and does not hold."""
        mark = self.style("✗" if self.unicode else "FAILED", "red", "bold")
        self._marked(mark, f"{name}: expected {expected}, seen {seen}")

    def trouble(self, what: str, hint: str | None) -> None:
        """An error, as the command line shows one."""
        self._marked(self.style("✗" if self.unicode else "FAILED", "red", "bold"), what)
        if hint:
            self.say(f"hint: {hint}")

    def live(self, text: str) -> None:
        """What is going on just now; replaced by whatever comes next. Shown only to a person."""
        if self.person:
            self._out(f"\r\x1b[2K{self.style(f'{_INDENT}{text}'[: self.width - 1], 'dim')}")
            self._live = True

    def quiet(self) -> None:
        """Take the live line away."""
        if self._live:
            self._live = False
            self._out("\r\x1b[2K")

    def _marked(self, mark: str, text: str) -> None:
        lines = textwrap.wrap(clean(text, _TEXT_LIMIT), self.width - len(_INDENT) - 2)
        for at, line in enumerate(lines):
            self._line(f"{_INDENT}{mark} {line}" if at == 0 else f"{_INDENT}  {line}")

    def _line(self, text: str) -> None:
        self._write(f"{text}\n")

    def _write(self, text: str) -> None:
        self.quiet()
        self.shown.append(text)
        self._out(text)

    def _out(self, text: str) -> None:
        if self._stream is not None:
            self._stream.write(text)
            self._stream.flush()


def clean_piece(text: str) -> list[str]:
    """A piece of foreign text as words, each with the space before it."""
    spaced = f" {clean(text)}" if text[:1].isspace() else clean(text)
    return [f" {word}" if at or spaced[:1] == " " else word for at, word in enumerate(spaced.split())]


def _can_write(stream: object, text: str) -> bool:
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except (LookupError, UnicodeEncodeError):
        return False
    return True
