"""The person at the terminal, for those who must ask or wait for one."""

from __future__ import annotations

import os
import select
from typing import TYPE_CHECKING

from keyturn.clean import clean
from keyturn.errors import LoginRefused

if TYPE_CHECKING:
    from keyturn.cli.showing import Showing
    from keyturn.cli.terminal import Terminal

# lines of one paste arrive together; this is how long the next one may take
_PASTE_GAP_SECONDS = 0.2
_PASTE_LIMIT = 64 * 1024
_TEXT_LIMIT = 2000
# beyond this, terminals cut the target of a link, and half an address is worse than none
_LINK_LIMIT = 2000


class TerminalPerson:
    """Asks on standard error and listens on standard input; asks nobody with `--no-input` or in CI."""

    def __init__(self, terminal: Terminal, showing: Showing | None = None) -> None:
        self._terminal = terminal
        self._showing = showing

    @property
    def present(self) -> bool:
        """Whether a question would be answered."""
        return self._terminal.may_ask

    def say(self, text: str) -> None:
        """Tell something on standard error."""
        self._write(f"{self._laid_out(clean(text, _TEXT_LIMIT))}\n")

    def show_url(self, url: str) -> None:
        """Print an address that a person, a terminal or a program can copy."""
        # raw and alone on its line, so that every terminal and every mouse copies just the address (P8)
        self._write(f"\n{url}\n\n")
        links = self._terminal.stderr.isatty() and self._terminal.world.variable("TERM") != "dumb"
        if links and url.isascii() and url.isprintable() and len(url) <= _LINK_LIMIT:
            # OSC 8: where a narrow window breaks the address in two, this can still be opened by a click
            self._write(f"\x1b]8;;{url}\x1b\\(the same, as a link)\x1b]8;;\x1b\\\n")

    def show_command(self, command: str) -> None:
        """Print a command that a person can copy whole."""
        self._write(f"\n{command}\n\n")

    def show_code(self, code: str) -> None:
        """Print a code large where there is room, and once alone on its line for copying."""
        from keyturn.cli.showing import framed

        terminal = self._terminal
        if terminal.stderr.isatty():
            for line in framed(code, terminal.width):
                self._write(f"{terminal.style(line, 'bold', stream=terminal.stderr)}\n")
        self._write(f"\n{code}\n\n")

    def hand_over(self, url: str, *, phone: str | None) -> None:
        """Give an address on, as the flags wish it. Raises: UsageError for a file that cannot be written."""
        if self._showing is not None:
            self._showing.hand_over(url, self.say, phone=phone)

    def copy(self, url: str) -> None:
        """Put an address into the terminal's clipboard."""
        from keyturn.cli.showing import Showing

        Showing(self._terminal).copy(url, self.say)

    def ask(self, question: str) -> str:
        """One line of text. Raises: LoginRefused when standard input ends instead."""
        self._write(question)
        line = self._terminal.stdin.readline()
        if not line:
            raise self._ended()
        return line.strip()

    def ask_secret(self, question: str) -> str:
        """One line that is not shown. Raises: LoginRefused when standard input ends instead."""
        import getpass

        try:
            return getpass.getpass(question, stream=self._terminal.stderr)
        except EOFError:
            raise self._ended() from None

    def confirm(self, question: str) -> bool:
        """Ask yes or no; no without a person. Raises: LoginRefused when standard input ends instead."""
        if not self.present:
            return False
        return self.ask(f"{clean(question, _TEXT_LIMIT)} [y/N] ").lower() in ("y", "yes")

    def pasted(self, descriptor: int | None, seconds: float) -> str | None:
        """A pasted text, which may have several lines; None when `descriptor` is readable or time is up.

        Raises: EOFError.
        """
        stdin = self._descriptor()
        others = [] if descriptor is None else [descriptor]
        ready, _, _ = select.select([stdin, *others], [], [], seconds)
        if stdin not in ready:
            return None
        found = bytearray()
        while len(found) < _PASTE_LIMIT:
            piece = os.read(stdin, 4096)
            if not piece:
                if not found:
                    raise EOFError
                break
            found += piece
            if not select.select([stdin], [], [], _PASTE_GAP_SECONDS)[0]:
                break
        return found.decode("utf-8", "replace")

    def _ended(self) -> LoginRefused:
        self._write("\n")  # the cursor still stands behind the question
        return LoginRefused(
            "standard input ended before an answer came; nothing was changed",
            hint="run keyturn login again",
            code="no_answer",
        )

    def _laid_out(self, text: str) -> str:
        """Parted between words where a person reads it; an address or a path stays whole for copying."""
        if not self._terminal.stderr.isatty():
            return text
        from textwrap import fill

        return fill(text, self._terminal.width, break_long_words=False, break_on_hyphens=False)

    def _write(self, text: str) -> None:
        stderr = self._terminal.stderr
        try:
            stderr.write(text)
            stderr.flush()
        except OSError:
            pass  # closed, or its reader has left: the login itself may go on all the same

    def _descriptor(self) -> int:
        stdin = self._terminal.stdin
        try:
            return stdin.fileno()
        except (OSError, ValueError):  # it is closed, or no file is behind it
            raise EOFError from None
