"""A renewal killed at every system call that it makes under the lock; writes the table of docs/renewal.md.

`.venv/bin/python -m bench.crash_sweep` takes a minute, and ends with 1 when a row is not as expected.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bench.processes import ROOT
from keyturn.sandbox import Sandbox
from tests import secretscan
from tests.crash.expected import STRICT, WITH_GRACE, Phase
from tests.crash.nursery import MAIN, RENEWAL
from tests.crash.programs import Programs
from tests.crash.sweep import Crashes
from tests.logins import store_login

if TYPE_CHECKING:
    from tests.crash.sweep import Point

PAGE = ROOT / "docs" / "renewal.md"
BEGIN = "<!-- written by bench/crash_sweep.py -->"
END = "<!-- end -->"
GRACE_SECONDS = 20.0


def sweep(grace: float, folder: Path) -> list[Point]:
    """Every crash against one server; reuse of a refresh token ends the login there after `grace` seconds."""
    warm = folder / "warm"
    warm.mkdir(mode=0o700)
    points = []
    with Sandbox(grace=grace) as sandbox:
        store_login(sandbox, warm, expires_at=1.0, issued_at=0.5)
        with Programs(folder, warm) as programs:
            crashes = Crashes(programs, sandbox, folder, grace=grace > 0)
            for thread in (MAIN, RENEWAL):
                for point in crashes.sweep(thread):
                    points.append(point)
                    for fault in point.faults:
                        print(f"{point.killed_at} ({point.phase}): {fault}")
    return points


def table(strict: list[Point], lenient: list[Point]) -> list[str]:
    """One row for each phase, in the order of the renewal."""
    lines = [
        "| killed when | killed at | strict server: the next program | with a grace period |",
        "|---|---|---|---|",
    ]
    for phase in Phase:
        mine = [point for point in strict if point.phase is phase]
        theirs = [point for point in lenient if point.phase is phase]
        names = ", ".join(f"`{name}`" for name in _names(mine + theirs))
        lines.append(
            f"| {phase} | {names} | {STRICT[phase].words}: {_verdict(mine)} "
            f"| {WITH_GRACE[phase].words}: {_verdict(theirs)} |"
        )
    return lines


def _names(points: list[Point]) -> list[str]:
    return sorted({point.calls[-1].name for point in points})


def _verdict(points: list[Point]) -> str:
    return f"{sum(not point.faults for point in points)} of {len(points)}"


def main() -> int:
    """Sweep, write the table, and say whether all is as expected."""
    descriptor, registry = tempfile.mkstemp()
    os.close(descriptor)
    os.environ[secretscan.REGISTRY] = registry
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for name, grace in (("strict", 0.0), ("lenient", GRACE_SECONDS)):
            place = Path(folder) / name
            place.mkdir()
            found.append(sweep(grace, place))
    Path(registry).unlink()
    text = PAGE.read_text()
    head, _, rest = text.partition(BEGIN)
    tail = rest.partition(END)[2]
    PAGE.write_text("\n".join([head + BEGIN, "", *table(*found), "", END + tail]))
    wrong = sum(bool(point.faults) for points in found for point in points)
    missing = [
        phase for points in found for phase in Phase if all(point.phase is not phase for point in points)
    ]
    print(f"{sum(map(len, found))} crashes, {wrong} not as expected; phases never met: {missing or 'none'}")
    return 1 if wrong or missing else 0


if __name__ == "__main__":
    sys.exit(main())
