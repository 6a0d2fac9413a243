"""Google tokens: renewals of a crowd on an expired one, what a fresh one costs, a cold start, and none."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from bench.processes import BIN, clean_environment, in_rounds
from bench.result import TIMES, Budget, Result, Table, in_pairs, package, spread
from bench.rounds import PART_SECONDS, in_turns

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from keyturn.sandbox import Sandbox

CROWD_ROUNDS = 3
THREADS, TASKS = 32, 256
HOT_ROUNDS = 15
COLD_ROUNDS, MISSING_ROUNDS = 11, 3
MISSING_SECONDS = 3.0
# a token endpoint's answer takes so long, as from another continent
ANSWER_SECONDS = 0.1
QUESTION: dict[str, Any] = {
    "model": "claude-opus-5",
    "max_tokens": 8,
    "messages": [{"role": "user", "content": "Hello"}],
}
OURS, OFFICIAL = "**keyturn**", "official client by itself"
_ADC = (
    "import google.auth, google.auth.transport.requests as t; "
    "c, _ = google.auth.default(scopes=['https://www.googleapis.com/auth/cloud-platform']); "
    "c.refresh(t.Request()); print(c.token)"
)
BARE, KEYTURN, SCRIPT = "`python -c pass`", "**`keyturn token`**", "`google.auth.default()`, in a script"


def run(_peers: str | None = None) -> Result:
    """Measure all four, each beside what there is without keyturn."""
    from keyturn.sandbox import Sandbox

    with tempfile.TemporaryDirectory(prefix="bench-") as home, Sandbox(lifetime=3600) as sandbox:
        key = Path(home, "key.json")
        key.write_text(json.dumps(sandbox.google.key_file(sandbox.api_base_url)))
        key.chmod(0o600)
        env = clean_environment(
            home,
            KEYTURN_HOME=f"{home}/keyturn",
            CLAUDE_CODE_USE_VERTEX="1",
            CLOUD_ML_REGION="us-east5",
            ANTHROPIC_VERTEX_BASE_URL=f"{sandbox.api_base_url}/v1",
            ANTHROPIC_VERTEX_PROJECT_ID="sandbox-project",
            GOOGLE_APPLICATION_CREDENTIALS=str(key),
        )
        os.environ.update(env)  # google-auth and the official client read nothing else
        crowds = {name: [_crowd(sandbox, name) for _ in range(CROWD_ROUNDS)] for name in CROWDS}
        hot, awaited = _hot(), asyncio.run(_hot_awaited())
        cold = _cold(env)
        missing = _missing(
            clean_environment(home, KEYTURN_HOME=f"{home}/keyturn", CLAUDE_CODE_USE_VERTEX="1")
        )
    return _result(crowds, {**hot, **awaited}, cold, missing)


# -- a crowd on an expired token


def _clients(name: str, *, asynchronous: bool) -> Any:  # noqa: ANN401 - of either side
    if name == OURS:
        import keyturn

        return keyturn.async_anthropic() if asynchronous else keyturn.anthropic()
    import anthropic

    return anthropic.AsyncAnthropicVertex() if asynchronous else anthropic.AnthropicVertex()


def _threads(sandbox: Sandbox, name: str) -> int:
    client = _clients(name, asynchronous=False)
    _until_expired(sandbox, lambda: client.messages.create(**QUESTION))
    failed: list[Exception] = []

    def ask() -> None:
        try:
            client.messages.create(**QUESTION)
        except Exception as error:  # noqa: BLE001 - counted, whatever it is
            failed.append(error)

    threads = [threading.Thread(target=ask) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(failed)


def _tasks(sandbox: Sandbox, name: str) -> int:
    async def crowd() -> int:
        client = _clients(name, asynchronous=True)
        sandbox.set(lifetime=1.0)
        await client.messages.create(**QUESTION)
        _after_expiry(sandbox)
        asked = (client.messages.create(**QUESTION) for _ in range(TASKS))
        said = await asyncio.gather(*asked, return_exceptions=True)
        return sum(isinstance(one, BaseException) for one in said)

    return asyncio.run(crowd())


CROWDS: dict[str, tuple[Callable[[Sandbox, str], int], str]] = {
    f"{who}, {what}": (how, who)
    for how, what in ((_threads, f"{THREADS} threads"), (_tasks, f"{TASKS} tasks"))
    for who in (OURS, OFFICIAL)
}


def _crowd(sandbox: Sandbox, name: str) -> dict[str, int]:
    """Token requests and failures of one crowd."""
    how, who = CROWDS[name]
    failed = how(sandbox, who)
    renewals = sandbox.log.count("google-token")
    sandbox.set(token_delay=0.0, lifetime=3600.0)
    return {"renewals": renewals, "failed": failed}


def _until_expired(sandbox: Sandbox, ask: Callable[[], object]) -> None:
    sandbox.set(lifetime=1.0)
    ask()
    _after_expiry(sandbox)


def _after_expiry(sandbox: Sandbox) -> None:
    time.sleep(1.1)
    sandbox.set(lifetime=3600.0, token_delay=ANSWER_SECONDS)
    sandbox.log.clear()


# -- a fresh token


def _google() -> Any:  # noqa: ANN401 - google-auth's credentials
    import google.auth
    from google.auth.transport.requests import Request

    credentials, _ = google.auth.default(scopes=["https://www.googleapis.com/auth/cloud-platform"])
    credentials.refresh(Request())  # type: ignore[no-untyped-call]
    return credentials


def _hot() -> dict[str, list[float]]:
    import anthropic

    from keyturn.auth import Auth

    auth, credentials = Auth(), _google()
    client = anthropic.AnthropicVertex(credentials=credentials)
    url = "https://us-east5-aiplatform.googleapis.com/v1/x"
    auth.credential()
    parts: dict[str, Callable[[], object]] = {
        "keyturn `auth.credential()`": auth.credential,
        "keyturn `auth.headers()`": auth.headers,
        "official client `_ensure_access_token()`": client._ensure_access_token,  # noqa: SLF001 - its way to a token
        "google-auth `before_request()`": lambda: credentials.before_request(None, "POST", url, {}),
    }
    return in_turns(parts, HOT_ROUNDS)


async def _hot_awaited() -> dict[str, list[float]]:
    import anthropic

    from keyturn.auth import Auth

    auth = Auth()
    client = anthropic.AsyncAnthropicVertex(credentials=_google())
    await auth.acredential()
    parts: dict[str, Callable[[], Awaitable[object]]] = {
        "keyturn `await auth.acredential()`": auth.acredential,
        "official client `await _ensure_access_token()`": client._ensure_access_token,  # noqa: SLF001 - as above
    }
    found: dict[str, list[float]] = {name: [] for name in parts}
    for _ in range(HOT_ROUNDS):
        for name, part in parts.items():
            count, began = 0, time.perf_counter()
            while time.perf_counter() - began < PART_SECONDS:
                for _ in range(100):
                    await part()
                count += 100
            found[name].append((time.perf_counter() - began) / count)
    return found


# -- whole processes


def _cold(env: Mapping[str, str]) -> dict[str, list[float]]:
    programs = {
        BARE: [sys.executable, "-c", "pass"],
        KEYTURN: [str(BIN / "keyturn"), "token"],
        SCRIPT: [sys.executable, "-c", _ADC],
    }
    return in_rounds(programs, env, COLD_ROUNDS)


def _missing(env: Mapping[str, str]) -> dict[str, list[float]]:
    """Seconds to the error where a metadata server is promised, and takes connections, and never answers."""
    programs = {
        KEYTURN: [str(BIN / "keyturn"), "token"],
        SCRIPT: [sys.executable, "-c", _ADC],
    }
    found: dict[str, list[float]] = {name: [] for name in programs}
    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
        host = f"127.0.0.1:{silent.getsockname()[1]}"
        silence = {**env, "GCE_METADATA_HOST": host, "GCE_METADATA_IP": host}
        for _ in range(MISSING_ROUNDS):
            for name, argv in programs.items():
                began = time.perf_counter()
                done = subprocess.run(argv, env=silence, capture_output=True, check=False)
                found[name].append(time.perf_counter() - began)
                if done.returncode == 0:
                    raise RuntimeError(f"{name} has a token where there is none")
    return found


def _result(
    crowds: dict[str, list[dict[str, int]]],
    hot: dict[str, list[float]],
    cold: dict[str, list[float]],
    missing: dict[str, list[float]],
) -> Result:
    worst = {name: max(one["renewals"] for one in runs) for name, runs in crowds.items()}
    ours = [name for name in crowds if name.startswith(OURS)]
    return Result(
        name="vertex",
        title="Google tokens on the Vertex route",
        method="A service account's key, a token endpoint and a Vertex of the sandbox on loopback, and the "
        f"official client `AnthropicVertex` on both sides. {CROWD_ROUNDS} times a crowd that finds its token "
        f"expired, with a token endpoint that takes {ANSWER_SECONDS * 1e3:g} ms; {HOT_ROUNDS} rounds in one "
        f"process with a fresh token; {COLD_ROUNDS} rounds of whole processes that get a token; "
        f"{MISSING_ROUNDS} where there is no credentials file, and a metadata server takes connections and "
        "never answers.",
        tables=(
            Table(
                "A crowd on an expired token",
                ("who", "token requests, each time", "requests that failed"),
                tuple(
                    (
                        name,
                        ", ".join(str(one["renewals"]) for one in runs),
                        str(sum(one["failed"] for one in runs)),
                    )
                    for name, runs in crowds.items()
                ),
            ),
            Table(
                "A request with a fresh token",
                ("call", "\N{MICRO SIGN}s: median (range)"),
                tuple((name, spread([sample * 1e6 for sample in samples])) for name, samples in hot.items()),
            ),
            Table(
                "A new process gets a token",
                ("program", "ms: median (range)", f"{TIMES} {BARE}"),
                tuple(
                    (
                        name,
                        spread([sample * 1e3 for sample in samples]),
                        f"{in_pairs(samples, cold[BARE]):.3g}",
                    )
                    for name, samples in cold.items()
                ),
            ),
            Table(
                "No credentials, and a metadata server that is silent",
                ("program", "s to the error: median (range)"),
                tuple((name, spread(samples)) for name, samples in missing.items()),
            ),
        ),
        budgets=(
            Budget("token requests of keyturn's crowds, worst", 1, max(worst[name] for name in ours), ""),
            Budget(
                "requests of them that failed",
                0,
                sum(one["failed"] for name in ours for one in crowds[name]),
                "",
            ),
            Budget(
                "`auth.credential()`, of the official client's `_ensure_access_token`",
                0.5,
                in_pairs(hot["keyturn `auth.credential()`"], hot["official client `_ensure_access_token()`"]),
            ),
            Budget("`keyturn token`, of the script", 1.0, in_pairs(cold[KEYTURN], cold[SCRIPT])),
            Budget(
                "until the error without credentials",
                MISSING_SECONDS,
                median(missing[KEYTURN]),
                "s",
            ),
        ),
        numbers={
            "crowds": crowds,
            "seconds a call": hot,
            "seconds a process": cold,
            "seconds to the error": missing,
            "versions": [package("anthropic"), package("google-auth")],
        },
    )
