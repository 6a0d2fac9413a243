"""A heartbeat on an event loop: how late it is says how long the waiting tasks held that up."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

BEAT_SECONDS = 0.005


async def measured(ask: Callable[[], Awaitable[object]], tasks: int) -> tuple[list[float], list[object]]:
    """How late each beat was, in seconds, and what each of the tasks got."""
    late: list[float] = []
    beating = asyncio.create_task(_beat(late))
    await asyncio.sleep(BEAT_SECONDS * 4)
    answers = await asyncio.gather(*(ask() for _ in range(tasks)), return_exceptions=True)
    await asyncio.sleep(BEAT_SECONDS * 4)
    beating.cancel()
    return late, answers


async def _beat(late: list[float]) -> None:
    while True:
        due = time.perf_counter() + BEAT_SECONDS
        await asyncio.sleep(BEAT_SECONDS)
        late.append(max(0.0, time.perf_counter() - due))
