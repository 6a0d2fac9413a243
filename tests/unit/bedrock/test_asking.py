"""What AWS is asked beside the one request: profiles, whose keys, a session for a child; and each refusal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from keyturn import Auth, ConfigurationError, Rejected, Unavailable
from keyturn.bedrock.handing import short_lived
from keyturn.bedrock.region import host, is_region
from keyturn.bedrock.sts import endpoint
from keyturn.handover import child_environment
from keyturn.model_choice import first_choice, settled_choice
from keyturn.testing import FakeWorld
from keyturn.values import AwsKeys
from keyturn.verify import verify
from keyturn.wire import Response
from tests.aws import chain_gives, make_keys, sts_knows, sts_refuses, with_files, xml
from tests.secretscan import make_secret

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def world(tmp_path: Path) -> FakeWorld:
    made = FakeWorld(tmp_path)
    with_files(made)
    made.outcomes = [chain_gives(make_keys(now=made.now()))]
    return made


def page(*names: str, more: str | None = None, status: int = 200) -> Response:
    listed = {"inferenceProfileSummaries": [{"inferenceProfileId": name} for name in names]}
    return Response(status=status, headers={}, body=json.dumps({**listed, "nextToken": more}).encode())


MODEL = "anthropic.claude-opus-5"


@pytest.mark.proves("R19")
@pytest.mark.parametrize(
    ("answers", "model"),
    [
        ([page(f"eu.{MODEL}", f"us.{MODEL}")], f"us.{MODEL}"),
        ([page("us.anthropic.other", f"global.{MODEL}")], f"global.{MODEL}"),
        ([page(f"eu.{MODEL}", more="next page"), page(f"us.{MODEL}")], f"us.{MODEL}"),
        ([page("us.anthropic.other")], f"us.{MODEL}"),
        ([page(status=403)], f"us.{MODEL}"),
        ([Response(status=200, headers={}, body=b"<html>")], f"us.{MODEL}"),
        ([Response(status=200, headers={}, body=b"[]")], f"us.{MODEL}"),
        ([Unavailable("no route")], f"us.{MODEL}"),
    ],
)
def test_the_model_is_a_listed_profile_where_listing_works_and_else_the_region_s(
    world: FakeWorld, answers: list[Response | Exception], model: str
) -> None:
    world.script = [*answers]
    assert settled_choice(Auth(world=world)).name == model
    asked = [request.url for request in world.requests]
    assert all(url.startswith("https://bedrock.us-east-1.amazonaws.com/inference-profiles?") for url in asked)
    assert len(asked) == len(answers)


@pytest.mark.proves("R19")
def test_a_named_model_lists_nothing_and_asks_nobody(world: FakeWorld) -> None:
    world.variables["ANTHROPIC_MODEL"] = "us.anthropic.named"
    assert settled_choice(Auth(world=world)).name == "us.anthropic.named"
    assert settled_choice(Auth(world=world), "us.anthropic.typed").name == "us.anthropic.typed"
    assert (world.requests, world.commands) == ([], [])


def test_looking_at_the_model_asks_nobody(world: FakeWorld) -> None:
    assert first_choice(Auth(world=world)).name == f"us.{MODEL}"
    assert (world.requests, world.commands) == ([], [])


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (sts_knows(), "accepted"),
        (sts_refuses("AccessDenied"), "rejected"),
        (sts_refuses("Throttling", 429), "unreachable"),
        (sts_refuses("InternalFailure", 500), "unreachable"),
        (Response(status=200, headers={}, body=b"<html>a portal</html>"), "unreachable"),
        (Unavailable("no route"), "unreachable"),
    ],
)
def test_verifying_asks_whose_keys_they_are(
    world: FakeWorld, answer: Response | Exception, verdict: str
) -> None:
    world.script = [answer]
    assert verify(Auth(world=world)).verdict == verdict


def test_verifying_renews_once_after_a_refusal(world: FakeWorld) -> None:
    world.outcomes += [chain_gives(make_keys(now=world.now()))]
    world.script = [sts_refuses(), sts_knows()]
    assert verify(Auth(world=world)).verdict == "accepted"
    assert len(world.commands) == 2


def said(status: int, code: str = "", message: str = "") -> Response:
    """An answer of Bedrock itself."""
    body = json.dumps({"message": message}).encode()
    return Response(status=status, headers={"x-amzn-errortype": code}, body=body)


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (said(200), "accepted"),
        (
            said(403, "AccessDeniedException", "User: arn is not authorized to perform: bedrock:List"),
            "accepted",
        ),
        (
            said(403, "AccessDeniedException", "is not authorized to perform: bedrock:CallWithBearerToken"),
            "rejected",
        ),
        (said(403, "AccessDeniedException", "Authentication failed: is your API Key valid?"), "rejected"),
        (said(401), "rejected"),
        (said(400, "ExpiredTokenException:http://internal.amazon.com/"), "rejected"),
        (said(400, "ValidationException"), "unreachable"),
        (said(404), "unreachable"),
        (said(503), "unreachable"),
        (Unavailable("no route"), "unreachable"),
    ],
)
def test_verifying_a_bearer_key_asks_bedrock_itself_and_nobody_else(
    world: FakeWorld, answer: Response | Exception, verdict: str
) -> None:
    secret = world.variables["AWS_BEARER_TOKEN_BEDROCK"] = make_secret("token")
    world.script = [answer]
    found = verify(Auth(world=world))
    assert found.verdict == verdict, found.detail
    (asked,) = world.requests
    assert (asked.method, asked.body) == ("GET", b"")
    assert asked.url.startswith("https://bedrock-runtime.us-east-1.amazonaws.com/")
    assert asked.headers["Authorization"] == f"Bearer {secret}"
    assert secret not in found.detail


def test_where_a_server_cannot_tell_of_a_bearer_key_a_request_can(world: FakeWorld) -> None:
    world.variables["AWS_BEARER_TOKEN_BEDROCK"] = make_secret("token")
    world.script = [said(404)]
    assert "status 404, which says nothing about it; a request can tell" in verify(Auth(world=world)).detail


def test_where_nothing_is_signed_there_is_nothing_to_verify(world: FakeWorld) -> None:
    world.variables["CLAUDE_CODE_SKIP_BEDROCK_AUTH"] = "1"
    assert "there is no credential to ask about" in verify(Auth(world=world)).detail
    assert world.requests == []


def lasting(world: FakeWorld) -> Auth:
    world.variables |= {"AWS_ACCESS_KEY_ID": "test-key-id", "AWS_SECRET_ACCESS_KEY": make_secret("token")}
    return Auth(world=world)


def test_lasting_keys_are_traded_for_a_session_before_a_child_gets_any(world: FakeWorld) -> None:
    auth = lasting(world)
    members = {"AccessKeyId": "test-session-id", "SecretAccessKey": make_secret("token")}
    members |= {"SessionToken": make_secret("token"), "Expiration": "2099-01-01T00:00:00Z"}
    world.script = [xml(200, "".join(f"<{name}>{value}</{name}>" for name, value in members.items()))]
    given = short_lived(auth.scene(), auth.credential())
    assert isinstance(given, AwsKeys)
    assert given.environment()["AWS_SESSION_TOKEN"] == members["SessionToken"]
    assert given.environment()["AWS_ACCESS_KEY_ID"] == "test-session-id"
    assert b"Action=GetSessionToken" in world.requests[0].body


def test_a_session_whose_end_is_no_time_is_an_answer_that_cannot_be_used(world: FakeWorld) -> None:
    auth = lasting(world)
    members = {"AccessKeyId": "test-session-id", "SecretAccessKey": make_secret("token")}
    members |= {"SessionToken": make_secret("token"), "Expiration": "soon"}
    world.script = [xml(200, "".join(f"<{name}>{value}</{name}>" for name, value in members.items()))]
    with pytest.raises(Unavailable, match="Expiration"):
        short_lived(auth.scene(), auth.credential())


def test_a_child_gets_nothing_that_belongs_to_other_keys(world: FakeWorld) -> None:
    credential = Auth(world=world).credential()
    others = ("AWS_SECURITY_TOKEN", "AWS_SESSION_TOKEN", "AWS_CREDENTIAL_EXPIRATION", "AWS_ACCOUNT_ID")
    given = child_environment(credential, dict.fromkeys(others, "of-other-keys"), "bedrock")
    assert "of-other-keys" not in given.values()


def test_where_aws_gives_no_session_there_are_no_keys_for_a_child(world: FakeWorld) -> None:
    auth = lasting(world)
    world.script = [sts_refuses("AccessDenied")]
    with pytest.raises(Rejected) as caught:
        short_lived(auth.scene(), auth.credential())
    assert "short-lived keys only" in str(caught.value.hint)


def test_keys_that_end_are_handed_on_as_they_are(world: FakeWorld) -> None:
    auth = Auth(world=world)
    credential = auth.credential()
    assert short_lived(auth.scene(), credential) is credential
    assert world.requests == []


def test_the_token_service_may_be_elsewhere_and_not_in_the_open(world: FakeWorld) -> None:
    scene = Auth(world=world).scene()
    assert endpoint(scene, "eu-west-1") == "https://sts.eu-west-1.amazonaws.com"
    world.variables["AWS_ENDPOINT_URL"] = "https://aws.internal.example.com"
    assert endpoint(scene, "eu-west-1") == "https://aws.internal.example.com"
    world.variables["AWS_ENDPOINT_URL_STS"] = "http://sts.internal.example.com"
    with pytest.raises(Exception, match="without encryption"):
        endpoint(scene, "eu-west-1")


@pytest.mark.parametrize("url", ["sts.example.com", "https://name:word@sts.example.com", "https://a:b"])
def test_an_address_of_the_token_service_that_is_none_is_named(world: FakeWorld, url: str) -> None:
    world.variables["AWS_ENDPOINT_URL_STS"] = url
    with pytest.raises(ConfigurationError, match="AWS_ENDPOINT_URL_STS is not a usable address") as caught:
        endpoint(Auth(world=world).scene(), "eu-west-1")
    assert "word" not in str(caught.value)


def test_each_partition_has_its_domain() -> None:
    assert host("sts", "us-iso-east-1") == "sts.us-iso-east-1.c2s.ic.gov"
    assert host("sts", "us-isob-east-1") == "sts.us-isob-east-1.sc2s.sgov.gov"
    assert host("sts", "us-isof-south-1") == "sts.us-isof-south-1.csp.hci.ic.gov"
    assert host("sts", "eu-isoe-west-1") == "sts.eu-isoe-west-1.cloud.adc-e.uk"
    assert host("sts", "us-gov-west-1") == "sts.us-gov-west-1.amazonaws.com"
    assert host("sts", "cn-north-1") == "sts.cn-north-1.amazonaws.com.cn"
    assert host("sts", "eusc-de-east-1") == "sts.eusc-de-east-1.amazonaws.eu"


@pytest.mark.parametrize("text", ["us-east-1", "us-gov-west-1", "ap-southeast-3", "eusc-de-east-1"])
def test_these_are_regions(text: str) -> None:
    assert is_region(text)


@pytest.mark.parametrize(
    "text", ["", "us", "us-east", "US-EAST-1", "us east 1", "us-east-1a/", "us--1", "ü-a-1"]
)
def test_these_are_none(text: str) -> None:
    assert not is_region(text)


def test_half_a_walk_of_settings_names_the_file(world: FakeWorld, tmp_path: Path) -> None:
    world.write_config({"profiles": {"default": {"route": "nowhere"}}})
    del world.variables["CLAUDE_CODE_USE_BEDROCK"]
    with pytest.raises(ConfigurationError) as caught:
        Auth(world=world).credential()
    assert caught.value.code == "route_missing"
    assert str(tmp_path) not in caught.value.message
