"""An address in other ways than by reading it: a picture for a phone, the clipboard, a file."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from keyturn.errors import AuthError, ConfigurationError, UsageError
from keyturn.world import files, texts

if TYPE_CHECKING:
    from collections.abc import Callable

    from keyturn.cli.terminal import Terminal

# around a picture cameras want a quiet zone of four modules; two are enough on a dark terminal
_QUIET = 2


class Showing:
    """What the flags of `login` wish: `qr` a picture, `copy` the clipboard, `url_file` a file.

    Raises: ConfigurationError without the package for `qr`; UsageError for a file that is something else.
    """

    def __init__(
        self, terminal: Terminal, *, qr: bool = False, copy: bool = False, url_file: str | None = None
    ) -> None:
        self._terminal = terminal
        self._qr = qr
        self._copy = copy
        self._path = None
        if qr and find_spec("segno") is None:
            raise ConfigurationError(
                "--qr needs a package that is not installed",
                hint="install it with: pip install 'keyturn[qr]'",
                code="extra_missing",
            )
        if url_file is not None:
            self._path = self._checked(url_file)

    def hand_over(self, url: str, say: Callable[[str], None], *, phone: str | None) -> None:
        """Do with an address what is wished, and `say` it; `phone` is the one for another device, if any."""
        if self._path is not None:
            try:
                files.write_durably(self._path, f"{url}\n")
            except AuthError as error:
                raise _unusable(self._path, error.message) from None
            say(f"the address is in {self._path}")
        if self._copy:
            self.copy(url, say)
        if self._qr:
            self._draw(phone)

    def copy(self, url: str, say: Callable[[str], None]) -> None:
        """Send an address to the clipboard of the terminal, wherever that runs (OSC 52)."""
        terminal = self._terminal
        if not terminal.stderr.isatty() or terminal.world.variable("TERM") == "dumb":
            terminal.warn("there is no terminal whose clipboard could take the address")
            return
        from base64 import b64encode

        terminal.stderr.write(f"\x1b]52;c;{b64encode(url.encode()).decode()}\x07")
        say("the address was sent to your clipboard; terminals that forbid this leave it as it was")

    def _draw(self, phone: str | None) -> None:
        if phone is None:
            self._terminal.warn(
                "no picture is drawn: this login ends on this machine, where a phone's browser cannot come; "
                "with an authority that shows a code: keyturn login --paste-redirect-uri URL"
            )
            return
        lines = picture(phone)
        if len(lines[0]) > self._terminal.width:
            self._terminal.warn(
                f"the picture of this address is {len(lines[0])} columns wide, and the terminal "
                f"{self._terminal.width}: make the window wider, and log in again"
            )
            return
        for line in lines:
            self._terminal.note(line)

    def _checked(self, given: str) -> str:
        """The file's canonical path, once it is clear that nothing of the person's is lost by writing it."""
        if not given.strip():
            raise UsageError("--url-file is empty", hint="name a file: keyturn login --url-file FILE")
        if "\x00" in given:
            raise UsageError("--url-file is no path", hint="name a file: keyturn login --url-file FILE")
        path = self._terminal.world.canonical(given)
        try:
            there = texts.read_text(path, ours_alone=False)
        except AuthError as error:
            raise _unusable(given, error.message) from None
        if there and (not there.startswith(("https://", "http://")) or len(there.split()) > 1):
            raise UsageError(
                f"{given} holds something else than an address, and is not overwritten",
                hint="name another file: keyturn login --url-file FILE",
                code="url_file",
            )
        return path


def picture(text: str) -> list[str]:
    """A QR code of a text, two rows of modules to a line of half blocks, light on dark."""
    import segno

    code = segno.make(text, error="l", micro=False, boost_error=False)
    rows = [[bool(module) for module in row] for row in code.matrix_iter(border=_QUIET)]
    if len(rows) % 2:
        rows.append([False] * len(rows[0]))
    # a module that is set is dark: it is left out, and the terminal's own dark shows
    blocks = {(False, False): "█", (False, True): "▀", (True, False): "▄", (True, True): " "}
    return [
        "".join(blocks[above, below] for above, below in zip(*pair, strict=True))
        for pair in zip(rows[::2], rows[1::2], strict=True)
    ]


def framed(code: str, width: int) -> list[str]:
    """A code in spaced letters within a frame; nothing where that does not fit."""
    spaced = f"  {' '.join(code)}  "
    if len(spaced) + 2 > width:
        return []
    edge = "─" * len(spaced)
    return [f"┌{edge}┐", f"│{spaced}│", f"└{edge}┘"]


def _unusable(path: str, why: str) -> UsageError:
    return UsageError(
        f"--url-file {path} cannot be written: {why}",
        hint="name another file: keyturn login --url-file FILE",
        code="url_file",
    )
