"""The machine sleeps, or somebody stops the program that renews: whoever waits goes on when it does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from keyturn.sandbox import Sandbox
from tests.crash.nursery import RENEWAL, WAITING
from tests.crash.programs import Programs
from tests.logins import store_login

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
