"""A client that knows only RFC 6749 and RFC 7636: it judges the servers of the tests."""

from __future__ import annotations

import base64
import hashlib
import secrets
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2

if TYPE_CHECKING:
    from tests.servers import OidcProvider

SCOPE = "openid offline_access email api"


@dataclass
class Attempt:
    """One login of a client that knows only RFC 6749 and RFC 7636."""

    provider: OidcProvider
    redirect_uri: str
    client_id: str = ""

    def __post_init__(self) -> None:
        self.client_id = self.client_id or self.provider.client_id
        self.verifier = secrets.token_urlsafe(48)
        self.state = secrets.token_urlsafe(16)
        self.http = httpx2.Client(timeout=20, trust_env=False)
        self.metadata = self.http.get(f"{self.provider.issuer}/.well-known/oauth-authorization-server").json()

    def url(self, **changes: str) -> str:
        digest = hashlib.sha256(self.verifier.encode()).digest()
        query = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": SCOPE,
            "state": self.state,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            **changes,
        }
        return f"{self.metadata['authorization_endpoint']}?{urlencode(query)}"

    def redeem(self, code: str) -> httpx2.Response:
        return self.token(
            grant_type="authorization_code",
            code=code,
            redirect_uri=self.redirect_uri,
            code_verifier=self.verifier,
        )

    def refresh(self, refresh_token: str) -> httpx2.Response:
        return self.token(grant_type="refresh_token", refresh_token=refresh_token)

    def token(self, **form: str) -> httpx2.Response:
        return self.http.post(self.metadata["token_endpoint"], data={"client_id": self.client_id, **form})


class Callback:
    """A loopback listener that notes the one address it is called with."""

    def __init__(self) -> None:
        notes = self.queries = []  # type: list[dict[str, str]]

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                address = urlsplit(self.path)
                if address.path == "/callback":
                    notes.append({name: values[0] for name, values in parse_qs(address.query).items()})
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(b"<title>Back home</title>You are logged in")

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is given
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.uri = f"http://127.0.0.1:{self.server.server_port}/callback"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
