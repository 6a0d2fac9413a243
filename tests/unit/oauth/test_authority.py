"""Learning about an authority: what counts as one, and what is refused before a secret is sent there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from keyturn.errors import AuthError, ConfigurationError, Refused, Unavailable
from keyturn.oauth.authority import client_of, metadata_of
from keyturn.testing import FakeWorld, answer
from keyturn.wire import Response
from tests.unit.oauth.conftest import ISSUER, metadata, profile

if TYPE_CHECKING:
    from pathlib import Path

LOOPBACK = "http://127.0.0.1:9000"
NOT_FOUND = Response(status=404, headers={}, body=b"not here")
REDIRECTS = ["http://127.0.0.1:49152/callback"]


@pytest.fixture
def world(tmp_path: Path) -> FakeWorld:
    return FakeWorld(tmp_path)


def told(world: FakeWorld, *script: Any, **fields: Any) -> Any:
    world.script = list(script)
    return metadata_of(world, profile(**fields))


@pytest.mark.parametrize(
    ("issuer", "addresses"),
    [
        (
            "https://auth.example.com",
            [
                "https://auth.example.com/.well-known/oauth-authorization-server",
                "https://auth.example.com/.well-known/openid-configuration",
            ],
        ),
        (
            "https://auth.example.com:8443/tenant/one/",
            [
                "https://auth.example.com:8443/.well-known/oauth-authorization-server/tenant/one",
                "https://auth.example.com:8443/tenant/one/.well-known/openid-configuration",
            ],
        ),
    ],
)
def test_openid_discovery_follows_where_the_first_address_has_nothing(
    world: FakeWorld, issuer: str, addresses: list[str]
) -> None:
    found = told(world, NOT_FOUND, metadata(issuer=issuer), issuer=issuer)
    assert [request.url for request in world.requests] == addresses
    assert found.issuer == issuer


def test_the_issuer_may_be_typed_without_its_last_slash(world: FakeWorld) -> None:
    assert told(world, metadata(issuer=f"{ISSUER}/")).issuer == f"{ISSUER}/"


def test_two_times_nothing_is_no_authority(world: FakeWorld) -> None:
    with pytest.raises(ConfigurationError, match="404 for both well-known addresses"):
        told(world, NOT_FOUND, NOT_FOUND)


@pytest.mark.proves("T10")
@pytest.mark.parametrize(
    ("said", "kind", "says"),
    [
        (Response(status=200, headers={}, body=b"<html>"), ConfigurationError, "does not answer with JSON"),
        (Response(status=200, headers={}, body=b"[]"), ConfigurationError, "does not answer with JSON"),
        (Response(status=200, headers={}, body=b"\xff\xfe"), ConfigurationError, "does not answer with JSON"),
        (Response(status=200, headers={}, body=b"[" * 99), ConfigurationError, "does not answer with JSON"),
        (metadata(issuer="https://other.example"), ConfigurationError, "names another issuer"),
        (metadata(issuer=None), ConfigurationError, "names another issuer"),
        (metadata(issuer=[ISSUER]), ConfigurationError, "names another issuer"),
        (metadata(issuer=ISSUER.upper()), ConfigurationError, "names another issuer"),
        (metadata(code_challenge_methods_supported=["plain"]), ConfigurationError, "PKCE with S256"),
        (metadata(code_challenge_methods_supported=[]), ConfigurationError, "PKCE with S256"),
        (metadata(token_endpoint=None), ConfigurationError, "no token_endpoint"),
        (metadata(authorization_endpoint=""), ConfigurationError, "no authorization_endpoint"),
        (metadata(token_endpoint=7), ConfigurationError, "its token_endpoint is not an address"),
        (metadata(token_endpoint=f"{ISSUER}/token#x"), ConfigurationError, "it holds a #"),
        (metadata(token_endpoint="/token"), ConfigurationError, "the token_endpoint of https://auth"),
        (metadata(token_endpoint="https://me:pw@auth.example.com/"), ConfigurationError, "user information"),
        (metadata(token_endpoint="https://auth.example.com/a b"), ConfigurationError, "holds a space"),
        (metadata(token_endpoint="http://auth.example.com/token"), Refused, "plain http on another machine"),
        (metadata(revocation_endpoint="http://auth.example.com/r"), Refused, "plain http on another machine"),
        (metadata(token_endpoint="http://127.0.0.1:9/token"), Refused, "is http://127.0.0.1:9, which"),
        (metadata(token_endpoint="http://127.0.0.1.example/"), Refused, "plain http on another machine"),
        (answer({}, 301, location="https://evil.example/"), ConfigurationError, "redirects, which is not"),
        (answer({}, 403), ConfigurationError, "answers with status 403"),
        (answer({}, 500), Unavailable, "answers with status 500"),
        (answer({}, 503), Unavailable, "answers with status 503"),
        (answer({}, 429), Unavailable, "answers with status 429"),
        (Unavailable("auth.example.com did not answer within 30 s"), Unavailable, "within 30 s"),
    ],
)
def test_metadata_that_cannot_be_trusted_is_refused(
    world: FakeWorld, said: Any, kind: type[AuthError], says: str
) -> None:
    with pytest.raises(kind) as caught:
        told(world, said)
    assert type(caught.value) is kind
    assert says in caught.value.message
    assert "auth.example.com" in caught.value.message
    assert caught.value.hint
    assert len(world.requests) == 1


@pytest.mark.parametrize(
    ("issuer", "kind", "says"),
    [
        ("http://auth.example.com", Refused, "the issuer is plain http on another machine"),
        ("http://127.0.0.1.example.com", Refused, "plain http on another machine"),
        ("ftp://auth.example.com", ConfigurationError, "does not start with https://"),
        ("auth.example.com", ConfigurationError, "does not start with https://"),
        ("https://auth.example.com/#x", ConfigurationError, "it holds a #"),
        ("https://auth.example.com/?tenant=1", ConfigurationError, "an issuer holds no question mark"),
        ("https://me:pw@auth.example.com", ConfigurationError, "user information"),
        ("https://auth.example.com:port", ConfigurationError, "is not a usable address"),
        ("https://", ConfigurationError, "names no host"),
    ],
)
def test_to_an_issuer_that_is_none_nothing_is_sent(
    world: FakeWorld, issuer: str, kind: type[AuthError], says: str
) -> None:
    with pytest.raises(kind) as caught:
        told(world, issuer=issuer)
    assert says in caught.value.message
    assert "pw" not in caught.value.message
    assert world.requests == []


def test_an_authority_on_this_machine_may_speak_plain_http(world: FakeWorld) -> None:
    own = metadata(
        issuer=LOOPBACK,
        authorization_endpoint=f"{LOOPBACK}/a",
        token_endpoint=f"{LOOPBACK}/t",
        revocation_endpoint=None,
        keyturn_api_base_url="http://127.0.0.1:9001",
        keyturn_paste_redirect_uri=f"{LOOPBACK}/paste",
        keyturn_oauth_beta=True,
    )
    found = told(world, own, issuer=LOOPBACK)
    assert (found.api_base_url, found.oauth_beta) == ("http://127.0.0.1:9001", True)


def test_what_only_the_sandbox_may_say_is_not_believed_of_another_machine(world: FakeWorld) -> None:
    said = metadata(
        keyturn_api_base_url="https://evil.example",
        keyturn_oauth_beta=True,
        keyturn_paste_redirect_uri="https://evil.example/paste",
    )
    found = told(world, said)
    assert (found.api_base_url, found.oauth_beta, found.paste_redirect_uri) == (None, False, None)


def test_the_sandbox_cannot_send_a_login_to_another_machine(world: FakeWorld) -> None:
    own = metadata(issuer=LOOPBACK, revocation_endpoint=None, keyturn_api_base_url="https://evil.example")
    assert told(world, own, issuer=LOOPBACK).api_base_url is None


@pytest.mark.parametrize(
    ("field", "value", "kind", "says"),
    [
        ("token_url", "http://auth.example.com/t", Refused, "--token-url is plain http on another machine"),
        ("revoke_url", "http://127.0.0.1:9/r", Refused, "--revoke-url is http://127.0.0.1:9"),
        ("authorize_url", "javascript:alert(1)", ConfigurationError, "--authorize-url is not a usable"),
    ],
)
def test_endpoints_that_a_person_names_are_checked_too(
    world: FakeWorld, field: str, value: str, kind: type[AuthError], says: str
) -> None:
    with pytest.raises(kind) as caught:
        told(world, metadata(), **{field: value})
    assert says in caught.value.message
    assert world.requests == []


def test_a_named_endpoint_outranks_the_discovered_one(world: FakeWorld) -> None:
    found = told(world, metadata(), token_url="https://tokens.example.com/t")
    assert (found.token_url, found.authorize_url) == ("https://tokens.example.com/t", f"{ISSUER}/authorize")


@pytest.mark.parametrize("fields", [{}, {"authorize_url": f"{ISSUER}/a"}, {"token_url": f"{ISSUER}/t"}])
def test_a_profile_without_an_authority_says_how_to_name_one(world: FakeWorld, fields: Any) -> None:
    with pytest.raises(ConfigurationError) as caught:
        told(world, issuer=None, **fields)
    assert caught.value.message == "profile default names no authority to log in to"
    assert "keyturn login --issuer https://" in str(caught.value.hint)


# -- registration


def register(world: FakeWorld, said: Any, **fields: Any) -> Any:
    at = profile(client_id=None, **fields)
    world.script = [metadata(registration_endpoint=f"{ISSUER}/register"), said]
    return client_of(world, at, metadata_of(world, at), REDIRECTS)


def test_without_a_client_id_keyturn_registers_itself_as_a_public_client(world: FakeWorld) -> None:
    client_id, secret = register(world, answer({"client_id": "made-now"}, 201), scopes=("a", "b"))
    assert (client_id, secret) == ("made-now", None)
    asked = world.requests[-1]
    assert (asked.method, asked.url) == ("POST", f"{ISSUER}/register")
    for part in (b'"token_endpoint_auth_method": "none"', b'"scope": "a b"', REDIRECTS[0].encode()):
        assert part in asked.body


def test_a_secret_that_the_authority_insists_on_is_kept(world: FakeWorld) -> None:
    _, secret = register(world, answer({"client_id": "made-now", "client_secret": "s" * 20}, 201))
    assert secret is not None
    assert secret.reveal() == "s" * 20


@pytest.mark.parametrize(
    ("said", "kind", "says"),
    [
        (
            answer({"error": "access_denied", "error_description": "not\x1b[2J here"}, 403),
            ConfigurationError,
            "did not register keyturn: access_denied not[2J here",
        ),
        (answer({"error": "invalid_client_metadata"}, 400), ConfigurationError, "invalid_client_metadata"),
        (answer({}, 201), ConfigurationError, "it answers with status 201 and names no client id"),
        (answer({"client_id": ""}, 201), ConfigurationError, "names no client id"),
        (answer({"client_id": "a b"}, 201), ConfigurationError, "names no client id"),
        (answer({"client_id": 5}, 201), ConfigurationError, "names no client id"),
        (Response(status=200, headers={}, body=b"<p>"), ConfigurationError, "names no client id"),
        (answer({}, 502), Unavailable, "status 502"),
        (Unavailable("it broke"), Unavailable, "it broke"),
    ],
)
def test_a_registration_that_is_refused_names_the_other_way(
    world: FakeWorld, said: Any, kind: type[AuthError], says: str
) -> None:
    with pytest.raises(kind) as caught:
        register(world, said)
    assert says in caught.value.message
    assert caught.value.hint
    if kind is ConfigurationError:
        assert "keyturn login --client-id ID" in str(caught.value.hint)


def test_an_authority_that_registers_nobody_needs_a_client_id(world: FakeWorld) -> None:
    at = profile(client_id=None)
    world.script = [metadata()]
    with pytest.raises(ConfigurationError, match=f"{ISSUER} does not register clients") as caught:
        client_of(world, at, metadata_of(world, at), REDIRECTS)
    assert "--client-id ID" in str(caught.value.hint)
