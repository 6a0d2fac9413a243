"""What `keyturn run` hands over: the winner's variables, no other credential, and all else as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from keyturn.auth import Auth
from keyturn.handover import CREDENTIALS, child_environment, with_network
from keyturn.stores.file import FileStore
from keyturn.testing import FakeWorld, make_login
from keyturn.testing.stores import save
from keyturn.values import API_ORIGIN, ApiKey, BearerToken, HelperKey, Secret
from tests.secretscan import make_secret

if TYPE_CHECKING:
    from pathlib import Path

GATEWAY = "https://gateway.example.com"
BETA = "anthropic-beta: oauth-2025-04-20"


def bearer(secret: str, *, oauth_beta: bool, base_url: str = API_ORIGIN) -> BearerToken:
    return BearerToken(
        secret=Secret(secret), oauth_beta=oauth_beta, base_url=base_url, audience=base_url, billing="unknown"
    )


def key(secret: str, base_url: str = API_ORIGIN) -> ApiKey:
    return ApiKey(secret=Secret(secret), base_url=base_url, audience=base_url, billing="metered")


def test_a_key_goes_under_the_name_that_everybody_knows() -> None:
    secret = make_secret("api-key")
    assert child_environment(key(secret), {}, "anthropic") == {"ANTHROPIC_API_KEY": secret}


def test_what_a_helper_printed_goes_under_both_names_and_is_told_from_a_gateway_s_token(
    tmp_path: Path,
) -> None:
    secret = make_secret("api-key")
    credential = HelperKey(secret=Secret(secret), base_url=API_ORIGIN, audience=API_ORIGIN, billing="metered")
    given = child_environment(credential, {}, "anthropic")
    assert given == {"ANTHROPIC_API_KEY": secret, "ANTHROPIC_AUTH_TOKEN": secret}
    inside = Auth(world=FakeWorld(tmp_path, given)).credential()
    assert (inside.billing, inside.kind) == ("metered", "api_key")
    assert inside.headers() == credential.headers()


def test_a_gateway_s_token_goes_with_the_gateway_s_address() -> None:
    secret = make_secret("token")
    assert child_environment(bearer(secret, oauth_beta=False, base_url=GATEWAY), {}, "anthropic") == {
        "ANTHROPIC_AUTH_TOKEN": secret,
        "ANTHROPIC_BASE_URL": GATEWAY,
    }


def test_an_oauth_token_serves_command_lines_and_official_sdks() -> None:
    secret = make_secret("token")
    assert child_environment(bearer(secret, oauth_beta=True), {}, "anthropic") == {
        "ANTHROPIC_AUTH_TOKEN": secret,
        "ANTHROPIC_CUSTOM_HEADERS": BETA,
        "CLAUDE_CODE_OAUTH_TOKEN": secret,
    }


@pytest.mark.proves("P32")
def test_a_child_gets_the_access_token_of_a_login_while_the_refresh_token_stays(tmp_path: Path) -> None:
    world = FakeWorld(tmp_path)
    login = save(FileStore(world, "default"), make_login())
    assert login.access_token is not None
    assert login.refresh_token is not None
    given = child_environment(Auth(world=world).credential(), world.env, "anthropic")
    assert login.access_token.reveal() in given.values()
    assert not [name for name, value in given.items() if login.refresh_token.reveal() in value]


@pytest.mark.proves("T9")
def test_no_other_credential_comes_along_and_all_else_is_untouched() -> None:
    secret = make_secret("api-key")
    env = dict.fromkeys(CREDENTIALS, "old") | {
        "PATH": "/bin",
        "AWS_PROFILE": "work",
        "KEYTURN_HOME": "/home/me/keys",
        "ANTHROPIC_MODEL": "m",
        "CLAUDE_CODE_USE_BEDROCK": "1",
    }
    assert child_environment(key(secret), env, "anthropic") == {
        "ANTHROPIC_API_KEY": secret,
        "PATH": "/bin",
        "AWS_PROFILE": "work",
        "KEYTURN_HOME": "/home/me/keys",
        "ANTHROPIC_MODEL": "m",
    }
    assert env["ANTHROPIC_API_KEY"] == "old"


def test_the_flag_of_the_winner_s_own_route_stays() -> None:
    env = {"CLAUDE_CODE_USE_BEDROCK": "1", "CLAUDE_CODE_USE_VERTEX": "0"}
    child = child_environment(key(make_secret("api-key")), env, "bedrock")
    assert "CLAUDE_CODE_USE_BEDROCK" in child
    assert "CLAUDE_CODE_USE_VERTEX" not in child


@pytest.mark.parametrize(
    ("own", "merged"),
    [
        ("", BETA),
        ("X-Team: one", f"X-Team: one\n{BETA}"),
        ("X-Team: one\n\nX-Other: a:b", f"X-Team: one\nX-Other: a:b\n{BETA}"),
        ("anthropic-beta: files-2025", "anthropic-beta: files-2025,oauth-2025-04-20"),
        ("Anthropic-Beta: a, b\nX: y\nanthropic-beta: c", "X: y\nanthropic-beta: a,b,c,oauth-2025-04-20"),
        (BETA, BETA),
        ("Authorization: Bearer other\nx-api-key: other\nX: y", f"X: y\n{BETA}"),
    ],
)
def test_the_person_s_own_headers_are_kept_beside_ours(own: str, merged: str) -> None:
    child = child_environment(
        bearer(make_secret("token"), oauth_beta=True), {"ANTHROPIC_CUSTOM_HEADERS": own}, "anthropic"
    )
    assert child["ANTHROPIC_CUSTOM_HEADERS"] == merged


def test_the_address_follows_the_credential() -> None:
    env = {"ANTHROPIC_BASE_URL": "https://other.example.com"}
    assert child_environment(key("k"), env, "anthropic")["ANTHROPIC_BASE_URL"] == API_ORIGIN
    assert child_environment(key("k", GATEWAY), {}, "anthropic")["ANTHROPIC_BASE_URL"] == GATEWAY


@pytest.mark.proves("T18")
class TestNetwork:
    def test_the_program_gets_the_proxies_and_certificates_of_the_settings(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path, {"HTTPS_PROXY": "http://old:1", "SSL_CERT_FILE": "/old.pem"})
        settings = tmp_path / ".claude" / "settings.json"
        settings.parent.mkdir()
        settings.write_text('{"env": {"HTTPS_PROXY": "http://new:1", "SSL_CERT_FILE": ""}}', encoding="utf-8")
        Auth(world=world).explain()
        child = with_network({**world.env, "PATH": "/bin"}, world)
        assert (child["HTTPS_PROXY"], child["PATH"]) == ("http://new:1", "/bin")
        assert "SSL_CERT_FILE" not in child

    def test_node_trusts_what_everybody_trusts_unless_it_is_told_otherwise(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path, {"SSL_CERT_FILE": "/ca.pem"})
        assert with_network(world.env, world)["NODE_EXTRA_CA_CERTS"] == "/ca.pem"
        world = FakeWorld(tmp_path, {"SSL_CERT_FILE": "/ca.pem", "NODE_EXTRA_CA_CERTS": "/own.pem"})
        assert with_network(world.env, world)["NODE_EXTRA_CA_CERTS"] == "/own.pem"
        world = FakeWorld(tmp_path, {"NODE_EXTRA_CA_CERTS": "/own.pem"})
        assert "SSL_CERT_FILE" not in with_network(world.env, world)
