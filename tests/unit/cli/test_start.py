"""How the command starts and ends as a process: what it loads, what it refuses, and lost readers."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from keyturn.stores import open_store
from keyturn.testing import make_login
from keyturn.world import World
from tests.secretscan import make_secret, register

KEYTURN = Path(sys.executable).with_name("keyturn")
# what a cold `keyturn token` has no time for
HEAVY = frozenset(
    """
    argparse ast asyncio base64 collections contextlib dataclasses email enum functools getpass hashlib http
    httpx2 inspect json keyring locale logging pathlib platformdirs random re secrets shutil signal socket ssl
    string subprocess tempfile textwrap threading tomllib traceback typing unicodedata urllib uuid warnings
    """.split()  # noqa: SIM905 - forty names, to be read
)
LOADED = """
import sys
sys.argv[0] = "keyturn"
before = set(sys.modules)
from keyturn.cli import main
status = main()
print(repr([status, sorted(set(sys.modules) - before)]), file=sys.stderr)
"""


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {
        "HOME": str(tmp_path),
        "KEYTURN_HOME": str(tmp_path / "keyturn"),
        "PATH": "/usr/bin:/bin",
        "LC_ALL": "C.UTF-8",
    }


@pytest.fixture
def token(env: dict[str, str]) -> str:
    """The token of a fresh login, stored below KEYTURN_HOME."""
    now = time.time()
    login = make_login(issued_at=now, expires_at=now + 36000)
    held = open_store(World(env), "default", "file").hold(seconds=5)
    assert held is not None
    assert login.access_token is not None
    assert login.refresh_token is not None
    with held:
        held.save(login, replacing=None)
    register("refresh", login.refresh_token.reveal())
    return register("token", login.access_token.reveal())


def start(*words: str, env: dict[str, str], cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([KEYTURN, *words], env=env, cwd=cwd, capture_output=True, text=True, check=False)


@pytest.mark.proves("T20", "R39")
@pytest.mark.parametrize("words", [["token"], ["token", "--profile", "default"]])
def test_a_fresh_login_s_token_is_printed_with_next_to_nothing_loaded(
    env: dict[str, str], token: str, words: list[str]
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *words], env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{token}\n"
    status, loaded = ast.literal_eval(done.stderr)
    assert status == 0
    assert {name.partition(".")[0] for name in loaded} & HEAVY == set()
    foreign = {name.partition(".")[0] for name in loaded} - set(sys.stdlib_module_names) - {"keyturn"}
    assert foreign == set()


def test_the_installed_command_prints_the_token(env: dict[str, str], token: str) -> None:
    done = start("token", env=env)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{token}\n", "")


@pytest.mark.proves("T6")
def test_nothing_is_imported_from_the_working_directory(
    env: dict[str, str], token: str, tmp_path: Path
) -> None:
    hostile = tmp_path / "hostile"
    hostile.mkdir()
    for name in ("json", "argparse", "resource", "fcntl", "difflib", "httpx2", "anthropic", "_json", "stat"):
        (hostile / f"{name}.py").write_text(f"open('loaded-{name}', 'w').close()\n")
    for words in (["token"], ["token", "--json"], ["explain"], ["nonsense"]):
        start(*words, env=env, cwd=hostile)
        done = subprocess.run(
            [sys.executable, "-m", "keyturn", *words],
            env=env,
            cwd=hostile,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == (2 if words == ["nonsense"] else 0)
    assert [path.name for path in hostile.iterdir() if path.name.startswith("loaded-")] == []
    assert token in start("token", env=env, cwd=hostile).stdout


@pytest.mark.proves("T6")
def test_a_relative_home_is_refused(env: dict[str, str]) -> None:
    done = start("token", env={**env, "KEYTURN_HOME": "here"})
    assert done.returncode == 8
    assert "KEYTURN_HOME is not an absolute path" in done.stderr


def test_a_reader_that_leaves_ends_it_quietly(env: dict[str, str], token: str) -> None:
    del token
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [KEYTURN, "explain", "--json"],
            env=env,
            stdout=writer,
            stderr=subprocess.PIPE,
            check=False,
        )
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, b"")


@pytest.mark.parametrize("words", [["token"], ["explain"], ["--help"]])
def test_a_full_disk_is_an_error_and_not_a_success(env: dict[str, str], token: str, words: list[str]) -> None:
    del token
    with open("/dev/full", "w", encoding="utf-8") as full:  # noqa: PTH123 - a device
        done = subprocess.run([KEYTURN, *words], env=env, stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        b"keyturn: error: the answer cannot be written: no space left on device",
        b"hint: send it to a file with room, or to a program",
    ]


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_survived(env: dict[str, str], token: str, closed: str) -> None:
    done = subprocess.run(
        ["sh", "-c", f'"$0" token {closed}', KEYTURN], env=env, capture_output=True, text=True, check=False
    )
    unwritten = ">&-" in closed.replace("2>&-", "")
    assert done.returncode == (1 if unwritten else 0)
    assert done.stdout == ("" if unwritten else f"{token}\n")
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr


def test_a_terminal_that_knows_little_gets_the_text_all_the_same(env: dict[str, str]) -> None:
    odd = {**env, "PYTHONIOENCODING": "ascii", "ANTHROPIC_API_KEY": make_secret("api-key")}
    assert start("status", env=odd).returncode == 0
    assert start("--help", env=odd).returncode == 0


@pytest.mark.proves("R53")
@pytest.mark.parametrize("name", ["ANTHROPIC_API_KEY", "CLAUDE_CODE_OAUTH_TOKEN"])
@pytest.mark.parametrize("home", ["/none/such", None])
def test_in_continuous_integration_one_variable_is_enough(name: str, home: str | None) -> None:
    secret = make_secret("api-key" if name == "ANTHROPIC_API_KEY" else "token")
    env = {name: secret, "CI": "true", "PATH": "/usr/bin:/bin", **({"HOME": home} if home else {})}
    done = start("token", env=env)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{secret}\n", "")
