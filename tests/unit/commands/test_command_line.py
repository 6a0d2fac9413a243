"""A real helper behind the real command line."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from keyturn.stores.file import FileStore
from keyturn.testing import make_login
from keyturn.testing.stores import save
from keyturn.values import Secret
from keyturn.world import World
from tests.secretscan import declare_store, leaks, make_secret
from tests.unit.commands.test_processes import lives, wait_until_dead

if TYPE_CHECKING:
    from pathlib import Path

KEYTURN = [sys.executable, "-m", "keyturn"]


class Machine:
    """A home with a helper, and the command line beside it."""

    def __init__(self, home: Path, line: str) -> None:
        self.home = home
        self.env = {"HOME": str(home), "KEYTURN_HOME": str(home / "keyturn"), "PATH": os.environ["PATH"]}
        (home / ".claude").mkdir()
        (home / ".claude" / "settings.json").write_text(json.dumps({"apiKeyHelper": line}))

    def key(self) -> str:
        """A key in a file, as a person's helper would read it."""
        secret = make_secret("api-key")
        declare_store(self.home / "key")
        (self.home / "key").write_text(secret)
        return secret

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*KEYTURN, *words],
            env=self.env,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str) -> tuple[int, str, str]:
        program = self.start(*words)
        out, err = program.communicate()
        return program.returncode, out, err


def test_the_key_is_all_that_is_printed(tmp_path: Path) -> None:
    machine = Machine(tmp_path, 'echo noise >&2; cat "$HOME/key"')
    secret = machine.key()
    assert machine.run("token") == (0, f"{secret}\n", "")


def test_looking_runs_nothing(tmp_path: Path) -> None:
    machine = Machine(tmp_path, 'touch "$HOME/ran"; echo x')
    status, said, _ = machine.run("status")
    assert status == 0
    assert "source: apiKeyHelper (api-key-helper)" in said
    assert f"where: apiKeyHelper in {tmp_path}/.claude/settings.json" in said
    assert "state: renewable; run when it is needed" in said
    status, said, _ = machine.run("status", "--json")
    names = ("source", "kind", "billing", "state", "renewable", "expires_at")
    assert status == 0
    assert {name: json.loads(said)[name] for name in names} == {
        "source": "api-key-helper",
        "kind": "api_key",
        "billing": "metered",
        "state": "renewable",
        "renewable": True,
        "expires_at": None,
    }
    status, said, _ = machine.run("explain")
    assert status == 0
    assert "api-key-helper: selected: run when it is needed; apiKeyHelper in " in said
    assert not (tmp_path / "ran").exists()


def test_a_failing_helper_is_exit_4_and_shows_no_secret(tmp_path: Path) -> None:
    machine = Machine(tmp_path, 'cat "$HOME/key"; echo "vault said no to $(cat "$HOME/key")" >&2; exit 9')
    machine.key()
    status, out, err = machine.run("token")
    assert (status, out) == (4, "")
    assert "failed with exit status 9; it said: vault said no to [secret]" in err
    assert leaks(err) == []


def test_a_program_that_is_run_has_both_names_and_the_helper_has_neither(tmp_path: Path) -> None:
    machine = Machine(tmp_path, 'env > "$HOME/helper-env"; echo sk-ant-test-of-the-helper')
    machine.env |= {
        "CLAUDE_CODE_OAUTH_TOKEN_UNUSED": "x",
        "ANTHROPIC_API_KEY": "sk-ant-test-of-the-environment",
    }
    status, out, err = machine.run("run", "--", "env")
    assert status == 0, err
    given = dict(line.split("=", 1) for line in out.splitlines() if "=" in line)
    assert given["ANTHROPIC_API_KEY"] == given["ANTHROPIC_AUTH_TOKEN"] == "sk-ant-test-of-the-helper"
    assert "KEYTURN_IN_HELPER" not in given
    assert "ANTHROPIC_API_KEY" not in (tmp_path / "helper-env").read_text()


@pytest.mark.proves("L24")
def test_a_helper_that_asks_keyturn_by_a_detour_ends_and_gives_the_login(tmp_path: Path) -> None:
    script = tmp_path / "helper"
    words = shlex.join(KEYTURN)
    script.write_text(f'#!/bin/sh\necho run >> "$HOME/runs"\nexec {words} token\n')
    script.chmod(0o700)
    machine = Machine(tmp_path, str(script))
    now, secret = World().now(), make_secret("token")
    save(
        FileStore(World(machine.env), "default"),
        make_login(access_token=Secret(secret), issued_at=now, expires_at=now + 3600),
    )
    assert machine.run("token") == (0, f"{secret}\n", "")
    assert (tmp_path / "runs").read_text() == "run\n"


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 128 + 15), (signal.SIGHUP, 128 + 1)]
)
def test_who_ends_keyturn_ends_the_helper_too(tmp_path: Path, number: int, status: int) -> None:
    machine = Machine(tmp_path, 'sleep 600 & echo $! > "$HOME/pid"; wait')
    program = machine.start("token")
    tick = threading.Event()
    pid = tmp_path / "pid"
    while not (pid.exists() and pid.read_text().strip()):
        tick.wait(0.02)
    assert lives(int(pid.read_text()))
    program.send_signal(number)
    out, err = program.communicate()
    assert (program.returncode, out) == (status, ""), err
    wait_until_dead(int(pid.read_text()))
