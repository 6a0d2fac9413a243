"""A pen whose programs have threads, may be stopped or killed, and ask again: `python -m bench.crowd …`.

As `bench.pen` the crowd loads the client, renews once, forks, and lets all ask at one instant. While they
do, it may send a signal to the one that holds the lock (which its file names), at a random moment of what
that one does under it.
"""

from __future__ import annotations

import gc
import json
import os
import random
import select
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NoReturn

from bench.clients import client_named
from bench.judge import fingerprint
from bench.pen import SETTLE_SECONDS, Pen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bench.clients import Client, Session

STOP_SECONDS = 12.0
# from the lock to the end of a renewal that is answered after 50 ms, on a machine that has other work
UNDER_LOCK_SECONDS = 0.08
PATIENCE_SECONDS = 150.0


class Crowd(Pen):
    """The crowd's process, and the orders the bench gives it."""

    MODULE = "bench.crowd"

    def __init__(self, client: str, judge: str, processes: int, threads: int) -> None:
        super().__init__(client, judge, f"{processes}x{threads}")

    def ask(
        self, login: dict[str, object], *, rejected: bool = False, again: bool = False, harm: str = ""
    ) -> list[dict[str, Any]]:
        """Let all ask at once: for each program that lives, its threads' tokens and errors, counted.

        With `rejected` each has used the stored token, and was answered 401. With `again` those who got an
        error ask once more, when the pause it named is over. `harm` is stop or kill, for who holds the lock.
        """
        order = {"login": login, "rejected": rejected, "again": again, "harm": harm}
        rows: list[dict[str, Any]] = self._order(order)
        return rows


class Programs:
    """The forked programs, seen from the crowd."""

    def __init__(self, client: Client, judge: str, processes: int, threads: int) -> None:
        self._run = lambda orders, rows: _run(client, judge, threads, orders, rows)
        self._orders: dict[int, IO[str]] = {}
        self._rows, self._rows_out = os.pipe()
        self._read = b""
        gc.freeze()
        for _ in range(processes):
            self._fork()

    def race(self, homes: Iterable[str], *, rejected: bool, harm: str = "") -> list[dict[str, Any]]:
        """One race of all, each in its home; whoever was killed has no row, and is replaced."""
        homes = list(homes)
        self._tell({"home": home, "rejected": rejected} for home in homes)
        self._answers()
        rows = self.again(harm, Path(homes[0], "logins", "default.lock"))
        for _ in range(len(homes) - len(self._orders)):
            self._fork()
        return rows

    def again(self, harm: str = "", lock: Path | None = None) -> list[dict[str, Any]]:
        """The gun alone."""
        start = time.monotonic() + SETTLE_SECONDS
        self._tell({"start": start} for _ in self._orders)
        if harm and lock is not None:
            self._harm(harm, lock)
        return self._answers()

    def end(self) -> None:
        """Let all go, and wait until they have."""
        for order in self._orders.values():
            order.close()
        for pid in self._orders:
            os.waitpid(pid, 0)

    def _fork(self) -> None:
        order_in, order_out = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(order_out)
            os.close(self._rows)
            for other in self._orders.values():
                other.close()
            self._run(os.fdopen(order_in), self._rows_out)
        os.close(order_in)
        self._orders[pid] = os.fdopen(order_out, "w")

    def _harm(self, harm: str, lock: Path) -> None:
        holder = self._holder(lock)
        time.sleep(random.uniform(0, UNDER_LOCK_SECONDS))  # noqa: S311 - no secret
        if harm == "stop":
            os.kill(holder, signal.SIGSTOP)
            time.sleep(STOP_SECONDS)
            os.kill(holder, signal.SIGCONT)
        else:
            os.kill(holder, signal.SIGKILL)
            os.waitpid(holder, 0)
            self._orders.pop(holder).close()

    def _holder(self, lock: Path) -> int:
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end:
            words = lock.read_text().split()
            if words and int(words[0]) in self._orders:
                return int(words[0])
            time.sleep(0.0005)
        raise RuntimeError("nobody took the lock")

    def _tell(self, orders: Iterable[dict[str, object]]) -> None:
        for pipe, order in zip(self._orders.values(), orders, strict=True):
            print(json.dumps(order), file=pipe, flush=True)

    def _answers(self) -> list[dict[str, Any]]:
        """One row of each that lives."""
        rows: list[dict[str, Any]] = []
        while {row["pid"] for row in rows} < set(self._orders):
            ready, _, _ = select.select([self._rows], [], [], PATIENCE_SECONDS)
            if not ready:
                raise RuntimeError("a program does not answer")
            *lines, self._read = (self._read + os.read(self._rows, 1 << 16)).split(b"\n")
            rows += [row for row in map(json.loads, lines) if row["pid"] in self._orders]
        return rows


