"""Ends that are asked for: SIGTERM and SIGHUP unwind the program as Ctrl-C does, and do not cut it (L17).

A renewal between its request and its save waits for neither: `oauth.uninterrupted` lets what arrives in the
main thread wait until the save is done. Without a handler the kernel would end the process at once.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as signals
    from types import FrameType
else:
    try:
        # `signal` is this in enums, whose import costs more than a cold `keyturn token` may
        import _signal as signals
    except ImportError:  # an interpreter without it
        import signal as signals


class Terminated(BaseException):
    """SIGTERM or SIGHUP came; `number` is the signal's."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number

    @property
    def status(self) -> int:
        """What a shell shows for a program that this signal ended."""
        return 128 + self.number


def unwind_on_signals() -> None:
    """Install the handlers: in a process of our own only, and never over a decision to ignore."""
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signals, name, None)
        if number is None:
            continue  # Windows has no SIGHUP
        if signals.getsignal(number) == signals.SIG_DFL:  # under nohup, SIGHUP is ignored and stays so
            signals.signal(number, _raise)


def _raise(number: int, frame: FrameType | None) -> None:
    del frame
    raise Terminated(number)
