"""An interrupt before one chosen step of a call, as Ctrl-C could come there; the next step, the next time."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from types import FrameType

    from _typeshed import TraceFunction


def stopped_at(step: int, call: Callable[[], object], files: Collection[str | None]) -> bool:
    """Call it, interrupted before its step of that number within `files`; False where it has fewer steps.

    A step is an instruction, where this Python tells of each (3.12.1 does not), else a line.
    """
    left = step

    def trace(frame: FrameType, event: str, _: object) -> TraceFunction | None:
        nonlocal left
        if frame.f_code.co_filename not in files or frame.f_code.co_name == "__del__":
            return None
        frame.f_trace_opcodes = True
        if event in {"opcode", "line"}:
            left -= 1
            if left == 0:
                raise KeyboardInterrupt
        return trace

    earlier = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(earlier)
    return False
