"""Sixteen programs as processes of their own, started once, asked together, ended by closing their input."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from keyturn.world import World

SIZE = 16
START_SECONDS = 0.25
"""from the word to the start, so that every process is already waiting for it"""
LIMIT_SECONDS = 120.0


class Crowd:
    """A context manager; `progress` is told how many of them have answered."""

    def __init__(
        self, world: World, env: Mapping[str, str], folder: str, progress: Callable[[str, int], None]
    ) -> None:
        self._world = world
        self._progress = progress
        # Safe path: nothing of the folder is imported. A session of their own: Ctrl-C is the demo's.
        command = [sys.executable, "-P", "-m", f"{__package__}.program"]
        self._processes = [
            subprocess.Popen(  # noqa: S603 - this interpreter and our own module
                command,
                env=dict(env),
                cwd=folder,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,
                bufsize=0,
            )
            for _ in range(SIZE)
        ]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            if process.stdin is not None:
                process.stdin.close()
        for process in self._processes:
            try:
                process.wait(5.0)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()

    def ask(self, what: str, *, at_once: bool = True) -> list[dict[str, Any]]:
        """Let every program ask once, at one moment; what each of them saw, in their order."""
        self._tell({"at": self._start()} if at_once else {})
        return self._answers(what)

    def sign(self, what: str) -> int:
        """Let every program make a request ready, credential on it, and hold it back; how many do."""
        self._tell({"hold": True})
        return sum("signed" in answer for answer in self._answers(what))

    def send(self, what: str) -> list[dict[str, Any]]:
        """Let them send what they hold, at one moment."""
        self._tell({"at": self._start()})
        return self._answers(what)

    def end(self) -> list[int]:
        """End every program; their exit statuses."""
        self.__exit__()
        return [process.returncode for process in self._processes]

    def _start(self) -> float:
        return self._world.clock() + START_SECONDS

    def _tell(self, command: dict[str, Any]) -> None:
        line = f"{json.dumps(command)}\n".encode()
        for number, process in enumerate(self._processes, start=1):
            try:
                if process.stdin is not None:
                    process.stdin.write(line)
            except BrokenPipeError:
                raise RuntimeError(f"program {number} ended by itself") from None

    def _answers(self, what: str) -> list[dict[str, Any]]:
        """One line of each. Raises: RuntimeError when a program ends or says nothing."""
        found: dict[int, dict[str, Any]] = {}
        kept = [b""] * SIZE
        deadline = self._world.clock() + LIMIT_SECONDS
        with selectors.DefaultSelector() as selector:
            for number, process in enumerate(self._processes):
                if process.stdout is not None:
                    selector.register(process.stdout, selectors.EVENT_READ, number)
            while len(found) < SIZE:
                self._progress(what, len(found))
                ready = selector.select(max(0.0, deadline - self._world.clock()))
                if not ready:
                    raise RuntimeError(f"{SIZE - len(found)} programs said nothing for {LIMIT_SECONDS:g} s")
                for key, _ in ready:
                    number = key.data
                    piece = os.read(key.fd, 64 * 1024)
                    if not piece:
                        raise RuntimeError(f"program {number + 1} ended by itself")
                    kept[number] += piece
                    if kept[number].endswith(b"\n"):
                        found[number] = json.loads(kept[number])
                        selector.unregister(key.fileobj)
        return [found[number] for number in range(SIZE)]
