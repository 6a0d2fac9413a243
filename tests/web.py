"""A web server on a free loopback port that answers as the test says and remembers what it was asked."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Callable


@dataclass(frozen=True)
class Asked:
    """One request as it arrived; header names are lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Said:
    """What to answer; `bytes` instead writes to the connection by hand."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"{}"
    by_hand: Callable[[BaseHTTPRequestHandler], None] | None = None


class Web:
    """Serves in threads until the `with` block ends; `answers` are used up in order, the last one stays."""

    def __init__(
        self, *answers: Said, tls: ssl.SSLContext | None = None, listening: socket.socket | None = None
    ) -> None:
        self.answers = list(answers) or [Said()]
        self.asked: list[Asked] = []
        self.tls = tls
        self._listening = listening
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        handler = type("Handler", (_Handler,), {"web": self})
        self._server = on_socket(handler, self._listening)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """The origin."""
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def next(self, asked: Asked) -> Said:
        """Note a request and give its answer."""
        with self._lock:
            self.asked.append(asked)
            return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def on_socket(handler: Any, listening: socket.socket | None) -> ThreadingHTTPServer:
    """A server on a socket that listens already, else on a free port of 127.0.0.1."""
    if listening is None:
        return _Server(("127.0.0.1", 0), handler)
    server = _Server(("127.0.0.1", 0), handler, bind_and_activate=False)
    server.socket.close()
    server.socket, server.server_address = listening, listening.getsockname()[:2]
    return server


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a client that turns away, or distrusts us, is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    web: Web
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        if self.web.tls is not None:
            self.request = self.web.tls.wrap_socket(self.request, server_side=True)
        super().setup()

    def answer(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        said = self.web.next(Asked(self.command, self.path, headers, self._body()))
        if said.by_hand is not None:
            said.by_hand(self)
            self.close_connection = True
            return
        self.send_response(said.status)
        for name, value in {"Content-Type": "application/json", **said.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(said.body)))
        self.end_headers()
        self.wfile.write(said.body)

    do_GET = do_PUT = do_POST = do_CONNECT = answer  # noqa: N815 - http.server's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        pass

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("transfer-encoding", ""):
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        whole = b""
        while size := int(self.rfile.readline(), 16):
            whole += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return whole
