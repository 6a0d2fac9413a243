"""Where each credential may go, and where it goes when nobody says (T13)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from keyturn import Auth, ConfigurationError, Refused
from keyturn.testing import (
    FakeWorld,
    make_authority,
    make_login,
)
from keyturn.testing.stores import save
from keyturn.values import Secret
from tests.secretscan import make_secret

if TYPE_CHECKING:
    from pathlib import Path

    from keyturn.scene import Scene


def token() -> str:
    return make_secret("token")


def auth(world: FakeWorld, **options: str) -> Auth:
    return Auth(world=world, **options)  # type: ignore[arg-type] # options of text


def with_login(world: FakeWorld, **fields: object) -> Scene:
    scene = auth(world).scene()
    save(scene.store, make_login(**fields))
    return scene


GATEWAY = "https://gateway.example.com"


@pytest.mark.proves("T13")
class TestAudience:
    @pytest.mark.parametrize(
        ("name", "header"), [("ANTHROPIC_AUTH_TOKEN", "Authorization"), ("ANTHROPIC_API_KEY", "x-api-key")]
    )
    def test_a_key_or_gateway_token_goes_where_the_person_points_it(
        self, tmp_path: Path, name: str, header: str
    ) -> None:
        world = FakeWorld(tmp_path, {name: token(), "ANTHROPIC_BASE_URL": f"{GATEWAY}/v2"})
        credential = auth(world).credential()
        assert (credential.audience, credential.base_url) == (GATEWAY, f"{GATEWAY}/v2")
        assert header in credential.headers()

    def test_it_goes_to_the_profile_s_api_else(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path, {"ANTHROPIC_API_KEY": token()})
        assert auth(world).credential().audience == "https://api.anthropic.com"
        world.write_config({"profiles": {"default": {"api_base_url": GATEWAY}}})
        assert auth(world).credential().audience == GATEWAY

    def refused(self, world: FakeWorld) -> Refused:
        with pytest.raises(Refused) as caught:
            auth(world).credential()
        assert caught.value.exit == 7
        assert caught.value.hint
        return caught.value

    def test_an_oauth_token_of_the_environment_goes_to_no_gateway(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path, {"CLAUDE_CODE_OAUTH_TOKEN": token(), "ANTHROPIC_BASE_URL": GATEWAY})
        message = self.refused(world).message
        assert "https://api.anthropic.com" in message
        assert GATEWAY in message

    def test_unless_the_configuration_allows_that_origin(self, tmp_path: Path) -> None:
        world = FakeWorld(
            tmp_path, {"CLAUDE_CODE_OAUTH_TOKEN": token(), "ANTHROPIC_BASE_URL": f"{GATEWAY}/v1"}
        )
        world.write_config({"allow_oauth_origins": [f"{GATEWAY}/"]})
        assert auth(world).credential().base_url == f"{GATEWAY}/v1"
        world.write_config(
            {"allow_oauth_origins": ["https://gateway.example.com:8443", "https://gateway.example.org"]}
        )
        self.refused(world)

    def test_a_login_goes_to_its_own_api_only(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path, {"ANTHROPIC_BASE_URL": "https://api.anthropic.com"})
        with_login(world, api_base_url=GATEWAY)
        message = self.refused(world).message
        assert GATEWAY in message
        assert "https://api.anthropic.com" in message
        world.variables["ANTHROPIC_BASE_URL"] = GATEWAY
        assert auth(world).credential().audience == GATEWAY

    def test_a_login_that_names_no_api_goes_nowhere(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path)
        with_login(world, api_base_url=None)
        with pytest.raises(ConfigurationError, match="does not say which API"):
            auth(world).credential()

    def test_a_stored_key_goes_to_anthropic_unless_its_profile_names_another_host(
        self, tmp_path: Path
    ) -> None:
        world = FakeWorld(tmp_path)
        key = {"access_token": None, "refresh_token": None, "authority": None, "api_key": Secret(token())}
        with_login(world, api_base_url=None, **key)
        assert auth(world).credential().audience == "https://api.anthropic.com"
        world.variables["ANTHROPIC_BASE_URL"] = GATEWAY
        assert "https://api.anthropic.com" in self.refused(world).message

    @pytest.mark.parametrize("name", ["ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_API_KEY"])
    def test_plain_http_needs_to_be_allowed(self, tmp_path: Path, name: str) -> None:
        world = FakeWorld(tmp_path, {name: token(), "ANTHROPIC_BASE_URL": "http://claude-proxy:8080"})
        assert self.refused(world).code == "plain_http"
        world.write_config({"allow_http_origins": ["http://claude-proxy:8080"]})
        assert auth(world).credential().audience == "http://claude-proxy:8080"
        world.variables["ANTHROPIC_BASE_URL"] = "http://claude-proxy:8081"
        self.refused(world)

    def test_plain_http_is_never_allowed_for_an_oauth_token(self, tmp_path: Path) -> None:
        world = FakeWorld(
            tmp_path, {"CLAUDE_CODE_OAUTH_TOKEN": token(), "ANTHROPIC_BASE_URL": "http://claude-proxy:8080"}
        )
        listed = ["http://claude-proxy:8080"]
        world.write_config({"allow_http_origins": listed, "allow_oauth_origins": listed})
        assert self.refused(world).code == "plain_http"

    def test_plain_http_is_never_allowed_for_a_login(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path)
        world.write_config({"allow_http_origins": ["http://claude-proxy:8080"]})
        with_login(world, api_base_url="http://claude-proxy:8080")
        assert self.refused(world).code == "plain_http"

    @pytest.mark.parametrize("url", ["http://127.0.0.1:9", "http://[::1]:9", "http://localhost:9"])
    def test_plain_http_on_this_machine_is_fine(self, tmp_path: Path, url: str) -> None:
        world = FakeWorld(tmp_path, {"ANTHROPIC_API_KEY": token(), "ANTHROPIC_BASE_URL": url})
        assert auth(world).credential().audience == url

    @pytest.mark.parametrize(
        "url",
        ["http://127.0.0.1.example.com", "http://localhost.example.com", "http://0127.0.0.1", "http://127.1"],
    )
    def test_a_host_that_only_looks_like_this_machine_is_not(self, tmp_path: Path, url: str) -> None:
        world = FakeWorld(tmp_path, {"ANTHROPIC_API_KEY": token(), "ANTHROPIC_BASE_URL": url})
        assert self.refused(world).code == "plain_http"

    def test_an_address_that_is_none_is_a_configuration_error(self, tmp_path: Path) -> None:
        for url in ("gateway.example.com", "ftp://example.com", "https://me:pw@example.com", "https://"):
            world = FakeWorld(tmp_path, {"ANTHROPIC_API_KEY": token(), "ANTHROPIC_BASE_URL": url})
            with pytest.raises(ConfigurationError, match="ANTHROPIC_BASE_URL") as caught:
                auth(world).credential()
            assert "pw" not in str(caught.value)


@pytest.mark.proves("L3")
@pytest.mark.parametrize("key", ["issuer", "token_url", "client_id", "api_base_url"])
def test_a_configuration_edited_after_the_login_refuses_and_names_the_key(tmp_path: Path, key: str) -> None:
    world = FakeWorld(tmp_path)
    with_login(world, authority=make_authority())
    world.write_config({"profiles": {"default": {key: "https://elsewhere.example.com"}}})
    with pytest.raises(ConfigurationError, match=f"another {key}") as caught:
        auth(world).credential()
    assert "log in again" in (caught.value.hint or "")
    assert world.requests == []
