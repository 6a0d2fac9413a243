"""Real processes: how they end, what is heard of them, and that nothing of a group outlives its end."""

from __future__ import annotations

import itertools
import os
import signal
import threading
from pathlib import Path

import pytest

from keyturn.world import births, processes
from keyturn.world.processes import Command, Ended, Notice, run
from tests.interruptions import stopped_at

WAYS = pytest.mark.parametrize("windows", [False, True], ids=["polled", "threaded"])


def command(line: str, directory: Path, *, seconds: float = 60, limit: int | None = 1000) -> Command:
    # COMSPEC is the shell of the threaded way, which Windows needs and which is here run with another shell
    env = {"PATH": os.environ["PATH"], "COMSPEC": str(directory / "comspec")}
    shell = directory / "comspec"
    if not shell.exists():
        shell.write_text('#!/bin/sh\nexec /bin/sh -c "$2"\n')
        shell.chmod(0o700)
    return Command(directory=str(directory), environment=env, line=line, seconds=seconds, stdout_limit=limit)


def lives(pid: int) -> bool:
    """Whether a process is there and is more than what its parent has not yet asked for."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def wait_until_dead(pid: int) -> None:
    """Wait, for the system may take a moment to do what it was told."""
    tick = threading.Event()
    while lives(pid):
        tick.wait(0.01)


@WAYS
def test_where_nobody_learns_how_children_end_none_is_started(tmp_path: Path, windows: bool) -> None:
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        ended = run(command("echo half of a key; touch ran; exit 3", tmp_path), windows=windows)
    finally:
        signal.signal(signal.SIGCHLD, before)
    assert (ended.why, ended.stdout.reveal()) == ("not_started", "")
    assert "SIGCHLD" in (ended.detail or "")
    assert not (tmp_path / "ran").exists()


@WAYS
def test_what_it_prints_is_heard_and_kept(tmp_path: Path, windows: bool) -> None:
    heard: list[tuple[str, bytes]] = []
    ended = run(
        command("echo out; echo err >&2; exit 3", tmp_path),
        heard=lambda stream, piece: heard.append((stream, piece)),
        windows=windows,
    )
    assert (ended.why, ended.status) == ("exit", 3)
    assert (ended.stdout.reveal(), ended.stderr.reveal()) == ("out\n", "err\n")
    assert sorted(heard) == [("stderr", b"err\n"), ("stdout", b"out\n")]


def test_neither_value_shows_a_secret(tmp_path: Path) -> None:
    wanted = command("echo sk-ant-test-abcdef", tmp_path)
    assert "sk-ant" not in repr(wanted)
    assert "sk-ant" not in repr(run(wanted))


@WAYS
def test_it_has_no_input(tmp_path: Path, windows: bool) -> None:
    assert run(command("cat; read x; echo $?", tmp_path), windows=windows).stdout.reveal() == "1\n"


def test_it_has_no_terminal_to_read_from_behind_our_back(tmp_path: Path) -> None:
    assert run(command("read x < /dev/tty", tmp_path)).status != 0


def test_it_is_a_session_of_its_own(tmp_path: Path) -> None:
    ended = run(command("cut -d' ' -f1,5,6 /proc/$$/stat", tmp_path))
    pid, group, session = ended.stdout.reveal().split()
    assert pid == group == session


def test_it_runs_where_it_should_with_the_variables_it_should_have(tmp_path: Path) -> None:
    ended = run(command("pwd -P; env | sort", tmp_path))
    names = {line.partition("=")[0] for line in ended.stdout.reveal().splitlines()[1:]}
    assert ended.stdout.reveal().splitlines()[0] == str(tmp_path)
    assert names <= {"PATH", "COMSPEC", "PWD", "OLDPWD", "SHLVL", "_"}


def test_a_signal_that_ends_it_is_told_from_an_exit_status(tmp_path: Path) -> None:
    ended = run(command("kill -KILL $$", tmp_path))
    assert (ended.why, ended.status) == ("signal", signal.SIGKILL)


def test_a_directory_that_is_not_there_is_said(tmp_path: Path) -> None:
    ended = run(command("true", tmp_path).replace(directory=f"{tmp_path}/gone"))
    assert (ended.why, ended.status, ended.detail) == (
        "not_started",
        None,
        f"there is no directory {tmp_path}/gone",
    )


def test_a_line_that_no_system_takes_is_an_outcome_and_not_an_exception(tmp_path: Path) -> None:
    for line in ("a\0b", "x" * 3_000_000):
        ended = run(command(line, tmp_path))
        assert ended.why == "not_started"
        assert ended.detail


@WAYS
@pytest.mark.proves("P20")
def test_the_whole_group_is_dead_after_the_limit(tmp_path: Path, windows: bool) -> None:
    # a child in the background that holds the pipe open, and one that asks not to be ended
    line = (
        "trap '' TERM; sleep 600 & echo $! > background; (trap '' TERM; while :; do sleep 1; done) & "
        "echo $! > stubborn; echo $$ > shell; wait"
    )
    ended = run(command(line, tmp_path, seconds=1), windows=windows)
    assert (ended.why, ended.status) == ("timeout", None)
    for name in ("background", "stubborn", "shell"):
        wait_until_dead(int((tmp_path / name).read_text()))


@WAYS
def test_a_grandchild_that_keeps_the_pipe_open_holds_nobody_up(tmp_path: Path, windows: bool) -> None:
    ended = run(command("sleep 600 & echo $! > pid; echo done", tmp_path, seconds=300), windows=windows)
    assert (ended.why, ended.status, ended.stdout.reveal()) == ("exit", 0, "done\n")
    left = int((tmp_path / "pid").read_text())
    assert lives(left), "what ended in time may leave something behind, as a login leaves its browser"
    os.kill(left, signal.SIGKILL)


def test_a_grandchild_that_goes_on_talking_holds_nobody_up(tmp_path: Path) -> None:
    ended = run(command("(while :; do echo more >&2; done) & echo $! > pid; echo done", tmp_path))
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
    assert (ended.why, ended.stdout.reveal()) == ("exit", "done\n")


@WAYS
def test_output_without_end_ends_the_group_and_fills_no_memory(tmp_path: Path, windows: bool) -> None:
    ended = run(command("echo $$ > pid; yes", tmp_path), windows=windows)
    assert ended.why == "too_long"
    assert len(ended.stdout.reveal()) < 1_000_000
    wait_until_dead(int((tmp_path / "pid").read_text()))


def test_of_stderr_the_end_is_kept(tmp_path: Path) -> None:
    ended = run(command("yes 0123456789 | head -c 1000000 >&2; echo last >&2", tmp_path))
    assert ended.stderr.reveal().endswith("last\n")
    assert len(ended.stderr.reveal()) == 4096


def test_stdout_that_nobody_keeps_may_be_long(tmp_path: Path) -> None:
    counted = []
    ended = run(
        command("yes | head -c 300000", tmp_path, limit=None),
        heard=lambda _, piece: counted.append(len(piece)),
    )
    assert (ended.why, ended.status, ended.stdout.reveal(), sum(counted)) == ("exit", 0, "", 300000)


def test_a_piece_is_heard_before_its_line_and_the_command_end(tmp_path: Path) -> None:
    # the command waits for a file that only the hearing of its unfinished line makes
    line = "printf 'code: AB-CD '; while [ ! -e seen ]; do sleep 0.02; done; echo end"

    def heard(_: str, piece: bytes) -> None:
        if b"AB-CD" in piece:
            (tmp_path / "seen").touch()

    assert run(command(line, tmp_path), heard=heard).why == "exit"


def test_the_notice_comes_once_and_while_it_runs(tmp_path: Path) -> None:
    told: list[str] = []

    def call() -> None:
        told.append("waiting")
        (tmp_path / "told").touch()

    ended = run(
        command("while [ ! -e told ]; do sleep 0.02; done; sleep 0.2", tmp_path),
        notice=Notice(call=call, seconds=0.1),
    )
    assert (ended.why, told) == ("exit", ["waiting"])


def test_who_hears_and_fails_leaves_no_process_behind(tmp_path: Path) -> None:
    def fail(_: str, piece: bytes) -> None:
        raise RuntimeError(piece.decode())

    with pytest.raises(RuntimeError):
        run(command("echo $$ > pid; echo x; sleep 600", tmp_path), heard=fail)
    wait_until_dead(int((tmp_path / "pid").read_text()))


def test_ctrl_c_ends_the_group(tmp_path: Path) -> None:
    def interrupt(_: str, piece: bytes) -> None:
        del piece
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run(command("echo $$ > pid; echo x; sleep 600 & wait", tmp_path), heard=interrupt)
    wait_until_dead(int((tmp_path / "pid").read_text()))


def test_a_process_with_a_thousand_open_files_can_run_commands(tmp_path: Path) -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    held = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    try:
        assert run(command("echo fine", tmp_path)).stdout.reveal() == "fine\n"
    finally:
        for descriptor in held:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    run(command("true", tmp_path))
    before = {path.name for path in Path("/proc/self/fd").iterdir()}
    for _ in range(3):
        ended: Ended = run(command("echo x; sleep 600 & echo $! > pid", tmp_path))
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
        assert ended.status == 0
    assert {path.name for path in Path("/proc/self/fd").iterdir()} == before


def test_no_interrupt_leaves_a_child_behind(tmp_path: Path) -> None:
    of = {births.__file__, processes.__file__}
    line = "exec sleep 600"
    for step in itertools.count(1):
        assert stopped_at(step, lambda: run(command(line, tmp_path)), of)
        assert living_in(tmp_path) == [], f"after an interrupt before step {step}"
        if step > 120:  # by now it has been watching the child for long
            break


def living_in(directory: Path) -> list[int]:
    """The processes that work in a directory."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and lives(int(process.name)):
            try:
                if (process / "cwd").readlink() == directory:
                    found.append(int(process.name))
            except OSError:
                continue  # it has ended, or is not ours to look at
    return found
