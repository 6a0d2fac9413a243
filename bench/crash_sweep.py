"""A renewal killed at every system call that it makes under the lock; writes the table of docs/renewal.md.

`.venv/bin/python -m bench.crash_sweep` takes a few minutes, and ends with 1 when a row is not as expected.
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
from tests.crash.keychain import READS, WRITES, KeychainCrashes, KeychainRenewals, keep
from tests.crash.nursery import MAIN, RENEWAL
from tests.crash.programs import Programs
from tests.crash.renewals import Renewals
from tests.crash.sweep import Crashes
from tests.logins import store_login
from tests.servers.secret_service import SecretService

if TYPE_CHECKING:
    from tests.crash.sweep import Point

PAGE = ROOT / "docs" / "renewal.md"
BEGIN = "<!-- written by bench/crash_sweep.py -->"
BEGIN_KEYCHAIN = "<!-- the same with a keychain, written by bench/crash_sweep.py -->"
BUS = "DBUS_SESSION_BUS_ADDRESS"
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
            crashes = Crashes(Renewals(programs, sandbox, folder), grace=grace > 0)
            for thread in (MAIN, RENEWAL):
                for point in crashes.sweep(thread):
                    points.append(point)
                    for fault in point.faults:
                        print(f"{point.killed_at} ({point.phase}): {fault}")
    return points


def sweep_keychain(grace: float, folder: Path) -> list[Point]:
    """The same for a login in a real keyring, on a bus of its own; also at every message to it."""
    warm = folder / "warm"
    warm.mkdir(mode=0o700)
    points = []
    with SecretService("unlocked") as service, Sandbox(grace=grace) as sandbox:
        os.environ[BUS] = service.env[BUS]
        keep(sandbox, warm)
        with Programs(folder, warm, **{BUS: service.env[BUS]}) as programs:
            crashes = KeychainCrashes(KeychainRenewals(programs, sandbox, folder), grace=grace > 0)
            for found in (
                crashes.sweep(RENEWAL),
                *(crashes.talking(thread, frozenset({"sendto", "recvfrom"})) for thread in (READS, WRITES)),
            ):
                for point in found:
                    points.append(point)
                    for fault in point.faults:
                        print(f"keychain: {point.killed_at} ({point.phase}): {fault}")
    return points


def table(strict: list[Point], lenient: list[Point]) -> list[str]:
    """One row for each phase that was met, in the order of the renewal."""
    lines = [
        "| killed when | killed at | strict server: the next program | with a grace period |",
        "|---|---|---|---|",
    ]
    for phase in Phase:
        mine = [point for point in strict if point.phase is phase]
        theirs = [point for point in lenient if point.phase is phase]
        if not mine and not theirs:
            continue
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
    found, kept = [], []
    with tempfile.TemporaryDirectory() as folder:
        for name, grace in (("strict", 0.0), ("lenient", GRACE_SECONDS)):
            for sweeping, points in ((sweep, found), (sweep_keychain, kept)):
                place = Path(folder) / f"{name}-{sweeping.__name__}"
                place.mkdir()
                points.append(sweeping(grace, place))
    Path(registry).unlink()
    _write(BEGIN, table(*found))
    _write(BEGIN_KEYCHAIN, table(*kept))
    wrong = sum(bool(point.faults) for points in found + kept for point in points)
    missing = [
        phase for points in found for phase in Phase if all(point.phase is not phase for point in points)
    ]
    print(
        f"{sum(map(len, found))} crashes with a file, {sum(map(len, kept))} with a keychain, "
        f"{wrong} not as expected; phases never met: {missing or 'none'}"
    )
    return 1 if wrong or missing else 0


def _write(begin: str, lines: list[str]) -> None:
    head, _, rest = PAGE.read_text().partition(begin)
    tail = rest.partition(END)[2]
    PAGE.write_text("\n".join([head + begin, "", *lines, "", END + tail]))


if __name__ == "__main__":
    sys.exit(main())
