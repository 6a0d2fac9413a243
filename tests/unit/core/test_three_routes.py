"""A credential on each route, of each form: the route and the source decide what is on a request."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx2
import pytest

from keyturn import Auth
from keyturn.http import sign
from keyturn.testing import FakeWorld, make_login, token_answer
from keyturn.testing.commands import Outcome
from keyturn.testing.stores import save
from tests.aws import chain_gives, make_keys, with_files
from tests.google import user_info, vertex_world
from tests.helpers import with_helper
from tests.secretscan import make_secret

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NAMES = ("authorization", "x-api-key", "anthropic-beta", "x-amz-security-token")


def key(folder: Path) -> FakeWorld:
    return FakeWorld(folder, {"ANTHROPIC_API_KEY": make_secret("api-key")})


def token(folder: Path) -> FakeWorld:
    return FakeWorld(folder, {"CLAUDE_CODE_OAUTH_TOKEN": make_secret("token")})


def login(folder: Path) -> FakeWorld:
    from keyturn.stores.file import FileStore

    world = FakeWorld(folder)
    save(FileStore(world, "default"), make_login())
    return world


def helper(folder: Path) -> FakeWorld:
    world = FakeWorld(folder)
    with_helper(world)
    world.outcomes = [Outcome(stdout=make_secret("api-key"))]
    return world


def bedrock_login(folder: Path) -> FakeWorld:
    world = FakeWorld(folder)
    with_files(world)
    world.outcomes = [chain_gives(make_keys(now=world.now()))]
    return world


def bedrock_key(folder: Path) -> FakeWorld:
    return FakeWorld(
        folder, {"CLAUDE_CODE_USE_BEDROCK": "1", "AWS_BEARER_TOKEN_BEDROCK": make_secret("token")}
    )


def bedrock_command(folder: Path) -> FakeWorld:
    world = FakeWorld(folder)
    with_files(world, awsCredentialExport="vault-keys")
    printed = {"AccessKeyId": "test-key-id", "SecretAccessKey": make_secret("token")}
    world.outcomes = [Outcome(stdout=json.dumps(printed))]
    return world


def vertex_login(folder: Path) -> FakeWorld:
    world = vertex_world(folder, user_info())
    world.script = [token_answer(make_secret("token"))]
    return world


@pytest.mark.proves("R1")
@pytest.mark.parametrize(
    ("machine", "source", "sent", "form"),
    [
        (key, "api-key-env", {"x-api-key"}, ""),
        (token, "oauth-token-env", {"authorization", "anthropic-beta"}, "Bearer "),
        (login, "stored-login", {"authorization"}, "Bearer "),
        (helper, "api-key-helper", {"authorization", "x-api-key"}, "Bearer "),
        (bedrock_login, "aws-chain", {"authorization", "x-amz-security-token"}, "AWS4-HMAC-SHA256 "),
        (bedrock_key, "bedrock-bearer-env", {"authorization"}, "Bearer "),
        (bedrock_command, "aws-credential-export", {"authorization"}, "AWS4-HMAC-SHA256 "),
        (vertex_login, "google-adc", {"authorization"}, "Bearer "),
    ],
)
def test_route_and_source_decide_what_is_sent(
    tmp_path: Path, machine: Callable[[Path], FakeWorld], source: str, sent: set[str], form: str
) -> None:
    world = machine(tmp_path)
    credential = Auth(world=world).credential()
    assert credential.source == source
    request = httpx2.Request("POST", f"{credential.base_url}/x", json={})
    sign(request, credential, now=world.now())
    # a key waits for the hop that it is for; what will be on that is the credential's own word
    late = {"x-api-key"} if credential.kind != "aws" and "x-api-key" in credential.headers() else set()
    assert {name for name in NAMES if name in request.headers} | late == sent
    assert request.headers.get("authorization", "").startswith(form)
