"""What other processes, children and the disk get to see of a keyturn that runs: no secret (T9, T15)."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from keyturn.cli.commands import COMMANDS
from tests.hostile_project import PROGRAMS, Ear, HostileProject
from tests.keyturns import KEYTURN, Household
from tests.secretscan import leaks, make_secret
from tests.standins import StandIn
from tests.terminals import LONG, PtyScreen

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.system

# a helper that writes down what it can see of itself and of keyturn, and then gives a key
_LOOK = """#!/bin/sh
tr '\\0' '\\n' < /proc/$PPID/cmdline > "{seen}/cmdline"
tr '\\0' '\\n' < /proc/$PPID/environ > "{seen}/environ"
cat /proc/$PPID/limits > "{seen}/limits"
ls -l /proc/self/fd > "{seen}/descriptors"
env > "{seen}/own"
echo {key}
"""
GIVEN = (
    *(
        "ANTHROPIC_API_KEY",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_BEARER_TOKEN_BEDROCK",
        "GITHUB_TOKEN",
        "MY_PASSWORD",
    ),
)


def with_helper(folder: Path, command: str) -> Household:
    """A person whose own settings name a helper."""
    house = Household(folder)
    (folder / ".claude").mkdir()
    (folder / ".claude" / "settings.json").write_text(json.dumps({"apiKeyHelper": command}))
    return house


@pytest.mark.proves("T8", "T9", "T17")
def test_neither_a_helper_nor_anybody_else_sees_a_secret_of_the_process(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    seen.mkdir()
    script = tmp_path / "look.sh"
    script.write_text(_LOOK.format(seen=seen, key="sk-ant-test-of-the-helper"))
    script.chmod(0o755)
    house = with_helper(tmp_path, f"exec '{script}'")
    secrets = {name: make_secret("api-key") for name in GIVEN}
    house.env |= secrets
    done = house.run("token")
    assert (done.returncode, done.stdout) == (0, "sk-ant-test-of-the-helper\n")
    text = {path.name: path.read_text() for path in seen.iterdir()}
    for path in seen.iterdir():
        path.unlink()  # what was given to the process is in its environment, and so here
    # a process started with these variables has them; nothing was put beside them
    same = dict(line.split("=", 1) for line in text["environ"].splitlines()) == house.env
    assert same
    assert leaks(text["cmdline"]) == []
    assert leaks(text["own"]) == []
    assert "KEYTURN_IN_HELPER=1" in text["own"]
    assert text["limits"].split("Max core file size")[1].split()[0] == "0"
    assert "trust" not in text["descriptors"]
    assert "logins" not in text["descriptors"]


@pytest.mark.proves("T7", "T8")
def test_programs_that_a_trusted_helper_names_are_not_taken_from_the_project(tmp_path: Path) -> None:
    with Ear() as ear:
        project = HostileProject(tmp_path / "hostile", tmp_path / "marks", ear)
        (project.folder / ".claude" / "settings.local.json").unlink()
        looked_up = " ; ".join(f"{name} --version" for name in PROGRAMS if name in ("git", "python3", "env"))
        (project.folder / ".claude" / "settings.json").write_text(
            json.dumps({"apiKeyHelper": f"({looked_up}) > /dev/null 2>&1; echo sk-ant-test-of-the-helper"})
        )
        env = {
            "HOME": str(tmp_path),
            "KEYTURN_HOME": str(tmp_path / "keyturn"),
            "PATH": ".:bin::/usr/bin:/bin",
        }

        def keyturn(*words: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [KEYTURN, *words],
                cwd=project.folder,
                env=env,
                capture_output=True,
                text=True,
                timeout=LONG,
                check=False,
            )

        assert keyturn("trust", "--yes", ".").returncode == 0
        assert keyturn("token").stdout == "sk-ant-test-of-the-helper\n"
        assert project.ran() == []
        assert ear.heard() == []


@pytest.mark.proves("T6", "T7")
@pytest.mark.parametrize("browser", ["", "browser", "./browser", "browser %s:xdg-open"])
def test_a_login_opens_no_browser_of_the_working_directory(tmp_path: Path, browser: str) -> None:
    with Ear() as ear, StandIn() as authority:
        project = HostileProject(tmp_path / "hostile", tmp_path / "marks", ear)
        env = {
            "HOME": str(tmp_path),
            "KEYTURN_HOME": str(tmp_path / "keyturn"),
            "PATH": f".::{project.folder.name}",
            "DISPLAY": ":99",
            "BROWSER": browser,
        }
        words = ("--issuer", authority.origin, "--client-id", "example", "--api-base-url", authority.origin)
        inside = ["/bin/sh", "-c", 'cd "$1" && shift && exec "$@"', "sh", str(project.folder)]
        with PtyScreen([*inside, KEYTURN, "login", *words], env, columns=200) as screen:
            screen.wait_for("/authorize", "code_challenge")
            screen.control("c")
            assert screen.ended() == 130
        assert project.ran() == []
        assert ear.heard() == []


@pytest.mark.proves("T6")
@pytest.mark.parametrize("words", [["token"], ["explain"], ["trust", "--list"], ["--version"]])
def test_as_a_module_in_safe_path_mode_nothing_of_the_directory_is_imported(
    tmp_path: Path, words: list[str]
) -> None:
    with Ear() as ear:
        project = HostileProject(tmp_path / "hostile", tmp_path / "marks", ear)
        env = {"HOME": str(tmp_path), "KEYTURN_HOME": str(tmp_path / "k"), "PATH": ".:/usr/bin:/bin"}
        subprocess.run(
            [sys.executable, "-P", "-m", "keyturn", *words],
            cwd=project.folder,
            env=env,
            capture_output=True,
            timeout=LONG,
            check=False,
        )
        assert project.ran() == []
        assert ear.heard() == []


@pytest.mark.proves("T15", "T16")
@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in ("demo", "sandbox", "token")])
def test_no_command_but_token_shows_a_secret_even_when_it_is_asked_to_debug(
    tmp_path: Path, name: str
) -> None:
    """Household.run looks for every secret in all that is said."""
    secret = make_secret("api-key")
    house = Household(tmp_path)
    words = {
        "-p": ["-p", "Hello"],
        "session": [],
        "run": ["run", "--", "true"],
        "completion": ["completion", "zsh"],
    }
    with StandIn() as api:
        said = house.run(
            *words.get(name, [name]),
            ANTHROPIC_API_KEY=secret,
            ANTHROPIC_BASE_URL=api.origin,
            KEYTURN_DEBUG="1",
            ANTHROPIC_LOG="debug",
        )
    assert said.stdout + said.stderr or name == "run"


@pytest.mark.proves("T15")
def test_a_key_in_a_wrong_place_is_not_repeated(tmp_path: Path) -> None:
    secret = "sk-ant-test-typed-where-it-does-not-belong"  # an argument shows it already
    house = Household(tmp_path)
    for words in (
        ["--source", secret],
        ["--profile", secret],
        ["trust", secret],
        [secret],
        ["token", secret],
    ):
        done = house.run(*words, "--json")
        assert done.returncode == 2
        assert secret not in done.stdout + done.stderr


@pytest.mark.proves("T17")
def test_a_process_that_is_killed_leaves_no_core_file(tmp_path: Path) -> None:
    house = Household(tmp_path)
    with subprocess.Popen(
        ["/bin/sh", "-c", 'ulimit -c unlimited 2>/dev/null; exec "$0" sandbox', KEYTURN],
        cwd=tmp_path,
        env=house.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as program:
        assert program.stdout is not None
        assert program.stdout.readline()
        program.send_signal(signal.SIGQUIT)
        program.communicate(timeout=LONG)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("core")] == []
