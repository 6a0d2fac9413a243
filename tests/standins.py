"""A stand-in for an authority that answers wrongly: what it says to each path is set by the test.

It is no judge of anything: what keyturn sends is judged by the certified server and by the sandbox.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, NamedTuple, Self
from urllib.parse import parse_qs, urlsplit

from tests.secretscan import make_secret

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

METADATA = "/.well-known/oauth-authorization-server"
OPENID = "/.well-known/openid-configuration"


@dataclass
class Reply:
    """One answer: `body` is JSON unless it is bytes. With `stall` it is begun and never ended."""

    body: Any = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    stall: bool = False

    @property
    def whole(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


class Seen(NamedTuple):
    """One request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.body.decode()).items()}


class StandIn:
    """A server on loopback; `answers` says what each path gets, `requests` holds what came."""

    def __init__(self) -> None:
        self.answers: dict[str, Reply | Callable[[Seen], Reply]] = {}
        self.requests: list[Seen] = []
        self._ending = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self.origin = f"http://127.0.0.1:{self._server.server_port}"
        self.answers[METADATA] = Reply(self.metadata())
        self.answers["/token"] = lambda _: Reply(self.tokens())
        self.answers["/register"] = Reply({"client_id": "registered-client"}, 201)
        self.answers["/revoke"] = Reply()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        self._server.shutdown()
        self._server.server_close()

    def metadata(self, **changes: Any) -> dict[str, Any]:
        """What a faultless authority says of itself; None takes a member out."""
        told = {
            "issuer": self.origin,
            "authorization_endpoint": f"{self.origin}/authorize",
            "token_endpoint": f"{self.origin}/token",
            "registration_endpoint": f"{self.origin}/register",
            "revocation_endpoint": f"{self.origin}/revoke",
            "code_challenge_methods_supported": ["S256"],
            **changes,
        }
        return {name: value for name, value in told.items() if value is not None}

    def tokens(self, **changes: Any) -> dict[str, Any]:
        """A faultless token answer with new tokens; None takes a member out."""
        told = {
            "access_token": make_secret("token"),
            "refresh_token": make_secret("refresh"),
            "token_type": "Bearer",
            "expires_in": 3600,
            "account": {"uuid": "account-developer", "email_address": "developer@example.com"},
            **changes,
        }
        return {name: value for name, value in told.items() if value is not None}

    def asked(self, path: str) -> list[Seen]:
        """The requests to one path."""
        return [seen for seen in self.requests if urlsplit(seen.path).path == path]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                seen = Seen(self.command, self.path, dict(self.headers), self.rfile.read(length))
                stand_in.requests.append(seen)
                said = stand_in.answers.get(urlsplit(self.path).path, Reply(b"not here", 404))
                self._send(said if isinstance(said, Reply) else said(seen))

            do_POST = do_HEAD = do_PUT = do_GET  # noqa: N815 - the names that http.server calls

            def _send(self, reply: Reply) -> None:
                headers = {"Content-Type": "application/json", **reply.headers}
                self.send_response(reply.status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(reply.whole) + (1 if reply.stall else 0)))
                self.end_headers()
                self.wfile.write(reply.whole)
                self.wfile.flush()
                if reply.stall:
                    stand_in._ending.wait()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is given
                pass

        return Handler
