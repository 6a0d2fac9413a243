"""A login by device code: what is asked, what the person is shown, and what ends the waiting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest

from keyturn.errors import (
    AuthError,
    ConfigurationError,
    LoginRefused,
    Refused,
    Rejected,
    Unavailable,
)
from keyturn.oauth.asking import Wish
from keyturn.oauth.authority import metadata_of
from keyturn.oauth.device import log_in_by_device
from keyturn.stores import open_store
from keyturn.testing import answer
from keyturn.wire import Response
from tests.persons import ScriptedPerson
from tests.secretscan import register
from tests.unit.oauth.conftest import API, ISSUER, Desk, contents, metadata, profile, tokens

if TYPE_CHECKING:
    from keyturn.login import Login
    from keyturn.settings.config import Profile
    from keyturn.wire import Request

DEVICE_URL = f"{ISSUER}/device_authorization"
PAGE = "https://login.example.com/device"
DEVICE_CODE = "test-device-code-0123456789abcdef"


def codes(**changes: Any) -> Response:
    """A faultless answer of the device authorization endpoint; None takes a member out."""
    told = {
        "device_code": register("code", DEVICE_CODE),
        "user_code": "WDJB-MJHT",
        "verification_uri": PAGE,
        "verification_uri_complete": f"{PAGE}?user_code=WDJB-MJHT",
        "expires_in": 600,
        "interval": 5,
        **changes,
    }
    return answer({name: value for name, value in told.items() if value is not None})


def says(error: str, status: int = 400, **fields: Any) -> Response:
    return answer({"error": error, **fields}, status)


PENDING = says("authorization_pending")


def offering(**changes: Any) -> Response:
    return metadata(device_authorization_endpoint=DEVICE_URL, **changes)


def log_in(
    desk: Desk, *script: Any, person: ScriptedPerson | None = None, at: Profile | None = None
) -> Login:
    desk.world.script = list(script)
    desk.person = person or ScriptedPerson()
    desk.profile = at or profile()
    return log_in_by_device(
        desk.world,
        desk.profile,
        open_store(desk.world, "default", "file"),
        desk.person,
        Wish(browser=True, callback_port=0, yes=False),
        metadata_of(desk.world, desk.profile),
    )


def form(request: Request) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(request.body.decode()).items()}


@pytest.mark.proves("T11", "T12", "P11")
def test_the_person_types_a_code_elsewhere_and_is_logged_in_here(desk: Desk) -> None:
    login = log_in(desk, offering(), codes(), PENDING, PENDING, tokens())
    assert desk.stored() == login
    assert (login.who, login.api_base_url) == ("developer@example.com", API)
    assert login.authority is not None
    assert login.authority.device_url == DEVICE_URL
    person = desk.person
    assert (person.urls, person.codes) == ([PAGE], ["WDJB-MJHT"])
    assert person.handed == [(PAGE, f"{PAGE}?user_code=WDJB-MJHT")]
    assert any("page of login.example.com:" in said for said in person.said)
    assert f"{ISSUER} has logged in developer@example.com" in person.said
    assert desk.world.browsed == []  # the code is for a browser elsewhere
    assert desk.world.slept == 15


def test_what_is_sent_is_what_the_standard_asks_for(desk: Desk) -> None:
    log_in(desk, offering(), codes(), tokens(), at=profile(scopes=("a", "b"), resource=API))
    _, asked, polled = desk.sent()
    assert (asked.method, asked.url) == ("POST", DEVICE_URL)
    assert form(asked) == {"client_id": "example-client", "scope": "a b", "resource": API}
    assert asked.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert (polled.method, polled.url) == ("POST", f"{ISSUER}/token")
    assert form(polled) == {
        "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
        "device_code": DEVICE_CODE,
        "client_id": "example-client",
        "resource": API,
    }


@pytest.mark.parametrize(
    ("changes", "slept"),
    [
        ({"interval": 9}, 9),
        ({"interval": None}, 5),
        ({"interval": "7"}, 7),
        ({"interval": 0}, 5),
        ({"interval": 0.1}, 1),
        ({"interval": 9e6, "expires_in": 1000}, 300),
    ],
)
def test_the_server_says_how_often_it_may_be_asked(desk: Desk, changes: dict[str, Any], slept: float) -> None:
    log_in(desk, offering(), codes(**changes), tokens())
    assert desk.world.slept == slept


def test_slow_down_adds_five_seconds_from_then_on(desk: Desk) -> None:
    log_in(desk, offering(), codes(), says("slow_down"), PENDING, says("slow_down"), tokens())
    assert desk.world.slept == 5 + 10 + 10 + 15


@pytest.mark.parametrize("status", [200, 400, 403, 428])
def test_still_waiting_is_read_whatever_its_status(desk: Desk, status: int) -> None:
    log_in(desk, offering(), codes(), says("authorization_pending", status), tokens())
    assert desk.stored() is not None


@pytest.mark.proves("P12")
def test_what_the_network_does_meanwhile_ends_nothing(desk: Desk) -> None:
    page = Response(status=200, headers={"content-type": "text/html"}, body=b"<p>Accept the terms")
    trouble = [
        Unavailable("no connection", sent=False),
        Response(status=503, headers={}, body=b""),
        page,
        answer({}, 429, retry_after="30"),
        says("server_error", 500),
    ]
    log_in(desk, offering(), codes(), *trouble, PENDING, tokens())
    # doubled each time up to a minute, and back to five seconds when the server answers again
    assert desk.world.slept == 5 + 10 + 20 + 40 + 60 + 60 + 5
    assert len([said for said in desk.person.said if "still trying" in said]) == 1


@pytest.mark.parametrize(
    ("script", "kind", "code"),
    [
        ([says("access_denied")], LoginRefused, "login_refused"),
        ([PENDING, says("expired_token")], LoginRefused, "login_timeout"),
        ([says("invalid_grant")], Rejected, "code_rejected"),
        ([says("invalid_client", 401)], ConfigurationError, "invalid_client"),
        ([says("unsupported_grant_type")], ConfigurationError, "unsupported_grant_type"),
        ([answer({"token_type": "Bearer"})], Unavailable, "unreadable_answer"),
        ([answer({}, 404)], Unavailable, "unreadable_answer"),
        ([PENDING] * 119, LoginRefused, "login_timeout"),
        ([Unavailable("no connection", sent=False)] * 12, LoginRefused, "login_timeout"),
    ],
)
def test_what_ends_the_waiting_changes_nothing(
    desk: Desk, script: list[Any], kind: type[AuthError], code: str
) -> None:
    with pytest.raises(kind) as raised:
        log_in(desk, offering(), codes(), *script)
    assert raised.value.code == code
    assert raised.value.hint
    assert desk.stored() is None
    assert desk.world.slept < 600


def test_a_code_that_lives_for_a_day_is_not_waited_for_so_long(desk: Desk) -> None:
    with pytest.raises(LoginRefused):
        log_in(desk, offering(), codes(expires_in=86400, interval=300), *[PENDING] * 5)
    assert desk.world.slept <= 1800
    assert any("for 30 minutes" in said for said in desk.person.said)


@pytest.mark.parametrize(
    "changes",
    [
        {"device_code": None},
        {"device_code": "two words"},
        {"device_code": 7},
        {"user_code": None},
        {"user_code": ""},
        {"user_code": "WDJB\x1b[2J"},
        {"user_code": "WD\u202eJB"},
        {"user_code": "x" * 65},
        {"verification_uri": None},
        {"verification_uri": "http://login.example.com/device"},
        {"verification_uri": "javascript:alert(1)"},
        {"verification_uri": f"{PAGE}?{'x' * 2000}"},
        {"verification_uri": 'https://login.example.com/ "'},
        {"expires_in": None},
        {"expires_in": 0},
        {"expires_in": -5},
        {"expires_in": True},
        {"expires_in": "soon"},
        {"interval": "often"},
        {"interval": -1},
    ],
)
def test_a_malformed_answer_is_shown_to_nobody(desk: Desk, changes: dict[str, Any]) -> None:
    with pytest.raises(Unavailable) as raised:
        log_in(desk, offering(), codes(**changes))
    assert raised.value.code == "unreadable_answer"
    assert (desk.person.urls, desk.person.codes, contents(desk.home)) == ([], [], {})


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"<html>", b'{"device_code": ', b"\xff\xfe", b"[" * 5000], ids=range(6)
)
def test_an_answer_that_is_no_json_object_is_an_error(desk: Desk, body: bytes) -> None:
    with pytest.raises(Unavailable):
        log_in(
            desk, offering(), Response(status=200, headers={"content-type": "application/json"}, body=body)
        )


def test_the_older_name_of_the_address_is_known(desk: Desk) -> None:
    log_in(desk, offering(), codes(verification_uri=None, verification_url=PAGE), tokens())
    assert desk.person.urls == [PAGE]


@pytest.mark.proves("T12")
@pytest.mark.parametrize("complete", ["https://evil.example/device?user_code=WDJB-MJHT", "no address", 7])
def test_a_complete_address_elsewhere_is_not_handed_to_a_camera(desk: Desk, complete: object) -> None:
    log_in(desk, offering(), codes(verification_uri_complete=complete), tokens())
    assert desk.person.handed == [(PAGE, PAGE)]


@pytest.mark.proves("T10")
def test_an_authority_elsewhere_cannot_send_the_person_to_this_machine(desk: Desk) -> None:
    with pytest.raises(Refused) as raised:
        log_in(desk, offering(), codes(verification_uri="http://127.0.0.1:8000/device"))
    assert raised.value.code == "bad_verification_uri"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (says("invalid_client", 401), "invalid_client"),
        (says("unauthorized_client"), "unauthorized_client"),
        (says("access_denied", 403), "device_refused"),
    ],
)
def test_a_client_that_gets_no_code_is_told_why(desk: Desk, said: Response, code: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        log_in(desk, offering(), said)
    assert raised.value.code == code
    assert "keyturn login --no-browser" in (raised.value.hint or "")


def test_an_authority_without_device_login_names_the_other_way(desk: Desk) -> None:
    with pytest.raises(ConfigurationError) as raised:
        log_in(desk, metadata())
    assert raised.value.code == "no_device_login"
    assert "keyturn login --no-browser" in (raised.value.hint or "")


def test_an_authority_that_has_nothing_but_device_login_is_enough(desk: Desk) -> None:
    log_in(
        desk, offering(authorization_endpoint=None, code_challenge_methods_supported=None), codes(), tokens()
    )
    assert desk.stored() is not None


def test_to_log_in_by_browser_there_names_the_device_code(desk: Desk) -> None:
    with pytest.raises(ConfigurationError) as raised:
        desk.log_in(offering(authorization_endpoint=None))
    assert raised.value.hint == "log in with a code on any device: keyturn login --device"


def test_its_endpoint_may_be_named_without_discovery(desk: Desk) -> None:
    named = profile(issuer=None, token_url=f"{ISSUER}/token", device_url=DEVICE_URL)
    log_in(desk, codes(), tokens(), at=named)
    assert [request.url for request in desk.sent()] == [DEVICE_URL, f"{ISSUER}/token"]


def test_a_client_registers_itself_for_the_grant_of_device_codes(desk: Desk) -> None:
    offered = offering(registration_endpoint=f"{ISSUER}/register")
    made = answer({"client_id": "made-now"}, 201)
    log_in(desk, offered, made, codes(), tokens(), at=profile(client_id=None))
    asked = desk.sent()[1].body.decode()
    assert "urn:ietf:params:oauth:grant-type:device_code" in asked
    assert "authorization_code" not in asked
    assert form(desk.sent()[2])["client_id"] == "made-now"


@pytest.mark.parametrize(
    ("agreed", "kept"), [(True, "operator@example.com"), (False, "developer@example.com")]
)
def test_another_account_is_replaced_only_when_the_person_agrees(desk: Desk, agreed: bool, kept: str) -> None:
    log_in(desk, offering(), codes(), tokens())
    person = ScriptedPerson(answers=[agreed])
    try:
        log_in(desk, offering(), codes(), tokens("operator@example.com"), person=person)
    except LoginRefused:
        assert not agreed
    stored = desk.stored()
    assert stored is not None
    assert stored.account == kept
    assert len(person.asked) == 1
