"""What a command reads from and writes to: answers on stdout, everything said to a person on stderr."""

from __future__ import annotations

import sys

from keyturn.errors import AuthError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

    from keyturn.world import World

# for people only; programs never see one of these
_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34"}
_NARROWEST, _USUAL = 20, 80
_MESSAGE_LIMIT = 2000


class OutputError(AuthError):
    """The answer could not be written: a full disk, a closed stream."""

    code = "output"
    exit = 1


class Terminal:
    """The three streams of one command, and what may be done with them.

    `no_input`, `json` and `profile` are those of the command line.
    """

    def __init__(
        self,
        world: World,
        *,
        stdin: TextIO | None = None,
        stdout: TextIO | None = None,
        stderr: TextIO | None = None,
    ) -> None:
        self.world = world
        # Python has None for a stream that was closed by whoever started us
        self.stdin: TextIO = stdin or sys.stdin or _closed()
        self.stdout: TextIO = stdout or sys.stdout or _closed()
        self.stderr: TextIO = stderr or sys.stderr or _closed()
        self.no_input = False
        self.json = False
        self.profile: str | None = None
        for stream in (self.stdout, self.stderr):
            # a path or a name that the stream's encoding lacks must not end the command
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="backslashreplace")

    @property
    def is_terminal(self) -> bool:
        """Whether a person reads stdout."""
        return _is_terminal(self.stdout)

    @property
    def may_ask(self) -> bool:
        """Whether a person can be asked: a terminal to read from and to prompt on, no CI, no --no-input."""
        return self.why_not_ask is None

    @property
    def why_not_ask(self) -> str | None:
        """What keeps keyturn from asking: `--no-input forbids asking`; None when nothing does."""
        if self.forbidden is not None:
            return self.forbidden
        if not (_is_terminal(self.stdin) and _is_terminal(self.stderr)):
            return "there is no terminal to ask on"
        return None

    @property
    def forbidden(self) -> str | None:
        """What forbids asking anybody, wherever they sit; None when nothing does."""
        if self.no_input:
            return "--no-input forbids asking"
        if (self.world.variable("CI") or "").strip().lower() not in ("", "0", "false"):
            return "CI is set, which forbids asking"
        return None

    @property
    def width(self) -> int:
        """The columns of stdout: COLUMNS, else the terminal's own, else 80."""
        import os

        said = (self.world.variable("COLUMNS") or "").strip()
        if said.isascii() and said.isdigit() and int(said[:6]) > 0:
            return max(_NARROWEST, int(said[:6]))
        try:
            return max(_NARROWEST, os.get_terminal_size(self.stdout.fileno()).columns or _USUAL)
        except (OSError, ValueError, AttributeError):
            return _USUAL

    def print(self, text: str = "") -> None:
        """A line of the answer. Raises: OutputError; BrokenPipeError when its reader has left."""
        self._write(f"{text}\n")

    def tell(self, text: str) -> None:
        """A sentence of the answer, on a terminal parted between words, as far in as it begins."""
        if not self.is_terminal:
            self.print(text)
            return
        from keyturn.cli.layout import wrap

        margin = " " * (len(text) - len(text.lstrip()))
        for line in wrap(text, self.width - len(margin), whole=True):
            self.print(f"{margin}{line}")

    def write(self, piece: str) -> None:
        """A piece of the answer, at once. Raises: as `print`."""
        self._write(piece, flush=True)

    def flush(self) -> None:
        """See that what was printed has left. Raises: as `print`."""
        self._write("", flush=True)

    def abandon(self) -> None:
        """Give up the answer: what is held back of it must not fail once more when Python ends."""
        import os

        try:
            descriptor = self.stdout.fileno()
        except (OSError, ValueError):
            return  # no file is behind it
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, descriptor)
        os.close(nowhere)

    def print_json(self, value: object) -> None:
        """The answer as JSON, whole and alone on stdout."""
        from keyturn import jsontext

        self.print(jsontext.dump(value, indent=2))

    def note(self, text: str = "") -> None:
        """A line for the person: a prompt's lead-in, a URL, progress."""
        try:
            self.stderr.write(f"{text}\n")
            self.stderr.flush()
        except OSError:
            pass  # nobody reads what is said to them; the answer and the exit status still count

    def pass_on(self, piece: str) -> None:
        """A piece of what a command of the person's says, on stderr, at once and as it is."""
        try:
            self.stderr.write(piece)
            self.stderr.flush()
        except (OSError, ValueError):
            pass  # as above; a closed stream must not end the command

    def warn(self, text: str) -> None:
        """Something that the person should know, on stderr."""
        from keyturn.clean import clean

        mark = self.style("warning:", "yellow", stream=self.stderr)
        self.note(f"keyturn: {mark} {clean(text, _MESSAGE_LIMIT)}")

    def style(self, text: str, *styles: str, stream: TextIO | None = None) -> str:
        """The text, styled where a person reads it (`stream`, else stdout) and wants it."""
        env = self.world.env
        plain = env.get("NO_COLOR") or env.get("TERM") == "dumb"
        if plain or not text or not _is_terminal(stream or self.stdout):
            return text
        return f"\x1b[{';'.join(_STYLES[style] for style in styles)}m{text}\x1b[0m"

    def _write(self, text: str, *, flush: bool = False) -> None:
        try:
            self.stdout.write(text)
            if flush:
                self.stdout.flush()
        except BrokenPipeError:
            raise
        except (OSError, ValueError) as error:  # UnicodeEncodeError cannot be: see __init__
            reason = (getattr(error, "strerror", None) or "standard output is closed").lower()
            raise OutputError(
                f"the answer cannot be written: {reason}", hint="send it to a file with room, or to a program"
            ) from None


def _closed() -> TextIO:
    """A stream that is at its end, and that nothing can be written to."""
    import os

    return open(os.devnull, encoding="utf-8")


def _is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except ValueError:  # it is closed
        return False
