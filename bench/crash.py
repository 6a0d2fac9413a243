"""The program that renews is killed in the middle of it, and the next one wants a token."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from statistics import median
from typing import TYPE_CHECKING

from bench.clients import TITLES, client_named
from bench.judge import Judge
from bench.processes import BIN, clean_environment, seconds
from bench.result import Budget, Result, Table, spread

if TYPE_CHECKING:
    from bench.clients import Client
    from bench.judge import Trial

RUNS = 20
ANSWER_SECONDS = 0.05
WAITED_SECONDS = 0.01
NAMES = ("keyturn", "reference")


def run(_peers: str | None = None) -> Result:
    """One that waits already, and one that starts afterwards."""
    waits: dict[str, list[float]] = {name: [] for name in NAMES}
    beyond: list[float] = []
    with Judge() as judge:
        for name in NAMES:
            client = client_named(name)
            client.load()
            _renew_once(client, judge)
            while len(waits[name]) < RUNS:
                found = _waiter(client, judge)
                if found is not None:
                    waits[name].append(found)
        while len(beyond) < RUNS:
            after = _start(judge, crash=True)
            usual = _start(judge, crash=False)
            if after is not None and usual is not None:
                beyond.append(after - usual)
    rows = [
        (TITLES[name], "a program that waits for it", spread([one * 1e3 for one in found]))
        for name, found in waits.items()
    ]
    rows.append(
        (TITLES["keyturn"], "`keyturn token`, beyond its usual time", spread([one * 1e3 for one in beyond]))
    )
    return Result(
        name="crash",
        title="The program that renews is killed",
        method=f"kill -9 between its request and the answer, which takes {ANSWER_SECONDS * 1e3:g} ms; "
        f"the server drops a request whose sender is gone. {RUNS} runs. Counted from the kill to "
        "the next program's token, with that one's own request.",
        tables=(
            Table("Until the next one has a token", ("client", "next", "ms: median (range)"), tuple(rows)),
        ),
        budgets=(
            Budget("a waiting program has its token, median", 0.3, median(waits["keyturn"]), "s"),
            Budget("a program started afterwards takes longer than usual, median", 0.3, median(beyond), "s"),
        ),
        numbers={"seconds": {**waits, "started, beyond the usual": beyond}},
    )


def _renew_once(client: Client, judge: Judge) -> None:
    """Import what a renewal imports, before anybody is forked."""
    _, home = _expired(client, judge)
    client.open(home, judge.origin).token()
    shutil.rmtree(home)


def _waiter(client: Client, judge: Judge) -> float | None:
    """Seconds from the kill to the waiter's token; None when the kill came too late to be one."""
    trial, home = _expired(client, judge)
    go_in, go_out = os.pipe()
    done_in, done_out = os.pipe()
    waiter = _fork(client, home, judge, go_in, done_out)
    holder = _fork(client, home, judge, None, None)
    _until_asked(trial)
    os.write(go_out, b".")
    time.sleep(WAITED_SECONDS)
    killed = _kill(holder)
    done = float(os.read(done_in, 64))
    os.waitpid(waiter, 0)
    for descriptor in (go_in, go_out, done_in, done_out):
        os.close(descriptor)
    shutil.rmtree(home)
    return done - killed if _crashed(trial) else None


def _fork(client: Client, home: str, judge: Judge, go: int | None, done: int | None) -> int:
    """A program that asks for a token, once it may."""
    child = os.fork()
    if child:
        return child
    try:
        session = client.open(home, judge.origin)
        if go is not None:
            os.read(go, 1)
        session.token()
        if done is not None:
            os.write(done, str(time.monotonic()).encode())
    finally:
        os._exit(0)


def _start(judge: Judge, *, crash: bool) -> float | None:
    """Seconds of a whole `keyturn token` on an expired login, perhaps right after a crash."""
    client = client_named("keyturn")
    trial, home = _expired(client, judge)
    if crash:
        _kill(_asking(client, home, judge, trial))
    took = seconds([str(BIN / "keyturn"), "token"], clean_environment(home, KEYTURN_HOME=home))
    shutil.rmtree(home)
    return took if _crashed(trial) == crash else None


def _asking(client: Client, home: str, judge: Judge, trial: Trial) -> int:
    holder = _fork(client, home, judge, None, None)
    _until_asked(trial)
    return holder


def _expired(client: Client, judge: Judge) -> tuple[Trial, str]:
    trial, home = judge.new_login(ANSWER_SECONDS), tempfile.mkdtemp(prefix="bench-")
    client.keep(home, trial.login(seconds_left=-60), judge.origin)
    return trial, home


def _until_asked(trial: Trial) -> None:
    while not trial.verdict()["requests"]:
        time.sleep(0.001)


def _kill(holder: int) -> float:
    """Kill it; when that was, on the monotonic clock."""
    killed = time.monotonic()
    os.kill(holder, signal.SIGKILL)
    os.waitpid(holder, 0)
    return killed


def _crashed(trial: Trial) -> bool:
    """Whether one request lost its sender, and the next was granted. RuntimeError when the login is lost."""
    verdict = trial.verdict()
    if not verdict["alive"] or verdict["granted"] != 1:
        raise RuntimeError("the login did not survive the crash")
    return bool(verdict["gone"] == 1)
