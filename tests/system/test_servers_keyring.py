"""The secret service that other tests rest on is real, and fails in each way that it is told to."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from tests.servers import need
from tests.servers.secret_service import SecretService

pytestmark = pytest.mark.system


KEYRING = """
import keyring
keyring.set_password("keyturn-test", "default", "kept")
print(keyring.get_password("keyturn-test", "default"))
"""


def run_keyring(service: SecretService) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", KEYRING],
        env=service.env,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_an_unlocked_secret_service_keeps_a_secret_and_another_program_reads_it(
    secret_service: SecretService,
) -> None:
    assert run_keyring(secret_service).stdout == "kept\n"
    assert list(secret_service.secrets().values()) == [b"kept"]
    other = subprocess.run(
        [need("secret-tool", "libsecret-tools"), "lookup", "service", "keyturn-test", "username", "default"],
        env=secret_service.env,
        capture_output=True,
        check=True,
    )
    assert other.stdout == b"kept"


@pytest.mark.parametrize(("state", "error"), [("locked", "KeyringLocked"), ("absent", "NoKeyringError")])
def test_a_locked_and_an_absent_secret_service_are_told_apart(state: Any, error: str) -> None:
    with SecretService(state) as service:
        done = run_keyring(service)
    assert done.returncode == 1
    assert error in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("state", ["silent", "deaf"])
def test_a_silent_service_and_a_deaf_bus_are_there_and_never_answer(state: Any) -> None:
    with SecretService(state) as service, pytest.raises(subprocess.TimeoutExpired):
        subprocess.run([sys.executable, "-c", KEYRING], env=service.env, timeout=3, check=False)


@pytest.mark.parametrize("state", ["unlocked", "locked", "absent", "silent", "deaf"])
def test_nothing_of_a_secret_service_is_left_when_its_test_ends(state: Any) -> None:
    with SecretService(state) as service:
        processes = [process.pid for process in service._processes]
        home = service.env["HOME"]
    assert processes
    left = subprocess.run(
        ["ps", "-o", "args=", "-p", ",".join(map(str, processes))], capture_output=True, check=False
    )
    assert left.stdout == b""
    assert subprocess.run(["ls", home], capture_output=True, check=False).returncode != 0
