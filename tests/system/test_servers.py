"""The authorization server that other tests rest on is real and as strict as it says."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from tests.authority_client import Attempt, Callback
from tests.browser import drive, sign_in_and_allow
from tests.secretscan import leaks

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers import OidcProvider

pytestmark = pytest.mark.system


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
