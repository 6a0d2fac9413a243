"""Logging in: what a person sees and does, and what comes back to the program."""

from __future__ import annotations

import html
import json
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from keyturn.sandbox.person import forms, visit
from tests.unit.sandbox.conftest import CALLBACK, Flow, answer_in

if TYPE_CHECKING:
    import httpx2

    from keyturn.sandbox import Sandbox


def test_the_metadata_names_every_endpoint_at_the_issuer(sandbox: Sandbox, http: httpx2.Client) -> None:
    found = http.get(f"{sandbox.issuer}/.well-known/oauth-authorization-server").json()
    assert found["issuer"] == sandbox.issuer
    for name in ("authorization", "token", "revocation", "registration"):
        assert found[f"{name}_endpoint"].startswith(f"{sandbox.issuer}/")
    assert found["code_challenge_methods_supported"] == ["S256"]
    assert found["authorization_response_iss_parameter_supported"] is True
    assert found["keyturn_api_base_url"] == sandbox.api_base_url
    assert found["keyturn_paste_redirect_uri"] == f"{sandbox.issuer}/paste"
    assert http.get(f"{sandbox.issuer}/.well-known/openid-configuration").json() == found


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_a_person_signs_in_and_allows_on_any_loopback_host_and_port(
    sandbox: Sandbox, http: httpx2.Client, host: str
) -> None:
    flow = Flow(sandbox, http, redirect_uri=f"http://{host}:50321/callback")
    location = visit(flow.url(), account="billing@example.com")
    answer = answer_in(location)
    assert location.startswith(f"{flow.redirect_uri}?")
    assert (answer["state"], answer["iss"]) == (flow.state, sandbox.issuer)
    tokens = flow.exchange(answer["code"]).json()
    assert tokens["token_type"] == "Bearer"
    assert tokens["expires_in"] == 3600
    assert tokens["access_token"].startswith("sk-ant-test-oat-")
    assert tokens["scope"] == "user:inference user:profile"
    assert tokens["account"]["email_address"] == "billing@example.com"
    assert tokens["organization"]["name"] == "Other Org"
    assert flow.models(tokens).status_code == 200


def test_refusing_sends_access_denied_with_state_and_issuer(flow: Flow) -> None:
    answer = answer_in(visit(flow.url(), allow=False))
    assert answer["error"] == "access_denied"
    assert (answer["state"], answer["iss"]) == (flow.state, flow.sandbox.issuer)
    assert "code" not in answer


def test_a_wrong_verifier_gets_nothing(flow: Flow) -> None:
    refused = flow.exchange(flow.code(), code_verifier="w" * 43)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")


def test_a_missing_verifier_gets_nothing(flow: Flow) -> None:
    refused = flow.exchange(flow.code(), code_verifier="")
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")


def test_another_redirect_address_gets_nothing(flow: Flow) -> None:
    refused = flow.exchange(flow.code(), redirect_uri="http://127.0.0.1:1/callback")
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
        ({"code_challenge": 'too"short'}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": 'co"de'}, "unsupported_response_type"),
        ({"scope": "user:inference admin"}, "invalid_scope"),
    ],
)
def test_a_wrong_request_is_answered_before_the_person_is_asked(
    flow: Flow, changes: dict[str, str | None], error: str
) -> None:
    answered = flow.http.get(flow.url(**changes))
    assert answered.status_code == 302
    answer = answer_in(answered.headers["location"])
    assert (answer["error"], answer["state"], answer["iss"]) == (error, flow.state, flow.sandbox.issuer)


@pytest.mark.parametrize(
    "redirect_uri",
    [
        "https://attacker.example/callback",
        "http://127.0.0.1.attacker.example/callback",
        "http://127.0.0.1:49152@attacker.example/callback",
        "http://127.0.0.1:49152/other",
        "http://127.0.0.1:49152/callback#fragment",
        "http://127.0.0.1:49152/callback?more=1",
        "http://127.0.0.1\\@attacker.example/callback",
        "https://127.0.0.1:49152/callback",
        "javascript:alert(1)",
        "",
    ],
)
def test_nobody_is_sent_to_an_address_that_is_not_registered(flow: Flow, redirect_uri: str) -> None:
    page = flow.http.get(flow.url(redirect_uri=redirect_uri))
    assert page.status_code == 400
    assert "location" not in page.headers
    assert "nowhere safe to go" in page.text


def test_an_unknown_program_gets_a_page_in_plain_words(flow: Flow) -> None:
    page = flow.http.get(flow.url(client_id="nobody"))
    assert page.status_code == 400
    assert "This program is not known here" in page.text
    assert "location" not in page.headers


def test_the_paste_page_shows_code_and_state_and_the_code_works(flow: Flow) -> None:
    flow.redirect_uri = f"{flow.sandbox.issuer}/paste"
    location = visit(flow.url())
    page = flow.http.get(location)
    answer = answer_in(location)
    assert f"{answer['code']}#{flow.state}" in html.unescape(page.text)
    assert flow.exchange(answer["code"]).status_code == 200
    assert "does not work any more" in flow.http.get(location).text


def test_the_paste_page_shows_no_code_that_is_not_ours(flow: Flow) -> None:
    page = flow.http.get(f"{flow.sandbox.issuer}/paste", params={"code": "<b>theirs</b>", "state": "s"})
    assert page.status_code == 400
    assert "theirs" not in page.text


