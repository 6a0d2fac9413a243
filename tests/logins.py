"""A stored login of the sandbox, as `keyturn login` leaves it, without a browser."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from keyturn.login import Login
from keyturn.stores import open_store
from keyturn.testing import make_authority, make_login
from keyturn.values import Secret
from keyturn.world import World
from tests import secretscan

if TYPE_CHECKING:
    from pathlib import Path

    from keyturn.sandbox import Sandbox


def store_login(
    sandbox: Sandbox,
    home: Path,
    profile: str = "default",
    *,
    account: str = "developer@example.com",
    **changes: object,
) -> Login:
    """Log an account of the sandbox in below this KEYTURN_HOME; `changes` are fields of the login."""
    answer: dict[str, Any] = sandbox.issue(account)
    access, refresh = str(answer["access_token"]), str(answer["refresh_token"])
    secretscan.register("token", access)
    secretscan.register("refresh", refresh)
    now = time.time()
    said: dict[str, object] = {
        "access_token": Secret(access),
        "account": account,
        "account_id": answer["account"]["uuid"],
        "api_base_url": sandbox.api_base_url,
        "authority": make_authority(
            client_id=sandbox.client_id,
            issuer=sandbox.issuer,
            authorize_url=f"{sandbox.issuer}/authorize",
            revoke_url=f"{sandbox.issuer}/revoke",
            token_url=f"{sandbox.issuer}/token",
        ),
        "expires_at": now + float(answer["expires_in"]),
        "issued_at": now,
        "oauth_beta": True,
        "organization": answer["organization"]["name"],
        "organization_id": answer["organization"]["uuid"],
        "profile": profile,
        "refresh_token": Secret(refresh),
        "scopes": tuple(str(answer["scope"]).split()),
    }
    held = open_store(World({"KEYTURN_HOME": str(home)}), profile, "file").hold(seconds=10)
    assert held is not None
    with held:
        before = held.load()
        stored = held.save(
            make_login(**{**said, **changes}), replacing=before.identity if before is not None else None
        )
    assert isinstance(stored, Login)
    return stored
