"""The clock of a running program jumps, there and back: the login is none the worse for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Self

import pytest

from keyturn.sandbox import Sandbox
from tests.logins import store_login

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.system
DAY = 86400.0

# asks once for each line it reads, after setting its clock as the line says
PROGRAM = """
import hashlib, json, os, sys
import keyturn
import keyturn.auth
keyturn.auth.LOOK_SECONDS = 0.0  # every request looks at the record, as one after two seconds would
auth = keyturn.Auth()
for line in sys.stdin:
    try:
        secret = auth.credential().secret.reveal()
        told = {"token": hashlib.sha256(secret.encode()).hexdigest()}
    except keyturn.AuthError as error:
        told = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(told), flush=True)
"""


class Running:
    """A program whose clock the test sets; its other clocks run on as they do when a person sets the date."""

    def __init__(self, home: Path) -> None:
        self._clock = home / "clock"
        self.set(0)
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "KEYTURN_HOME": str(home),
            "FAKETIME_TIMESTAMP_FILE": str(self._clock),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "LD_PRELOAD": _library(),
        }
        self._process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=60)

    def set(self, seconds: float) -> None:
        """So far is its clock ahead."""
        self._clock.write_text(f"{seconds:+.0f}\n")

    def ask(self) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        told: dict[str, Any] = json.loads(self._process.stdout.readline())
        return told


def _library() -> str:
    found = subprocess.run(
        ["faketime", "-f", "+0s", "printenv", "LD_PRELOAD"], capture_output=True, text=True, check=True
    )
    return found.stdout.strip()


@pytest.mark.proves("L21", "I3", "I4")
@pytest.mark.parametrize("jump", [DAY, -DAY, 90.0, -90.0], ids=["+1 day", "-1 day", "+90 s", "-90 s"])
def test_a_clock_that_jumps_there_and_back_costs_neither_a_renewal_nor_a_login(
    tmp_path: Path, jump: float
) -> None:
    with Sandbox() as sandbox:
        store_login(sandbox, tmp_path)
        with Running(tmp_path) as program:
            told = [program.ask()]
            program.set(jump)
            told.append(program.ask())
            program.set(0)
            told.append(program.ask())
        assert [one["error"] for one in told if "error" in one] == []
        assert len({one["token"] for one in told}) == 1
        assert sandbox.log.refreshes() == (), "lives run on a clock that nobody sets"
        assert len(sandbox._memory.live()) == 1
