"""Logins to put into stores; every field can be said otherwise."""

from __future__ import annotations

from secrets import token_hex

from keyturn.login import Authority, Login
from keyturn.testing.world import NOW
from keyturn.values import Secret


def make_authority(**fields: object) -> Authority:
    """An authority on example.com, which nothing answers for."""
    said: dict[str, object] = {
        "authorize_url": "https://auth.example.com/authorize",
        "client_id": "example-client",
        "issuer": "https://auth.example.com",
        "revoke_url": "https://auth.example.com/revoke",
        "token_request": "form",
        "token_url": "https://auth.example.com/token",
    }
    return Authority(**{**said, **fields})


def make_login(**fields: object) -> Login:
    """A login made at `NOW` for an hour, with new and plainly fake tokens."""
    said: dict[str, object] = {
        "access_token": Secret(f"test-access-{token_hex(12)}"),
        "account": "developer@example.com",
        "account_id": "account-developer",
        "ancestors": (),
        "api_base_url": "https://api.example.com",
        "authority": make_authority(),
        "billing": "subscription",
        "expires_at": NOW + 3600,
        "extra": {},
        "generation": 0,
        "issued_at": NOW,
        "login_id": token_hex(8),
        "oauth_beta": False,
        "organization": "Example Works",
        "organization_id": "organization-works",
        "profile": "default",
        "refresh_token": Secret(f"test-refresh-{token_hex(12)}"),
        "scopes": ("inference",),
    }
    return Login(**{**said, **fields})


def make_expired_login(**fields: object) -> Login:
    """As `make_login`, made an hour before `NOW`."""
    return make_login(**{"issued_at": NOW - 3600, "expires_at": NOW, **fields})
