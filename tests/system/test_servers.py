"""The servers that other tests rest on are real and as strict as they say: seen by a client of its own."""

from __future__ import annotations

import base64
import hashlib
import secrets
import subprocess
import sys
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import pytest

from tests.browser import BrowserProgram, Look, drive, sign_in_and_allow
from tests.secretscan import leaks
from tests.servers import OidcProvider, need
from tests.servers.secret_service import SecretService

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.system

SCOPE = "openid offline_access email api"


@dataclass
class Attempt:
    """One login of a client that knows only RFC 6749 and RFC 7636."""

    provider: OidcProvider
    redirect_uri: str
    client_id: str = ""

    def __post_init__(self) -> None:
        self.client_id = self.client_id or self.provider.client_id
        self.verifier = secrets.token_urlsafe(48)
        self.state = secrets.token_urlsafe(16)
        self.http = httpx2.Client(timeout=20, trust_env=False)
        self.metadata = self.http.get(f"{self.provider.issuer}/.well-known/oauth-authorization-server").json()

    def url(self, **changes: str) -> str:
        digest = hashlib.sha256(self.verifier.encode()).digest()
        query = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": SCOPE,
            "state": self.state,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            **changes,
        }
        return f"{self.metadata['authorization_endpoint']}?{urlencode(query)}"

    def redeem(self, code: str) -> httpx2.Response:
        return self.token(
            grant_type="authorization_code",
            code=code,
            redirect_uri=self.redirect_uri,
            code_verifier=self.verifier,
        )

    def refresh(self, refresh_token: str) -> httpx2.Response:
        return self.token(grant_type="refresh_token", refresh_token=refresh_token)

    def token(self, **form: str) -> httpx2.Response:
        return self.http.post(self.metadata["token_endpoint"], data={"client_id": self.client_id, **form})


class Callback:
    """A loopback listener that notes the one address it is called with."""

    def __init__(self) -> None:
        notes = self.queries = []  # type: list[dict[str, str]]

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                address = urlsplit(self.path)
                if address.path == "/callback":
                    notes.append({name: values[0] for name, values in parse_qs(address.query).items()})
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(b"<title>Back home</title>You are logged in")

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is given
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.uri = f"http://127.0.0.1:{self.server.server_port}/callback"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)


@pytest.fixture
def callback() -> Iterator[Callback]:
    listener = Callback()
    listener.thread.start()
    yield listener
    listener.server.shutdown()
    listener.server.server_close()


@pytest.fixture
def login(oidc_provider: OidcProvider) -> tuple[Attempt, dict[str, Any]]:
    """An attempt that ended well, without a browser, and its token answer."""
    attempt = Attempt(oidc_provider, "http://127.0.0.1:1025/callback")
    query = parse_qs(urlsplit(oidc_provider.authorize(attempt.url())).query)
    answer = attempt.redeem(query["code"][0])
    assert answer.status_code == 200
    return attempt, answer.json()


def test_a_person_logs_in_in_the_browser_and_ends_on_the_loopback_callback(
    oidc_provider: OidcProvider, callback: Callback, artefacts: Path
) -> None:
    attempt = Attempt(oidc_provider, callback.uri)
    visit = drive(attempt.url(), steps=sign_in_and_allow(), until="/callback", screenshots_dir=artefacts)
    assert (visit.title, visit.status, visit.external_requests) == ("Back home", 200, [])
    assert [page["title"] for page in visit.pages] == ["Sign in", "Allow keyturn?", "Back home"]
    assert [path.read_bytes()[:4] for path in sorted(artefacts.iterdir())] == [b"\x89PNG"] * 3
    [query] = callback.queries
    assert (query["state"], query["iss"]) == (attempt.state, oidc_provider.issuer)
    answer = attempt.redeem(query["code"]).json()
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 5)
    alive = oidc_provider.introspect(answer["access_token"])
    assert (alive.active, alive.account) == (True, "developer@example.com")
    assert oidc_provider.log()["granted"] == {"authorization_code": 1}


def test_the_paste_page_shows_code_and_state(oidc_provider: OidcProvider, artefacts: Path) -> None:
    attempt = Attempt(oidc_provider, oidc_provider.paste_redirect_uri)
    visit = drive(attempt.url(), steps=sign_in_and_allow(), until="/oob", screenshots_dir=artefacts)
    code, state = visit.text.split()[-1].split("#")
    assert state == attempt.state
    assert attempt.redeem(code).status_code == 200


