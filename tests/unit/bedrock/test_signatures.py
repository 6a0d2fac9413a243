"""Requests signed by us and by others, judged by the sandbox's verifier, which shares nothing with them."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import botocore.auth
import httpx2
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from keyturn import Auth, Refused, Rejected, UsageError
from keyturn.bedrock.sigv4 import signature_headers
from keyturn.http import RequestAuth
from keyturn.sandbox.sigv4 import IssuedKey, SignatureRefusal, SignedRequest, verify
from keyturn.testing import FakeWorld
from keyturn.testing.world import NOW
from keyturn.values import AwsKeys, Secret
from tests.aws import chain_gives, make_keys, with_files

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

URL = "https://bedrock-runtime.us-east-1.amazonaws.com/model/us.anthropic.claude-opus-5-v1%3A0/invoke"
BODY = b'{"max_tokens": 1}'
KEY = IssuedKey(
    access_key_id="test-key-id",
    secret="test-secret-key",
    token="test-session-token",
    expires_at=NOW + 3600,
    arn="arn:aws:iam::123456789012:user/developer",
)


def credential(url: str = URL) -> AwsKeys:
    return AwsKeys(
        access_key_id=Secret(KEY.access_key_id),
        audience=url.partition("/model")[0],
        base_url=url.partition("/model")[0],
        region="us-east-1",
        secret=Secret(KEY.secret),
        session_token=Secret(str(KEY.token)),
        source="aws-chain",
        where="a test",
    )


def request(url: str = URL, *, at: float = NOW, body: bytes = BODY) -> SignedRequest:
    """A request as it arrives, signed by us."""
    host, _, path = url.removeprefix("https://").partition("/")
    plain = {"host": host, "content-type": "application/json", "user-agent": "a-test"}
    added = signature_headers(credential(url), "POST", url, plain, body, now=at)
    headers = tuple((name.lower(), value) for name, value in {**plain, **added}.items())
    return SignedRequest("POST", f"/{path}", headers, body)


def judged(message: SignedRequest, key: IssuedKey = KEY, *, now: float = NOW) -> str:
    """The code of the refusal; empty when the request is let in."""
    try:
        verify(message, {key.access_key_id: key}.get, service="bedrock", now=now)
    except SignatureRefusal as refusal:
        return refusal.code
    return ""


@pytest.mark.parametrize(
    "url",
    [
        URL,
        "https://bedrock.us-east-1.amazonaws.com/inference-profiles?maxResults=10&typeEquals=SYSTEM_DEFINED",
        "https://gateway.example.com:8443/bedrock/model/a:b/invoke",
        "https://gateway.example.com/model/arn%3Aaws%3Abedrock%2Ftest/invoke?a=b%20c&a=A&empty=",
    ],
)
def test_what_we_sign_is_let_in(url: str) -> None:
    assert judged(request(url)) == ""


def test_what_botocore_signs_is_let_in_too(monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import UTC, datetime

    now = datetime.fromtimestamp(NOW, UTC)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: now)  # its clock has no other door
    message = AWSRequest("POST", URL, headers={"Content-Type": "application/json"}, data=BODY)
    signer = botocore.auth.SigV4Auth(
        Credentials(KEY.access_key_id, KEY.secret, KEY.token), "bedrock", "us-east-1"
    )
    signer.add_auth(message)
    host, _, path = URL.removeprefix("https://").partition("/")
    headers = (("host", host), *((name.lower(), value) for name, value in message.headers.items()))
    assert judged(SignedRequest("POST", f"/{path}", headers, BODY)) == ""


def with_header(message: SignedRequest, name: str, change: Callable[[str], str]) -> SignedRequest:
    return replace(
        message,
        headers=tuple((key, change(value) if key == name else value) for key, value in message.headers),
    )


def without_header(message: SignedRequest, name: str) -> SignedRequest:
    return replace(message, headers=tuple(pair for pair in message.headers if pair[0] != name))


@pytest.mark.parametrize(
    ("tampered", "code"),
    [
        (lambda m: replace(m, body=m.body + b" "), "InvalidSignatureException"),
        (lambda m: replace(m, method="PUT"), "InvalidSignatureException"),
        (lambda m: replace(m, target=m.target.replace("opus", "mini")), "InvalidSignatureException"),
        (lambda m: replace(m, target=f"{m.target}?a=b"), "InvalidSignatureException"),
        (lambda m: with_header(m, "host", lambda _: "evil.example"), "InvalidSignatureException"),
        (lambda m: with_header(m, "content-type", lambda _: "text/plain"), "InvalidSignatureException"),
        (
            lambda m: with_header(m, "x-amz-security-token", lambda t: f"{t}x"),
            "UnrecognizedClientException",
        ),
        (lambda m: without_header(m, "x-amz-security-token"), "UnrecognizedClientException"),
        (lambda m: without_header(m, "authorization"), "MissingAuthenticationTokenException"),
        (
            lambda m: with_header(m, "authorization", lambda a: a.replace("us-east-1", "eu-west-1")),
            "InvalidSignatureException",
        ),
        (
            lambda m: with_header(m, "authorization", lambda a: a.replace("host;", "")),
            "InvalidSignatureException",
        ),
        (
            lambda m: replace(m, headers=(*m.headers, ("x-amz-added", "1"))),
            "InvalidSignatureException",
        ),
    ],
)
def test_what_was_tampered_with_is_not(tampered: Callable[[SignedRequest], SignedRequest], code: str) -> None:
    assert judged(tampered(request())) == code


def test_a_wrong_secret_an_unknown_key_an_ended_session_and_a_wrong_clock_are_told_apart() -> None:
    assert judged(request(), replace(KEY, secret="test-other")) == "InvalidSignatureException"
    assert judged(request(), replace(KEY, access_key_id="test-other")) == "UnrecognizedClientException"
    assert judged(request(), replace(KEY, expires_at=NOW)) == "ExpiredTokenException"
    assert judged(request(at=NOW - 301)) == "InvalidSignatureException"
    assert judged(request(at=NOW + 301)) == "InvalidSignatureException"
    assert judged(request(at=NOW - 299)) == ""


def test_the_example_of_the_documentation_has_the_signature_that_it_gives() -> None:
    """The request "get-vanilla" of AWS's public test suite for signers."""
    key = IssuedKey("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", None, None, "")
    headers = (
        ("host", "example.amazonaws.com"),
        ("x-amz-date", "20150830T123600Z"),
        (
            "authorization",
            (
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
                "SignedHeaders=host;x-amz-date, "
                "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
            ),
        ),
    )
    message = SignedRequest("GET", "/", headers, b"")
    assert verify(message, lambda _: key, service="service", now=1440938160.0) is key


