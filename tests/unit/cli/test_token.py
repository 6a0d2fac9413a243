"""`keyturn token` prints the secret to those who asked for it, and nothing when it cannot be had."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from keyturn.errors import Unavailable
from keyturn.testing import answer
from keyturn.testing.world import NOW
from tests.secretscan import make_secret

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Machine


def test_the_secret_and_a_line_break_are_all(keyturn: Machine) -> None:
    key = make_secret("api-key")
    done = keyturn("token", ANTHROPIC_API_KEY=key)
    assert (done.status, done.out, done.err) == (0, f"{key}\n", "")


@pytest.mark.proves("T16")
def test_on_a_terminal_it_warns_once(keyturn: Machine) -> None:
    done = keyturn.drawn("token", ANTHROPIC_API_KEY=make_secret("api-key"))
    assert done.err.count("warning:") == 1
    assert done.err.count("this is a secret") == 1


@pytest.mark.parametrize("words", [("token",), ("token", "--profile", "work")])
def test_the_short_way_and_the_parsed_way_say_the_same(keyturn: Machine, words: tuple[str, ...]) -> None:
    keyturn.log_in("work")
    keyturn.log_in()
    short, parsed = keyturn(*words), keyturn("--no-input", *words)
    assert short == parsed
    assert short.status == 0


def test_headers_are_lines_for_curl(keyturn: Machine) -> None:
    token = make_secret("token")
    done = keyturn("token", "--header", CLAUDE_CODE_OAUTH_TOKEN=token)
    assert done.lines == [f"Authorization: Bearer {token}", "anthropic-beta: oauth-2025-04-20"]
    key = make_secret("api-key")
    assert keyturn("token", "--header", ANTHROPIC_API_KEY=key).lines == [f"x-api-key: {key}"]


def test_the_json_is_exactly_what_programs_were_promised(keyturn: Machine) -> None:
    login = keyturn.log_in()
    assert login.access_token is not None
    assert keyturn("token", "--json").json == {
        "version": 1,
        "kind": "bearer",
        "token": login.access_token.reveal(),
        "expires_at": "2027-01-15T09:00:00Z",
        "audience": "https://api.example.com",
    }
    key = make_secret("api-key")
    assert keyturn("--json", "token", ANTHROPIC_API_KEY=key).json == {
        "version": 1,
        "kind": "api_key",
        "token": key,
        "expires_at": None,
        "audience": "https://api.anthropic.com",
    }


def test_headers_and_json_exclude_each_other(keyturn: Machine) -> None:
    assert keyturn("token", "--json", "--header").status == 2


@pytest.mark.proves("P27")
@pytest.mark.parametrize("asked", ["10m", "3599s", "3600", "1h", "0"])
def test_a_token_that_lives_long_enough_is_not_renewed(keyturn: Machine, asked: str) -> None:
    login = keyturn.log_in()
    assert login.access_token is not None
    assert keyturn("token", "--min-ttl", asked).out == f"{login.access_token.reveal()}\n"
    assert keyturn.world.requests == []


@pytest.mark.proves("P27")
def test_a_token_that_ends_too_soon_is_renewed_first(keyturn: Machine) -> None:
    keyturn.log_in()
    new = make_secret("token")
    keyturn.world.script = [answer({"access_token": new, "token_type": "Bearer", "expires_in": 9000})]
    assert keyturn("token", "--min-ttl", "2h").out == f"{new}\n"


@pytest.mark.proves("P27")
def test_one_that_still_ends_too_soon_is_not_printed_and_not_renewed_again(keyturn: Machine) -> None:
    keyturn.log_in()
    new = make_secret("token")
    keyturn.world.script = [answer({"access_token": new, "token_type": "Bearer", "expires_in": 600})]
    done = keyturn("token", "--min-ttl", "2h")
    assert (done.status, done.out) == (4, "")
    assert "ends in 600 s, and 7200 s are asked for" in done.err
    assert len(keyturn.world.requests) == 1


def test_one_that_cannot_be_renewed_is_not_printed(keyturn: Machine) -> None:
    keyturn.log_in(refresh_token=None)
    done = keyturn("token", "--min-ttl", "2h", "--json")
    assert (done.status, done.json["error"]["code"]) == (4, "ends_too_soon")
    assert keyturn.world.requests == []


def test_an_authority_out_of_reach_prints_nothing_and_ends_nothing(keyturn: Machine) -> None:
    keyturn.log_in()
    keyturn.world.script = [Unavailable("cannot connect to https://auth.example.com", sent=False)]
    done = keyturn("token", "--min-ttl", "2h")
    assert (done.status, done.out) == (6, "")
    assert keyturn("token").status == 0


def test_an_unknown_end_passes(keyturn: Machine) -> None:
    keyturn.log_in(expires_at=None)
    assert keyturn("token", "--min-ttl", "7d").status == 0
    assert keyturn("token", "--min-ttl", "7d", ANTHROPIC_API_KEY=make_secret("api-key")).status == 0


def test_a_login_that_has_ended_prints_nothing(keyturn: Machine) -> None:
    keyturn.log_in(expires_at=NOW - 1, issued_at=NOW - 3600, refresh_token=None)
    done = keyturn("token")
    assert (done.status, done.out) == (4, "")
    assert "keyturn login" in done.err
