"""A program is killed in its renewal, at every call that writes, renames, syncs, sends or receives.

What must follow stands in `tests/crash/expected.py`; `bench/crash_sweep.py` kills at every system call.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from keyturn.sandbox import Sandbox
from tests.crash.expected import Phase
from tests.crash.nursery import MAIN, RENEWAL
from tests.crash.programs import Programs
from tests.crash.renewals import Renewals
from tests.crash.sweep import TELLING, Crashes
from tests.logins import store_login

if TYPE_CHECKING:
    from pathlib import Path

GRACE_SECONDS = 20.0


@pytest.mark.system
@pytest.mark.proves("I2", "I3", "I5", "L2", "L13", "L15")
@pytest.mark.parametrize("grace", [0.0, GRACE_SECONDS], ids=["strict", "with grace"])
def test_the_next_program_works_or_is_told_why_wherever_the_one_before_was_killed(
    tmp_path: Path, grace: float
) -> None:
    warm = tmp_path / "warm"
    warm.mkdir(mode=0o700)
    with Sandbox(grace=grace) as sandbox:
        store_login(sandbox, warm, expires_at=1.0, issued_at=0.5)
        with Programs(tmp_path, warm) as programs:
            crashes = Crashes(Renewals(programs, sandbox, tmp_path), grace=grace > 0)
            points = [point for thread in (MAIN, RENEWAL) for point in crashes.sweep(thread, TELLING)]
    wrong = [
        f"{point.killed_at} ({point.phase}): {'; '.join(point.faults)}" for point in points if point.faults
    ]
    assert wrong == []
    assert set(Counter(point.phase for point in points)) == set(Phase)
    killed = {point.calls[-1].name for point in points}
    assert killed >= {
        "pwrite64",
        "write",
        "fsync",
        "rename",
        "connect",
        "sendto",
        "recvfrom",
        "read",
        "flock",
    }