# -- the adapter


class Bedrock(httpx2.BaseTransport):
    """Answers as it is told, one after the other, and keeps what was sent."""

    def __init__(self, *answers: httpx2.Response) -> None:
        self.answers = list(answers)
        self.sent: list[httpx2.Request] = []

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        request.read()
        # as it is now: a second try is the same request with other headers
        self.sent.append(httpx2.Request(request.method, request.url, headers=request.headers))
        return self.answers.pop(0)


def refusal(kind: str, status: int = 403, **headers: str) -> httpx2.Response:
    return httpx2.Response(
        status, headers={"x-amzn-errortype": f"{kind}:http://internal/", **headers}, json={"message": "no"}
    )


@pytest.fixture
def world(tmp_path: Path) -> FakeWorld:
    made = FakeWorld(tmp_path)
    with_files(made)
    return made


def send(world: FakeWorld, bedrock: Bedrock, url: str = URL, **options: Any) -> httpx2.Response:
    with httpx2.Client(auth=RequestAuth(Auth(world=world)), transport=bedrock) as client:
        return client.post(url, **{"json": {"a": 1}, **options})


@pytest.mark.proves("R42", "P18")
@pytest.mark.parametrize("kind", ["ExpiredTokenException", "UnrecognizedClientException"])
def test_keys_that_have_ended_are_replaced_and_the_request_sent_once_more(
    world: FakeWorld, kind: str
) -> None:
    first, second = make_keys(now=world.now()), make_keys(now=world.now())
    world.outcomes = [chain_gives(first), chain_gives(second)]
    bedrock = Bedrock(refusal(kind), httpx2.Response(200, json={}))
    assert send(world, bedrock).status_code == 200
    used = [
        sent.headers["authorization"].partition("Credential=")[2].partition("/")[0] for sent in bedrock.sent
    ]
    assert used == [first["access_key"], second["access_key"]]
    assert bedrock.sent[1].headers["x-amz-security-token"] == second["token"]


