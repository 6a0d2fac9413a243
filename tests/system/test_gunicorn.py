"""A real gunicorn: the master makes the Auth, workers are forked, and all of them meet one expired login."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pytest

from keyturn.sandbox import Sandbox
from tests.logins import store_login
from tests.secretscan import leaks, register
from tests.terminals import LONG

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

pytestmark = [pytest.mark.system, pytest.mark.proves("L9", "I1")]

APPLICATION = """
import os
from hashlib import sha256
import keyturn

auth = keyturn.Auth()  # in the master: --preload imports this before it forks
if os.environ.get("USED_BEFORE_THE_FORK"):
    auth.credential()

def application(environ, start_response):
    rejected = None
    if environ["PATH_INFO"] == "/rejected":  # as after a 401 of the API, which all of them met
        rejected = auth.credential()
        if sha256(rejected.secret.reveal().encode()).hexdigest() != os.environ["DEAD"]:
            rejected = None
    credential = auth.credential(rejected=rejected)
    token = sha256(credential.secret.reveal().encode()).hexdigest()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{os.getpid()} {token}".encode()]
"""


class Server:
    """The running gunicorn."""

    def __init__(self, folder: Path, kind: Sequence[str], **env: str) -> None:
        (folder / "served.py").write_text(APPLICATION, encoding="utf-8")
        listening = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.address = f"127.0.0.1:{listening.getsockname()[1]}"
        self._log = folder / "log"
        words = ["--preload", "--workers", "4", "--bind", f"fd://{listening.fileno()}", "--timeout", "60"]
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gunicorn", *words, *kind, "served:application"],
                cwd=folder,
                env={**os.environ, "HOME": str(folder), **env},
                pass_fds=[listening.fileno()],
                stdout=log,
                stderr=log,
            )
        listening.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(timeout=LONG)
        said = self._log.read_text()
        assert leaks(said) == []
        assert "Traceback" not in said, said

    def ask(self, path: str) -> tuple[int, str]:
        """Which worker answered, and with which token."""
        connection = http.client.HTTPConnection(self.address, timeout=LONG)
        connection.request("GET", path)
        answer = connection.getresponse()
        assert answer.status == 200
        pid, token = answer.read().decode().split()
        connection.close()
        return int(pid), token

    def lose(self, worker: int) -> None:
        """Kill a worker; return when the master has noticed."""
        os.kill(worker, signal.SIGKILL)
        deadline = time.monotonic() + LONG
        while Path(f"/proc/{worker}").exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def crowd(self, count: int, path: str = "/") -> list[tuple[int, str]]:
        """So many requests at once."""
        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(self.ask, [path] * count))


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(on_secret=register, token_delay=0.3) as running:
        yield running


KINDS = [
    pytest.param(("--worker-class", "sync"), id="sync"),
    pytest.param(("--worker-class", "gthread", "--threads", "4", "--worker-connections", "8"), id="gthread"),
]


@pytest.mark.parametrize("kind", KINDS)
def test_forked_workers_renew_an_expired_login_once_and_so_do_their_successors(
    tmp_path: Path, sandbox: Sandbox, kind: tuple[str, ...]
) -> None:
    home = tmp_path / "home"
    store_login(sandbox, home, issued_at=1.0, expires_at=2.0)
    with Server(tmp_path, kind, KEYTURN_HOME=str(home)) as server:
        answers = server.crowd(32)
        server.lose(answers[0][0])
        answers += server.crowd(16)
    assert len({token for _, token in answers}) == 1
    assert len({pid for pid, _ in answers}) > 1
    assert len(sandbox.log.refreshes()) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_credential_that_was_had_before_the_fork_is_renewed_once_when_the_api_rejects_it(
    tmp_path: Path, sandbox: Sandbox, kind: tuple[str, ...]
) -> None:
    from hashlib import sha256

    home = tmp_path / "home"
    login = store_login(sandbox, home)
    assert login.access_token is not None
    dead = sha256(login.access_token.reveal().encode()).hexdigest()
    env = {"KEYTURN_HOME": str(home), "USED_BEFORE_THE_FORK": "1", "DEAD": dead}
    with Server(tmp_path, kind, **env) as server:
        before = server.crowd(8)
        answers = server.crowd(32, "/rejected")
    assert {token for _, token in before} == {dead}
    assert len({token for _, token in answers} - {dead}) == 1
    assert dead not in {token for _, token in answers}
    assert len(sandbox.log.refreshes()) == 1
