"""How a command of a person's ends, where no real one is to be run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keyturn.values import Secret, Value
from keyturn.world.processes import STDERR_KEPT, Ended

if TYPE_CHECKING:
    from collections.abc import Callable

    from keyturn.testing.world import FakeWorld
    from keyturn.world.processes import Command, Heard, Notice


class Outcome(Value):
    """What a command prints, and how it ends after `takes` seconds: by `status`, `signal` or `missing`.

    `missing` is the system's reason why it could not be started; `does` is called when it runs. Bytes that
    are not UTF-8 are written as surrogates.
    """

    __slots__ = ("does", "missing", "signal", "status", "stderr", "stdout", "takes")
    does: Callable[[Command], None] | None
    missing: str | None
    signal: int | None
    status: int | None
    stderr: str | None
    stdout: str | None
    takes: float | None

    def __repr__(self) -> str:
        return f"Outcome(status={self.status!r})"

    def play(self, world: FakeWorld, command: Command, heard: Heard | None, notice: Notice | None) -> Ended:
        """End as told, or as the command's own limits have it; the world's clock goes on meanwhile."""
        takes = min(self.takes or 0.0, command.seconds)
        if notice is not None and takes >= notice.seconds:
            world.advance(notice.seconds)
            takes -= notice.seconds
            notice.call()
        world.advance(takes)
        if self.does is not None:
            self.does(command)
        stdout, stderr = self.stdout or "", self.stderr or ""
        for stream, text in (("stdout", stdout), ("stderr", stderr)):
            if heard is not None and text:
                heard(stream, text.encode("utf-8", "surrogateescape"))
        kept = stdout if command.stdout_limit is not None else ""
        why, status = self._end(command, kept)
        return Ended(
            why=why,
            status=status,
            detail=self.missing,
            stdout=Secret(kept[: command.stdout_limit]),
            stderr=Secret(stderr[-STDERR_KEPT:]),
        )

    def _end(self, command: Command, kept: str) -> tuple[str, int | None]:
        if self.missing is not None:
            return "not_started", None
        if (self.takes or 0.0) >= command.seconds:
            return "timeout", None
        if command.stdout_limit is not None and len(kept.encode("utf-8", "replace")) > command.stdout_limit:
            return "too_long", None
        return ("exit", self.status or 0) if self.signal is None else ("signal", self.signal)
