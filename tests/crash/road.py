"""The road between keyturn and an authority, on which answers get lost, cut, late or replaced."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SECONDS = 20.0


class Trip:
    """One request on its way: `pass_on` lets the authority answer it, `say` and `cut` end the trip."""

    def __init__(self, road: Road, connection: socket.socket, request: bytes) -> None:
        self._road = road
        self._connection = connection
        self._request = request

    def pass_on(self) -> bytes:
        """The authority's whole answer."""
        host, port = self._road.authority
        head, _, body = self._request.partition(b"\r\n\r\n")
        lines = [
            line for line in head.split(b"\r\n") if not line.lower().startswith((b"host:", b"connection:"))
        ]
        lines += [f"Host: {host}:{port}".encode(), b"Connection: close"]
        with socket.create_connection((host, port), timeout=SECONDS) as onward:
            onward.sendall(b"\r\n".join(lines) + b"\r\n\r\n" + body)
            answer = b"".join(iter(lambda: onward.recv(65536), b""))
        self._road.passed.set()
        return answer

    def say(self, data: bytes) -> None:
        """Answer with these bytes."""
        with contextlib.suppress(OSError):  # whoever has read enough hangs up
            self._connection.sendall(data)

    def cut(self) -> None:
        """Reset the connection, so that its other end sees an error."""
        plain = self._connection
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def hang(self) -> None:
        """Say nothing more, for as long as the other end waits."""
        with contextlib.suppress(OSError):
            self._connection.recv(1)


class Road:
    """A server on loopback that hands requests on to an authority, unless `fault` is set."""

    def __init__(self, authority: str, certificate: Path | None = None) -> None:
        host, _, port = authority.removeprefix("http://").partition(":")
        self.authority = (host, int(port))
        self.fault: Callable[[Trip], None] | None = None
        self.trips = 0
        self.passed = threading.Event()  # the authority has answered one of them
        self._context: ssl.SSLContext | None = None
        if certificate is not None:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(certificate)
        self._port = 0
        self.open()
        self.origin = f"http{'s' if certificate else ''}://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self) -> None:
        """Listen, always on the same port."""
        self._listener = socket.create_server(("127.0.0.1", self._port), reuse_port=False)
        self._port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def close(self) -> None:
        """Refuse connections."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(SECONDS)
        with contextlib.suppress(OSError, ssl.SSLError):
            if self._context is not None:
                connection = self._context.wrap_socket(connection, server_side=True)
            with connection:
                request = _request(connection)
                self.trips += 1
                trip = Trip(self, connection, request)
                if self.fault is not None:
                    self.fault(trip)
                else:
                    trip.say(trip.pass_on())


def _request(connection: socket.socket) -> bytes:
    data = bytearray()
    length = None
    while length is None or len(data) < length:
        piece = connection.recv(65536)
        if not piece:
            raise ConnectionError
        data += piece
        head, found, _ = bytes(data).partition(b"\r\n\r\n")
        if found:
            sizes = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            length = len(head) + 4 + (int(sizes[0].split(b":")[1]) if sizes else 0)
    return bytes(data)
