"""Login by device code at the sandbox: what the program is told, and what the person sees and decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from keyturn.sandbox.clients import DEVICE_CODE
from keyturn.sandbox.device import LIFETIME
from keyturn.sandbox.person import confirm_device, forms
from tests import secretscan

if TYPE_CHECKING:
    import httpx2

    from keyturn.sandbox import Sandbox


class Program:
    """A program on another device."""

    def __init__(self, sandbox: Sandbox, http: httpx2.Client) -> None:
        self.sandbox, self.http = sandbox, http

    def ask(self, **changes: str) -> httpx2.Response:
        data = {"client_id": self.sandbox.client_id, **changes}
        return self.http.post(f"{self.sandbox.issuer}/device_authorization", data=data)

    def begin(self) -> dict[str, Any]:
        told: dict[str, Any] = self.ask().json()
        return told

    def poll(self, device_code: str, **changes: str) -> tuple[int, dict[str, Any]]:
        data = {"client_id": self.sandbox.client_id, "grant_type": DEVICE_CODE, "device_code": device_code}
        answer = self.http.post(f"{self.sandbox.issuer}/token", data={**data, **changes})
        body: dict[str, Any] = answer.json()
        for name in ("access_token", "refresh_token"):
            if name in body:
                secretscan.register("token", body[name])
        return answer.status_code, body


@pytest.fixture
def program(sandbox: Sandbox, http: httpx2.Client) -> Program:
    return Program(sandbox, http)


def test_the_metadata_offers_it(sandbox: Sandbox, http: httpx2.Client) -> None:
    found = http.get(f"{sandbox.issuer}/.well-known/oauth-authorization-server").json()
    assert found["device_authorization_endpoint"] == f"{sandbox.issuer}/device_authorization"
    assert DEVICE_CODE in found["grant_types_supported"]


@pytest.mark.parametrize("written", ["{}", "{} ", "lower", "no dash"])
def test_a_person_types_the_code_as_they_like_and_the_program_is_logged_in(
    program: Program, written: str
) -> None:
    told = program.begin()
    code = told["user_code"]
    typed = {"lower": code.lower(), "no dash": code.replace("-", "")}.get(written) or written.format(code)
    assert program.poll(told["device_code"]) == (400, {"error": "authorization_pending"})
    assert confirm_device(told["verification_uri"], typed, account="billing@example.com").startswith("Conn")
    status, answer = program.poll(told["device_code"])
    assert status == 200
    assert answer["account"]["email_address"] == "billing@example.com"


def test_a_code_gives_one_login_and_a_second_use_ends_it(program: Program) -> None:
    told = program.begin()
    confirm_device(told["verification_uri"], told["user_code"])
    _, answer = program.poll(told["device_code"])
    status, again = program.poll(told["device_code"])
    assert (status, again["error"]) == (400, "invalid_grant")
    renewal = program.http.post(
        f"{program.sandbox.issuer}/token",
        data={
            "grant_type": "refresh_token",
            "refresh_token": answer["refresh_token"],
            "client_id": program.sandbox.client_id,
        },
    )
    assert renewal.json()["error"] == "invalid_grant"


def test_refusing_is_told_to_the_program(program: Program) -> None:
    told = program.begin()
    assert confirm_device(told["verification_uri"], told["user_code"], allow=False).startswith("Refused")
    assert program.poll(told["device_code"])[1]["error"] == "access_denied"


def test_who_asks_too_often_is_told_to_slow_down(program: Program) -> None:
    told = program.begin()
    assert program.poll(told["device_code"])[1]["error"] == "authorization_pending"
    assert program.poll(told["device_code"])[1]["error"] == "slow_down"


def test_an_old_code_has_expired_for_both(program: Program) -> None:
    told = program.begin()
    program.sandbox.set(clock_offset=LIFETIME + 1.0)
    assert program.poll(told["device_code"])[1]["error"] == "expired_token"
    with pytest.raises((RuntimeError, KeyError)):
        confirm_device(told["verification_uri"], told["user_code"])


def test_a_code_is_bound_to_the_program_that_asked(program: Program) -> None:
    told = program.begin()
    other = program.http.post(
        f"{program.sandbox.issuer}/register",
        json={
            "client_name": "another",
            "grant_types": [DEVICE_CODE, "refresh_token"],
            "redirect_uris": [],
            "response_types": [],
            "token_endpoint_auth_method": "none",
        },
    ).json()
    status, answer = program.poll(told["device_code"], client_id=other["client_id"])
    assert status == 400
    assert answer["error"] == "unauthorized_client"


@pytest.mark.parametrize("changes", [{"client_id": "nobody"}, {"client_id": ""}, {"scope": "everything"}])
def test_who_may_not_ask_gets_no_code(program: Program, changes: dict[str, str]) -> None:
    answer = program.ask(**changes)
    assert answer.status_code in (400, 401)
    assert "device_code" not in answer.text


def test_a_client_without_redirect_addresses_may_do_only_this(program: Program) -> None:
    refused = program.http.post(
        f"{program.sandbox.issuer}/register",
        json={"client_name": "x", "grant_types": ["authorization_code", DEVICE_CODE], "redirect_uris": []},
    )
    assert refused.status_code == 400


@pytest.mark.proves("T12")
def test_the_address_with_the_code_in_it_still_asks_the_person(program: Program) -> None:
    told = program.begin()
    page = program.http.get(told["verification_uri_complete"])
    assert any(("step", "sign-in") in form.buttons for form in forms(page.text))
    assert program.poll(told["device_code"])[1]["error"] == "authorization_pending"


def test_a_form_from_elsewhere_decides_nothing(program: Program) -> None:
    told = program.begin()
    answer = program.http.post(
        f"{program.sandbox.issuer}/device", data={"step": "allow", "user_code": told["user_code"]}
    )
    assert answer.status_code == 403
    assert program.poll(told["device_code"])[1]["error"] == "authorization_pending"


def test_the_enter_key_sends_the_code_and_nothing_else(program: Program) -> None:
    told = program.begin()
    page = program.http.get(told["verification_uri"])
    csrf = forms(page.text)[0].fields["csrf"]
    signed_in = {"csrf": csrf, "account": "developer@example.com", "password": "any", "step": "sign-in"}
    program.http.post(told["verification_uri"], data=signed_in)
    [form] = forms(program.http.get(told["verification_uri"]).text)
    assert form.buttons[0] == ("step", "enter")  # a browser presses the first button of a form