def test_a_code_works_once_and_a_second_use_revokes_what_it_gave(flow: Flow) -> None:
    code = flow.code()
    login = flow.exchange(code).json()
    assert flow.models(login).status_code == 200
    assert flow.exchange(code).json()["error"] == "invalid_grant"
    assert flow.models(login).status_code == 401
    assert flow.renew(login).json()["error"] == "invalid_grant"


def test_a_code_works_only_for_the_program_that_asked(flow: Flow) -> None:
    other = flow.http.post(
        f"{flow.sandbox.issuer}/register",
        json={"redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none"},
    ).json()["client_id"]
    code = flow.code()
    assert flow.exchange(code, client_id=other).json()["error"] == "invalid_grant"
    assert flow.exchange(code).status_code == 200


def test_a_code_expires(flow: Flow) -> None:
    code = flow.code()
    flow.sandbox.set(clock_offset=301)
    assert flow.exchange(code).json()["error"] == "invalid_grant"


def test_a_token_request_may_be_json(flow: Flow) -> None:
    asked = {
        "grant_type": "authorization_code",
        "code": flow.code(),
        "redirect_uri": CALLBACK,
        "client_id": flow.client_id,
        "code_verifier": flow.verifier,
    }
    assert "refresh_token" in flow.http.post(f"{flow.sandbox.issuer}/token", json=asked).json()


@pytest.mark.parametrize("body", ["[]", "{", "[" * 100_000, '"text"'])
def test_a_token_request_that_is_no_object_is_an_error_not_a_crash(flow: Flow, body: str) -> None:
    answered = flow.http.post(
        f"{flow.sandbox.issuer}/token", content=body, headers={"content-type": "application/json"}
    )
    assert (answered.status_code, answered.json()["error"]) == (400, "invalid_request")


def test_a_program_that_registers_itself_can_log_in(flow: Flow) -> None:
    registered = flow.http.post(
        f"{flow.sandbox.issuer}/register",
        json={
            "client_name": "my tool\u202e\u200b <b>",
            "redirect_uris": ["http://127.0.0.1/cb"],
            "grant_types": ["authorization_code", "refresh_token"],
            "token_endpoint_auth_method": "none",
        },
    )
    assert registered.status_code == 201
    assert "client_secret" not in registered.json()
    flow.client_id, flow.redirect_uri = registered.json()["client_id"], "http://127.0.0.1:49152/cb"
    assert "my tool &lt;b&gt;" in flow.http.get(flow.url()).text
    assert flow.renew(flow.login()).status_code == 200


def test_a_confidential_program_must_show_its_secret(flow: Flow) -> None:
    registered = flow.http.post(
        f"{flow.sandbox.issuer}/register",
        json={"redirect_uris": [CALLBACK], "token_endpoint_auth_method": "client_secret_post"},
    ).json()
    flow.client_id = registered["client_id"]
    code = flow.code()
    assert flow.exchange(code).json()["error"] == "invalid_client"
    assert flow.exchange(code, client_secret=registered["client_secret"]).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {"redirect_uris": ["http://attacker.example/cb"]},
        {"redirect_uris": "http://127.0.0.1/cb"},
        {"redirect_uris": []},
        {},
        {"redirect_uris": [CALLBACK], "grant_types": ["password"]},
        {"redirect_uris": [CALLBACK], "grant_types": [{}]},
        {"redirect_uris": [CALLBACK], "scope": "admin"},
        {"redirect_uris": [CALLBACK], "token_endpoint_auth_method": "private_key_jwt"},
        [],
    ],
)
def test_an_unsafe_registration_is_refused(flow: Flow, body: object) -> None:
    answered = flow.http.post(
        f"{flow.sandbox.issuer}/register",
        content=json.dumps(body).encode(),
        headers={"content-type": "application/json"},
    )
    assert answered.status_code == 400
    assert answered.json()["error"] in {"invalid_redirect_uri", "invalid_client_metadata"}


def test_registration_can_be_closed(flow: Flow) -> None:
    flow.sandbox.set(register_refuse=True)
    answered = flow.http.post(f"{flow.sandbox.issuer}/register", json={"redirect_uris": [CALLBACK]})
    assert (answered.status_code, answered.json()["error"]) == (403, "access_denied")


def test_the_other_account_can_be_chosen_on_the_consent_page(flow: Flow) -> None:
    url = flow.url(login_hint="operations@example.com")
    page = flow.http.get(url)
    first = forms(page.text)[0].fields
    assert first["account"] == "operations@example.com"
    flow.http.post(url, data={**first, "step": "sign-in"})
    consent = flow.http.get(url)
    assert "operations@" in consent.text
    flow.http.post(url, data={**forms(consent.text)[0].fields, "step": "switch"})
    assert "Choose an account" in flow.http.get(url).text


def test_the_consent_page_says_where_the_answer_goes(flow: Flow) -> None:
    page = _consent_page(flow)
    assert urlsplit(CALLBACK).netloc in page.text
    assert "Send messages to Claude" in page.text
    assert (
        f"form-action 'self' http://{urlsplit(CALLBACK).netloc};" in page.headers["content-security-policy"]
    )


def test_an_empty_password_is_asked_for_again(flow: Flow) -> None:
    page = flow.http.get(flow.url())
    fields = {**forms(page.text)[0].fields, "password": "", "step": "sign-in"}
    again = flow.http.post(flow.url(), data=fields)
    assert again.status_code == 400
    assert "Enter a password" in again.text


def _consent_page(flow: Flow) -> httpx2.Response:
    url = flow.url()
    flow.http.post(url, data={**forms(flow.http.get(url).text)[0].fields, "step": "sign-in"})
    return flow.http.get(url)
