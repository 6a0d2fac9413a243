"""Requests with edges, as they leave an httpx2 client: signed as botocore signs what leaves, and let in."""

from __future__ import annotations

from datetime import UTC, datetime

import botocore.auth
import httpx2
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from keyturn.http import sign
from keyturn.sandbox.sigv4 import IssuedKey, SignedRequest, verify
from keyturn.testing.world import NOW
from keyturn.values import AwsKeys, Secret

AWS = "https://bedrock-runtime.us-east-1.amazonaws.com"
KEY = IssuedKey(
    access_key_id="test-key-id",
    secret="test-secret-key",
    token="test-session-token",
    expires_at=NOW + 3600,
    arn="arn:aws:iam::123456789012:user/developer",
)


def credential(url: str) -> AwsKeys:
    place = "/".join(url.split("/")[:3])
    return AwsKeys(
        access_key_id=Secret(KEY.access_key_id),
        audience=place,
        base_url=place,
        region="us-east-1",
        secret=Secret(KEY.secret),
        session_token=Secret(str(KEY.token)),
        source="aws-chain",
        where="a test",
    )


def sent(url: str, *headers: tuple[str, str], body: bytes = b"{}") -> SignedRequest:
    """The request as it leaves, by httpx2's own reading of it."""
    request = httpx2.Request("POST", url, headers=list(headers), content=body)
    sign(request, credential(url), now=NOW)
    raw = tuple((name.decode().lower(), value.decode()) for name, value in request.headers.raw)
    return SignedRequest("POST", request.url.raw_path.decode(), raw, body)


def of_botocore(message: SignedRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The `Authorization` that botocore makes of what left."""
    ours = dict(message.headers)
    theirs = AWSRequest("POST", f"https://{ours['host']}{message.target}", data=message.body)
    own = ("x-amz-date", "x-amz-security-token")
    for name, value in message.headers:
        if name in ("host", "content-type") or (name.startswith("x-amz-") and name not in own):
            theirs.headers.add_header(name, value)
    at = datetime.fromtimestamp(NOW, UTC).replace(tzinfo=None)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: at)
    keys = Credentials(KEY.access_key_id, KEY.secret, KEY.token)
    botocore.auth.SigV4Auth(keys, "bedrock", "us-east-1").add_auth(theirs)
    return str(theirs.headers["Authorization"])


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/?",
        "/model/us.anthropic.test-v1:0/invoke",
        "/model/us.anthropic.test-v1%3A0/invoke",
        "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aprofile%2Ftest/invoke",
        "/%E1%88%B4/~_-.",
        "/a//b/./c/../d",
        "/x?b=2&a=1&a=0&c",
        "/x?name=a+b&other=a%20b",
        "/x?name=a%2bb",
        "/x?name=a=b&&*='()!~",
        "/x?name=\u00fc#end",
    ],
)
def test_an_address_is_signed_as_it_leaves(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    message = sent(AWS + path)
    assert verify(message, {KEY.access_key_id: KEY}.get, service="bedrock", now=NOW) is KEY
    assert dict(message.headers)["authorization"] == of_botocore(message, monkeypatch)


def test_a_space_in_a_query_leaves_as_aws_reads_it() -> None:
    address = str(httpx2.URL(f"{AWS}/x", params={"name": "a b", "mark": "+"}))
    assert sent(address).target == "/x?name=a%20b&mark=%2B"


@pytest.mark.parametrize(
    "headers",
    [
        [("X-Amz-Test", "b"), ("x-amz-test", "a")],
        [("X-Amz-Test", "  a   b  "), ("X-Amz-Other", "a, b")],
        [("X-Amz-Test", "b "), ("X-Amz-Test", " a"), ("X-Amz-Test", "b")],
        [("Host", "elsewhere.example.com")],
        [("Content-Type", "application/json;  charset=utf-8"), ("User-Agent", "a"), ("User-Agent", "b")],
    ],
)
def test_headers_are_signed_as_they_leave(
    headers: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    message = sent(f"{AWS}/x", *headers)
    assert verify(message, {KEY.access_key_id: KEY}.get, service="bedrock", now=NOW) is KEY
    assert dict(message.headers)["authorization"] == of_botocore(message, monkeypatch)
