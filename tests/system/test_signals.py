"""Ctrl-C, SIGTERM and SIGHUP in the middle of a renewal: the program ends, the login does not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from keyturn.auth import Auth
from keyturn.sandbox import Sandbox
from keyturn.world import World
from tests import secretscan
from tests.logins import store_login

if TYPE_CHECKING:
    from pathlib import Path

KEYTURN = [sys.executable, "-m", "keyturn"]


@pytest.mark.system
@pytest.mark.proves("L17", "I5")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda n: n.name)
@pytest.mark.parametrize("command", [["token"], ["token", "--json"]], ids=["token", "parsed"])
def test_a_renewal_that_a_signal_meets_is_saved_before_the_program_ends(
    tmp_path: Path, number: signal.Signals, command: list[str]
) -> None:
    with Sandbox(lifetime=3600, on_secret=secretscan.register) as sandbox:
        store_login(sandbox, tmp_path, issued_at=time.time() - 7200, expires_at=time.time() - 3600)
        sandbox.set(token_delay=1.0)
        env = {**os.environ, "KEYTURN_HOME": str(tmp_path)}
        program = subprocess.Popen(
            [*KEYTURN, *command], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        while not sandbox.log.refreshes():  # an event is in the log from its arrival
            assert program.poll() is None, program.communicate()
            time.sleep(0.01)
        program.send_signal(number)
        out, err = program.communicate(timeout=60)
        assert program.returncode == (130 if number is signal.SIGINT else 128 + number), err.decode()
        assert out == b""
        assert b"Traceback" not in err
        sandbox.set(token_delay=0.0)
        auth = Auth(world=World({"KEYTURN_HOME": str(tmp_path)}))
        assert auth.credential().expires_at is not None
        assert len(sandbox.log.refreshes()) == 1, "the next caller adopts what the ended program saved"


@pytest.mark.system
def test_a_hangup_that_the_caller_ignores_stays_ignored(tmp_path: Path) -> None:
    script = (
        "import signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN); sys.argv = ['keyturn', 'status'];"
        "from keyturn.cli import main; main(); assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN"
    )
    env = {**os.environ, "KEYTURN_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
