"""A token for each kind of credentials file, and whatever may be in the way of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from keyturn import Auth, ConfigurationError, Refused, Rejected, Unavailable
from keyturn.testing.world import answer
from keyturn.wire import Response
from tests.google import (
    ACCOUNT,
    error_of,
    external_info,
    granted,
    impersonating_info,
    key_info,
    private_pem,
    put,
    refused,
    user_info,
    vertex_world,
)
from tests.secretscan import declare_store, make_secret

if TYPE_CHECKING:
    from pathlib import Path

    from keyturn.wire import Request

CLOUD = "https://www.googleapis.com/auth/cloud-platform"


def form(request: Request) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(request.body.decode()).items()}


class TestKinds:
    @pytest.mark.proves("R27")
    def test_a_person_s_login_is_refreshed(self, tmp_path: Path) -> None:
        info, secret = user_info(quota_project_id="quota-project"), make_secret("token")
        world = vertex_world(tmp_path, info)
        world.script = [granted(secret)]
        credential = Auth(world=world).credential()
        (request,) = world.requests
        assert request.url == "https://oauth2.googleapis.com/token"
        assert form(request)["refresh_token"] == info["refresh_token"]
        assert credential.headers() == {
            "Authorization": f"Bearer {secret}",
            "x-goog-user-project": "quota-project",
        }
        assert credential.expires_at == world.now() + 3600
        assert (credential.billing, credential.kind) == ("cloud", "google")

    def test_the_variable_for_the_quota_project_comes_before_the_file(self, tmp_path: Path) -> None:
        info = user_info(quota_project_id="of-the-file")
        world = vertex_world(tmp_path, info, GOOGLE_CLOUD_QUOTA_PROJECT="of-the-variable")
        world.script = [granted()]
        assert Auth(world=world).headers()["x-goog-user-project"] == "of-the-variable"

    @pytest.mark.parametrize("where", ["file", "variable"])
    def test_a_quota_project_that_no_header_can_carry_is_an_error(self, tmp_path: Path, where: str) -> None:
        evil = "quota\r\nx-evil: 1"
        env = {"GOOGLE_CLOUD_QUOTA_PROJECT": evil} if where == "variable" else {}
        world = vertex_world(tmp_path, user_info(quota_project_id=evil), **env)
        error = error_of(world)
        assert isinstance(error, ConfigurationError)
        assert "holds a line break" in error.message
        assert "evil" not in error.message

    @pytest.mark.proves("R28")
    def test_a_key_signs_an_assertion_that_holds(self, tmp_path: Path) -> None:
        world = vertex_world(tmp_path, key_info())
        world.script = [granted()]
        Auth(world=world).credential()
        (request,) = world.requests
        assert request.url == "https://oauth2.example.com/token"
        public = RSAKey.import_key(private_pem())
        claims = jwt.decode(form(request)["assertion"], public, algorithms=["RS256"]).claims
        assert (claims["iss"], claims["scope"]) == (ACCOUNT, CLOUD)
        assert 0 < claims["exp"] - claims["iat"] <= 3600

    @pytest.mark.proves("R29")
    def test_an_external_account_exchanges_the_token_of_a_file(self, tmp_path: Path) -> None:
        subject = make_secret("token")
        declare_store(tmp_path / "subject")
        (tmp_path / "subject").write_text(subject)
        world = vertex_world(tmp_path, external_info({"file": f"{tmp_path}/subject"}))
        world.script = [granted()]
        Auth(world=world).credential()
        (request,) = world.requests
        assert request.url == "https://sts.example.com/v1/token"
        assert form(request)["subject_token"] == subject
        assert form(request)["scope"] == CLOUD

    def test_an_external_account_asks_an_address_for_its_token(self, tmp_path: Path) -> None:
        subject = make_secret("token")
        source = {
            "url": "http://169.254.169.254/identity",
            "headers": {"Metadata": "true"},
            "format": {"type": "json", "subject_token_field_name": "value"},
        }
        world = vertex_world(tmp_path, external_info(source))
        world.script = [answer({"value": subject}), granted()]
        Auth(world=world).credential()
        asked, exchanged = world.requests
        assert (asked.method, asked.url, asked.headers["Metadata"]) == ("GET", source["url"], "true")
        assert form(exchanged)["subject_token"] == subject

    def test_an_external_account_may_act_as_a_service_account(self, tmp_path: Path) -> None:
        subject = put(tmp_path / "subject", make_secret("token"))
        url = f"https://iam.example.com/v1/projects/-/serviceAccounts/{ACCOUNT}:generateAccessToken"
        info = external_info({"file": subject}, service_account_impersonation_url=url)
        world = vertex_world(tmp_path, info)
        middle, last = make_secret("token"), make_secret("token")
        world.script = [granted(middle), answer({"accessToken": last, "expireTime": "2100-01-01T00:00:00Z"})]
        credential = Auth(world=world).credential()
        assert credential.secret.reveal() == last
        assert credential.account == ACCOUNT
        assert f"Bearer {middle}" in world.requests[1].headers.values()

    def test_a_person_may_act_as_a_service_account(self, tmp_path: Path) -> None:
        world = vertex_world(tmp_path, impersonating_info(user_info()))
        last = make_secret("token")
        world.script = [granted(), answer({"accessToken": last, "expireTime": "2100-01-01T00:00:00Z"})]
        assert Auth(world=world).credential().secret.reveal() == last
        assert json.loads(world.requests[1].body)["scope"] == [CLOUD]

    def test_a_program_is_not_run_unless_google_s_own_switch_allows_it(self, tmp_path: Path) -> None:
        source = {"executable": {"command": f"/bin/sh -c 'touch {tmp_path}/ran'", "timeout_millis": 5000}}
        world = vertex_world(tmp_path, external_info(source))
        error = error_of(world)
        assert isinstance(error, Refused)
        assert "GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES=1" in (error.hint or "")
        assert not (tmp_path / "ran").exists()
        assert world.requests == []

    def test_an_answer_without_a_lifetime_serves_until_it_is_rejected(self, tmp_path: Path) -> None:
        world = vertex_world(tmp_path, user_info())
        world.script = [answer({"access_token": make_secret("token"), "token_type": "Bearer"})]
        assert Auth(world=world).credential().expires_at is None


class TestTrouble:
    def test_a_token_endpoint_in_trouble_is_asked_three_times(self, tmp_path: Path) -> None:
        world = vertex_world(tmp_path, user_info())
        secret = make_secret("token")
        world.script = [refused(503, "unavailable"), refused(500, "internal_failure"), granted(secret)]
        assert Auth(world=world).credential().secret.reveal() == secret
        assert world.slept == 2.0

    @pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
    def test_a_lasting_trouble_is_not_the_end_of_a_login(self, tmp_path: Path, status: int) -> None:
        world = vertex_world(tmp_path, user_info())
        world.script = [Response(status=status, headers={}, body=b"<html>no</html>")] * 3
        error = error_of(world)
        assert isinstance(error, Unavailable)
        assert str(status) in error.message
        assert len(world.requests) == 3

    def test_what_cannot_be_reached_is_asked_again_and_what_may_have_arrived_is_not(
        self, tmp_path: Path
    ) -> None:
        world = vertex_world(tmp_path, user_info())
        world.script = [Unavailable("cannot connect", hint="x", sent=False), granted()]
        Auth(world=world).credential()
        assert len(world.requests) == 2
        other = vertex_world(tmp_path, None)
        other.script = [Unavailable("broke", hint="x", code="broken", sent=None)]
        assert error_of(other).code == "broken"
        assert len(other.requests) == 1

    def test_a_slow_network_ends_after_half_a_minute(self, tmp_path: Path) -> None:
        world = vertex_world(tmp_path, user_info())

        def slowly(request: Request) -> Response:
            del request
            world.advance(29.9)
            return refused(503, "unavailable")

        world.script = [slowly, slowly]
        began = world.clock()
        assert isinstance(error_of(world), Unavailable)
        assert world.clock() - began < 31

    @pytest.mark.parametrize(
        "body",
        [
            b"<html>Please sign in to the network</html>",
            b"",
            b"[]",
            b"null",
            b"{}",
            b'{"access_token": ""}',
            b'{"access_token": 7}',
            b'{"access_token": "with space"}',
            b'{"access_token": null, "expires_in": 3600}',
            b'{"access_token": "sk-ant-test-x", "expires_in": "soon"}',
        ],
    )
    @pytest.mark.parametrize("kind", ["user", "key", "external"])
    def test_an_answer_that_holds_no_token_is_said_to_be_none(
        self, tmp_path: Path, body: bytes, kind: str
    ) -> None:
        infos: dict[str, Any] = {
            "user": user_info,
            "key": key_info,
            "external": lambda: external_info({"file": put(tmp_path / "subject", make_secret("token"))}),
        }
        world = vertex_world(tmp_path, infos[kind]())
        world.script = [Response(status=200, headers={"content-type": "text/html"}, body=body)]
        error = error_of(world)
        assert (error.code, error.exit) == ("not_a_token", 6)
        assert "answered something that is no token" in error.message

    @pytest.mark.parametrize(
        "text", ["", "no key at all", "-----BEGIN NOTHING-----\nAAAA\n-----END NOTHING-----"]
    )
    def test_a_key_that_cannot_be_read_never_shows(self, tmp_path: Path, text: str) -> None:
        world = vertex_world(tmp_path, key_info(private_key=text or "x"))
        error = error_of(world)
        assert "private_key cannot be used" in error.message
        assert isinstance(error, Rejected)
        assert "AAAA" not in f"{error} {error.hint} {error.facts}"

    def test_a_subject_token_that_is_not_there_names_its_file(self, tmp_path: Path) -> None:
        world = vertex_world(tmp_path, external_info({"file": "/nowhere/token"}))
        assert "/nowhere/token" in error_of(world).message

    def test_a_secret_never_goes_to_a_token_endpoint_in_the_clear(self, tmp_path: Path) -> None:
        world = vertex_world(tmp_path, key_info(token_uri="http://oauth2.example.com/token"))
        error = error_of(world)
        assert isinstance(error, Refused)
        assert "http://oauth2.example.com" in error.message
        assert world.requests == []

    @pytest.mark.parametrize("address", ["not an address", "file:///token", "https://u:p@a.example.com/x"])
    def test_what_is_no_address_is_asked_nothing(self, tmp_path: Path, address: str) -> None:
        world = vertex_world(tmp_path, key_info(token_uri=address))
        assert error_of(world).code == "address"
        assert world.requests == []

    @pytest.mark.parametrize("status", [204, 302, 307])
    def test_a_redirect_to_a_sign_in_page_ends_nothing(self, tmp_path: Path, status: int) -> None:
        world = vertex_world(tmp_path, user_info())
        portal = {"location": "http://portal.example.com/"}
        world.script = [Response(status=status, headers=portal, body=b"<html>sign in to the network</html>")]
        error = error_of(world)
        assert (error.code, error.exit) == ("not_a_token", 6)
        assert "<html>" not in error.message
        assert len(world.requests) == 1

    def test_credentials_of_another_cloud_than_google_s_own_are_not_sent_there(self, tmp_path: Path) -> None:
        world = vertex_world(tmp_path, key_info(universe_domain="cloud.example.com"))
        error = error_of(world)
        assert isinstance(error, ConfigurationError)
        assert "universe_domain cloud.example.com" in error.message
        assert world.requests == []
