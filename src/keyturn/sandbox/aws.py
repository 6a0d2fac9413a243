"""What AWS would remember for the sandbox: the keys it gave out, who they are, and when they end."""

from __future__ import annotations

import secrets
import threading
from typing import TYPE_CHECKING

from flask import request

from .sigv4 import IssuedKey, SignatureRefusal, SignedRequest, verify

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conduct import Conduct

ACCOUNT = "123456789012"
REGION = "us-east-1"
USER = f"arn:aws:iam::{ACCOUNT}:user/sandbox"


class Aws:
    """All that the AWS side remembers."""

    def __init__(
        self, conduct: Conduct, now: Callable[[], float], on_secret: Callable[[str, str], object]
    ) -> None:
        self._conduct = conduct
        self._now = now
        self._on_secret = on_secret
        self._lock = threading.Lock()
        self._keys: dict[str, IssuedKey] = {}
        self._bearers: dict[str, float | None] = {}

    def issue(self, *, lifetime: float | None = None, lasting: bool = False, arn: str = USER) -> IssuedKey:
        """Make keys: short-lived ones with a session token, or lasting ones of a user."""
        seconds = self._conduct.now().lifetime if lifetime is None else lifetime
        key = IssuedKey(
            access_key_id=self._made("aws-key-id", 16),
            secret=self._made("aws-secret", 30),
            token=None if lasting else self._made("aws-session", 60),
            expires_at=None if lasting else self._now() + seconds,
            arn=arn,
        )
        with self._lock:
            self._keys[key.access_key_id] = key
        return key

    def issue_bearer(self, *, lifetime: float | None = None) -> str:
        """Make a key of Bedrock's own, which is sent as a bearer token."""
        bearer = self._made("bedrock-bearer", 30)
        with self._lock:
            self._bearers[bearer] = None if lifetime is None else self._now() + lifetime
        return bearer

    def expire(self) -> int:
        """Let every short-lived key end now; return how many."""
        from dataclasses import replace

        with self._lock:
            ended = [key for key in self._keys.values() if key.token is not None]
            self._keys |= {key.access_key_id: replace(key, expires_at=self._now()) for key in ended}
        return len(ended)

    def admit(self, service: str) -> IssuedKey | None:
        """Check the request that is being answered; None for a bearer key. Raises: SignatureRefusal."""
        scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            self._admit_bearer(bearer.strip())
            return None
        with self._lock:
            keys = dict(self._keys)
        return verify(asked(), keys.get, service=service, now=self._now())

    def _admit_bearer(self, bearer: str) -> None:
        with self._lock:
            known, ends = bearer in self._bearers, self._bearers.get(bearer)
        if not known:
            raise SignatureRefusal("UnrecognizedClientException", "The bearer token is not valid.")
        if ends is not None and self._now() >= ends:
            raise SignatureRefusal("ExpiredTokenException", "Bearer Token has expired")

    def _made(self, kind: str, size: int) -> str:
        value = f"test-{kind}-{secrets.token_urlsafe(size)}"
        self._on_secret(kind, value)
        return value


def asked() -> SignedRequest:
    """The request that is being answered, as it came over the wire."""
    environ = request.environ
    return SignedRequest(
        method=request.method,
        target=str(environ.get("RAW_URI") or environ.get("REQUEST_URI") or request.full_path),
        headers=tuple((name.lower(), value) for name, value in request.headers.items()),
        body=request.get_data(),
    )
