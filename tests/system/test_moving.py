"""`keyturn login --store` moves a login between the file and the real secret service, without a browser."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from keyturn.login import Moved
from keyturn.sandbox import Sandbox
from keyturn.stores import open_store
from keyturn.world import World
from tests.keyturns import Household
from tests.logins import store_login
from tests.secretscan import leaks, register

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers.secret_service import SecretService

pytestmark = [pytest.mark.system, pytest.mark.proves("P26", "L2", "L4", "I6")]

# A program that runs all the time and says, a line a question, where its credential is kept.
PROGRAM = """
import sys, keyturn
auth = keyturn.Auth()
for line in sys.stdin:
    try:
        print(auth.credential(rejected=auth.credential() if "401" in line else None).where, flush=True)
    except keyturn.AuthError as error:
        print(f"{type(error).__name__}: {error.message}", flush=True)
"""


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(on_secret=register) as running:
        yield running


@pytest.fixture
def house(tmp_path: Path, sandbox: Sandbox, secret_service: SecretService) -> Iterator[Household]:
    with Household(tmp_path) as made:
        made.env |= {**secret_service.env, "HOME": str(tmp_path)}
        store_login(sandbox, made.home)
        yield made


def test_there_and_back_again(house: Household, sandbox: Sandbox, secret_service: SecretService) -> None:
    before = house.stored()
    assert before is not None
    with running(house) as program:
        assert "default.json" in ask(program, "where")

        done = house.run("login", "--store", "keychain")
        assert done.returncode == 0, done.stderr
        assert "was moved to the keychain item keyturn-" in done.stdout
        assert leaks((house.home / "logins/default.json").read_bytes()) == []
        assert isinstance(open_store(World(house.env), "default", "file").load(), Moved)
        [kept] = secret_service.secrets().values()
        assert leaks(kept) == ["refresh", "token"]
        assert house.config()["profiles"]["default"]["store"] == "keychain"
        assert house.run("status", "--verify").returncode == 0
        assert house.run("doctor").stdout == "nothing is wrong\n"
        # a rejection, so that it looks at once: it follows, renews there, and stays
        assert "the keychain item keyturn-" in ask(program, "401")
        assert len(sandbox.log.refreshes(result="granted")) == 1
        assert house.stored() is None

        done = house.run("login", "--store", "file", "--json")
        assert json.loads(done.stdout)["moved_from"].startswith("the keychain item keyturn-")
        assert secret_service.secrets() == {}
        after = house.stored()
        assert after is not None
        assert after.login_id == before.login_id
        assert after.generation > before.generation
        time.sleep(2.1)  # a running program looks at most every 2 s (L18)
        assert "default.json" in ask(program, "where")
        assert house.run("status", "--verify").returncode == 0
    assert sandbox.log.refreshes(result="invalid_grant") == ()


def test_a_stale_login_is_reported_and_left_behind_when_told_to(
    house: Household, secret_service: SecretService
) -> None:
    house.run("login", "--store", "keychain")
    stale = house.home / "logins/default.json"
    moved = stale.read_bytes()
    cache = (house.home / "logins/default.cache").read_bytes()
    # somebody restores a backup of the file that was made before the move
    record = json.loads(cache) | {"refresh_token": None, "login_id": "of-a-backup"}
    stale.write_text(json.dumps(record), encoding="utf-8")
    where = house.run("status", "--json")
    assert json.loads(where.stdout)["where"].startswith("the keychain item")
    assert "lies in the file store" in " ".join(json.loads(where.stdout)["warnings"])
    found = json.loads(house.run("doctor", "--json").stdout)["findings"]
    assert [one["code"] for one in found] == ["stale_sibling"]
    words = found[0]["repair"].split()
    assert words[0] == "keyturn"
    done = house.run(*words[1:])
    assert done.returncode == 0, done.stderr
    assert "stays in the keychain item" in done.stdout
    assert leaks(stale.read_bytes()) == []
    assert stale.read_bytes() != moved
    assert house.run("doctor").stdout == "nothing is wrong\n"
    assert len(secret_service.secrets()) == 1


def running(house: Household) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, **house.env},
        cwd=house.folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def ask(program: subprocess.Popen[str], question: str) -> str:
    assert program.stdin is not None
    assert program.stdout is not None
    program.stdin.write(f"{question}\n")
    program.stdin.flush()
    said = program.stdout.readline()
    assert leaks(said) == []
    return said
