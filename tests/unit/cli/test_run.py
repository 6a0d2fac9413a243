"""`keyturn run -- CMD` becomes CMD: its words, its exit status, its signals."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.secretscan import make_secret

KEYTURN = Path(sys.executable).with_name("keyturn")
SHOW = "import json, os, sys; print(json.dumps([sys.argv[1:], dict(os.environ)]))"


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {
        "HOME": str(tmp_path),
        "KEYTURN_HOME": str(tmp_path / "keyturn"),
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "ANTHROPIC_API_KEY": make_secret("api-key"),
    }


def run(
    *words: str, env: dict[str, str], cwd: Path | None = None, prepare: bool = False
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [KEYTURN, *words],
        env=env,
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=_allow_core_files if prepare else None,
    )


def _allow_core_files() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (4096, resource.RLIM_INFINITY))


def test_every_word_after_run_belongs_to_the_program(env: dict[str, str]) -> None:
    words = ["--json", "--profile", "x", "-p", "--", "--help", "", "two words"]
    done = run("run", "--", sys.executable, "-c", SHOW, *words, env=env)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)[0] == words
    without_dashes = run("run", sys.executable, "-c", SHOW, *words, env=env)
    assert json.loads(without_dashes.stdout)[0] == words


def test_the_program_has_the_winner_s_variables(env: dict[str, str]) -> None:
    token = make_secret("token")
    done = run("run", "--", sys.executable, "-c", SHOW, env={**env, "ANTHROPIC_AUTH_TOKEN": token, "X": "y"})
    child = json.loads(done.stdout)[1]
    assert child["ANTHROPIC_AUTH_TOKEN"] == token
    assert "ANTHROPIC_API_KEY" not in child
    assert (child["X"], child["KEYTURN_HOME"]) == ("y", env["KEYTURN_HOME"])


@pytest.mark.parametrize("status", [0, 1, 3, 42, 255])
def test_the_exit_status_is_the_program_s(env: dict[str, str], status: int) -> None:
    assert run("run", "--", "sh", "-c", f"exit {status}", env=env).returncode == status


def test_a_signal_ends_it_as_it_would_end_the_program(env: dict[str, str]) -> None:
    assert run("run", "--", "sh", "-c", "kill -TERM $$", env=env).returncode == -signal.SIGTERM


def test_the_program_is_this_very_process(env: dict[str, str]) -> None:
    with subprocess.Popen(
        [KEYTURN, "run", "--", "sh", "-c", "echo $$; read line"],
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert int(process.stdout.readline()) == process.pid
        process.communicate("\n")


def test_a_closed_pipe_ends_the_program_as_it_would_without_us(env: dict[str, str]) -> None:
    # Python ignores SIGPIPE, and what is ignored stays so in a program that a process becomes
    done = run("run", "--", "sh", "-c", "(yes; echo $? >&2) | head -n 1 > /dev/null", env=env)
    assert done.stderr.strip() == str(128 + signal.SIGPIPE)


@pytest.mark.proves("T17")
def test_core_files_are_forbidden_for_us_and_allowed_again_for_the_program(env: dict[str, str]) -> None:
    done = run("run", "--", "sh", "-c", "ulimit -S -c; ulimit -H -c", env=env, prepare=True)
    before = _core_limit_of_a_plain_shell(env)
    assert done.stdout == before


def _core_limit_of_a_plain_shell(env: dict[str, str]) -> str:
    return subprocess.run(
        ["sh", "-c", "ulimit -S -c; ulimit -H -c"],
        env=env,
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=_allow_core_files,
    ).stdout


@pytest.mark.proves("T17")
def test_our_own_process_writes_no_core_files(env: dict[str, str]) -> None:
    code = (
        "import resource, sys; from keyturn.cli import main; sys.argv = ['keyturn', '--version']; main();"
        "print(resource.getrlimit(resource.RLIMIT_CORE)[0])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=env,
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=_allow_core_files,
    )
    assert done.stdout.splitlines()[-1] == "0"


@pytest.mark.proves("T17")
def test_a_host_process_keeps_its_limit(env: dict[str, str]) -> None:
    code = (
        "import resource; from keyturn.cli import main; main(['--version']);"
        "print(resource.getrlimit(resource.RLIMIT_CORE)[0])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=env,
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=_allow_core_files,
    )
    assert done.stdout.splitlines()[-1] == "4096"


@pytest.mark.proves("T7")
def test_a_program_of_the_working_directory_is_not_found_by_its_name(
    env: dict[str, str], tmp_path: Path
) -> None:
    program = tmp_path / "hostile"
    program.write_text("#!/bin/sh\necho mine\n")
    program.chmod(0o755)
    for path in (".:/usr/bin", "/usr/bin:", "bin:..", ""):
        done = run("run", "--", "hostile", env={**env, "PATH": path}, cwd=tmp_path)
        assert done.returncode == 127
        assert "there is no program 'hostile'" in done.stderr
    assert run("run", "--", "./hostile", env=env, cwd=tmp_path).stdout == "mine\n"
    assert run("run", "--", str(program), env=env, cwd=tmp_path).stdout == "mine\n"


def test_what_cannot_be_run_is_exit_126(env: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("no program")
    assert run("run", "--", "./file", env=env, cwd=tmp_path).returncode == 126
    file.chmod(0o755)
    done = run("run", "--", "./file", env=env, cwd=tmp_path)
    assert done.returncode == 126
    assert "cannot be run: exec format error" in done.stderr
    assert run("run", "--", "./nothing", env=env, cwd=tmp_path).returncode == 127


def test_without_a_credential_nothing_runs(env: dict[str, str], tmp_path: Path) -> None:
    del env["ANTHROPIC_API_KEY"]
    done = run("run", "--", "touch", "made", env=env, cwd=tmp_path)
    assert done.returncode == 3
    assert not (tmp_path / "made").exists()


def test_an_interrupt_reaches_the_program(env: dict[str, str]) -> None:
    with subprocess.Popen(
        [KEYTURN, "run", "--", "sh", "-c", "trap 'echo caught; exit 7' INT; echo ready; read line"],
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        os.kill(process.pid, signal.SIGINT)
        assert process.stdout.readline() == "caught\n"
        assert process.wait(30) == 7
