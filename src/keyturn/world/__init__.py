"""The only door to the operating system: environment, clock, files, descriptors, network, browser.

Everything that keyturn reads or does outside its own memory goes through a World, so that a test hands
in another one (`keyturn.testing.FakeWorld`) and patches nothing. Every call has a time limit.
"""

from __future__ import annotations

import os
import sys
import time

from keyturn.world import places

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from keyturn.wire import Request, Response
    from keyturn.world.chains import Chain
    from keyturn.world.locks import Done
    from keyturn.world.processes import Command, Ended, Heard, Notice
    from keyturn.world.transport import Transport

NETWORK_SECONDS = 30.0
# lifetimes run on a clock that counts suspend (L21); where there is none the monotonic one must do
_NAMES_KEPT = 256
_BOOT_CLOCK = getattr(time, "CLOCK_BOOTTIME", None)


class World:
    """This machine as it is."""

    def __init__(self, env: Mapping[str, str] | None = None) -> None:
        self.env: Mapping[str, str] = os.environ if env is None else env
        # shows a text to the person at once, parts of lines too; the command line sets it, a library logs
        self.tell: Callable[[str], None] | None = None
        # says what a variable of the network is where settings files count too; whoever reads them sets it
        self.network: Callable[[str], str | None] | None = None
        self._transport: Transport | None = None
        self._seen: dict[str, tuple[float, float]] = {}

    # -- time --

    def now(self) -> float:
        """Unix seconds by the wall clock."""
        return time.time()

    def clock(self) -> float:
        """Seconds on a clock that nobody sets and that counts suspend."""
        if _BOOT_CLOCK is None:
            return time.monotonic()
        return time.clock_gettime(_BOOT_CLOCK)

    def boot(self) -> str | None:
        """Which start of this machine `clock` counts from; None where that is not known."""
        try:
            with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
                return file.read(64).strip() or None
        except (OSError, ValueError):
            return None

    def steady(self, name: str, known: tuple[float, float] | None = None) -> float:
        """The wall clock as nobody has set it since this name was first asked for; Unix seconds.

        `known` are the times of both clocks at some earlier moment, if there is one to count from.
        """
        found = self._seen.get(name)
        if found is None:
            if len(self._seen) >= _NAMES_KEPT:
                self._seen.clear()
            found = self._seen[name] = known or (self.now(), self.clock())
        return found[0] + self.clock() - found[1]

    def sleep(self, seconds: float) -> None:
        """Wait; interruptible."""
        time.sleep(seconds)

    def wait_for(self, done: Done, seconds: float | None) -> bool:
        """Wait until something is done, at most `seconds` (None: however long); whether it is."""
        return done.wait(seconds)

    def random_text(self, size: int = 32) -> str:
        """URL-safe random text of `size` bytes of entropy."""
        import base64

        return base64.urlsafe_b64encode(os.urandom(size)).rstrip(b"=").decode("ascii")

    def random(self) -> float:
        """A number from 0 to 1, for jitter; no secret is made of it."""
        return int.from_bytes(os.urandom(4), "big") / 0xFFFFFFFF

    # -- variables and places --

    def variable(self, name: str) -> str | None:
        """A variable, with empty meaning unset."""
        return self.env.get(name) or None

    def config_dir(self) -> str:
        """Where `config.json` lies.

        Raises: ConfigurationError when KEYTURN_HOME is not an absolute path.
        """
        return places.config_dir(self.env)

    def state_dir(self) -> str:
        """Where logins are kept.

        Raises: ConfigurationError when KEYTURN_HOME is not an absolute path.
        """
        return places.state_dir(self.env)

    def managed_dir(self) -> str:
        """Where the administrator's settings lie."""
        return places.managed_dir()

    def claude_dir(self) -> str:
        """Where the user's own settings lie.

        Raises: ConfigurationError when CLAUDE_CONFIG_DIR is not an absolute path.
        """
        return places.claude_dir(self.env)

    def home(self) -> str:
        """The person's home directory."""
        return places.home_dir(self.env)

    def cwd(self) -> str:
        """The working directory, canonical; "/" when it is gone."""
        try:
            return os.path.realpath(os.getcwd())
        except OSError:
            return "/"

    def find_directory(self, path: str) -> str | None:
        """The canonical path of a directory, seen from the working directory; None when there is none."""
        found = os.path.realpath(os.path.join(self.cwd(), path))
        return found if os.path.isdir(found) else None

    def canonical(self, path: str) -> str:
        """A path without links and dots, whether or not anything is there."""
        return os.path.realpath(path)

    def machine(self) -> str:
        """What the firmware calls this machine; empty where that is not known."""
        from keyturn.world.foreign import product_name

        return product_name()

    def shares_files(self, path: str) -> bool:
        """Whether other machines may write below a path, or nobody can tell (L10)."""
        from keyturn.world.mounts import is_shared

        return is_shared(os.path.realpath(path))

    def host(self) -> str:
        """The name of this machine, for people."""
        return os.uname().nodename if hasattr(os, "uname") else self.variable("COMPUTERNAME") or "?"

    def interactive(self) -> bool:
        """Whether a person can be asked: a terminal on both ends, and neither CI nor anything like it."""
        if (self.env.get("CI") or "false").strip().lower() not in ("", "0", "false"):
            return False
        return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))

    # -- descriptors --

    def describe_descriptor(self, number: int) -> os.stat_result | None:
        """What an inherited descriptor is, or None when it is not open. Reads nothing."""
        try:
            return os.fstat(number)
        except OSError:
            return None

    def read_descriptor(self, number: int, *, limit: int, seconds: float = 5.0) -> bytes:
        """Everything from an inherited descriptor, at most `limit` + 1 bytes.

        Raises: OSError; TimeoutError when the other end stays open and silent for `seconds`.
        """
        import select

        deadline = self.clock() + seconds
        found = bytearray()
        while len(found) <= limit:
            ready, _, _ = select.select([number], [], [], max(0.0, deadline - self.clock()))
            if not ready:
                raise TimeoutError
            piece = os.read(number, limit + 1 - len(found))
            if not piece:
                break
            found += piece
        return bytes(found)

    # -- commands --

    def run(self, command: Command, *, heard: Heard | None = None, notice: Notice | None = None) -> Ended:
        """Run a shell line to its end, and no longer than its limit; `heard` gets each piece as it comes."""
        from keyturn.world import processes

        return processes.run(command, heard=heard, notice=notice)

    # -- network --

    @property
    def transport(self) -> Transport:
        """The one transport for login, renewal, revocation, verification and API (T18)."""
        if self._transport is None:
            from keyturn.world.transport import Transport

            self._transport = Transport(self.env)
            self._transport.variable = self.network_variable
        return self._transport

    def network_variable(self, name: str) -> str | None:
        """A variable that says how to reach servers: a proxy, a certificate; empty is unset."""
        return self.network(name) if self.network is not None else self.variable(name)

    def prepare(self, url: str) -> None:
        """Have the HTTP stack, the TLS context and the proxy ready before anything is at stake.

        Raises: ConfigurationError.
        """
        self.transport.prepare(url)

    def send(self, request: Request, *, seconds: float = NETWORK_SECONDS) -> Response:
        """Send over a fresh connection: no retry, no redirect, at most 1 MiB of answer.

        Raises: Unavailable; its fact `sent` is False when nothing can have reached the server. Any other
        AuthError (ConfigurationError) means that nothing was sent.
        """
        return self.transport.send(request, seconds=seconds)

    def chain(self, url: str, *, seconds: float = NETWORK_SECONDS) -> Chain:
        """The certificates that a server presents, for showing them; () without TLS. Raises: as `send`."""
        return self.transport.chain(url, seconds=seconds)

    def send_presenting(
        self, request: Request, *, certificate: tuple[str, str], seconds: float = NETWORK_SECONDS
    ) -> Response:
        """As `send`, with a client certificate of the caller's: the paths of certificate and key."""
        from keyturn.world.transport import presenting

        return presenting(self.network_variable, *certificate).send(request, seconds=seconds)

    def open_browser(self, url: str) -> bool:
        """Show a URL to the person; False when there is no browser to show it in.

        Raises: Refused for anything but https and loopback URLs.
        """
        from keyturn.world.browser import open_browser

        return open_browser(url, self.env) is not None
