"""200 tasks wait for one renewal: what another task of the same event loop notices of that."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from dataclasses import asdict, dataclass
from statistics import median
from typing import TYPE_CHECKING

from bench.beats import BEAT_SECONDS, measured
from bench.clients import client_named
from bench.judge import Judge, fingerprint
from bench.result import Budget, Result, Table, package, spread

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bench.clients import Client

TASKS = 200
RUNS = 9
ANSWER_SECONDS = 1.0
IDLE, OURS, SDK = "200 tasks that only sleep", "keyturn `await auth.acredential()`", "SDK `async_get_token()`"


@dataclass(frozen=True, slots=True)
class Beats:
    """One run: how late the beats were, in milliseconds, and what the 200 tasks got."""

    median_ms: float
    worst_ms: float
    beats: int
    requests: int
    failed: int


def run(_peers: str | None = None) -> Result:
    """All in turn in every round, after one round that is not counted."""
    found: dict[str, list[Beats]] = {IDLE: [], OURS: [], SDK: []}
    with Judge() as judge:
        for name in ("keyturn", "sdk"):
            client_named(name).load()
        for number in range(-1, RUNS):
            for name, runs in found.items():
                beats = _run(name, judge)
                if number >= 0:
                    runs.append(beats)
    ours = found[OURS]
    return Result(
        name="heartbeat",
        title="The event loop while a login is renewed",
        method=f"One process, one event loop: {TASKS} tasks ask for a token of an expired login at once, and "
        f"the server takes {ANSWER_SECONDS:g} s. Another task wants to run every "
        f"{BEAT_SECONDS * 1e3:g} ms until all have theirs; how late it ran is measured. {RUNS} rounds after "
        "one that is not counted, medians over the rounds. The first row is the machine and the loop alone; "
        "the limit is one for a machine with nothing else to do.",
        tables=(
            Table(
                "How late, in ms",
                ("what waits", "median beat", "worst beat: median (range)", "requests", "failed"),
                tuple(_row(name, runs) for name, runs in found.items()),
            ),
        ),
        budgets=(
            Budget("the worst beat of a run, median", 20, median(one.worst_ms for one in ours), "ms"),
            Budget("requests of keyturn in the worst run", 1, max(one.requests for one in ours), ""),
            Budget("tasks left without a working token, in all runs", 0, sum(one.failed for one in ours), ""),
        ),
        numbers={
            "runs": {name: [asdict(one) for one in runs] for name, runs in found.items()},
            "versions": [package("anthropic")],
        },
    )


def _run(name: str, judge: Judge) -> Beats:
    if name == IDLE:
        return _beats(asyncio.run(measured(_sleep, TASKS))[0], requests=0, failed=0)
    client = client_named("keyturn" if name == OURS else "sdk")
    trial = judge.new_login(ANSWER_SECONDS)
    home = tempfile.mkdtemp(prefix="bench-")
    try:
        client.keep(home, trial.login(seconds_left=-60), judge.origin)
        ask = _keyturn(home) if name == OURS else _sdk(client, home, judge)
        late, answers = asyncio.run(measured(ask, TASKS))
    finally:
        shutil.rmtree(home)
    verdict = trial.verdict()
    working = sum(
        isinstance(answer, str) and fingerprint(answer) in verdict["accepted"] for answer in answers
    )
    return _beats(late, requests=verdict["requests"], failed=TASKS - working)


def _beats(late: list[float], *, requests: int, failed: int) -> Beats:
    return Beats(median(late) * 1e3, max(late) * 1e3, len(late), requests, failed)


def _keyturn(home: str) -> Callable[[], Awaitable[object]]:
    from keyturn.auth import Auth
    from keyturn.world import World

    auth = Auth(world=World({"KEYTURN_HOME": home}))

    async def token() -> str:
        return (await auth.acredential()).secret.reveal()

    return token


def _sdk(client: Client, home: str, judge: Judge) -> Callable[[], Awaitable[object]]:
    cache = client.open(home, judge.origin)._cache  # noqa: SLF001 - the session of this bench
    return cache.async_get_token


async def _sleep() -> None:
    await asyncio.sleep(ANSWER_SECONDS)


def _row(name: str, runs: list[Beats]) -> tuple[str, ...]:
    requests = sorted({one.requests for one in runs})
    return (
        f"**{name}**" if name == OURS else name,
        f"{median(one.median_ms for one in runs):.2g}",
        spread([one.worst_ms for one in runs]),
        " to ".join(str(count) for count in dict.fromkeys((requests[0], requests[-1]))),
        str(sum(one.failed for one in runs)),
    )
