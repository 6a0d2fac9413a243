"""Whole processes, timed by the kernel's own calls: `Popen.wait` polls, and rounds what it sees."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WARM_UP = 2
BIN = Path(sys.executable).parent
ROOT = Path(__file__).parent.parent


def seconds(argv: Sequence[str], env: Mapping[str, str]) -> float:
    """From the start of a program to its end. RuntimeError when it fails."""
    quiet = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
    ]
    start = time.perf_counter()
    child = os.posix_spawn(argv[0], list(argv), dict(env), file_actions=quiet)
    _, status = os.waitpid(child, 0)
    took = time.perf_counter() - start
    if status:
        raise RuntimeError(f"{argv[0]} ended with status {os.waitstatus_to_exitcode(status)}")
    return took


def in_rounds(
    programs: Mapping[str, Sequence[str]], env: Mapping[str, str], rounds: int
) -> dict[str, list[float]]:
    """Seconds of each program in each round; every round starts with another one of them."""
    names = list(programs)
    found: dict[str, list[float]] = {name: [] for name in names}
    for number in range(-WARM_UP, rounds):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            took = seconds(programs[name], env)
            if number >= 0:
                found[name].append(took)
    return found


def output(argv: Sequence[str], env: Mapping[str, str]) -> str:
    """What a program prints. CalledProcessError when it fails."""
    return subprocess.run(argv, env=dict(env), check=True, capture_output=True, text=True).stdout.strip()


def peak_kib(argv: Sequence[str], env: Mapping[str, str]) -> int:
    """The most memory a program ever had resident, in KiB.

    The kernel counts what the starting program had before `exec` as well; so a bare interpreter starts it,
    which has less than any other one.
    """
    weigher = [sys.executable, "-I", "-S", str(Path(__file__).parent / "weigh.py")]
    return int(output([*weigher, *argv], env))


def clean_environment(home: str, **more: str) -> dict[str, str]:
    """No variable of this shell: each program finds its login below `home` and nothing else."""
    return {"PATH": "/usr/bin:/bin", "HOME": home, "LANG": "C.UTF-8", **more}
