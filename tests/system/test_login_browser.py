"""`keyturn login` in a real browser, at the certified authority and at the sandbox."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from keyturn.login import Tombstone
from keyturn.sandbox import Sandbox
from keyturn.stores import open_store
from keyturn.world import World
from tests.browser import BrowserProgram, sign_in_and_allow
from tests.keyturns import Household, addresses
from tests.persons import asked
from tests.secretscan import leaks, register
from tests.servers import PASSWORD, OidcProvider

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.system

NOWHERE = "http://127.0.0.1:9"  # the API of a login whose API is not asked
SCOPES = ("--scope", "openid offline_access email api")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Household]:
    with Household(tmp_path) as made:
        yield made


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(on_secret=register) as running:
        yield running


@pytest.mark.proves("R3", "R4", "R6", "R36", "R38", "R44", "P10")
def test_from_the_login_page_to_logout_at_the_certified_authority(
    house: Household, tmp_path: Path, artefacts: Path
) -> None:
    chromium = BrowserProgram(
        tmp_path, steps=sign_in_and_allow(), screenshots_dir=artefacts, until="/callback"
    )
    with OidcProvider(log_folder=tmp_path, access_token_ttl=2) as provider, chromium:
        at = ("--issuer", provider.issuer, "--client-id", provider.client_id, "--api-base-url", NOWHERE)
        screen = house.start("login", *at, *SCOPES, BROWSER=str(chromium.command))
        screen.wait_for("a browser was opened with it; finish the login there")
        assert screen.ended() == 0
        assert screen.shows("logged in as developer@example.com; stored in profile default")

        visit = chromium.wait()
        assert [page["title"] for page in visit.pages] == [
            "Sign in",
            "Allow keyturn?",
            "You are logged in · keyturn",
        ]
        assert (visit.status, visit.external_requests) == (200, [])
        assert "developer@example.com" in visit.text
        assert "code=" not in visit.url  # the page has taken it out of the address bar
        assert len(list(artefacts.glob("*.png"))) == 3

        first = house.run("token", secret=True).stdout.strip()
        assert provider.introspect(first).account == "developer@example.com"
        for _ in range(2):  # a token of 2 s is renewed by the next command that needs one
            time.sleep(2.1)
            assert house.run("status").stdout.count("state: renewable; expired; will be renewed") == 1
            token = house.run("token", secret=True).stdout.strip()
            assert provider.introspect(token).active
            assert token != first
        log = provider.log()
        assert log["granted"] == {"authorization_code": 1, "refresh_token": 2}
        assert log["refused"] == {}

        done = house.run("logout")
        assert done.returncode == 0
        assert "revoked at the authority: the refresh token and the access token" in done.stdout
        assert provider.log()["revocations"] == 2
        assert not provider.introspect(token).active
    assert isinstance(open_store(World(house.env), "default", "file").load(), Tombstone)
    assert house.run("token").returncode == 3


def test_keyturn_registers_itself_where_no_client_id_is_named(
    house: Household, oidc_provider: OidcProvider, tmp_path: Path, artefacts: Path
) -> None:
    chromium = BrowserProgram(
        tmp_path, steps=sign_in_and_allow(), screenshots_dir=artefacts, until="/callback"
    )
    with chromium:
        screen = house.start(
            "login",
            "--issuer",
            oidc_provider.issuer,
            "--api-base-url",
            NOWHERE,
            *SCOPES,
            BROWSER=str(chromium.command),
        )
        assert screen.ended() == 0
        assert chromium.wait().title == "You are logged in · keyturn"
    assert oidc_provider.log()["registrations"] == 1
    login = house.stored()
    assert login is not None
    assert login.authority is not None
    assert login.authority.client_id not in {oidc_provider.client_id, None}
    assert "client_id" not in house.config()["profiles"]["default"]
    assert house.run("logout").returncode == 0
    assert oidc_provider.log()["revocations"] == 2


@pytest.mark.proves("P14")
def test_consent_refused_in_the_browser_changes_nothing(
    house: Household, oidc_provider: OidcProvider, tmp_path: Path, artefacts: Path
) -> None:
    steps = [
        {"fill": "Email", "with": "developer@example.com"},
        {"fill": "Password", "with": PASSWORD},
        {"click": "Sign in"},
        {"click": "Deny"},
    ]
    with BrowserProgram(tmp_path, steps=steps, screenshots_dir=artefacts, until="/callback") as chromium:
        screen = house.start(
            "login",
            "--issuer",
            oidc_provider.issuer,
            "--client-id",
            oidc_provider.client_id,
            "--api-base-url",
            NOWHERE,
            BROWSER=str(chromium.command),
        )
        assert screen.ended() == 3
        visit = chromium.wait()
    assert screen.shows("the login was refused in the browser (access_denied): the person said no")
    assert screen.shows("hint: run keyturn login again")
    assert (visit.title, visit.status) == ("Access was not granted · keyturn", 403)
    assert house.contents() == {}
    assert oidc_provider.log()["granted"] == {}


def test_the_sandbox_in_the_browser(
    house: Household, sandbox: Sandbox, tmp_path: Path, artefacts: Path
) -> None:
    steps = [{"click": "Continue"}, {"click": "Allow"}]
    program = BrowserProgram(tmp_path, steps=steps, screenshots_dir=artefacts, until="/callback")
    with program as chromium:
        screen = house.start("login", "--issuer", sandbox.issuer, BROWSER=str(chromium.command))
        assert screen.ended() == 0
        visit = chromium.wait()
    assert visit.external_requests == []
    assert "developer@example.com (Example Org)" in visit.text
    assert [page["title"].split(" ·")[0] for page in visit.pages][-1] == "You are logged in"
    done = house.run("status", "--verify")
    assert done.returncode == 0
    assert f"verified: accepted: {sandbox.api_base_url} takes it" in done.stdout


@pytest.mark.proves("P10")
@pytest.mark.parametrize(
    ("redirect", "address"),
    [("http://localhost/callback", "::1"), ("http://localhost/callback", "127.0.0.1"), (None, "127.0.0.1")],
)
def test_the_callback_is_reached_over_both_families(
    house: Household, sandbox: Sandbox, redirect: str | None, address: str
) -> None:
    words = ["--redirect-uri", redirect] if redirect else []
    screen = house.start("login", "--issuer", sandbox.issuer, *words, BROWSER=house.browser(address=address))
    assert screen.ended() == 0
    assert 'data-kind="success"' in house.shown.read_text()
    sent = asked(addresses(screen)[0])["redirect_uri"]
    assert sent.startswith("http://localhost:" if redirect else "http://127.0.0.1:")


def test_a_chosen_port_is_used_and_a_busy_one_is_said(house: Household, sandbox: Sandbox) -> None:
    from keyturn.world.loopback import bind

    with bind("127.0.0.1", 0) as busy:
        port = str(busy.getsockname()[1])
        words = ("login", "--issuer", sandbox.issuer, "--callback-port", port)
        screen = house.start(*words, BROWSER=house.browser())
        assert screen.ended() == 8
        assert screen.shows(f"port {port} for the browser's answer is taken by another program")
        assert screen.shows("hint: name another with --callback-port")
        assert addresses(screen) == []
        assert house.contents() == {}
    screen = house.start(*words, BROWSER=house.browser())
    assert screen.ended() == 0
    assert asked(addresses(screen)[0])["redirect_uri"] == f"http://127.0.0.1:{port}/callback"


def test_the_secrets_of_a_login_show_nowhere(house: Household, sandbox: Sandbox) -> None:
    screen = house.start("login", "--issuer", sandbox.issuer, BROWSER=house.browser())
    assert screen.ended() == 0
    assert leaks(house.shown.read_text()) == []
    login = house.stored()
    assert login is not None
    assert login.refresh_token is not None
    assert leaks(login.refresh_token.reveal()) != []  # the scan knows what to look for
