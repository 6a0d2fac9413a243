"""Many processes at once on one login: one renewal, no failure, one token (I1). Judged by counts only."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from keyturn.login import fingerprint
from keyturn.sandbox import Sandbox
from tests import secretscan
from tests.logins import store_login

if TYPE_CHECKING:
    from pathlib import Path

PROCESSES = 32

# A program as somebody would write it; it says that it is ready, waits for the starting gun, and asks.
PROGRAM = """
import hashlib, json, sys
import keyturn

def told(**facts):
    print(json.dumps(facts), flush=True)

auth = keyturn.Auth()
how = sys.argv[1]
old = auth.credential() if how != "expired" else None
client = None
if how == "request":
    import httpx2
    from keyturn.http import RequestAuth
    client = httpx2.Client(auth=RequestAuth(auth), trust_env=False, timeout=60,
        headers={"anthropic-version": "2023-06-01"})
told(ready=True)
sys.stdin.read()
try:
    status = client.get(auth.base_url + "/v1/models").status_code if client else 200
    credential = auth.credential(rejected=old) if how == "rejected" else auth.credential()
except Exception as error:
    told(error=f"{type(error).__name__}: {error}")
else:
    told(token=hashlib.sha256(credential.secret.reveal().encode()).hexdigest(), status=status)
"""


class Crowd:
    """Processes that start together and tell what they got."""

    def __init__(self, home: Path, how: str) -> None:
        env = {"PATH": os.environ["PATH"], "HOME": str(home), "KEYTURN_HOME": str(home)}
        reading, self._gun = os.pipe()
        self._processes = [
            subprocess.Popen(
                [sys.executable, "-c", PROGRAM, how],
                stdin=reading,
                stdout=subprocess.PIPE,
                text=True,
                env=env,
            )
            for _ in range(PROCESSES)
        ]
        os.close(reading)

    def wait_until_ready(self) -> None:
        for process in self._processes:
            assert process.stdout is not None
            assert json.loads(process.stdout.readline()) == {"ready": True}

    def go(self) -> list[dict[str, Any]]:
        os.close(self._gun)
        told = [process.communicate(timeout=120)[0] for process in self._processes]
        return [json.loads(line) for line in told]


def crowd(home: Path, how: str) -> Crowd:
    made = Crowd(home, how)
    made.wait_until_ready()
    return made


def one_token(told: list[dict[str, Any]]) -> str:
    assert [one["error"] for one in told if "error" in one] == []
    ((token, count),) = Counter(one["token"] for one in told).items()
    assert count == PROCESSES
    return str(token)


@pytest.mark.system
@pytest.mark.proves("I1", "L8", "R40", "R41")
def test_32_processes_on_one_expired_login_renew_it_once(tmp_path: Path) -> None:
    with Sandbox(token_delay=0.05) as sandbox:
        store_login(sandbox, tmp_path, expires_at=1.0, issued_at=0.5)
        one_token(crowd(tmp_path, "expired").go())
        assert len(sandbox.log.refreshes()) == 1


@pytest.mark.system
@pytest.mark.proves("I1", "R42")
def test_32_processes_that_all_got_a_401_renew_once_and_succeed(tmp_path: Path) -> None:
    with Sandbox(token_delay=0.05) as sandbox:
        store_login(sandbox, tmp_path)
        waiting = crowd(tmp_path, "request")
        sandbox.expire_access_tokens()
        told = waiting.go()
        one_token(told)
        assert {one["status"] for one in told} == {200}
        assert len(sandbox.log.refreshes()) == 1
        # whoever came late found the new token in the store, and never sent the old one
        answered = Counter(event.facts["status"] for event in sandbox.log.events("api"))
        assert answered[200] == PROCESSES
        assert 1 <= answered[401] <= PROCESSES
        assert set(answered) == {200, 401}


@pytest.mark.system
@pytest.mark.proves("I1", "L18")
def test_a_rejection_told_by_32_processes_costs_one_renewal(tmp_path: Path) -> None:
    with Sandbox() as sandbox:
        login = store_login(sandbox, tmp_path)
        assert login.access_token is not None
        new = one_token(crowd(tmp_path, "rejected").go())
        assert len(sandbox.log.refreshes()) == 1
        assert new != fingerprint(login.access_token)


@pytest.mark.system
@pytest.mark.proves("I1", "I4", "L11")
def test_32_processes_on_a_revoked_login_all_learn_of_it_from_one_request(tmp_path: Path) -> None:
    with Sandbox() as sandbox:
        store_login(sandbox, tmp_path, expires_at=1.0, issued_at=0.5)
        waiting = crowd(tmp_path, "expired")
        sandbox.revoke_all()
        told = waiting.go()
        assert {one["error"].split(":")[0] for one in told} == {"Rejected"}
        assert len(told) == PROCESSES
        assert len(sandbox.log.refreshes()) == 1
        assert secretscan.leaks(json.dumps(told)) == []
