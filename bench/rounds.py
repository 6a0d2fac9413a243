"""Short calls timed in turns, so that what disturbs one disturbs its neighbours in the same round."""

from __future__ import annotations

from timeit import Timer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PART_SECONDS = 0.1


def in_turns(parts: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of one call of each part, once a round; a part takes `PART_SECONDS` of its round."""
    timers = {name: Timer(part) for name, part in parts.items()}
    counts = {}
    for name, timer in timers.items():
        loops, seconds = timer.autorange()
        counts[name] = max(1, int(loops * PART_SECONDS / seconds))
    found: dict[str, list[float]] = {name: [] for name in parts}
    for _ in range(rounds):
        for name, timer in timers.items():
            found[name].append(timer.timeit(counts[name]) / counts[name])
    return found
