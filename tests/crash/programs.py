"""The programs of a test: started in milliseconds, traced in one thread, killed at a system call."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

SECONDS = 60.0
_CALL = re.compile(r"^(?:\d+ )?(\w+)\((.*)$")


@dataclass(frozen=True, slots=True)
class Call:
    """A system call as the tracer saw it; `done` says that it returned, and did not fail."""

    name: str
    rest: str
    done: bool

    @property
    def text(self) -> str:
        """For a table: the call, and the file it is about."""
        found = re.search(r'"([^"]*)"', self.rest)
        name = Path(found.group(1)).name if found else ""
        return f"{self.name} {name}".strip()


class Program:
    """One program that asks for a credential."""

    def __init__(self, place: str, home: Path, pause: str | None) -> None:
        self._connection = socket.socket(socket.AF_UNIX)
        self._connection.settimeout(SECONDS)
        self._connection.connect(place)
        self._lines = self._connection.makefile()
        self._process = os.pidfd_open(self._heard()["pid"])  # before it may go on, and perhaps end
        self._connection.sendall(json.dumps({"home": str(home), "pause": pause}).encode() + b"\n")

    def traced(self, log: Path, *wishes: str) -> None:
        """Attach a tracer to the thread that pauses, with these wishes of strace, and let it go on."""
        self._log, thread = log, self._heard()["thread"]
        argv = ["strace", "-s", "0", "-o", str(log), *wishes, "-p", str(thread)]
        self._tracer = subprocess.Popen(argv, stderr=subprocess.PIPE, text=True)
        assert self._tracer.stderr is not None
        said = self._tracer.stderr.readline()
        assert "attached" in said, said
        self._connection.sendall(b".")

    def traced_to_the_end(self) -> None:
        """Wait until the tracer has written everything down."""
        self._tracer.communicate(timeout=SECONDS)

    def waits(self) -> None:
        """Return when it has found the lock taken; it was started with the pause WAITING."""
        assert self._heard() == {"waiting": True}

    def stopped(self) -> None:
        """Return when its tracer says that it has stopped."""
        deadline = time.monotonic() + SECONDS
        while "stopped by SIGSTOP" not in self._log.read_text():
            assert time.monotonic() < deadline, "it did not stop"
            time.sleep(0.002)

    def go_on(self) -> None:
        """Let it continue after a stop."""
        signal.pidfd_send_signal(self._process, signal.SIGCONT)

    def answer(self) -> dict[str, Any] | None:
        """What it got, or None when it was killed; it is gone then, with all it held."""
        try:
            line = self._lines.readline()
        except ConnectionResetError:
            line = ""
        poll = select.poll()
        poll.register(self._process, select.POLLIN)
        assert poll.poll(SECONDS * 1000), "it did not end"
        os.close(self._process)
        self._lines.close()
        self._connection.close()
        answer: dict[str, Any] | None = json.loads(line) if line else None
        return answer

    def _heard(self) -> dict[str, Any]:
        heard: dict[str, Any] = json.loads(self._lines.readline())
        return heard


class Programs:
    """Where programs come from; see `nursery`, which uses up the expired login in `home`."""

    def __init__(self, folder: Path, home: Path, **env: str) -> None:
        self._place = f"{folder}/programs"
        self._home = str(home)
        self._env = env

    def __enter__(self) -> Self:
        self._nursery = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.nursery", self._place, self._home],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={"PATH": os.environ["PATH"], "HOME": self._home, **self._env},
            text=True,
        )
        assert self._nursery.stdout is not None
        assert self._nursery.stdout.readline() == "ready\n"
        return self

    def __exit__(self, *_: object) -> None:
        self._nursery.communicate(timeout=SECONDS)

    def start(self, home: Path, pause: str | None = None) -> Program:
        """A program that asks for the credential of this KEYTURN_HOME; see `nursery` for `pause`."""
        return Program(self._place, home, pause)


def calls(log: Path) -> list[Call]:
    """What a tracer wrote down, in order."""
    found = []
    for line in log.read_text(errors="replace").splitlines():
        match = _CALL.match(line)
        if match:
            name, rest = match.groups()
            result = rest.rpartition(" = ")[2]
            found.append(Call(name, rest, result[:1].isdigit()))
    return found
