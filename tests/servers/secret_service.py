"""A private D-Bus session with a secret service: unlocked, locked, absent, silent or deaf."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from tests.secretscan import make_secret
from tests.servers import need, stop

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from jeepney.io.blocking import DBusConnection

State = Literal["unlocked", "locked", "absent", "silent", "deaf"]

# No folder with services: nothing but what we start answers on this bus, and no prompt appears.
BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default"><allow send_destination="*"/><allow own="*"/>{receive}</policy>
</busconfig>
"""

# Owns the name of the secret service and never answers a call.
SILENT = """
import sys, time
from jeepney import DBusAddress, new_method_call
from jeepney.io.blocking import open_dbus_connection
connection = open_dbus_connection(bus="SESSION")
bus = DBusAddress("/org/freedesktop/DBus", "org.freedesktop.DBus", "org.freedesktop.DBus")
connection.send_and_get_reply(new_method_call(bus, "RequestName", "su", ("org.freedesktop.secrets", 0)))
print("ready", flush=True)
sys.stdin.read()
"""


class SecretService:
    """gnome-keyring on a bus of its own, with its own home; ended by process id.

    "absent" is a bus without the service, "silent" one whose service never answers, "deaf" one that lets no
    answer through, not even its own: on both of these a program without time limits waits for ever.
    """

    def __init__(self, state: State) -> None:
        """Say what a program will find."""
        self._state = state
        self._processes: list[subprocess.Popen[Any]] = []
        # Short, since the path of a socket has at most 107 bytes.
        self._home = Path(tempfile.mkdtemp(prefix="keyturn-bus-"))
        self.env: dict[str, str] = {
            "HOME": str(self._home),
            "XDG_DATA_HOME": str(self._home / "data"),
            "XDG_CONFIG_HOME": str(self._home / "config"),
            "XDG_CACHE_HOME": str(self._home / "cache"),
            "XDG_RUNTIME_DIR": str(self._home / "run"),
            "DBUS_SESSION_BUS_ADDRESS": f"unix:path={self._home / 'bus'}",
            "PATH": os.environ["PATH"],
        }

    def __enter__(self) -> Self:
        try:
            self._start_bus()
            if self._state in {"unlocked", "locked"}:
                self._start_keyring()
            if self._state == "locked":
                self.lock()
            if self._state == "silent":
                self._start_silent_service()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def lock(self) -> None:
        """Lock the keyring: from now on it gives nothing away without its password."""
        with self._connection() as connection:
            import secretstorage

            secretstorage.get_default_collection(connection).lock()

    def secrets(self) -> dict[str, bytes]:
        """Return what the keyring holds, by label."""
        import secretstorage

        with self._connection() as connection:
            items = secretstorage.get_default_collection(connection).get_all_items()
            return {item.get_label(): item.get_secret() for item in items}

    def _connection(self) -> DBusConnection:
        from jeepney.io.blocking import open_dbus_connection

        return open_dbus_connection(self.env["DBUS_SESSION_BUS_ADDRESS"])

    def _start(self, *command: str | Path, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        with (self._home / "log").open("ab") as log:
            process = subprocess.Popen(command, stdin=stdin, stdout=log, stderr=log, env=self.env)
        self._processes.append(process)
        return process

    def _start_bus(self) -> None:
        (self._home / "run").mkdir(mode=0o700)
        config = self._home / "bus.conf"
        receive = (
            "" if self._state == "deaf" else '<allow eavesdrop="true"/>'
        )  # this is what lets messages arrive
        config.write_text(BUS.format(socket=self._home / "bus", receive=receive), encoding="utf-8")
        daemon = need("dbus-daemon", "dbus-daemon")
        self._start(daemon, f"--config-file={config}", "--nofork", "--nopidfile")
        self._wait_until((self._home / "bus").exists, "the bus did not start")

    def _start_keyring(self) -> None:
        daemon = need("gnome-keyring-daemon", "gnome-keyring")
        keyring = self._start(
            daemon, "--foreground", "--components=secrets", "--unlock", stdin=subprocess.PIPE
        )
        assert keyring.stdin is not None
        keyring.stdin.write(make_secret("password").encode())
        keyring.stdin.close()  # the password ends here
        self._wait_until(self._has_default_collection, "the keyring did not start")

    def _start_silent_service(self) -> None:
        self._start(sys.executable, "-c", SILENT, stdin=subprocess.PIPE)
        self._wait_until(lambda: "ready" in self._log(), "the silent service did not start")

    def _has_default_collection(self) -> bool:
        import secretstorage

        with self._connection() as connection:
            try:
                return not secretstorage.Collection(
                    connection, "/org/freedesktop/secrets/aliases/default"
                ).is_locked()
            except secretstorage.exceptions.SecretStorageException:
                return False

    def _wait_until(self, ready: Callable[[], bool], problem: str, limit: float = 20.0) -> None:
        end = time.monotonic() + limit
        while not ready():
            if time.monotonic() > end or any(process.poll() is not None for process in self._processes):
                message = f"{problem}: {self._log()}"
                raise RuntimeError(message)
            time.sleep(0.01)

    def _log(self) -> str:
        return (self._home / "log").read_text(encoding="utf-8", errors="replace")

    def _stop(self) -> None:
        for process in reversed(self._processes):
            stop(process)
        shutil.rmtree(self._home, ignore_errors=True)