@pytest.mark.parametrize(
    "answer",
    [
        refusal("AccessDeniedException"),
        refusal("ValidationException", 400),
        refusal("ThrottlingException", 429),
        httpx2.Response(503),
    ],
)
def test_what_is_not_about_the_keys_is_the_caller_s(world: FakeWorld, answer: httpx2.Response) -> None:
    world.outcomes = [chain_gives(make_keys(now=world.now()))]
    bedrock = Bedrock(answer)
    assert send(world, bedrock).status_code == answer.status_code
    assert len(bedrock.sent) == 1


@pytest.mark.parametrize(
    "kind", ["SignatureDoesNotMatch", "RequestTimeTooSkewed", "InvalidSignatureException"]
)
def test_a_wrong_clock_is_explained_with_the_measured_skew(world: FakeWorld, kind: str) -> None:
    from email.utils import formatdate

    world.outcomes = [chain_gives(make_keys(now=world.now()))]
    bedrock = Bedrock(refusal(kind, date=formatdate(world.now() - 720, usegmt=True)))
    with pytest.raises(Rejected, match="12 min ahead of") as caught:
        send(world, bedrock)
    assert (caught.value.code, caught.value.facts["skew"]) == ("clock_skew", 720)
    assert len(bedrock.sent) == 1


def test_a_signature_that_does_not_fit_with_a_right_clock_is_about_the_keys(world: FakeWorld) -> None:
    from email.utils import formatdate

    keys = make_keys(now=world.now())
    world.outcomes = [chain_gives(keys), chain_gives(keys)]
    bedrock = Bedrock(refusal("SignatureDoesNotMatch", date=formatdate(world.now(), usegmt=True)))
    with pytest.raises(Rejected) as caught:
        send(world, bedrock)
    assert caught.value.code == "aws_no_other"


@pytest.mark.proves("T13")
def test_keys_sign_for_their_own_origin_and_no_other(world: FakeWorld) -> None:
    world.outcomes = [chain_gives(make_keys(now=world.now()))]
    bedrock = Bedrock()
    with pytest.raises(Refused, match=r"is for https://bedrock-runtime\.us-east-1\.amazonaws\.com"):
        send(world, bedrock, "https://bedrock-runtime.eu-west-1.amazonaws.com/model/x/invoke")
    assert bedrock.sent == []


def test_a_body_in_pieces_is_signed_whole(world: FakeWorld) -> None:
    keys = make_keys(now=world.now())
    world.outcomes = [chain_gives(keys)]
    bedrock = Bedrock(httpx2.Response(200, json={}))
    send(world, bedrock, json=None, content=iter([b'{"a"', b": 1}"]))
    sent = bedrock.sent[0]
    issued = IssuedKey(keys["access_key"], keys["secret_key"], keys["token"], None, "")
    headers = tuple((name.lower(), value) for name, value in sent.headers.items())
    message = SignedRequest("POST", sent.url.raw_path.decode(), headers, b'{"a": 1}')
    verify(message, lambda _: issued, service="bedrock", now=world.now())


def test_what_is_left_unsigned_keeps_the_caller_s_own_header(world: FakeWorld) -> None:
    world.variables["CLAUDE_CODE_SKIP_BEDROCK_AUTH"] = "1"
    bedrock = Bedrock(httpx2.Response(401, json={}))
    answer = send(world, bedrock, headers={"Authorization": "Bearer test-gateway-token"})
    assert answer.status_code == 401
    assert [sent.headers["authorization"] for sent in bedrock.sent] == ["Bearer test-gateway-token"]


def test_headers_of_keys_are_a_wrong_question(world: FakeWorld) -> None:
    world.outcomes = [chain_gives(make_keys(now=world.now()))]
    with pytest.raises(UsageError) as caught:
        Auth(world=world).headers()
    assert caught.value.code == "no_header"


@pytest.mark.proves("T15")
def test_signing_logs_no_session_token(world: FakeWorld, caplog: pytest.LogCaptureFixture) -> None:
    keys = make_keys(now=world.now())
    world.outcomes = [chain_gives(keys)]
    with caplog.at_level("DEBUG"):
        send(world, Bedrock(httpx2.Response(200, json={})))
    assert keys["token"] not in caplog.text
    assert hashlib.sha256(b"").hexdigest() not in caplog.text
