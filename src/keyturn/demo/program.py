"""One of the programs of the demo: a Python process that uses keyturn like any other, and keeps the times.

It takes one JSON command a line on standard input and answers with one JSON line, until the input ends.
keyturn's two doors, a World and a LoginStore, are where the times are taken; nothing else is special.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

import httpx2

from keyturn import AuthError
from keyturn.auth import Auth
from keyturn.http import RequestAuth
from keyturn.sandbox.answers import MODELS
from keyturn.sandbox.events import fingerprint
from keyturn.settings.config import DEFAULT_PROFILE
from keyturn.stores.file import FileStore
from keyturn.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from keyturn.stores.file import HeldFile
    from keyturn.wire import Request, Response

REQUEST_SECONDS = 60.0


class Times(dict[str, Any]):
    """What happened when, in seconds of the clock that all processes share; the first time counts."""

    def note(self, name: str, clock: float) -> None:
        """Keep a time."""
        self.setdefault(name, clock)


class TimedWorld(World):
    """This machine, noting when a renewal is sent and answered."""

    def __init__(self, times: Times) -> None:
        super().__init__()
        self._times = times

    def send(self, request: Request, *, seconds: float = 30.0) -> Response:
        """Send as ever."""
        self._times.note("sent", self.clock())
        try:
            return super().send(request, seconds=seconds)
        finally:
            self._times.note("answered", self.clock())


class TimedStore(FileStore):
    """The file store, noting when its lock is wanted and when the waiting ends."""

    def __init__(self, world: World, times: Times) -> None:
        super().__init__(world, DEFAULT_PROFILE)
        self._times = times

    def hold(self, *, seconds: float, until: Callable[[], bool] | None = None) -> HeldFile | None:
        """Wait for the lock as ever."""
        self._times.note("wanted", self.world.clock())
        held = super().hold(seconds=seconds, until=until)
        self._times.note("served", self.world.clock())
        return held


class Program:
    """One request at a time, each with its times."""

    def __init__(self, commands: Iterator[str]) -> None:
        self._commands = commands
        self._times = Times()
        self._world = TimedWorld(self._times)
        self._auth = Auth(world=self._world, store=TimedStore(self._world, self._times))
        self._holding = False
        url = self._auth.base_url
        context, proxy = self._world.transport.settings(url)
        self._client = httpx2.Client(
            base_url=url,
            auth=RequestAuth(self._auth),
            verify=context,
            proxy=proxy,
            trust_env=False,
            timeout=REQUEST_SECONDS,
            event_hooks={"request": [self._signed], "response": [self._answered]},
        )

    def run(self) -> None:
        """Do what is asked until the input ends."""
        for line in self._commands:
            command = json.loads(line)
            self._times.clear()
            self._times["statuses"] = []
            self._holding = bool(command.get("hold"))
            self._wait_until(command.get("at"))
            self._ask()
            _tell(self._times)

    def _ask(self) -> None:
        self._times.note("asked", self._world.clock())
        body = {
            "model": MODELS[0],
            "max_tokens": 64,
            "messages": [{"role": "user", "content": f"program {os.getpid()}"}],
        }
        try:
            self._client.post("/v1/messages", json=body, headers={"anthropic-version": "2023-06-01"})
        except AuthError as error:
            self._times["error"] = error.code
        except httpx2.HTTPError as error:
            self._times["error"] = type(error).__name__
        self._times.note("done", self._world.clock())

    def _signed(self, request: httpx2.Request) -> None:
        """The request carries a credential; `hold` waits here for the start, as one in flight would."""
        if self._holding:
            self._holding = False
            _tell({"signed": True})
            self._wait_until(json.loads(next(self._commands))["at"])
            self._times["asked"] = self._world.clock()
        self._times["token"] = self._world.clock()
        self._times["credential"] = fingerprint(request.headers["authorization"].partition(" ")[2])

    def _answered(self, response: httpx2.Response) -> None:
        self._times["statuses"].append(response.status_code)

    def _wait_until(self, clock: float | None) -> None:
        if clock is not None:
            self._world.sleep(max(0.0, clock - self._world.clock()))


def _tell(said: dict[str, Any]) -> None:
    sys.stdout.write(f"{json.dumps(said)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    Program(iter(sys.stdin)).run()
