"""A program is killed while it renews a login of the real keyring: at its messages, and at its files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from keyturn.sandbox import Sandbox
from tests.crash.expected import Phase
from tests.crash.keychain import WRITES, KeychainCrashes, KeychainRenewals, keep
from tests.crash.nursery import RENEWAL
from tests.crash.programs import Programs
from tests.servers.secret_service import SecretService

if TYPE_CHECKING:
    from pathlib import Path

BUS = "DBUS_SESSION_BUS_ADDRESS"
# what leaves something behind; the sweep of bench/ adds what merely learns something
FILES = frozenset({"write", "pwrite64", "rename", "unlink", "fsync"})


@pytest.mark.system
@pytest.mark.proves("I2", "I3", "I5", "L2", "L22")
def test_the_next_program_works_or_is_told_why_wherever_the_one_before_was_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warm = tmp_path / "warm"
    warm.mkdir(mode=0o700)
    with SecretService("unlocked") as service, Sandbox() as sandbox:
        monkeypatch.setenv(BUS, service.env[BUS])
        keep(sandbox, warm)
        with Programs(tmp_path, warm, **{BUS: service.env[BUS]}) as programs:
            crashes = KeychainCrashes(KeychainRenewals(programs, sandbox, tmp_path), grace=False)
            points = [*crashes.sweep(RENEWAL, FILES), *crashes.talking(WRITES, frozenset({"sendto"}))]
    wrong = [
        f"{point.killed_at} ({point.phase}): {'; '.join(point.faults)}" for point in points if point.faults
    ]
    assert wrong == []
    assert {point.phase for point in points} >= {Phase.LOCKED, Phase.READ, Phase.SAVED, Phase.CLEARED}
