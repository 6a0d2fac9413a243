"""A proxy of the test's own: tunnels, asks for a password, refuses, over TLS if wanted; notes what it saw."""

from __future__ import annotations

import base64
import select
import socket
from typing import TYPE_CHECKING

from tests.web import Asked, Said, Web

if TYPE_CHECKING:
    import ssl
    from http.server import BaseHTTPRequestHandler

# The name that tests give to a server on this machine, because loopback itself never goes through a proxy.
NAME = "authority.example"


class Middle(Web):
    """Connects every tunnel to `port` on this machine, whatever host was asked for.

    `password` is USER:PASSWORD, without which it says 407. `refuse` is a status that it says instead.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        password: str | None = None,
        refuse: int | None = None,
        tls: ssl.SSLContext | None = None,
        listening: socket.socket | None = None,
    ) -> None:
        super().__init__(tls=tls, listening=listening)
        self._target, self._password, self._refuse = port, password, refuse

    def next(self, asked: Asked) -> Said:
        """What to do about a request."""
        super().next(asked)
        if self._password is not None:
            basic = base64.b64encode(self._password.encode()).decode()
            if asked.headers.get("proxy-authorization") != f"Basic {basic}":
                return Said(407, {"Proxy-Authenticate": 'Basic realm="example"'})
        if self._refuse is not None:
            return Said(self._refuse)
        return Said(by_hand=self._tunnel) if asked.method == "CONNECT" else Said()

    def _tunnel(self, handler: BaseHTTPRequestHandler) -> None:
        handler.connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with socket.create_connection(("127.0.0.1", self._target)) as target:
            _pump(handler.connection, target)


def _pump(one: socket.socket, other: socket.socket) -> None:
    """Carry bytes both ways until either side ends."""
    while True:
        pending = getattr(one, "pending", int)()
        ready = [one] if pending else select.select([one, other], [], [], 60)[0]
        if not ready:
            return
        for side in ready:
            try:
                piece = side.recv(65536)
                (other if side is one else one).sendall(piece)
            except OSError:
                return
            if not piece:
                return
