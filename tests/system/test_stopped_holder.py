"""The machine sleeps, or somebody stops the program that renews: whoever waits goes on when it does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from keyturn.sandbox import Sandbox
from tests.crash.nursery import RENEWAL, WAITING
from tests.crash.programs import Programs
from tests.logins import store_login
from tests.web import Web

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.system
@pytest.mark.proves("I1", "I2", "L11", "L12")
@pytest.mark.parametrize("call", ["sendto", "recvfrom", "write"])
def test_a_holder_that_is_stopped_and_goes_on_has_sent_the_only_request(tmp_path: Path, call: str) -> None:
    warm, home = tmp_path / "warm", tmp_path / "home"
    with Sandbox() as sandbox:
        for place in (warm, home):
            place.mkdir(mode=0o700)
            store_login(sandbox, place, expires_at=1.0, issued_at=0.5)
        with Programs(tmp_path, warm) as programs:
            sandbox.log.clear()
            holder = programs.start(home, RENEWAL)
            holder.traced(tmp_path / "calls", "-e", f"inject={call}:signal=STOP:when=1")
            holder.stopped()
            waiting = programs.start(home, WAITING)
            waiting.waits()
            holder.go_on()
            told = [holder.answer(), waiting.answer()]
            holder.traced_to_the_end()
        assert told[0] is not None
        assert told[1] is not None
        assert told[0]["token"] == told[1]["token"]
        assert len(sandbox.log.refreshes()) == 1


STOPPED = """
import os, signal, sys
from keyturn.wire import Request
from keyturn.world import World
from keyturn.world.transport import _Deadline

told = _Deadline.trace
def trace(self, event, info):
    told(self, event, info)
    if event.endswith("receive_response_headers.started"):
        os.kill(os.getpid(), signal.SIGSTOP)
_Deadline.trace = trace
request = Request(method="POST", url=sys.argv[1], headers={}, body=b"")
print(World({}).send(request, seconds=1.0).status)
"""


@pytest.mark.system
@pytest.mark.proves("I2", "R43", "P12")
def test_an_answer_that_arrived_while_the_program_was_stopped_is_no_lost_answer() -> None:
    """The time limit is over when it goes on; what it would cut lies there whole."""
    with Web() as web:
        child = subprocess.Popen([sys.executable, "-c", STOPPED, web.url], stdout=subprocess.PIPE, text=True)
        _, status = os.waitpid(child.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        over = time.monotonic() + 1.5
        while not web.asked or time.monotonic() < over:
            time.sleep(0.01)
        os.kill(child.pid, signal.SIGCONT)
        said, _ = child.communicate(timeout=60)
    assert said == "200\n"
