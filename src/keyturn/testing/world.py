"""A machine of your own: its environment, clock, directories and network are what the test says."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from keyturn import jsontext
from keyturn.values import Secret
from keyturn.wire import Response
from keyturn.world import NETWORK_SECONDS, World

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from keyturn.testing.commands import Outcome
    from keyturn.wire import Request
    from keyturn.world.chains import Chain
    from keyturn.world.locks import Done
    from keyturn.world.processes import Command, Ended, Heard, Notice

    Answer = Response | Exception | Callable[[Request], Response]

NOW = 1_800_000_000.0


class FakeWorld(World):
    """A World whose files lie below `folder` and whose network is a list of answers.

    `env` is the whole environment, may be changed at any time, and begins with HOME and KEYTURN_HOME below
    `folder`. `script` takes answers in order: a Response, an exception to raise, or a function of the
    request; `requests` holds what was sent. `browsed` holds the addresses that a browser was shown.
    `outcomes` says how commands end, `commands` holds those that were run.
    """

    def __init__(
        self, folder: str | os.PathLike[str], env: Mapping[str, str] | None = None, *, now: float = NOW
    ) -> None:
        self.folder = os.path.realpath(folder)
        self.variables: dict[str, str] = {
            "HOME": self.folder,
            "KEYTURN_HOME": f"{self.folder}/keyturn",
            **(env or {}),
        }
        super().__init__(self.variables)
        self.script: list[Answer] = []
        self.requests: list[Request] = []
        self.browsed: list[str] = []
        self.presented: list[tuple[str, str]] = []
        self.chains: dict[str, Chain] = {}
        self.outcomes: list[Outcome] = []
        self.commands: list[Command] = []
        self.slept = 0.0
        self.boot_name: str | None = None
        self.host_name = super().host()
        self.machine_name = ""
        self.network_disk = False  # whether other machines write on the same disk
        self.pace = 0.0  # more, where a waiter and what it waits for are threads of one test
        self.impatient = False  # set it where a thread hangs: whoever waits with a limit stops waiting then
        self.terminal = False
        self.working_directory = self.folder
        self._wall = now
        self._clock = 1000.0

    def advance(self, seconds: float) -> None:
        """Let time pass, on both clocks."""
        self._wall += seconds
        self._clock += seconds

    def set_wall_clock(self, now: float) -> None:
        """Set the date, as a person or NTP does; Unix seconds. No time passes by that."""
        self._wall = now

    def write_config(self, fields: Mapping[str, object]) -> str:
        """Put a `config.json` in place, and say where."""
        directory = self.config_dir()
        os.makedirs(directory, mode=0o700, exist_ok=True)
        path = f"{directory}/config.json"
        with open(path, "w", encoding="utf-8") as file:
            file.write(jsontext.dump({"version": 1, **fields}))
        return path

    def now(self) -> float:
        """Unix seconds, as set."""
        return self._wall

    def clock(self) -> float:
        """Seconds that only `advance` and `sleep` let pass."""
        return self._clock

    def boot(self) -> str | None:
        """`boot_name`; None unless a test says otherwise."""
        return self.boot_name

    def sleep(self, seconds: float) -> None:
        """Let time pass, in `pace` real seconds; other threads get their turn."""
        self.slept += seconds
        self.advance(seconds)
        time.sleep(self.pace)

    def wait_for(self, done: Done, seconds: float | None) -> bool:
        """Wait for what happens in another thread; with a limit, only until `impatient` is set."""
        while not done.wait(0.01):
            if seconds is not None and self.impatient:
                return False
        return True

    def managed_dir(self) -> str:
        """`managed` below `folder`; no test sees what an administrator has set on this machine."""
        return f"{self.folder}/managed"

    def cwd(self) -> str:
        """`working_directory`."""
        return self.working_directory

    def shares_files(self, path: str) -> bool:
        """`network_disk`, whatever the path."""
        del path
        return self.network_disk

    def machine(self) -> str:
        """`machine_name`."""
        return self.machine_name

    def host(self) -> str:
        """`host_name`."""
        return self.host_name

    def interactive(self) -> bool:
        """`terminal`."""
        return self.terminal

    def prepare(self, url: str) -> None:
        """Nothing has to be made ready here."""

    def send(self, request: Request, *, seconds: float = NETWORK_SECONDS) -> Response:
        """The next answer of the script. Raises: what the script says; AssertionError at its end."""
        del seconds
        self.requests.append(request)
        if not self.script:
            raise AssertionError(f"nothing is scripted for {request!r}")
        said = self.script.pop(0)
        if isinstance(said, Exception):
            raise said
        return said if isinstance(said, Response) else said(request)

    def run(self, command: Command, *, heard: Heard | None = None, notice: Notice | None = None) -> Ended:
        """The next of `outcomes`. Raises: AssertionError at their end."""
        self.commands.append(command)
        if not self.outcomes:
            raise AssertionError(f"nothing is scripted for {command!r}")
        return self.outcomes.pop(0).play(self, command, heard, notice)

    def chain(self, url: str, *, seconds: float = NETWORK_SECONDS) -> Chain:
        """What `chains` says of the address; nothing unless a test says otherwise."""
        del seconds
        return self.chains.get(url, ())

    def send_presenting(
        self, request: Request, *, certificate: tuple[str, str], seconds: float = NETWORK_SECONDS
    ) -> Response:
        """As `send`; `presented` holds the certificates."""
        self.presented.append(certificate)
        return self.send(request, seconds=seconds)

    def open_browser(self, url: str) -> bool:
        """Note the address; there is no person behind it."""
        self.browsed.append(url)
        return False


def answer(fields: Mapping[str, object], status: int = 200, **headers: str) -> Response:
    """An answer in JSON; header names may be written with underscores."""
    named = {name.replace("_", "-").lower(): value for name, value in headers.items()}
    return Response(
        status=status,
        headers={"content-type": "application/json", **named},
        body=jsontext.dump(fields).encode(),
    )


def token_answer(
    access_token: Secret | str, refresh_token: Secret | str | None = None, **fields: object
) -> Response:
    """What a token endpoint says when it grants; `expires_in` is an hour unless given."""
    tokens = {"access_token": _text(access_token), "token_type": "Bearer", "expires_in": 3600, **fields}
    if refresh_token is not None:
        tokens["refresh_token"] = _text(refresh_token)
    return answer({name: value for name, value in tokens.items() if value is not None})


def _text(secret: Secret | str) -> str:
    return secret.reveal() if isinstance(secret, Secret) else secret
