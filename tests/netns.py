"""A network of its own, in which a machine has no IPv4: programs are started in it, servers listen in it."""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
import threading
from typing import TYPE_CHECKING, Self

from tests.servers import need, stop

if TYPE_CHECKING:
    from collections.abc import Callable

# Its only addresses are ::1 and one that is not loopback.
ADDRESS = "fd00:6b74::1"
_NETWORK = f"""
set -eu
ip link set lo up
ip -4 address flush dev lo
ip -6 address add {ADDRESS}/128 dev lo nodad
echo ready
exec cat
"""
_NEW_NETWORK = 0x40000000  # CLONE_NEWNET


class IPv6Only:
    """`before` starts a program in it; `listen` gives a socket of it to a server that is not in it."""

    def __enter__(self) -> Self:
        need("ip", "iproute2")
        self._process = subprocess.Popen(
            [need("unshare", "util-linux"), "--net", "sh", "-c", _NETWORK],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"
        return self

    def __exit__(self, *_: object) -> None:
        stop(self._process)

    @property
    def before(self) -> list[str]:
        """The words before a command line."""
        return [need("nsenter", "util-linux"), "--target", str(self._process.pid), "--net", "--"]

    def listen(self, address: str) -> socket.socket:
        """A socket that listens on an address there."""

        def bound() -> socket.socket:
            made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
            made.bind((address, 0))
            made.listen(128)
            return made

        return self.within(bound)

    def within(self, call: Callable[[], socket.socket]) -> socket.socket:
        """The result of a call that a thread makes there."""
        found: list[socket.socket] = []
        failures: list[OSError] = []

        def run() -> None:
            try:
                self._enter()
                found.append(call())
            except OSError as error:
                failures.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        if failures:
            raise failures[0]
        return found[0]

    def _enter(self) -> None:
        """Move this one thread, for good."""
        network = os.open(f"/proc/{self._process.pid}/ns/net", os.O_RDONLY)
        try:
            if ctypes.CDLL(None, use_errno=True).setns(network, _NEW_NETWORK) != 0:
                raise OSError(ctypes.get_errno(), "setns")
        finally:
            os.close(network)
