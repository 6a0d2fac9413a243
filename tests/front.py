"""Puts a server of this machine under another name, over TLS if wanted, as a company's network does."""

from __future__ import annotations

import http.client
import threading
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Self
from urllib.parse import quote, urlsplit

from tests.web import on_socket

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Mapping

# what belongs to one connection (RFC 9110 section 7.6.1), and what changes with the body
_OWN = {"connection", "keep-alive", "transfer-encoding", "content-length", "host", "date", "server"}


class Front:
    """Hands requests on, and every name of `names` (public: inner origin) is the other one on the far side.

    It listens on 127.0.0.1, or on the socket that it is given. `asked` holds method and path of each request.
    Without a public name in `names` it goes by its own address.
    """

    def __init__(
        self, inner: str, names: Mapping[str, str] | None = None, *, listening: socket.socket | None = None
    ) -> None:
        self.asked: list[str] = []
        self.tls: ssl.SSLContext | None = None
        self.names = dict(names or {})
        self._inner = urlsplit(inner)
        self._inner_origin = inner
        self._server = on_socket(type("Handler", (_Handler,), {"front": self}), listening)
        address = str(self._server.server_address[0])
        host = f"[{address}]" if ":" in address else address
        self._place = f"{host}:{self._server.server_address[1]}"

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """Its own origin."""
        return f"{'https' if self.tls is not None else 'http'}://{self._place}"

    def __enter__(self) -> Self:
        if self._inner_origin not in self.names.values():
            self.names[self.url] = self._inner_origin
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def outward(self, text: str) -> str:
        """Inner origins become public ones."""
        return renamed(text, {inner: public for public, inner in self.names.items()})

    def inward(self, text: str) -> str:
        """Public origins become inner ones."""
        return renamed(text, self.names)

    def ask(self, handler: BaseHTTPRequestHandler) -> tuple[int, list[tuple[str, str]], bytes]:
        """Status, headers and body of the inner server."""
        size = int(handler.headers.get("content-length") or 0)
        body = self.inward(handler.rfile.read(size).decode("utf-8")).encode()
        headers = {name: value for name, value in handler.headers.items() if name.lower() not in _OWN}
        self.asked.append(f"{handler.command} {handler.path.partition('?')[0]}")
        connection = http.client.HTTPConnection(self._inner.hostname or "", self._inner.port, timeout=60)
        try:
            connection.request(
                handler.command, self.inward(handler.path), body, {**headers, "Host": self._inner.netloc}
            )
            answer = connection.getresponse()
            kept = [(name, value) for name, value in answer.getheaders() if name.lower() not in _OWN]
            return answer.status, kept, answer.read()
        finally:
            connection.close()


def renamed(text: str, names: Mapping[str, str]) -> str:
    """The text with every name in it replaced, also where it is part of another address."""
    for old, new in names.items():
        text = text.replace(old, new).replace(quote(old, safe=""), quote(new, safe=""))
    return text


class _Handler(BaseHTTPRequestHandler):
    front: Front
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        if self.front.tls is not None:
            self.request = self.front.tls.wrap_socket(self.request, server_side=True)
        super().setup()

    def answer(self) -> None:
        status, headers, body = self.front.ask(self)
        body = self.front.outward(body.decode("utf-8")).encode()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, self.front.outward(value))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_HEAD = answer  # noqa: N815 - http.server's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        pass
