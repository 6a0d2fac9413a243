"""N programs of one client that go off at the same instant: `python -m bench.pen CLIENT JUDGE COUNT`.

The pen loads the client, renews once, and forks N processes that live through all races: programs that have
run for a while, not ones that still copy their memory or import. The starting gun is an instant on the
monotonic clock, which is the same for all of them. Orders come as JSON lines.
"""

from __future__ import annotations

import gc
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from typing import IO, TYPE_CHECKING, Any, Self

from bench.clients import client_named
from bench.judge import fingerprint
from bench.processes import ROOT, clean_environment

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    from bench.clients import Client

# all have read their login by then; this is for being told, and for lying down before the gun
SETTLE_SECONDS = 0.05


class Pen:
    """The pen's process, and the orders the bench gives it."""

    MODULE = "bench.pen"

    def __init__(self, client: str, judge: str, count: int | str, python: str = sys.executable) -> None:
        self.client = client
        self._process = subprocess.Popen(
            [python, "-m", self.MODULE, client, judge, str(count)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # the SDK warns there; what failed is in the answer
            text=True,
            cwd=ROOT,
            env=clean_environment(tempfile.gettempdir()),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None  # noqa: S101 - it was asked for
        self._process.stdin.close()
        self._process.wait()

    def warm(self, logins: list[dict[str, object]]) -> None:
        """Renew the first of these expired logins, fork, and let each process renew one of the others.

        Afterwards all is imported, and the memory that a renewal touches is each process's own.
        """
        self._order({"warm": logins})

    def race(self, login: dict[str, object], *, rejected: bool) -> list[dict[str, Any]]:
        """Let all ask at once: seconds from the gun to each answer, with a token's fingerprint or an error.

        With `rejected` each has used the stored token, and was answered 401.
        """
        rows: list[dict[str, Any]] = self._order({"login": login, "rejected": rejected})
        return rows

    def _order(self, order: dict[str, object]) -> Any:  # noqa: ANN401 - the answer of each order
        assert self._process.stdin is not None  # noqa: S101 - it was asked for
        assert self._process.stdout is not None  # noqa: S101 - it was asked for
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the pen of {self.client} ended with status {self._process.wait()}")
        return json.loads(line)


class Field:
    """The forked processes, seen from the pen."""

    def __init__(self, client: Client, judge: str, count: int) -> None:
        self._orders: list[IO[str]] = []
        rows_in, rows_out = os.pipe()
        gc.freeze()
        for _ in range(count):
            order_in, order_out = os.pipe()
            if os.fork() == 0:
                os.close(order_out)
                for other in self._orders:
                    other.close()
                _run(client, judge, os.fdopen(order_in), rows_out)
            os.close(order_in)
            self._orders.append(os.fdopen(order_out, "w"))
        os.close(rows_out)
        self._rows = os.fdopen(rows_in)

    def race(self, homes: list[str], *, rejected: bool) -> list[dict[str, Any]]:
        """One race of all, each in its home."""
        self._tell({"home": home, "rejected": rejected} for home in homes)
        self._answers()
        start = time.monotonic() + SETTLE_SECONDS
        self._tell({"start": start} for _ in homes)
        return self._answers()

    def _tell(self, orders: Iterable[dict[str, object]]) -> None:
        for pipe, order in zip(self._orders, orders, strict=True):
            print(json.dumps(order), file=pipe, flush=True)

    def _answers(self) -> list[dict[str, Any]]:
        return [json.loads(self._rows.readline()) for _ in self._orders]

    def end(self) -> None:
        """Let all go, and wait until they have."""
        for order in self._orders:
            order.close()
        for _ in self._orders:
            os.wait()


def _serve(client: Client, judge: str, count: int) -> None:
    client.load()
    field = None
    while line := sys.stdin.readline():
        order = json.loads(line)
        logins = order["warm"] if field is None else [order["login"]]
        homes = [tempfile.mkdtemp(prefix="bench-") for _ in logins]
        try:
            for home, login in zip(homes, logins, strict=True):
                client.keep(home, login, judge)
            if field is None:
                client.open(homes[0], judge).token()
                field = Field(client, judge, count)
                answer = field.race(homes[1:], rejected=False)
            else:
                answer = field.race(homes * count, rejected=order["rejected"])
        finally:
            for home in homes:
                shutil.rmtree(home)
        print(json.dumps(answer), flush=True)
    if field is not None:
        field.end()


def _run(client: Client, judge: str, orders: IO[str], rows: int) -> None:
    """One program, race after race; never returns."""
    while line := orders.readline():
        order = json.loads(line)
        session = client.open(order["home"], judge)
        if order["rejected"]:
            session.token()
        os.write(rows, b"{}\n")
        start = json.loads(orders.readline())["start"]
        row: dict[str, object] = {"late": time.monotonic() > start}
        time.sleep(max(0.0, start - time.monotonic()))
        try:
            token = session.renewed() if order["rejected"] else session.token()
            row["seconds"] = time.monotonic() - start
            row["token"] = fingerprint(token)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this program's result
            row["seconds"] = time.monotonic() - start
            row["error"] = type(error).__name__
        os.write(rows, (json.dumps(row) + "\n").encode())
    os._exit(0)


if __name__ == "__main__":
    _serve(client_named(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
