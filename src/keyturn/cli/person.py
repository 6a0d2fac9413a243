"""The person at the terminal, for those who must ask or wait for one."""

from __future__ import annotations

import os
import select
from typing import TYPE_CHECKING

from keyturn.clean import clean
from keyturn.errors import LoginRefused

if TYPE_CHECKING:
    from keyturn.cli.terminal import Terminal

# lines of one paste arrive together; this is how long the next one may take
_PASTE_GAP_SECONDS = 0.2
_PASTE_LIMIT = 64 * 1024


class TerminalPerson:
    """Asks on standard error and listens on standard input; asks nobody with `--no-input` or in CI."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    @property
    def present(self) -> bool:
        """Whether a question would be answered."""
        return self._terminal.may_ask

    def say(self, text: str) -> None:
        """Tell something on standard error."""
        self._write(f"{clean(text)}\n")

    def show_url(self, url: str) -> None:
        """Print an address that a person, a terminal or a program can copy."""
        # raw and alone on its line, so that every terminal and every mouse copies just the address (P8)
        self._write(f"\n{url}\n\n")
        if self.present and url.isascii() and url.isprintable():
            # and once as a link (OSC 8), for terminals that would make one of the first wrapped line only
            self._write(f"\x1b]8;;{url}\x1b\\or click here\x1b]8;;\x1b\\\n")

    def ask(self, question: str) -> str:
        """One line of text. Raises: LoginRefused when standard input ends instead."""
        self._write(question)
        line = self._terminal.stdin.readline()
        if not line:
            raise LoginRefused("standard input ended before an answer came; nothing was changed")
        return line.strip()

    def ask_secret(self, question: str) -> str:
        """One line that is not shown. Raises: LoginRefused when standard input ends instead."""
        import getpass

        try:
            return getpass.getpass(question, stream=self._terminal.stderr)
        except EOFError:
            raise LoginRefused("standard input ended before an answer came; nothing was changed") from None

    def confirm(self, question: str) -> bool:
        """Ask yes or no; no without a person. Raises: LoginRefused when standard input ends instead."""
        if not self.present:
            return False
        return self.ask(f"{clean(question)} [y/N] ").lower() in ("y", "yes")

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

    def _write(self, text: str) -> None:
        self._terminal.stderr.write(text)
        self._terminal.stderr.flush()

    def _descriptor(self) -> int:
        stdin = self._terminal.stdin
        if stdin is None or stdin.closed:
            raise EOFError
        try:
            return stdin.fileno()
        except (OSError, ValueError):
            raise EOFError from None
