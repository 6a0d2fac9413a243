"""How the session speaks to the person: wrapped between words, foreign text cleaned, secrets masked."""

from __future__ import annotations

import re
import textwrap

from keyturn.clean import clean
from keyturn.redact import redact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol, TextIO

    from keyturn.errors import AuthError

    class Screen(Protocol):
        """What the session shows itself on; `cli.terminal.Terminal` is one."""

        stderr: TextIO

        @property
        def width(self) -> int:
            """Columns."""

        def note(self, text: str = "") -> None:
            """Show a line."""

        def style(self, text: str, *styles: str, stream: TextIO | None = None) -> str:
            """Give a text colour, where there is any."""


_LIMIT = 600
_INSIDE = (
    (re.compile(re.escape(" (in a session: /login)")), ""),
    (re.compile(r"--model NAME"), "/model NAME"),
    # The slash commands are those of the session's own profile, which a hint names; they take the options of
    # their command, but not those of every command.
    (
        re.compile(
            r"\bkeyturn (login|logout|status|explain)\b"
            r"(?: --profile (?!NAME\b)[\w.-]+)?(?! --(?:profile|help))"
        ),
        r"/\1",
    ),
)


class Voice:
    """Lines for the person."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    def note(self, text: str = "") -> None:
        """A line as it is."""
        self._screen.note(text)

    def say(self, text: str) -> None:
        """Something in passing."""
        for line in self._wrapped(text):
            self._screen.note(self.styled(line, "dim"))

    def warn(self, text: str) -> None:
        """Something that costs money or trust."""
        self._labelled("warning:", "yellow", text)

    def failure(self, error: AuthError) -> None:
        """What went wrong, and what to do about it here."""
        self._labelled("error:", "red", error.message)
        if error.hint:
            self._labelled("hint:", "bold", in_session(error.hint))

    def styled(self, text: str, *styles: str) -> str:
        """The text in colour, where there is any."""
        return self._screen.style(text, *styles, stream=self._screen.stderr)

    def _labelled(self, label: str, colour: str, text: str) -> None:
        first, *rest = self._wrapped(f"{label} {redact(clean(text, _LIMIT))}")
        self._screen.note(self.styled(label, colour) + first.removeprefix(label))
        for line in rest:
            self._screen.note(line)

    def _wrapped(self, text: str) -> list[str]:
        """Lines that break between words, so that an address stays whole and can be copied."""
        return textwrap.wrap(text, self._screen.width, break_long_words=False, break_on_hyphens=False)


def in_session(hint: str) -> str:
    """A hint as it reads inside a session: `/login` in place of `keyturn login`."""
    for outside, inside in _INSIDE:
        hint = outside.sub(inside, hint)
    return hint
