"""Loopback parts that stumble or change: a metadata service, an Identity Center that rotates its tokens."""

from __future__ import annotations

import json
import os
from hashlib import sha1
from typing import TYPE_CHECKING

import pytest

from keyturn import Auth
from keyturn.values import AwsKeys
from keyturn.world import World
from tests.aws import SSO_PROFILE
from tests.secretscan import declare_store, register
from tests.standins import Reply, Seen, StandIn

if TYPE_CHECKING:
    from pathlib import Path

ENDS = "2099-01-01T00:00:00Z"
ROLES = "/latest/meta-data/iam/security-credentials/"


def variables(folder: Path, **more: str) -> dict[str, str]:
    return {"HOME": str(folder), "PATH": os.environ["PATH"], "CLAUDE_CODE_USE_BEDROCK": "1", **more}


def key_of(env: dict[str, str]) -> str:
    credential = Auth(world=World(env)).credential()
    assert isinstance(credential, AwsKeys)
    return credential.access_key_id.reveal()


@pytest.mark.proves("R16")
def test_a_metadata_service_that_stumbles_once_is_asked_again(tmp_path: Path) -> None:
    with StandIn() as machine:

        def roles(_: Seen) -> Reply:
            """The first time not yet there, as on a machine that has just started."""
            if len(machine.asked(ROLES)) == 1:
                return Reply(b"starting", 503)
            return Reply(b"test-role", headers={"Content-Type": "text/plain"})

        given = {"Code": "Success", "AccessKeyId": "test-ec2-id", "SecretAccessKey": "test-ec2-secret"}
        machine.answers["/latest/api/token"] = Reply(b"test-imds", headers={"Content-Type": "text/plain"})
        machine.answers[ROLES] = roles
        machine.answers[f"{ROLES}test-role"] = Reply({**given, "Token": "test-ec2-token", "Expiration": ENDS})
        env = variables(tmp_path, AWS_EC2_METADATA_SERVICE_ENDPOINT=f"{machine.origin}/")
        assert key_of(env) == "test-ec2-id"
        assert len(machine.asked(ROLES)) == 2


@pytest.mark.proves("R17")
def test_an_identity_center_token_is_renewed_and_its_successor_kept_for_the_aws_tools(tmp_path: Path) -> None:
    old, new = (register("sso", f"test-sso-refresh-{name}-{os.urandom(8).hex()}") for name in ("old", "new"))
    config = tmp_path / ".aws" / "config"
    config.parent.mkdir()
    config.write_text(f"{SSO_PROFILE}sso_registration_scopes = sso:account:access\n")
    cache = tmp_path / ".aws" / "sso" / "cache" / f"{sha1(b'corp', usedforsecurity=False).hexdigest()}.json"
    cache.parent.mkdir(parents=True)
    declare_store(cache.parent)
    cache.write_text(
        json.dumps(
            {
                "startUrl": "https://corp.example.com/start",
                "region": "eu-north-1",
                "accessToken": "test-sso-access",
                "expiresAt": "2020-01-01T00:00:00Z",
                "clientId": "test-client",
                "clientSecret": "test-client-secret",
                "registrationExpiresAt": ENDS,
                "refreshToken": old,
            }
        )
    )
    role = {
        "accessKeyId": "test-sso-id",
        "secretAccessKey": "test-sso-secret",
        "sessionToken": "test-sso-token",
    }
    with StandIn() as center:
        center.answers["/token"] = Reply(
            {"accessToken": "test-sso-renewed", "expiresIn": 3600, "refreshToken": new, "tokenType": "Bearer"}
        )
        center.answers["/federation/credentials"] = Reply(
            {"roleCredentials": {**role, "expiration": 4070908800000}}
        )
        endpoints = ("AWS_ENDPOINT_URL_SSO", "AWS_ENDPOINT_URL_SSO_OIDC")
        env = variables(tmp_path, **dict.fromkeys(endpoints, center.origin))
        assert key_of(env) == "test-sso-id"
        assert [json.loads(seen.body)["refreshToken"] for seen in center.asked("/token")] == [old]
    assert json.loads(cache.read_text())["refreshToken"] == new
