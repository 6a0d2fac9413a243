"""Renewal and its end: rotation, reuse, grace, revocation, and answers that get lost."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from keyturn.sandbox import Sandbox
from keyturn.sandbox.person import forms

if TYPE_CHECKING:
    from tests.unit.sandbox.conftest import Flow


def test_renewal_replaces_both_tokens_and_keeps_the_old_access_token_alive(flow: Flow) -> None:
    first = flow.login()
    second = flow.renew(first).json()
    assert {first["access_token"], first["refresh_token"]}.isdisjoint(
        {second["access_token"], second["refresh_token"]}
    )
    assert second["account"] == first["account"]
    assert second["scope"] == first["scope"]
    assert [flow.models(login).status_code for login in (first, second)] == [200, 200]


def test_using_a_refresh_token_twice_ends_the_whole_login(flow: Flow) -> None:
    first = flow.login()
    second = flow.renew(first).json()
    reused = flow.renew(first)
    assert (reused.status_code, reused.json()["error"]) == (400, "invalid_grant")
    assert [flow.models(login).status_code for login in (first, second)] == [401, 401]
    assert flow.renew(second).json()["error"] == "invalid_grant"


def test_another_login_survives_the_end_of_the_first(flow: Flow) -> None:
    one, other = flow.login(), flow.login()
    flow.renew(one)
    flow.renew(one)
    assert flow.models(one).status_code == 401
    assert flow.models(other).status_code == 200


def test_of_eight_uses_at_once_one_succeeds_and_the_login_is_gone(flow: Flow) -> None:
    login = flow.login()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: flow.renew(login), range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 7
    won = next(answer.json() for answer in answers if answer.status_code == 200)
    assert flow.models(won).status_code == 401
    assert len(flow.sandbox.log.refreshes()) == 8


def test_within_the_grace_time_the_same_answer_comes_again(flow: Flow) -> None:
    flow.sandbox.set(grace=10)
    login = flow.login()
    first, again = flow.renew(login), flow.renew(login)
    assert first.json() == again.json()
    assert [event.facts["result"] for event in flow.sandbox.log.refreshes()] == ["granted", "repeated"]


def test_after_the_grace_time_reuse_ends_the_login(flow: Flow) -> None:
    flow.sandbox.set(grace=10)
    login = flow.login()
    renewed = flow.renew(login).json()
    flow.sandbox.set(clock_offset=10)
    assert flow.renew(login).json()["error"] == "invalid_grant"
    assert flow.models(renewed).status_code == 401


def test_grace_ends_when_the_successor_was_used(flow: Flow) -> None:
    flow.sandbox.set(grace=10)
    login = flow.login()
    flow.renew(flow.renew(login).json())
    assert flow.renew(login).json()["error"] == "invalid_grant"


def test_another_program_cannot_renew_and_does_not_end_the_login(flow: Flow) -> None:
    login = flow.login()
    other = flow.http.post(
        f"{flow.sandbox.issuer}/register",
        json={
            "redirect_uris": ["http://127.0.0.1/cb"],
            "grant_types": ["authorization_code", "refresh_token"],
            "token_endpoint_auth_method": "none",
        },
    ).json()["client_id"]
    assert flow.renew(login, client_id=other).json()["error"] == "invalid_grant"
    assert flow.renew(login, client_id="nobody").json()["error"] == "invalid_client"
    renewed = flow.renew(login)
    assert renewed.status_code == 200
    # Not even with a token that is spent: only its own program can be the one that lost it.
    assert flow.renew(login, client_id=other).json()["error"] == "invalid_grant"
    assert flow.models(renewed.json()).status_code == 200


def test_a_wider_scope_is_refused_and_a_narrower_one_granted(flow: Flow) -> None:
    login = flow.login()
    assert flow.renew(login, scope="user:inference offline_access").json()["error"] == "invalid_scope"
    narrow = flow.renew(login, scope="user:profile").json()
    assert narrow["scope"] == "user:profile"
    refused = flow.models(narrow)
    assert refused.status_code == 403
    assert "scope requirement: user:inference" in refused.json()["error"]["message"]


def test_a_body_with_a_repeated_parameter_is_refused(flow: Flow) -> None:
    body = "grant_type=refresh_token&grant_type=authorization_code"
    refused = flow.http.post(
        f"{flow.sandbox.issuer}/token",
        content=body,
        headers={"content-type": "application/x-www-form-urlencoded"},
    )
    assert refused.json()["error"] == "invalid_request"


def test_an_unknown_grant_is_refused_by_name(flow: Flow) -> None:
    refused = flow.http.post(f"{flow.sandbox.issuer}/token", data={"grant_type": "password"})
    assert (refused.status_code, refused.json()["error"]) == (400, "unsupported_grant_type")


def test_revoking_the_refresh_token_ends_the_login(flow: Flow) -> None:
    login = flow.login()
    assert _revoke(flow, login["refresh_token"]).status_code == 200
    assert flow.models(login).status_code == 401
    assert flow.renew(login).json()["error"] == "invalid_grant"


def test_revoking_an_access_token_ends_only_that(flow: Flow) -> None:
    login = flow.login()
    assert _revoke(flow, login["access_token"]).status_code == 200
    assert flow.models(login).status_code == 401
    assert flow.models(flow.renew(login).json()).status_code == 200


def test_revoking_what_is_not_known_is_fine(flow: Flow) -> None:
    assert _revoke(flow, "something-else").status_code == 200


def test_expired_access_tokens_are_refused_until_the_login_is_renewed(flow: Flow) -> None:
    login = flow.login()
    assert flow.sandbox.expire_access_tokens() == 1
    assert "has expired" in flow.models(login).json()["error"]["message"]
    assert flow.models(flow.renew(login).json()).status_code == 200


def test_an_access_token_lives_as_long_as_asked(flow: Flow) -> None:
    flow.sandbox.set(lifetime=5)
    login = flow.login()
    assert login["expires_in"] == 5
    assert flow.models(login).status_code == 200
    flow.sandbox.set(clock_offset=5)
    assert flow.models(login).status_code == 401


def test_the_clock_shows_in_the_date_of_answers(flow: Flow) -> None:
    def date() -> float:
        return parsedate_to_datetime(flow.http.get(flow.sandbox.issuer).headers["date"]).timestamp()

    before = date()
    flow.sandbox.set(clock_offset=-86400)
    assert date() < before - 80000


def test_all_logins_can_be_revoked_at_once(flow: Flow) -> None:
    login = flow.login()
    assert flow.sandbox.revoke_all() == 1
    assert "has been revoked" in flow.models(login).json()["error"]["message"]
    assert flow.renew(login).json()["error"] == "invalid_grant"


def test_a_person_revokes_a_login_on_the_page_of_logins(flow: Flow) -> None:
    older, newer, others = flow.login(), flow.login(), flow.login(account="billing@example.com")
    page = _signed_in_logins(flow)
    revoke = [form for form in forms(page) if ("step", "revoke") in form.buttons]
    assert len(revoke) == 2
    url = f"{flow.sandbox.issuer}/logins"
    flow.http.post(url, data={**revoke[0].fields, "step": "revoke"})
    assert "is revoked" in flow.http.get(url).text
    assert [flow.models(login).status_code for login in (older, newer, others)] == [200, 401, 200]


def test_a_person_revokes_all_own_logins_at_once(flow: Flow) -> None:
    mine, others = [flow.login(), flow.login()], flow.login(account="billing@example.com")
    everything = next(
        form for form in forms(_signed_in_logins(flow)) if ("step", "revoke-all") in form.buttons
    )
    url = f"{flow.sandbox.issuer}/logins"
    flow.http.post(url, data={**everything.fields, "step": "revoke-all"})
    assert "No program is logged in" in flow.http.get(url).text
    assert [flow.models(login).status_code for login in (*mine, others)] == [401, 401, 200]


def test_a_person_cannot_revoke_the_login_of_somebody_else(flow: Flow) -> None:
    login = flow.login(account="billing@example.com")
    page = flow.http.get(f"{flow.sandbox.issuer}/logins").text
    url = f"{flow.sandbox.issuer}/logins"
    billing = {**forms(page)[0].fields, "account": "billing@example.com", "step": "sign-in"}
    flow.http.post(url, data=billing)
    stolen = next(form.fields["login"] for form in forms(flow.http.get(url).text) if "login" in form.fields)
    flow.http.post(url, data={**forms(flow.http.get(url).text)[0].fields, "step": "switch"})
    csrf = forms(_signed_in_logins(flow))[0].fields["csrf"]
    flow.http.post(url, data={"csrf": csrf, "login": stolen, "step": "revoke"})
    assert flow.models(login).status_code == 200


def test_a_failing_token_endpoint_fails_as_often_as_asked_and_rotates_nothing(flow: Flow) -> None:
    login = flow.login()
    flow.sandbox.set(token_fail_next=2, token_retry_after=7)
    failed = [flow.renew(login) for _ in range(2)]
    assert [(answer.status_code, answer.headers["retry-after"]) for answer in failed] == [(503, "7")] * 2
    assert flow.renew(login).status_code == 200


def test_a_page_of_html_comes_as_often_as_asked_and_rotates_nothing(flow: Flow) -> None:
    login = flow.login()
    flow.sandbox.set(token_html_next=1)
    page = flow.renew(login)
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert flow.renew(login).status_code == 200


def test_a_lost_answer_has_rotated_and_a_cut_request_has_not(flow: Flow) -> None:
    login = flow.login()
    flow.sandbox.set(token_drop_before=1)
    with pytest.raises(httpx2.TransportError):
        flow.renew(login)
    flow.sandbox.set(token_drop_after=1)
    with pytest.raises(httpx2.TransportError):
        flow.renew(login)
    assert flow.renew(login).json()["error"] == "invalid_grant"
    assert [event.facts["result"] for event in flow.sandbox.log.refreshes()] == [
        "cut before",
        "granted",
        "invalid_grant",
    ]


def test_a_token_answer_can_be_disfigured(flow: Flow) -> None:
    login = flow.login()
    flow.sandbox.set(token_patch={"expires_in": "soon", "scope": None}, token_pad=2_000_000)
    answer = flow.renew(login)
    assert answer.json()["expires_in"] == "soon"
    assert "scope" not in answer.json()
    assert len(answer.content) > 2_000_000


def test_the_metadata_can_be_disfigured(flow: Flow) -> None:
    flow.sandbox.set(metadata_patch={"issuer": "http://127.0.0.1:1", "registration_endpoint": None})
    found = flow.http.get(f"{flow.sandbox.issuer}/.well-known/oauth-authorization-server").json()
    assert found["issuer"] == "http://127.0.0.1:1"
    assert "registration_endpoint" not in found


@pytest.mark.parametrize(
    "changes",
    [
        {"no_such_setting": 1},
        {"lifetime": "long"},
        {"lifetime": True},
        {"grace": -1},
        {"token_fail_next": 1.5},
        {"register_refuse": 1},
        {"token_patch": "x"},
        {"revoked_status": 418},
    ],
)
def test_a_setting_that_does_not_exist_or_fit_is_refused(sandbox: Sandbox, changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="sandbox setting"):
        sandbox.set(**changes)


def test_the_log_holds_fingerprints_and_no_credential(flow: Flow) -> None:
    login = flow.login()
    renewed = flow.renew(login).json()
    flow.models(renewed)
    flow.renew({"refresh_token": "sk-ant-test-ort-something-unknown-to-it"})
    text = repr([event.as_json() for event in flow.sandbox.log.events()])
    for answer in (login, renewed):
        assert answer["access_token"] not in text
        assert answer["refresh_token"] not in text
    assert "sk-ant-test" not in text
    granted, refused = flow.sandbox.log.refreshes()
    assert granted.facts["access_token"] == flow.sandbox.log.events("api")[-1].facts["credential"]
    assert (refused.facts["result"], refused.facts["status"]) == ("invalid_grant", 400)
    assert granted.ended is not None
    assert granted.began <= granted.ended


def test_what_it_remembers_survives_a_stop_on_the_same_ports(flow: Flow) -> None:
    login, issuer = flow.login(), flow.sandbox.issuer
    flow.sandbox.stop()
    with pytest.raises(httpx2.ConnectError):
        flow.renew(login)
    flow.sandbox.start()
    assert flow.sandbox.issuer == issuer
    assert flow.renew(login).status_code == 200


def test_a_taken_port_is_named(sandbox: Sandbox) -> None:
    port = int(sandbox.issuer.rpartition(":")[2])
    with pytest.raises(OSError, match=f"port {port} on 127.0.0.1 is in use"):
        Sandbox(authority_port=port).start()


def test_a_login_can_be_issued_without_a_browser(flow: Flow) -> None:
    login = flow.sandbox.issue("operations@example.com")
    assert flow.models(login).status_code == 200
    assert flow.renew(login).json()["account"] == login["account"]
    with pytest.raises(ValueError, match="no account"):
        flow.sandbox.issue("nobody@example.com")


def _revoke(flow: Flow, token: str) -> httpx2.Response:
    return flow.http.post(f"{flow.sandbox.issuer}/revoke", data={"token": token, "client_id": flow.client_id})


def _signed_in_logins(flow: Flow) -> str:
    url = f"{flow.sandbox.issuer}/logins"
    page = flow.http.get(url).text
    flow.http.post(url, data={**forms(page)[0].fields, "step": "sign-in"})
    return flow.http.get(url).text
