"""Programs that may ask for a login, and where the answer may go.

The methods of `Client` carry the names that Authlib asks a client for (`ClientMixin`).
"""

from __future__ import annotations

import hmac
import re
import secrets
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

CLIENT_ID = "keyturn-sandbox"

# What a person reads on the consent page for each scope.
SCOPES = {
    "user:inference": "Send messages to Claude and read the answers",
    "user:profile": "See your email address and organization",
    "offline_access": "Stay logged in until you log out or revoke it",
}
DEFAULT_SCOPE = "user:inference user:profile"

# the name of a grant, and no secret (RFC 8628 section 3.4)
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"

LOOPBACK = ("127.0.0.1", "localhost", "::1")
AUTH_METHODS = ("none", "client_secret_basic", "client_secret_post")
_UNSAFE = re.compile(r"[\x00-\x20\x7f-\uffff\\]")


@dataclass(frozen=True, slots=True)
class Client:
    """A registered program; `secret` is empty for a public one."""

    client_id: str
    name: str
    redirect_uris: tuple[str, ...]
    auth_method: str = "none"
    secret: str = ""
    scope: str = ""
    grant_types: tuple[str, ...] = ("authorization_code", "refresh_token")
    registered_itself: bool = False

    def get_client_id(self) -> str:
        """Return the client id."""
        return self.client_id

    def get_default_redirect_uri(self) -> str | None:
        """Return None: a native program's port differs each time, so it always names its address."""
        return None

    def get_allowed_scope(self, scope: str | None) -> str:
        """Return what may be granted: what was asked for, or the default when nothing was."""
        allowed = set((self.scope or " ".join(SCOPES)).split())
        return " ".join(name for name in (scope or DEFAULT_SCOPE).split() if name in allowed)

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Say whether the answer may go to this address."""
        return any(redirect_allowed(redirect_uri, registered) for registered in self.redirect_uris)

    def check_client_secret(self, client_secret: str) -> bool:
        """Compare a secret in constant time."""
        return hmac.compare_digest(self.secret.encode(), client_secret.encode())

    def check_endpoint_auth_method(self, method: str, _endpoint: str) -> bool:
        """Say whether this client authenticates in this way; the same at every endpoint."""
        return method == self.auth_method

    def check_response_type(self, response_type: str) -> bool:
        """Allow the authorization code alone."""
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        """Say whether the client registered for this grant."""
        return grant_type in self.grant_types


def sandbox_client(issuer: str) -> Client:
    """Return the public client that is always there."""
    hosts = ("127.0.0.1", "localhost", "[::1]")
    paths = ("/callback", "/oauth/callback", "/")
    loopback = tuple(f"http://{host}{path}" for host in hosts for path in paths)
    grants = ("authorization_code", "refresh_token", DEVICE_CODE)
    return Client(CLIENT_ID, "keyturn", (*loopback, f"{issuer}/paste"), grant_types=grants)


def new_client_id() -> str:
    """Return a fresh id for a program that registers itself."""
    return f"client-{secrets.token_hex(8)}"


def redirect_allowed(asked: str, registered: str) -> bool:
    """Compare redirect addresses: exactly, but any port for http on loopback (RFC 8252 section 7.3)."""
    if asked == registered:
        return safe_redirect(asked)
    one, other = _split(asked), _split(registered)
    if one is None or other is None or one.hostname not in LOOPBACK or one.scheme != "http":
        return False
    return (one.scheme, one.hostname, one.path, one.query) == (
        other.scheme,
        other.hostname,
        other.path,
        other.query,
    )


def safe_redirect(uri: str) -> bool:
    """Say whether an address may be registered: https, or http on loopback; no user, no fragment."""
    parts = _split(uri)
    if parts is None:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)


def _split(uri: str) -> SplitResult | None:
    # Blanks and backslashes are read differently by browsers and by urlsplit: such an address is refused.
    if _UNSAFE.search(uri):
        return None
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        return None
    plain = parts.hostname and not parts.fragment and "@" not in parts.netloc and "#" not in uri
    return parts if plain else None
