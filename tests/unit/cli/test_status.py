"""`keyturn status` keeps present, usable by the clock, and verified by the server apart (P7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from keyturn.errors import Unavailable
from keyturn.login import Quarantine
from keyturn.testing import answer
from keyturn.testing.world import NOW
from tests.secretscan import make_secret

if TYPE_CHECKING:
    from keyturn.wire import Request, Response
    from tests.unit.cli.conftest import Machine


def test_the_json_is_exactly_what_programs_were_promised(keyturn: Machine) -> None:
    keyturn.log_in()
    done = keyturn("status", "--json")
    assert done.status == 0
    assert done.json == {
        "version": 1,
        "route": "anthropic",
        "source": "stored-login",
        "where": f"{keyturn.variables['KEYTURN_HOME']}/logins/default.json",
        "kind": "bearer",
        "billing": "subscription",
        "profile": "default",
        "profile_by": "default",
        "account": "developer@example.com (Example Works)",
        "expires_at": "2027-01-15T09:00:00Z",
        "ends_at": None,
        "renewable": True,
        "state": "usable",
        "facts": {},
        "warnings": [],
    }


def test_nothing_is_exit_3_in_the_same_shape(keyturn: Machine) -> None:
    done = keyturn("status", "--json")
    assert done.status == 3
    assert done.json == {
        "version": 1,
        "route": "anthropic",
        "source": None,
        "where": None,
        "kind": "none",
        "billing": None,
        "profile": "default",
        "profile_by": "default",
        "account": None,
        "expires_at": None,
        "ends_at": None,
        "renewable": False,
        "state": "absent",
        "facts": {},
        "warnings": [],
    }
    said = keyturn("status")
    assert said.status == 3
    assert "state: absent; log in: keyturn login" in said.lines


@pytest.mark.proves("P7")
@pytest.mark.parametrize(
    ("fields", "state", "status"),
    [
        ({}, "usable", 0),
        ({"expires_at": NOW - 1, "issued_at": NOW - 3600}, "renewable", 0),
        ({"expires_at": NOW - 1, "issued_at": NOW - 3600, "refresh_token": None}, "expired", 4),
        (
            {
                "expires_at": NOW - 1,
                "issued_at": NOW - 3600,
                "quarantine": Quarantine(at=NOW - 2, reason="the authority rejected its refresh token"),
            },
            "rejected",
            4,
        ),
    ],
)
def test_what_the_clock_says_is_the_state(
    keyturn: Machine, fields: dict[str, Any], state: str, status: int
) -> None:
    keyturn.log_in(**fields)
    done = keyturn("status", "--json")
    assert (done.json["state"], done.status) == (state, status)


@pytest.mark.proves("P28")
@pytest.mark.parametrize(
    ("within", "fields", "status"),
    [
        ("30m", {"refresh_token": None}, 0),
        ("2h", {"refresh_token": None}, 4),
        ("3601", {"refresh_token": None}, 4),
        ("3600s", {"refresh_token": None}, 0),
        ("7d", {}, 0),  # it renews itself: its end is not known to anybody
        ("7d", {"refresh_token": None, "expires_at": None}, 0),
    ],
)
def test_a_login_that_ends_too_soon_is_exit_4(
    keyturn: Machine, within: str, fields: dict[str, Any], status: int
) -> None:
    keyturn.log_in(**fields)
    assert keyturn("status", "--expires-within", within).status == status


@pytest.mark.parametrize("within", ["", "m", "1w", "-1", "1.5h", "1h30m", "９"])
def test_a_length_of_time_has_one_number_and_one_unit(keyturn: Machine, within: str) -> None:
    done = keyturn("status", f"--expires-within={within}")
    assert done.status == 2
    assert "it is not a duration such as 90, 90s, 10m, 2h or 7d" in done.err


@pytest.mark.proves("P7")
@pytest.mark.parametrize(
    ("http", "verified", "status"),
    [
        (200, "accepted", 0),
        (403, "rejected", 4),
        (404, "unreachable", 6),
        (529, "unreachable", 6),
        (302, "unreachable", 6),
    ],
)
def test_the_server_s_word_is_a_field_of_its_own(
    keyturn: Machine, http: int, verified: str, status: int
) -> None:
    login = keyturn.log_in()
    keyturn.world.script = [answer({}, http, location="https://elsewhere.example.com")]
    done = keyturn("status", "--verify", "--json")
    assert done.status == status
    assert (done.json["verified"], done.json["state"]) == (verified, "usable")
    assert bool(done.json["warnings"]) is (verified != "accepted")
    (request,) = keyturn.world.requests
    assert (request.method, request.url) == ("GET", "https://api.example.com/v1/models?limit=1")
    assert request.headers["anthropic-version"] == "2023-06-01"
    assert login.access_token is not None
    assert request.headers["Authorization"] == f"Bearer {login.access_token.reveal()}"


def test_a_server_out_of_reach_says_nothing_about_the_credential(keyturn: Machine) -> None:
    keyturn.world.script = [Unavailable("cannot connect to https://api.anthropic.com")]
    done = keyturn("status", "--verify", ANTHROPIC_API_KEY=make_secret("api-key"))
    assert done.status == 6
    assert "verified: unreachable: cannot connect to https://api.anthropic.com" in done.lines


def test_a_key_that_the_server_refuses_is_rejected(keyturn: Machine) -> None:
    keyturn.world.script = [answer({}, 401)]
    done = keyturn("status", "--verify", ANTHROPIC_API_KEY=make_secret("api-key"))
    assert done.status == 4
    assert any(
        line.startswith("verified: rejected: https://api.anthropic.com rejected") for line in done.lines
    )


def test_a_refused_token_is_renewed_once_before_the_verdict(keyturn: Machine) -> None:
    keyturn.log_in()
    new = make_secret("token")
    keyturn.world.script = [
        answer({}, 401),
        answer({"access_token": new, "token_type": "Bearer", "expires_in": 3600}),
        answer({"data": []}),
    ]
    done = keyturn("status", "--verify", "--json")
    assert (done.status, done.json["verified"]) == (0, "accepted")
    assert keyturn.world.requests[-1].headers["Authorization"] == f"Bearer {new}"


def test_ten_seconds_are_for_everything(keyturn: Machine) -> None:
    """A slow refusal leaves no time to ask again; the renewal in between is finished all the same."""
    keyturn.log_in()
    new = make_secret("token")

    def slow_refusal(_: Request) -> Response:
        keyturn.world.advance(10)
        return answer({}, 401)

    keyturn.world.script = [
        slow_refusal,
        answer({"access_token": new, "token_type": "Bearer", "expires_in": 3600}),
    ]
    done = keyturn("status", "--verify", "--json")
    assert (done.status, done.json["verified"]) == (6, "unreachable")
    assert len(keyturn.world.requests) == 2
    assert keyturn("token").out == f"{new}\n"


def test_what_else_exists_and_why_it_is_not_used_is_said(keyturn: Machine) -> None:
    keyturn.log_in()
    done = keyturn("status", ANTHROPIC_API_KEY=make_secret("api-key"))
    assert "also there: stored login: not used: ANTHROPIC_API_KEY is set" in done.lines
    assert any(line.startswith("warning: ANTHROPIC_API_KEY is billed by use") for line in done.lines)


def test_a_winner_that_is_wrong_is_the_error_that_a_request_would_meet(keyturn: Machine) -> None:
    done = keyturn("status", ANTHROPIC_API_KEY="two words")
    assert done.status == 8
    assert "ANTHROPIC_API_KEY holds a space" in done.err
    assert done.out == ""


@pytest.mark.proves("T15")
@pytest.mark.parametrize("command", ["status", "explain"])
@pytest.mark.parametrize("mark", ["?key=", "#"])
def test_what_follows_the_path_of_an_address_is_not_shown(keyturn: Machine, command: str, mark: str) -> None:
    secret = make_secret("api-key")
    keyturn.variables["ANTHROPIC_API_KEY"] = make_secret("api-key")
    keyturn.variables["ANTHROPIC_BASE_URL"] = f"https://gateway.example.com/v1{mark}{secret}"
    done = keyturn(command)
    assert secret not in done.out + done.err
    assert "https://gateway.example.com/v1?…" in done.out