def test_a_refresh_rotates_and_a_second_use_ends_the_whole_login(
    oidc_provider: OidcProvider, login: tuple[Attempt, dict[str, Any]]
) -> None:
    attempt, first = login
    second = attempt.refresh(first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    reused = attempt.refresh(first["refresh_token"])
    assert (reused.status_code, reused.json()["error"]) == (400, "invalid_grant")
    assert attempt.refresh(second["refresh_token"]).json()["error"] == "invalid_grant"
    assert not oidc_provider.introspect(second["access_token"]).active
    log = oidc_provider.log()
    assert (log["granted"]["refresh_token"], log["refused"]["refresh_token"]) == (1, 2)
    details = [event["detail"] for event in log["events"] if event["kind"] == "refused"]
    assert details[0] == "refresh token already used"


def test_tokens_that_the_server_gave_are_known_to_the_secret_scan(
    login: tuple[Attempt, dict[str, Any]],
) -> None:
    _, answer = login
    assert leaks(f"{answer['access_token']} {answer['refresh_token']}") == ["access_token", "refresh_token"]


def test_the_log_shows_fingerprints_and_no_token(
    oidc_provider: OidcProvider, login: tuple[Attempt, dict[str, Any]]
) -> None:
    attempt, first = login
    second = attempt.refresh(first["refresh_token"]).json()
    log = oidc_provider.log()
    assert leaks(str(log)) == []
    presented = [event["presented"] for event in log["events"] if event["kind"] == "granted"]
    prints = [hashlib.sha256(first["refresh_token"].encode()).hexdigest()[:12]]
    assert presented == [None, *prints]
    assert log["events"][-1]["refresh_token"] != prints[0]
    assert second["access_token"]
    oidc_provider.reset()
    assert oidc_provider.log()["events"] == []


def test_a_revoked_login_is_dead(oidc_provider: OidcProvider, login: tuple[Attempt, dict[str, Any]]) -> None:
    attempt, answer = login
    done = attempt.http.post(
        attempt.metadata["revocation_endpoint"],
        data={
            "client_id": attempt.client_id,
            "token": answer["refresh_token"],
            "token_type_hint": "refresh_token",
        },
    )
    assert done.status_code == 200
    assert attempt.refresh(answer["refresh_token"]).json()["error"] == "invalid_grant"
    assert not oidc_provider.introspect(answer["access_token"]).active
    assert oidc_provider.log()["revocations"] == 1


def test_an_administrator_ends_all_logins(
    oidc_provider: OidcProvider, login: tuple[Attempt, dict[str, Any]]
) -> None:
    attempt, answer = login
    oidc_provider.revoke_all()
    assert not oidc_provider.introspect(answer["access_token"]).active
    assert attempt.refresh(answer["refresh_token"]).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("fault", "status"),
    [("token_fail_before", 503), ("token_429_before", 429), ("token_html_before", 200)],
)
def test_a_fault_before_the_grant_leaves_it_usable(
    oidc_provider: OidcProvider, login: tuple[Attempt, dict[str, Any]], fault: str, status: int
) -> None:
    attempt, answer = login
    oidc_provider.set(**{fault: 1})
    faulty = attempt.refresh(answer["refresh_token"])
    assert faulty.status_code == status
    assert b"access_token" not in faulty.content
    assert "access_token" in attempt.refresh(answer["refresh_token"]).json()
    assert oidc_provider.log()["faults"] == {fault: 1}


@pytest.mark.parametrize("fault", ["token_drop_after", "token_500_after", "token_truncate_after"])
def test_a_fault_after_the_grant_has_used_it_up(
    oidc_provider: OidcProvider, login: tuple[Attempt, dict[str, Any]], fault: str
) -> None:
    attempt, answer = login
    oidc_provider.set(**{fault: 1})
    if fault == "token_drop_after":
        with pytest.raises(httpx2.RemoteProtocolError):
            attempt.refresh(answer["refresh_token"])
    else:
        faulty = attempt.refresh(answer["refresh_token"])
        with pytest.raises(ValueError, match=r"Expecting|Unterminated|Invalid"):
            faulty.json()
        assert faulty.status_code == (500 if fault == "token_500_after" else 200)
    assert oidc_provider.log()["granted"]["refresh_token"] == 1
    assert attempt.refresh(answer["refresh_token"]).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(("setting", "granted"), [("token_delay_ms", 0), ("token_answer_delay_ms", 1)])
