"""Completion as real shells do it: keys on a terminal in zsh, and what fish offers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from keyturn.cli import completion
from tests.servers import need
from tests.terminals import PtyScreen

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.system

BIN = Path(sys.executable).parent


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    home = tmp_path / "keyturn"
    home.mkdir(mode=0o700)
    (home / "config.json").write_text('{"version": 1, "profiles": {"work": {}, "lab": {}}}', encoding="utf-8")
    return {
        "HOME": str(tmp_path),
        "KEYTURN_HOME": str(home),
        "LANG": "C.UTF-8",
        "PATH": f"{BIN}:{os.environ['PATH']}",
    }


@pytest.fixture
def zsh(tmp_path: Path, env: dict[str, str]) -> Iterator[PtyScreen]:
    program = need("zsh", "zsh")
    (tmp_path / "_keyturn").write_text(completion.zsh(), encoding="utf-8")
    (tmp_path / "notes.txt").write_text("", encoding="utf-8")
    with PtyScreen([program, "-f", "-i"], {**env, "PS1": "zsh> "}, columns=100) as screen:
        screen.wait_for_prompt("zsh>")
        screen.enter("fpath=($HOME $fpath); autoload -U compinit; compinit -u -D; cd; setopt no_beep")
        screen.wait_for("no_beep\nzsh>")
        yield screen


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("keyturn stat\t", "keyturn status"),
        ("keyturn status --veri\t", "keyturn status --verify"),
        ("keyturn login --store keyc\t", "keyturn login --store keychain"),
        ("keyturn profile use wo\t", "keyturn profile use work"),
        ("keyturn --profile la\t", "keyturn --profile lab"),
        ("keyturn login --code-file no\t", "keyturn login --code-file notes.txt"),
        ("keyturn completion fi\t", "keyturn completion fish"),
    ],
)
def test_zsh_completes_with_the_tab_key(zsh: PtyScreen, typed: str, shown: str) -> None:
    zsh.type(typed)
    zsh.wait_for(f"zsh> {shown}")


def offered(line: str, env: dict[str, str], script: str) -> set[str]:
    """What fish would offer at the end of a line."""
    done = subprocess.run(
        [need("fish", "fish"), "--no-config", "-c", f"{script}\ncomplete -C '{line}'"],
        env=env,
        cwd=env["HOME"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stderr == ""
    return {found.split("\t")[0] for found in done.stdout.splitlines()}


def test_fish_offers_commands_options_values_and_profiles(env: dict[str, str]) -> None:
    script = completion.fish()
    assert offered("keyturn st", env, script) == {"status"}
    assert offered("keyturn status --veri", env, script) == {"--verify"}
    assert offered("keyturn login --store keyc", env, script) == {"keychain"}
    assert offered("keyturn --profile ", env, script) >= {"work", "lab"}
    assert offered("keyturn completion z", env, script) == {"zsh"}
    assert offered("keyturn profile b", env, script) == {"bind"}


def test_bash_completes_with_the_tab_key(tmp_path: Path, env: dict[str, str]) -> None:
    script = tmp_path / "completion.bash"
    script.write_text(completion.bash(), encoding="utf-8")
    with PtyScreen(
        [need("bash", "bash"), "--norc", "--noprofile", "-i"], {**env, "PS1": "bash> "}, columns=100
    ) as screen:
        screen.wait_for_prompt("bash>")
        screen.enter(f"source {script}; echo ready")
        screen.wait_for("ready\nbash>")
        screen.type("keyturn log\t")
        screen.type("--url-f\t")
        screen.wait_for("bash> keyturn log")
        screen.type("\x15keyturn profile use wo\t")
        screen.wait_for("keyturn profile use work")
