"""64 tasks wait for a helper that takes five seconds: what another task of the same event loop notices."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from bench.beats import BEAT_SECONDS, measured
from bench.result import Budget, Result, Table, spread

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

TASKS = 64
RUNS = 5
HELPER_SECONDS = 5
IDLE, OURS = "64 tasks that only sleep", "64 tasks at `await auth.acredential()`"
LINE = f'echo run >> "$HOME/runs"; sleep {HELPER_SECONDS}; echo sk-ant-test-of-the-bench'


@dataclass(frozen=True, slots=True)
class Beats:
    """One run: how late the beats were, in milliseconds, how often the helper ran, how many got nothing."""

    median_ms: float
    worst_ms: float
    beats: int
    executions: int
    failed: int


def run(_peers: str | None = None) -> Result:
    """Both in turn in every round, after one round that is not counted."""
    found: dict[str, list[Beats]] = {IDLE: [], OURS: []}
    for number in range(-1, RUNS):
        for name, runs in found.items():
            beats = _run(name)
            if number >= 0:
                runs.append(beats)
    ours = found[OURS]
    return Result(
        name="helper",
        title="The event loop while a helper runs",
        method=f"One process, one event loop: {TASKS} tasks ask at once for what an `apiKeyHelper` prints, "
        f"which takes {HELPER_SECONDS} s and has not been run before. Another task wants to run every "
        f"{BEAT_SECONDS * 1e3:g} ms until all have theirs; how late it ran is measured. {RUNS} rounds after "
        "one that is not counted. The first row is the machine and the loop alone; the limit is one for a "
        "machine with nothing else to do.",
        tables=(
            Table(
                "How late, in ms",
                ("what waits", "median beat", "worst beat: median (range)", "executions", "failed"),
                tuple(_row(name, runs) for name, runs in found.items()),
            ),
        ),
        budgets=(
            Budget("the worst beat of a run, median", 20, median(one.worst_ms for one in ours), "ms"),
            Budget("executions of the helper in the worst run", 1, max(one.executions for one in ours), ""),
            Budget("tasks left without a key, in all runs", 0, sum(one.failed for one in ours), ""),
        ),
        numbers={"runs": {name: [asdict(one) for one in runs] for name, runs in found.items()}},
    )


def _run(name: str) -> Beats:
    if name == IDLE:
        late, _ = asyncio.run(measured(_sleep, TASKS))
        return Beats(median(late) * 1e3, max(late) * 1e3, len(late), 0, 0)
    home = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        (home / ".claude").mkdir()
        (home / ".claude" / "settings.json").write_text(json.dumps({"apiKeyHelper": LINE}))
        late, answers = asyncio.run(measured(_asking(home), TASKS))
        executions = len((home / "runs").read_text().splitlines())
    finally:
        shutil.rmtree(home)
    failed = sum(answer != "sk-ant-test-of-the-bench" for answer in answers)
    return Beats(median(late) * 1e3, max(late) * 1e3, len(late), executions, failed)


def _asking(home: Path) -> Callable[[], Awaitable[object]]:
    from keyturn.auth import Auth
    from keyturn.world import World

    env = {"HOME": str(home), "KEYTURN_HOME": str(home / "keyturn"), "PATH": os.environ["PATH"]}
    auth = Auth(world=World(env))

    async def key() -> str:
        return (await auth.acredential()).secret.reveal()

    return key


async def _sleep() -> None:
    await asyncio.sleep(HELPER_SECONDS)


def _row(name: str, runs: list[Beats]) -> tuple[str, ...]:
    return (
        f"**{name}**" if name == OURS else name,
        f"{median(one.median_ms for one in runs):.2g}",
        spread([one.worst_ms for one in runs]),
        str(max(one.executions for one in runs)) if name == OURS else "",
        str(sum(one.failed for one in runs)),
    )