def test_a_delay_is_before_or_after_the_grant(
    oidc_provider: OidcProvider, login: tuple[Attempt, dict[str, Any]], setting: str, granted: int
) -> None:
    attempt, answer = login
    oidc_provider.set(**{setting: 3_600_000})
    with pytest.raises(httpx2.ReadTimeout):
        attempt.http.post(
            attempt.metadata["token_endpoint"],
            data={
                "client_id": attempt.client_id,
                "grant_type": "refresh_token",
                "refresh_token": answer["refresh_token"],
            },
            timeout=1.0,
        )
    log = oidc_provider.log()
    assert (log["token_requests"], log["granted"].get("refresh_token", 0)) == (2, granted)


def test_an_unknown_setting_is_an_error_that_names_the_known_ones(oidc_provider: OidcProvider) -> None:
    with pytest.raises(ValueError, match=r'no setting "token_dely_ms"; there are .*token_delay_ms'):
        oidc_provider.set(token_dely_ms=1)
    with pytest.raises(ValueError, match="whole number"):
        oidc_provider.set(token_delay_ms=-1)


def test_a_life_of_access_tokens_is_as_set(
    oidc_provider: OidcProvider, login: tuple[Attempt, dict[str, Any]]
) -> None:
    attempt, answer = login
    oidc_provider.set(access_token_ttl=77)
    assert attempt.refresh(answer["refresh_token"]).json()["expires_in"] == 77


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
    ],
)
def test_only_the_code_flow_with_s256_is_offered(
    oidc_provider: OidcProvider, callback: Callback, changes: dict[str, str], error: str
) -> None:
    attempt = Attempt(oidc_provider, callback.uri)
    answer = attempt.http.get(attempt.url(**changes))
    assert answer.status_code == 303
    query = parse_qs(
        urlsplit(answer.headers["location"]).query or urlsplit(answer.headers["location"]).fragment
    )
    assert query["error"] == [error]
    assert attempt.metadata["code_challenge_methods_supported"] == ["S256"]


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


KEYRING = """
import keyring
keyring.set_password("keyturn-test", "default", "kept")
print(keyring.get_password("keyturn-test", "default"))
"""


def run_keyring(service: SecretService) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", KEYRING],
        env=service.env,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_an_unlocked_secret_service_keeps_a_secret_and_another_program_reads_it(
    secret_service: SecretService,
) -> None:
    assert run_keyring(secret_service).stdout == "kept\n"
    assert list(secret_service.secrets().values()) == [b"kept"]
    other = subprocess.run(
        [need("secret-tool", "libsecret-tools"), "lookup", "service", "keyturn-test", "username", "default"],
        env=secret_service.env,
        capture_output=True,
        check=True,
    )
    assert other.stdout == b"kept"


@pytest.mark.parametrize(("state", "error"), [("locked", "KeyringLocked"), ("absent", "NoKeyringError")])
def test_a_locked_and_an_absent_secret_service_are_told_apart(state: Any, error: str) -> None:
    with SecretService(state) as service:
        done = run_keyring(service)
    assert done.returncode == 1
    assert error in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("state", ["silent", "deaf"])
def test_a_silent_service_and_a_deaf_bus_are_there_and_never_answer(state: Any) -> None:
    with SecretService(state) as service, pytest.raises(subprocess.TimeoutExpired):
        subprocess.run([sys.executable, "-c", KEYRING], env=service.env, timeout=3, check=False)


@pytest.mark.parametrize("state", ["unlocked", "locked", "absent", "silent", "deaf"])
def test_nothing_of_a_secret_service_is_left_when_its_test_ends(state: Any) -> None:
    with SecretService(state) as service:
        processes = [process.pid for process in service._processes]
        home = service.env["HOME"]
    assert processes
    left = subprocess.run(
        ["ps", "-o", "args=", "-p", ",".join(map(str, processes))], capture_output=True, check=False
    )
    assert left.stdout == b""
    assert subprocess.run(["ls", home], capture_output=True, check=False).returncode != 0
