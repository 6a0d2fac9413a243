"""A machine for the Bedrock route: what its chain gives, what AWS says of keys, which settings it has."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any

from keyturn.testing.commands import Outcome
from keyturn.wire import Response
from tests.secretscan import register

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from keyturn.testing import FakeWorld
    from keyturn.world.processes import Command

SSO_PROFILE = """[default]
sso_session = corp
sso_account_id = 123456789012
sso_role_name = Dev
region = us-east-1
[sso-session corp]
sso_start_url = https://corp.example.com/start
sso_region = eu-north-1
"""


def make_keys(lifetime: float | None = 3600.0, *, now: float) -> dict[str, Any]:
    """What the chain's process prints when it has keys."""
    return {
        "access_key": _made("aws-key-id"),
        "secret_key": _made("aws-secret"),
        "token": _made("aws-session"),
        "account": "123456789012",
        "expires_at": None if lifetime is None else now + lifetime,
        "method": "sso",
    }


def _made(kind: str) -> str:
    return register(kind, f"test-{kind}-{secrets.token_urlsafe(16)}")


def chain_gives(keys: dict[str, Any], does: Callable[[Command], None] | None = None) -> Outcome:
    """The chain's process, with keys."""
    return Outcome(stdout=json.dumps(keys), does=does)


def chain_fails(kind: str = "expired", message: str = "Token has expired and refresh failed") -> Outcome:
    """The chain's process, without."""
    return Outcome(stdout=json.dumps({"error": kind, "type": "Test", "message": message}))


def sts_knows() -> Response:
    """GetCallerIdentity for keys that are good."""
    inner = "<Arn>arn:aws:sts::123456789012:assumed-role/Dev/developer</Arn><Account>123456789012</Account>"
    return xml(200, f"<GetCallerIdentityResult>{inner}</GetCallerIdentityResult>")


def sts_refuses(code: str = "ExpiredToken", status: int = 403, **headers: str) -> Response:
    """GetCallerIdentity for keys that are not."""
    inner = f"<Error><Code>{code}</Code><Message>The security token is not good</Message></Error>"
    return xml(status, inner, **headers)


def xml(status: int, inner: str, **headers: str) -> Response:
    """An answer of the token service."""
    return Response(status=status, headers=headers, body=f"<Response>{inner}</Response>".encode())


def with_files(world: FakeWorld, config: str = SSO_PROFILE, **settings: str) -> Path:
    """Put the AWS config file and the user's settings in place; the config file's path."""
    from pathlib import Path

    world.variables["CLAUDE_CODE_USE_BEDROCK"] = "1"
    path = Path(world.folder, ".aws", "config")
    path.parent.mkdir(exist_ok=True)
    path.write_text(config, encoding="utf-8")
    place = Path(world.claude_dir(), "settings.json")
    place.parent.mkdir(exist_ok=True, parents=True)
    place.write_text(json.dumps(settings), encoding="utf-8")
    return path
