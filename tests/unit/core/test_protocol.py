"""OAuth 2 requests and answers as values, against the words of the RFCs."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from keyturn.oauth import protocol
from keyturn.testing import answer, make_authority, token_answer
from keyturn.values import Secret


def form(body: bytes) -> dict[str, str]:
    return {name: value for name, (value,) in parse_qs(body.decode(), keep_blank_values=True).items()}


def test_the_challenge_of_rfc_7636_appendix_b() -> None:
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert protocol.challenge(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


class TestAuthorizationUrl:
    def url(self, scopes: tuple[str, ...] = (), **fields: object) -> tuple[str, dict[str, str]]:
        url = protocol.authorization_url(
            make_authority(**fields),
            redirect_uri="http://127.0.0.1:1/callback",
            scopes=scopes,
            state="a state",
            verifier="v" * 43,
        )
        return url, {name: value for name, (value,) in parse_qs(urlsplit(url).query).items()}

    def test_it_asks_for_a_code_with_s256_and_never_holds_the_verifier(self) -> None:
        url, asked = self.url(("one", "two"))
        assert asked == {
            "response_type": "code",
            "client_id": "example-client",
            "redirect_uri": "http://127.0.0.1:1/callback",
            "state": "a state",
            "code_challenge": protocol.challenge("v" * 43),
            "code_challenge_method": "S256",
            "scope": "one two",
        }
        assert "v" * 43 not in url

    def test_an_endpoint_with_a_query_of_its_own_keeps_it(self) -> None:
        _, asked = self.url(authorize_url="https://auth.example.com/authorize?tenant=7")
        assert (asked["tenant"], asked["response_type"]) == ("7", "code")

    def test_offline_access_is_asked_for_with_consent(self) -> None:
        assert self.url(("offline_access",))[1]["prompt"] == "consent"

    def test_a_resource_is_named(self) -> None:
        assert self.url(resource="https://api.example.com")[1]["resource"] == "https://api.example.com"


class TestTokenRequests:
    def grant(self, **fields: object) -> Any:
        return protocol.code_grant(
            make_authority(**fields), code="c", verifier="v", redirect_uri="http://x", state="s"
        )

    def test_a_code_is_exchanged_by_a_form(self) -> None:
        request = self.grant()
        assert form(request.body) == {
            "grant_type": "authorization_code",
            "code": "c",
            "code_verifier": "v",
            "redirect_uri": "http://x",
            "client_id": "example-client",
        }
        assert "Authorization" not in request.headers

    def test_or_by_json_with_the_state_for_servers_of_that_kind(self) -> None:
        request = self.grant(token_request="json")
        assert request.headers["Content-Type"] == "application/json"
        assert json.loads(request.body)["state"] == "s"

    def test_a_client_with_a_secret_proves_itself_as_rfc_6749_says(self) -> None:
        request = self.grant(client_id="my client", client_secret=Secret("p+ü:x"))
        encoded = request.headers["Authorization"].removeprefix("Basic ")
        assert base64.b64decode(encoded) == b"my+client:p%2B%C3%BC%3Ax"
        assert b"p+" not in request.body

    def test_revocation_names_the_token_and_its_kind(self) -> None:
        request = protocol.revocation(make_authority(), Secret("a token"), "refresh_token")
        assert request.url == "https://auth.example.com/revoke"
        assert form(request.body) == {
            "token": "a token",
            "token_type_hint": "refresh_token",
            "client_id": "example-client",
        }

    def test_a_registration_is_of_a_public_native_client(self) -> None:
        request = protocol.registration(
            "https://a.example/register", redirect_uris=["http://127.0.0.1/"], scopes=["a", "b"]
        )
        asked = json.loads(request.body)
        assert asked["token_endpoint_auth_method"] == "none"
        assert asked["application_type"] == "native"
        assert asked["redirect_uris"] == ["http://127.0.0.1/"]
        assert asked["scope"] == "a b"


def granted(**fields: object) -> protocol.Granted:
    read = protocol.read_token(token_answer("test-access-token-read", "test-refresh-token-read", **fields))
    assert isinstance(read, protocol.Granted)
    return read


def id_token(claims: object) -> str:
    part = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"e30.{part}.c2ln"


class TestAnswers:
    def test_a_grant_has_its_tokens_life_and_scopes(self) -> None:
        read = granted(scope="one two")
        assert read.access_token == Secret("test-access-token-read")
        assert read.refresh_token == Secret("test-refresh-token-read")
        assert (read.life, read.odd_life, read.scopes) == (3600.0, False, ("one", "two"))

    @pytest.mark.proves("L21")
    @pytest.mark.parametrize(
        ("value", "life", "odd"),
        [
            (None, None, False),
            (1, 1.0, False),
            (0.5, 0.5, False),
            ("600", 600.0, False),
            (0, None, False),
            (-1, None, False),
            ("0", None, False),
            (1e12, None, False),
            ("9" * 30, None, False),
            ("ten", None, True),
            ("6.5", None, True),
            ("-5", None, True),
            ("٣", None, True),
            (True, None, True),
            ([], None, True),
        ],
    )
    def test_a_life_is_a_positive_number_of_seconds_or_unknown(
        self, value: object, life: float | None, odd: bool
    ) -> None:
        read = granted(expires_in=value)
        assert (read.life, read.odd_life) == (life, odd)

    @pytest.mark.parametrize(
        ("fields", "who"),
        [
            ({}, (None, None, None, None)),
            (
                {
                    "account": {"uuid": "a-1", "email_address": "developer@example.com"},
                    "organization": {"uuid": "o-1", "name": "Works"},
                },
                ("developer@example.com", "a-1", "Works", "o-1"),
            ),
            (
                {"id_token": id_token({"sub": "s-1", "email": "developer@example.com"})},
                ("developer@example.com", "sub:s-1", None, None),
            ),
            ({"id_token": id_token({"sub": "s-1"})}, ("s-1", "sub:s-1", None, None)),
            ({"id_token": id_token(["not", "claims"])}, (None, None, None, None)),
            ({"id_token": "a.!!!.c"}, (None, None, None, None)),
            ({"id_token": "only.two"}, (None, None, None, None)),
            ({"id_token": 7, "account": "developer", "organization": []}, (None, None, None, None)),
            ({"account": {"uuid": 7, "email_address": " "}}, (None, None, None, None)),
            ({"account": {"email_address": "x" * 500}}, ("x" * 200, None, None, None)),
        ],
    )
    def test_an_account_is_read_where_servers_name_it(
        self, fields: dict[str, object], who: tuple[str | None, ...]
    ) -> None:
        read = granted(**fields)
        assert (read.account, read.account_id, read.organization, read.organization_id) == who

    def test_an_error_of_the_protocol_is_read_with_its_description(self) -> None:
        read = protocol.read_token(answer({"error": "invalid_grant", "error_description": "it is over"}, 400))
        assert isinstance(read, protocol.Denied)
        assert (read.error, read.description, read.status) == ("invalid_grant", "it is over", 400)

    def test_a_description_of_another_kind_is_left_out(self) -> None:
        read = protocol.read_token(answer({"error": "invalid_grant", "error_description": {"a": 1}}, 400))
        assert isinstance(read, protocol.Denied)
        assert read.description == ""

    @pytest.mark.parametrize(
        "kind", ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON"]
    )
    def test_json_is_known_by_its_content_type(self, kind: str) -> None:
        said = answer({"error": "invalid_grant"}, 400)
        assert isinstance(protocol.read_token(said.replace(headers={"content-type": kind})), protocol.Denied)

    @pytest.mark.parametrize(("header", "seconds"), [("17", 17.0), ("", None), ("soon", None), ("-1", None)])
    def test_patience_is_read_in_seconds(self, header: str, seconds: float | None) -> None:
        read = protocol.read_token(answer({}, 503, retry_after=header))
        assert isinstance(read, protocol.Unreadable)
        assert read.retry_after == seconds

    @pytest.mark.proves("T15")
    def test_nothing_of_an_answer_shows_a_token(self) -> None:
        assert "test-access" not in repr(granted())
        assert "test-refresh" not in repr(granted())
