"""The pages of the authorization server and the browser that goes through them do what a person would see."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import httpx2
import pytest

from tests.authority_client import SCOPE, Attempt, Callback
from tests.browser import BrowserProgram, Look, drive, sign_in_and_allow

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers import OidcProvider

pytestmark = pytest.mark.system


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
@pytest.mark.parametrize("port", [1025, 54321])
def test_every_loopback_port_may_be_called_back_and_nothing_else(
    oidc_provider: OidcProvider, host: str, port: int
) -> None:
    good = Attempt(oidc_provider, f"http://{host}:{port}/callback")
    assert "/interaction/" in good.http.get(good.url()).headers["location"]
    bad = Attempt(oidc_provider, f"http://{host}.example.com:{port}/callback")
    refused = bad.http.get(bad.url())
    assert (refused.status_code, "location" in refused.headers) == (400, False)


def test_a_person_who_says_no_comes_back_with_access_denied(
    oidc_provider: OidcProvider, callback: Callback, artefacts: Path
) -> None:
    attempt = Attempt(oidc_provider, callback.uri)
    steps = [*sign_in_and_allow()[:-1], {"click": "Deny"}]
    drive(attempt.url(), steps=steps, until="/callback", screenshots_dir=artefacts)
    [query] = callback.queries
    assert (query["error"], query["state"], query["iss"]) == (
        "access_denied",
        attempt.state,
        oidc_provider.issuer,
    )


def test_a_wrong_password_is_said_and_the_right_one_still_works(
    oidc_provider: OidcProvider, callback: Callback, artefacts: Path
) -> None:
    attempt = Attempt(oidc_provider, callback.uri)
    wrong = [
        {"fill": "Email", "with": "visitor@example.com"},
        {"fill": "Password", "with": "wrong"},
        {"click": "Sign in"},
        {"wait_for": "Email or password is wrong"},
    ]
    steps = [*wrong, *sign_in_and_allow("visitor@example.com")]
    look = Look(color_scheme="dark", width=400)
    drive(attempt.url(), steps=steps, until="/callback", screenshots_dir=artefacts, look=look)
    answer = attempt.redeem(callback.queries[0]["code"]).json()
    assert oidc_provider.introspect(answer["access_token"]).account == "visitor@example.com"


def test_a_step_that_cannot_be_taken_is_an_error_that_shows_the_page(
    oidc_provider: OidcProvider, artefacts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.browser.LIMIT", 6.0)
    attempt = Attempt(oidc_provider, "http://127.0.0.1:1025/callback")
    with pytest.raises(RuntimeError, match=r"(?s)No such button.*the page is 'Sign in'"):
        drive(attempt.url(), steps=[{"click": "No such button"}], screenshots_dir=artefacts)


def test_a_client_registers_itself_and_logs_in(
    oidc_provider: OidcProvider, callback: Callback, artefacts: Path
) -> None:
    metadata = {
        "client_name": "someone new",
        "application_type": "native",
        "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code", "refresh_token"],
        "redirect_uris": ["http://127.0.0.1/callback"],
    }
    attempt = Attempt(oidc_provider, callback.uri)
    oidc_provider.set(registration_refused=1)
    refused = attempt.http.post(attempt.metadata["registration_endpoint"], json=metadata)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_client_metadata")
    registered = attempt.http.post(attempt.metadata["registration_endpoint"], json=metadata)
    assert registered.status_code == 201
    attempt.client_id = registered.json()["client_id"]
    drive(attempt.url(), steps=sign_in_and_allow(), until="/callback", screenshots_dir=artefacts)
    answer = attempt.redeem(callback.queries[0]["code"]).json()
    assert "refresh_token" in attempt.refresh(answer["refresh_token"]).json()
    assert oidc_provider.log()["registrations"] == 1


def test_a_device_is_connected_in_the_browser(oidc_provider: OidcProvider, artefacts: Path) -> None:
    attempt = Attempt(oidc_provider, "")
    device = attempt.http.post(
        attempt.metadata["device_authorization_endpoint"],
        data={"client_id": attempt.client_id, "scope": SCOPE},
    ).json()
    grant = {
        "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
        "device_code": device["device_code"],
    }
    assert attempt.token(**grant).json()["error"] == "authorization_pending"
    steps = [
        {"fill": "Code", "with": device["user_code"]},
        {"click": "Continue"},
        {"click": "Yes, connect"},
        *sign_in_and_allow(),
        {"wait_for": "You can close this page"},
    ]
    visit = drive(device["verification_uri"], steps=steps, screenshots_dir=artefacts)
    assert visit.title == "Device connected"
    assert "refresh_token" in attempt.token(**grant).json()


def test_metadata_is_at_both_places_or_only_at_openid_discovery(oidc_provider: OidcProvider) -> None:
    oauth = f"{oidc_provider.issuer}/.well-known/oauth-authorization-server"
    openid = f"{oidc_provider.issuer}/.well-known/openid-configuration"
    assert httpx2.get(oauth).json()["issuer"] == httpx2.get(openid).json()["issuer"] == oidc_provider.issuer
    oidc_provider.set(hide_oauth_metadata=1)
    assert httpx2.get(oauth).status_code == 404
    assert httpx2.get(openid).json()["token_endpoint"] == f"{oidc_provider.issuer}/token"


def test_the_browser_program_goes_through_the_pages_in_the_background(
    oidc_provider: OidcProvider, callback: Callback, tmp_path: Path, artefacts: Path
) -> None:
    attempt = Attempt(oidc_provider, callback.uri)
    with BrowserProgram(
        tmp_path, steps=sign_in_and_allow(), until="/callback", screenshots_dir=artefacts
    ) as browser:
        assert not browser.was_started
        subprocess.run([browser.command, attempt.url()], check=True, env={"PATH": "/usr/bin:/bin"})
        visit = browser.wait()
    assert visit.title == "Back home"
    assert callback.queries[0]["state"] == attempt.state


def test_a_browser_program_that_fails_says_so_to_the_test_that_waits(tmp_path: Path) -> None:
    steps = [{"dance": "now"}]
    with BrowserProgram(tmp_path, steps=steps, screenshots_dir=tmp_path / "shots") as browser:
        subprocess.run([browser.command, "http://127.0.0.1:9/"], check=True)
        with pytest.raises(RuntimeError, match="ERR_"):
            browser.wait()
