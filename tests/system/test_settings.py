"""Settings files, the installed `keyturn`, and what it and the programs that it starts make of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.keyturns import KEYTURN, Household
from tests.secretscan import make_secret

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.system
SHOW = "import os; print(os.environ.get('ANTHROPIC_API_KEY'), os.environ.get('ANTHROPIC_BASE_URL'), end='')"


@pytest.fixture
def household(tmp_path: Path) -> Iterator[Household]:
    """A home whose settings hold a key; it is gone when the run looks for what was left behind."""
    with Household(tmp_path) as made:
        yield made
    user(made).unlink()


def user(household: Household) -> Path:
    return Path(household.env["HOME"], ".claude", "settings.json")


def settings(household: Household, **env: str) -> None:
    user(household).parent.mkdir(exist_ok=True)
    user(household).write_text(json.dumps({"env": env}), encoding="utf-8")


@pytest.mark.proves("R8", "R57", "P22")
def test_a_key_of_the_settings_is_printed_explained_and_handed_to_programs(household: Household) -> None:
    key = make_secret("api-key")
    settings(household, ANTHROPIC_API_KEY=key, ANTHROPIC_BASE_URL="https://gateway.example.com")
    assert household.run("token", secret=True).stdout == f"{key}\n"
    explained = household.run("explain")
    assert f"env.ANTHROPIC_API_KEY in {user(household)}" in explained.stdout
    given = household.run("run", "--", sys.executable, "-c", SHOW, secret=True)
    assert given.stdout == f"{key} https://gateway.example.com"
    exported = household.run(
        "run", "--", sys.executable, "-c", SHOW, secret=True, ANTHROPIC_API_KEY="sk-ant-test-x"
    )
    assert exported.stdout == given.stdout


@pytest.mark.proves("T1", "T2")
def test_a_project_counts_in_its_own_directory_once_it_is_trusted(household: Household) -> None:
    settings(household, ANTHROPIC_API_KEY=make_secret("api-key"))
    project = household.folder / "job"
    (project / ".claude").mkdir(parents=True)
    fields = {"env": {"ANTHROPIC_BASE_URL": "https://project.example.com"}}
    (project / ".claude" / "settings.json").write_text(json.dumps(fields), encoding="utf-8")

    def audience(directory: Path) -> str:
        done = subprocess.run(
            [KEYTURN, "token", "--json"],
            cwd=directory,
            env=household.env,
            capture_output=True,
            check=True,
            stdin=subprocess.DEVNULL,
        )
        return str(json.loads(done.stdout)["audience"])

    assert audience(project) == "https://api.anthropic.com"
    assert household.run("trust", "--yes", str(project)).returncode == 0
    assert audience(project) == "https://project.example.com"
    assert audience(household.folder) == "https://api.anthropic.com"
    assert household.run("untrust", str(project)).returncode == 0
    assert audience(project) == "https://api.anthropic.com"


@pytest.mark.proves("T5")
def test_a_pipe_where_the_user_s_settings_should_be_holds_nobody_up(household: Household) -> None:
    settings(household)
    user(household).unlink()
    os.mkfifo(user(household))
    done = household.run("token", ANTHROPIC_API_KEY="sk-ant-test-exported")
    assert done.returncode == 8
    assert f"{user(household)} is not a regular file" in done.stderr
    assert household.run("explain").returncode == 0
