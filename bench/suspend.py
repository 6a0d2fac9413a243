"""A machine that sleeps in the middle of a renewal, as far as one process shows it: stopped for 70 s.

`.venv/bin/python -m bench.suspend` takes five minutes, and ends with 1 when something is not as
expected. Expected: three others wait 45 s for the program that is stopped, and then each gets an error that
names it. When it goes on, and its request had left whole, it gets its token, everybody has the same one, and
one request was sent in all. With half a request sent its time is over: it gets an error, the login is kept,
and the next program renews it after the pause, with the only request.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

from keyturn.sandbox import Sandbox
from tests import secretscan
from tests.crash.nursery import RENEWAL, WAITING
from tests.crash.programs import Programs
from tests.logins import store_login

STOPPED_SECONDS = 70.0
WAITERS = 3
HALF = "sendto:when=1"  # the head of the request; its body is the second
POINTS = (HALF, "sendto:when=2", "recvfrom:when=1", "write:when=1")
PAUSE_SECONDS = 4.0


def stopped_at(point: str, folder: Path) -> list[str]:
    """What is not as expected when the program is stopped at this call."""
    warm, home = folder / "warm", folder / "home"
    call, when = point.split(":")
    with Sandbox() as sandbox:
        for place in (warm, home):
            place.mkdir(mode=0o700)
            store_login(sandbox, place, expires_at=1.0, issued_at=0.5)
        with Programs(folder, warm) as programs:
            sandbox.log.clear()
            holder = programs.start(home, RENEWAL)
            holder.traced(folder / "calls", "-e", f"inject={call}:signal=STOP:{when}")
            holder.stopped()
            until = time.monotonic() + STOPPED_SECONDS
            waiting = [programs.start(home, WAITING) for _ in range(WAITERS)]
            for program in waiting:
                program.waits()
            told = [program.answer() for program in waiting]
            time.sleep(max(0.0, until - time.monotonic()))
            holder.go_on()
            got = holder.answer()
            holder.traced_to_the_end()
            if point == HALF:
                time.sleep(PAUSE_SECONDS)
            after = programs.start(home).answer()
        requests = len(sandbox.log.refreshes())
    faults = [] if requests == 1 else [f"{requests} requests"]
    for answer in told:
        said = str((answer or {}).get("error"))
        if "has been renewing this login" not in said or "waited 45 s" not in said:
            faults.append(f"a waiter got {answer}")
    wanted = (got or {}).get("token") if point != HALF else (after or {}).get("token")
    kept = point != HALF or "it is kept" in str((got or {}).get("error"))
    if wanted is None or not kept or after is None or after.get("token") != wanted:
        faults.append(f"the holder got {got}, the next one {after}")
    return faults


def main() -> int:
    """Try every point, and say what came of it."""
    descriptor, registry = tempfile.mkstemp()
    os.close(descriptor)
    os.environ[secretscan.REGISTRY] = registry
    wrong = 0
    for point in POINTS:
        with tempfile.TemporaryDirectory() as folder:
            faults = stopped_at(point, Path(folder))
        wrong += bool(faults)
        print(
            f"stopped for {STOPPED_SECONDS:g} s at {point}: {'; '.join(faults) or 'as expected'}", flush=True
        )
    Path(registry).unlink()
    print(f"{len(POINTS)} points, {wrong} not as expected")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
