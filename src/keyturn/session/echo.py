"""What is typed while an answer streams waits for the next prompt, and is not mixed into the answer."""

from __future__ import annotations

import contextlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO


@contextlib.contextmanager
def without_echo(stdin: TextIO) -> Iterator[None]:
    """Let the terminal show nothing of what is typed; Ctrl-C still interrupts."""
    try:
        import termios
    except ModuleNotFoundError:  # Windows shows nothing by itself
        yield
        return
    try:
        descriptor = stdin.fileno()
        before = termios.tcgetattr(descriptor)
    except (OSError, ValueError, termios.error):  # no terminal
        yield
        return
    silent = [*before]
    silent[3] = before[3] & ~termios.ECHO
    termios.tcsetattr(descriptor, termios.TCSANOW, silent)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSANOW, before)