def _serve(client: Client, judge: str, processes: int, threads: int) -> None:
    client.load()
    programs = None
    while line := sys.stdin.readline():
        order = json.loads(line)
        logins = order["warm"] if programs is None else [order["login"]]
        homes = [tempfile.mkdtemp(prefix="bench-") for _ in logins]
        try:
            for home, login in zip(homes, logins, strict=True):
                client.keep(home, login, judge)
            if programs is None:
                client.open(homes[0], judge).token()
                programs = Programs(client, judge, processes, threads)
                answer = programs.race(homes[1:], rejected=False)
            else:
                answer = programs.race(homes * processes, rejected=order["rejected"], harm=order["harm"])
                if order["again"]:
                    _end_pause(homes[0])
                    answer = programs.again()
        finally:
            for home in homes:
                shutil.rmtree(home)
        print(json.dumps(answer), flush=True)
    if programs is not None:
        programs.end()


def _end_pause(home: str) -> None:
    """What is remembered of a failure becomes old enough to try again; nothing else changes."""
    from keyturn.stores.file import FileStore
    from keyturn.world import World

    held = FileStore(World({"KEYTURN_HOME": home}), "default").hold(seconds=30)
    assert held is not None  # noqa: S101 - all have answered
    with held:
        trouble = held.trouble.read()
        if trouble is not None:
            held.trouble.write(trouble.replace(at=trouble.at - 600, retry_at=trouble.retry_at - 600))


def _run(client: Client, judge: str, threads: int, orders: IO[str], rows: int) -> NoReturn:
    """One program, race after race."""
    session: Session | None = None
    ask: Callable[[], str] | None = None
    tokens: list[str] = []
    while line := orders.readline():
        order = json.loads(line)
        if "home" in order:
            session, tokens = client.open(order["home"], judge), []
            ask = session.token
            if order["rejected"]:
                session.token()
                ask = session.renewed
            os.write(rows, json.dumps({"pid": os.getpid()}).encode() + b"\n")
            continue
        assert ask is not None  # noqa: S101 - the gun comes after the home
        errors: list[str] = []
        missing = threads - len(tokens)
        asking = [
            threading.Thread(target=_ask, args=(ask, order["start"], tokens, errors)) for _ in range(missing)
        ]
        for thread in asking:
            thread.start()
        for thread in asking:
            thread.join()
        row = {"pid": os.getpid(), "tokens": Counter(tokens), "errors": Counter(errors)}
        os.write(rows, json.dumps(row).encode() + b"\n")
    os._exit(0)


def _ask(ask: Callable[[], str], start: float, tokens: list[str], errors: list[str]) -> None:
    time.sleep(max(0.0, start - time.monotonic()))
    try:
        tokens.append(fingerprint(ask()))
    except Exception as error:  # noqa: BLE001 - whatever it is, it is this thread's result
        errors.append(f"{type(error).__name__}: {error}"[:160])


if __name__ == "__main__":
    _serve(client_named(sys.argv[1]), sys.argv[2], *map(int, sys.argv[3].split("x")))
