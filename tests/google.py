"""Google credentials for tests: files of each kind, made at run time, and answers of Google's servers."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from keyturn import Auth, AuthError
from keyturn.testing import FakeWorld
from keyturn.testing.world import answer, token_answer
from keyturn.wire import Response
from tests.secretscan import declare_store, make_secret

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

ACCOUNT = "robot@my-project.iam.gserviceaccount.com"
PROJECT = "my-project"
FLAG = {"CLAUDE_CODE_USE_VERTEX": "1"}


@cache
def private_key() -> rsa.RSAPrivateKey:
    """One key for the whole run: making one takes a while."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def private_pem() -> str:
    """The key as it stands in a key file."""
    return (
        private_key()
        .private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        .decode()
    )


def user_info(**changes: Any) -> dict[str, Any]:
    """What gcloud writes for a person."""
    return _info(
        {
            "type": "authorized_user",
            "client_id": "test-client.apps.example.com",
            "client_secret": make_secret("password"),
            "refresh_token": make_secret("refresh"),
        },
        changes,
    )


def key_info(**changes: Any) -> dict[str, Any]:
    """A service account's key."""
    return _info(
        {
            "type": "service_account",
            "client_email": ACCOUNT,
            "private_key": private_pem(),
            "private_key_id": "test-key-1",
            "project_id": PROJECT,
            "token_uri": "https://oauth2.example.com/token",
        },
        changes,
    )


def external_info(source: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """An external account whose subject token comes from `source`."""
    return _info(
        {
            "type": "external_account",
            "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p",
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": "https://sts.example.com/v1/token",
            "credential_source": dict(source),
        },
        changes,
    )


def impersonating_info(source: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """A service account that the owner of `source` may act as."""
    url = f"https://iam.example.com/v1/projects/-/serviceAccounts/{ACCOUNT}:generateAccessToken"
    return _info(
        {
            "type": "impersonated_service_account",
            "service_account_impersonation_url": url,
            "source_credentials": dict(source),
            "delegates": [],
        },
        changes,
    )


def _info(info: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**info, **changes}.items() if value is not None}


def put(path: str | Path, info: Mapping[str, Any] | str, mode: int = 0o600) -> str:
    """Write a credentials file as its owner would, and say where."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(info if isinstance(info, str) else json.dumps(info), encoding="utf-8")
    path.chmod(mode)
    declare_store(path)
    return str(path)


def well_known(world: FakeWorld) -> str:
    """Where gcloud puts the credentials of applications."""
    return f"{world.folder}/.config/gcloud/application_default_credentials.json"


def vertex_world(
    folder: str | os.PathLike[str], info: Mapping[str, Any] | str | None = None, **env: str
) -> FakeWorld:
    """A machine on the Vertex route, with a project, and with gcloud's file if `info` is given."""
    world = FakeWorld(folder, {**FLAG, "ANTHROPIC_VERTEX_PROJECT_ID": PROJECT, **env})
    if info is not None:
        put(well_known(world), info)
    return world


def granted(secret: str | None = None, lives: int = 3600) -> Response:
    """A token endpoint that grants."""
    return token_answer(secret or make_secret("token"), expires_in=lives)


def refused(status: int = 400, error: str = "invalid_grant", **fields: Any) -> Response:
    """A token endpoint that does not."""
    return answer({"error": error, **fields}, status)


def from_metadata(fields: Mapping[str, object] | str, status: int = 200) -> Response:
    """What a metadata server says."""
    body = fields if isinstance(fields, str) else json.dumps(fields)
    return Response(status=status, headers={"metadata-flavor": "Google"}, body=body.encode())


def error_of(world: FakeWorld) -> AuthError:
    """The error in place of a credential; there is none without a hint."""
    with pytest.raises(AuthError) as caught:
        Auth(world=world).credential()
    assert caught.value.hint
    return caught.value
