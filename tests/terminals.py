"""A terminal with a person at it: a real program on a pseudo-terminal, its screen read by an emulator."""

from __future__ import annotations

import contextlib
import signal
import time
from typing import TYPE_CHECKING, Self

import pexpect
import pyte

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

LONG = 60.0  # seconds that nothing here takes unless something is broken
PASTE = "\x1b[200~{}\x1b[201~"  # bracketed paste, as terminals send it


class _Emulator(pyte.Screen):
    """Answers when the program asks where the cursor is, as a terminal does."""

    answer: Callable[[str], object]

    def write_process_input(self, data: str) -> None:
        self.answer(data)


class PtyScreen:
    """Runs a program as on a terminal of this size; `raw` is every byte it ever wrote."""

    def __init__(
        self, command: Sequence[str], env: Mapping[str, str], *, columns: int = 80, rows: int = 40
    ) -> None:
        self.raw = bytearray()
        self._screen = _Emulator(columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        self._process = pexpect.spawn(
            command[0],
            list(command[1:]),
            env={"TERM": "xterm-256color", "LANG": "C.UTF-8", **env},
            dimensions=(rows, columns),
            timeout=LONG,
        )
        self._process.delaybeforesend = None
        self._screen.answer = self._process.send

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.isalive():
            self._process.kill(signal.SIGKILL)
        self._process.close(force=True)

    @property
    def lines(self) -> list[str]:
        """What is on the screen now, without the empty rest."""
        lines = [line.rstrip() for line in self._screen.display]
        while lines and not lines[-1]:
            lines.pop()
        return lines

    def type(self, text: str) -> None:
        """Keys, without Enter."""
        self._process.send(text)

    def enter(self, text: str = "") -> None:
        """A line and Enter, which a terminal sends as a carriage return."""
        self._process.send(f"{text}\r")

    def paste(self, text: str) -> None:
        """Several lines from the clipboard."""
        self._process.send(PASTE.format(text.replace("\n", "\r")))

    def control(self, letter: str) -> None:
        """Ctrl and a letter."""
        self._process.send(chr(ord(letter.upper()) - 64))

    def shows(self, text: str) -> bool:
        """Whether the screen holds this text, however it is wrapped."""
        return "".join(text.split()) in "".join("".join(self._screen.display).split())

    def wait_for(self, *texts: str) -> None:
        """Read until the screen shows all of these texts."""
        self._read(lambda: all(self.shows(text) for text in texts), f"the screen never shows {texts}")

    def wait_for_prompt(self, prompt: str = ">") -> None:
        """Read until the last line is an empty prompt, with the cursor behind it."""

        def is_there() -> bool:
            return bool(self.lines) and self.lines[-1] == prompt and self._screen.cursor.x == len(prompt) + 1

        self._read(is_there, "there is no prompt")

    def ended(self) -> int:
        """Read to the end; the exit status."""
        self._read(lambda: False, "it does not end", until_end=True)
        self._process.wait()
        assert self._process.exitstatus is not None, f"ended by signal {self._process.signalstatus}"
        return int(self._process.exitstatus)

    def _read(self, done: Callable[[], bool], what: str, *, until_end: bool = False) -> None:
        deadline = time.monotonic() + LONG
        while not done():
            assert time.monotonic() < deadline, "\n".join([what, *self.lines])
            with contextlib.suppress(pexpect.TIMEOUT):
                try:
                    piece = self._process.read_nonblocking(4096, timeout=0.5)
                except pexpect.EOF:
                    if until_end:
                        return
                    raise AssertionError("\n".join([f"{what}, and the program ended", *self.lines])) from None
                self.raw += piece
                self._stream.feed(piece)
