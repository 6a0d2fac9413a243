"""A running sandbox per test, and the few steps that every login test takes."""

from __future__ import annotations

import base64
import hashlib
import secrets
import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import pytest

from keyturn.sandbox import Sandbox
from keyturn.sandbox.person import visit
from tests import secretscan

if TYPE_CHECKING:
    from collections.abc import Iterator

CALLBACK = "http://127.0.0.1:49152/callback"  # nobody listens: the tests read where the browser would go
OAUTH_BETA = "oauth-2025-04-20"


@dataclass
class Flow:
    """One attempt to log in: what the program keeps while the person is in the browser."""

    sandbox: Sandbox
    http: httpx2.Client
    redirect_uri: str = CALLBACK
    client_id: str = Sandbox.client_id
    state: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(32))

    def url(self, **changes: str | None) -> str:
        """Return the address to open; a change of None leaves a parameter out."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        asked: dict[str, str | None] = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "state": self.state,
            "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
            "code_challenge_method": "S256",
            **changes,
        }
        present = {name: value for name, value in asked.items() if value is not None}
        return f"{self.sandbox.issuer}/authorize?{urlencode(present)}"

    def code(self, **person: Any) -> str:
        """Let a person allow it and return the code."""
        return answer_in(visit(self.url(), **person))["code"]

    def exchange(self, code: str, **changes: str) -> httpx2.Response:
        """Ask for the tokens of a code."""
        return self.http.post(
            f"{self.sandbox.issuer}/token",
            data={
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": self.redirect_uri,
                "client_id": self.client_id,
                "code_verifier": self.verifier,
                **changes,
            },
        )

    def login(self, **person: Any) -> dict[str, Any]:
        """Log in and return the token answer."""
        answer = self.exchange(self.code(**person))
        assert answer.status_code == 200, answer.json().get("error")
        return dict(answer.json())

    def renew(self, login: dict[str, Any], **changes: str) -> httpx2.Response:
        """Ask for new tokens."""
        return self.http.post(
            f"{self.sandbox.issuer}/token",
            data={
                "grant_type": "refresh_token",
                "refresh_token": login["refresh_token"],
                "client_id": self.client_id,
                **changes,
            },
        )

    def models(self, login: dict[str, Any]) -> httpx2.Response:
        """Ask the API something small with the access token."""
        return self.http.get(f"{self.sandbox.api_base_url}/v1/models", headers=bearer(login["access_token"]))


def answer_in(location: str) -> dict[str, str]:
    """Return the parameters of an answer that the browser carries back."""
    return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}


def bearer(token: str) -> dict[str, str]:
    """Return the headers of a request with an OAuth token."""
    return {
        "authorization": f"Bearer {token}",
        "anthropic-beta": OAUTH_BETA,
        "anthropic-version": "2023-06-01",
    }


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(on_secret=secretscan.register) as running:
        yield running


@pytest.fixture
def http() -> Iterator[httpx2.Client]:
    # No TLS here: a context without certificates is made at once, one with them takes most of a test.
    plain = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with httpx2.Client(timeout=30, trust_env=False, verify=plain) as client:
        yield client


@pytest.fixture
def flow(sandbox: Sandbox, http: httpx2.Client) -> Flow:
    return Flow(sandbox, http)
