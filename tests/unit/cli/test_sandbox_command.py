"""`keyturn sandbox` serves until Ctrl-C and prints what to paste."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

import pytest

from tests.secretscan import register

if TYPE_CHECKING:
    from collections.abc import Iterator

KEYTURN = Path(sys.executable).with_name("keyturn")


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(tmp_path), "KEYTURN_HOME": str(tmp_path / "keyturn"), "PATH": "/usr/bin:/bin"}


@pytest.fixture
def process(env: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    words = [str(KEYTURN), "sandbox", "--json", "--lifetime", "1m"]
    with subprocess.Popen(
        words, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        yield running
        running.kill()


def test_it_serves_what_it_prints_until_it_is_interrupted(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    text = ""
    while not text.endswith("\n}\n"):
        text += process.stdout.readline()
    printed: dict[str, Any] = json.loads(text)
    register("api-key", printed["api_key"])
    register("aws-secret", printed["routes"]["bedrock"]["AWS_SECRET_ACCESS_KEY"])
    assert set(printed) == {"version", "issuer", "client_id", "api_base_url", "api_key", "routes"}
    address = f"{printed['issuer']}/.well-known/oauth-authorization-server"
    with urlopen(address) as answer:  # noqa: S310 - the sandbox's own
        assert json.load(answer)["issuer"] == printed["issuer"]
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130
    assert process.stderr is not None
    assert process.stderr.read() == "the sandbox runs until Ctrl-C\n\n"
    host, port = printed["issuer"].removeprefix("http://").split(":")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)))


def test_a_taken_port_is_exit_8(env: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [KEYTURN, "sandbox", "--json", "--port", str(port)],
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 8
    assert json.loads(done.stdout)["error"]["code"] == "port_busy"


@pytest.mark.parametrize("port", ["0", "65536", "x", "-1"])
def test_a_port_is_a_number_that_a_port_has(env: dict[str, str], port: str) -> None:
    done = subprocess.run(
        [KEYTURN, "sandbox", f"--port={port}"], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "it is not a port: 1 to 65535" in done.stderr


def test_tokens_that_never_live_are_refused(env: dict[str, str]) -> None:
    words = [str(KEYTURN), "sandbox", "--lifetime", "0"]
    done = subprocess.run(words, env=env, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert "a token must live for a second at least" in done.stderr
