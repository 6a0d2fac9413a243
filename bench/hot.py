"""One request with a token that is fresh: what `credential()` and `acredential()` cost a running program."""

from __future__ import annotations

import asyncio
import tempfile
import time
from statistics import median
from timeit import Timer
from typing import TYPE_CHECKING

from bench.clients import client_named
from bench.result import TIMES, Budget, Result, Table, in_pairs, package

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from anthropic.lib.credentials import TokenCache

    from keyturn.auth import Auth

ROUNDS = 21
# each part of a round takes so long; all rounds together see many of keyturn's looks at the store (every 2 s)
PART_SECONDS = 0.15
LOGIN = {"access_token": "sk-ant-test-oat-hot", "refresh_token": "sk-ant-test-ort-hot"}
NOWHERE = "http://127.0.0.1:9"


class Floor:
    """The least anybody can do: compare a deadline with the clock, and return a text."""

    def __init__(self) -> None:
        self._until = time.time() + 3600
        self._token = LOGIN["access_token"]

    def token(self) -> str:
        """The text."""
        return self._token if time.time() < self._until else ""


def run(_peers: str | None = None) -> Result:
    """Measure both faces."""
    with tempfile.TemporaryDirectory(prefix="bench-") as home, tempfile.TemporaryDirectory() as sdk_home:
        auth, cache = _keyturn(home), _sdk(sdk_home)
        plain = _rounds(
            {
                "an empty function": lambda: None,
                "floor: a deadline and a text": Floor().token,
                "keyturn `auth.credential()`": auth.credential,
                "keyturn, its token as text": lambda: auth.credential().secret.reveal(),  # noqa: PLW0108 - each time anew
                "keyturn `auth.headers()`": auth.headers,
                "SDK `TokenCache.get_token()`": cache.get_token,
            }
        )
        awaited = asyncio.run(
            _awaited(
                {
                    "keyturn `await auth.acredential()`": auth.acredential,
                    "SDK `await TokenCache.async_get_token()`": cache.async_get_token,
                }
            )
        )
    sync_ratio = in_pairs(plain["keyturn `auth.credential()`"], plain["SDK `TokenCache.get_token()`"])
    async_ratio = in_pairs(*awaited.values())
    return Result(
        name="hot",
        title="A request with a fresh token",
        method=f"One process, a stored login of each kind. {ROUNDS} rounds, each with all in turn for "
        f"{PART_SECONDS:g} s; medians, and ratios inside a round. keyturn's look at the store every 2 s is "
        "part of it.",
        tables=(
            _table("Synchronous", plain, "SDK `TokenCache.get_token()`"),
            _table("On the event loop", awaited, "SDK `await TokenCache.async_get_token()`"),
        ),
        budgets=(
            Budget("`auth.credential()`, of the SDK's `get_token`", 0.5, sync_ratio),
            Budget("`await auth.acredential()`, of the SDK's `async_get_token`", 0.02, async_ratio),
        ),
        numbers={"seconds a call": {**plain, **awaited}, "versions": [package("anthropic")]},
    )


def _keyturn(home: str) -> Auth:
    from keyturn.auth import Auth
    from keyturn.world import World

    client_named("keyturn").keep(home, {**LOGIN, "expires_at": time.time() + 3600}, NOWHERE)
    auth = Auth(world=World({"KEYTURN_HOME": home}))
    auth.credential()
    return auth


def _sdk(home: str) -> TokenCache:
    from anthropic.lib.credentials import CredentialsFile, TokenCache

    client = client_named("sdk")
    client.keep(home, {**LOGIN, "expires_at": time.time() + 3600}, NOWHERE)
    client.open(home, NOWHERE)  # names the directory
    cache = TokenCache(CredentialsFile("default"))
    cache.get_token()
    return cache


def _rounds(parts: dict[str, Callable[[], object]]) -> dict[str, list[float]]:
    timers = {name: Timer(part) for name, part in parts.items()}
    counts = {name: _count(timer) for name, timer in timers.items()}
    found: dict[str, list[float]] = {name: [] for name in parts}
    for _ in range(ROUNDS):
        for name, timer in timers.items():
            found[name].append(timer.timeit(counts[name]) / counts[name])
    return found


def _count(timer: Timer) -> int:
    loops, seconds = timer.autorange()
    return max(1, int(loops * PART_SECONDS / seconds))


async def _awaited(parts: dict[str, Callable[[], Awaitable[object]]]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {name: [] for name in parts}
    for number in range(ROUNDS + 1):
        for name, part in parts.items():
            count, start = 0, time.perf_counter()
            while (seconds := time.perf_counter() - start) < PART_SECONDS:
                for _ in range(100):
                    await part()
                count += 100
            if number:  # the first round makes the worker threads
                found[name].append(seconds / count)
    return found


def _table(title: str, found: dict[str, list[float]], to: str) -> Table:
    return Table(
        title,
        ("what", "µs a call", f"{TIMES} {to}"),
        tuple(
            (name, f"{median(samples) * 1e6:.3g}", f"{in_pairs(samples, found[to]):.3g}")
            for name, samples in found.items()
        ),
    )
