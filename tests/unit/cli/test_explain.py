"""`keyturn explain` shows every source, the winner, and what would win without it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from keyturn.cli.layout import cells
from tests.secretscan import make_secret

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Machine


@pytest.mark.proves("P6")
def test_the_json_is_exactly_what_programs_were_promised(keyturn: Machine) -> None:
    login = keyturn.log_in()
    done = keyturn("explain", "--json", ANTHROPIC_API_KEY=make_secret("api-key"))
    home = keyturn.variables["KEYTURN_HOME"]
    assert done.status == 0
    assert done.json == {
        "version": 1,
        "route": "anthropic",
        "winner": "api-key-env",
        "next_winner": "stored-login",
        "sources": [
            {
                "id": "auth-token-env",
                "name": "ANTHROPIC_AUTH_TOKEN",
                "state": "absent",
                "why": "not set",
                "where": None,
            },
            {
                "id": "oauth-token-env",
                "name": "CLAUDE_CODE_OAUTH_TOKEN",
                "state": "absent",
                "why": "not set",
                "where": None,
            },
            {
                "id": "oauth-token-fd",
                "name": "inherited descriptor",
                "state": "absent",
                "why": "none given",
                "where": None,
            },
            {
                "id": "api-key-helper",
                "name": "apiKeyHelper",
                "state": "absent",
                "why": "no apiKeyHelper in the settings",
                "where": None,
            },
            {
                "id": "stored-login",
                "name": "stored login",
                "state": "stands_down",
                "why": "not used: ANTHROPIC_API_KEY is set",
                "where": f"{home}/logins/default.json",
            },
            {
                "id": "api-key-env",
                "name": "ANTHROPIC_API_KEY",
                "state": "selected",
                "why": "will be used",
                "where": "the environment variable ANTHROPIC_API_KEY",
            },
        ],
        "facts": {},
        "settings": [],
        "ignored": [],
        "warnings": [
            (
                "ANTHROPIC_API_KEY is billed by use, while the stored login (subscription) is not used; "
                "to use that: env -u ANTHROPIC_API_KEY keyturn …"
            )
        ],
    }
    assert login.billing == "subscription"


def test_nothing_at_all_is_an_answer_too(keyturn: Machine) -> None:
    done = keyturn("explain", "--json")
    assert done.status == 0
    assert (done.json["winner"], done.json["next_winner"], done.json["warnings"]) == (None, None, [])
    assert {source["state"] for source in done.json["sources"]} == {"absent"}
    assert "winner: none; log in: keyturn login" in keyturn("explain").lines


def test_a_pipe_gets_one_plain_line_per_fact(keyturn: Machine) -> None:
    keyturn.log_in()
    lines = keyturn("explain").lines
    assert "auth-token-env: absent: not set" in lines
    assert (
        f"stored-login: selected: will be used; {keyturn.variables['KEYTURN_HOME']}/logins/default.json"
        in lines
    )
    assert "winner: stored login, billed as subscription" in lines
    assert "requests: go to https://api.example.com" in lines
    assert "without it: nothing else would" in lines


@pytest.mark.parametrize("columns", [30, 40, 58, 80, 132])
def test_no_line_is_wider_than_the_terminal(keyturn: Machine, columns: int) -> None:
    keyturn.log_in()
    keyturn.variables["NO_COLOR"] = "1"
    for command in ("explain", "status", "--help", "explain --help", "token --help", "profile list"):
        done = keyturn.drawn(*command.split(), columns=columns, ANTHROPIC_API_KEY=make_secret("api-key"))
        assert done.status == 0
        assert [line for line in done.lines if cells(line) > columns] == []


def test_a_wide_terminal_gets_a_table_with_the_winner_marked(keyturn: Machine) -> None:
    keyturn.variables["NO_COLOR"] = "1"
    lines = keyturn.drawn("explain", columns=80, ANTHROPIC_AUTH_TOKEN=make_secret("token")).lines
    assert lines[0].startswith(">  auth-token-env   selected  will be used; the environment variable")
    assert lines[2].startswith("   oauth-token-env  absent    not set")


def test_a_narrow_terminal_gets_a_list_with_the_winner_marked(keyturn: Machine) -> None:
    keyturn.variables["NO_COLOR"] = "1"
    lines = keyturn.drawn("explain", columns=40, ANTHROPIC_AUTH_TOKEN=make_secret("token")).lines
    assert lines[:4] == [
        "> auth-token-env: selected",
        "    will be used; the environment",
        "    variable ANTHROPIC_AUTH_TOKEN",
        "oauth-token-env: absent",
    ]


def test_colours_are_for_people_who_want_them(keyturn: Machine) -> None:
    assert "\x1b[32mselected\x1b[0m" in keyturn.drawn("explain", ANTHROPIC_API_KEY=make_secret("api-key")).out
    assert "\x1b" not in keyturn("explain", ANTHROPIC_API_KEY=make_secret("api-key")).out
    assert "\x1b" not in keyturn.drawn("explain", NO_COLOR="1").out
    assert "\x1b" not in keyturn.drawn("explain", TERM="dumb").out


@pytest.mark.proves("T14")
@pytest.mark.parametrize("command", ["status", "explain", "profile list"])
def test_a_hostile_account_name_moves_and_hides_nothing(keyturn: Machine, command: str) -> None:
    keyturn.log_in(account="\x1b[2J\x1b]0;x\x07eve\u202e\u200b\r\nwinner: me", organization="山田\x9b")
    for options in ((), ("--json",)):
        done = keyturn(*command.split(), *options)
        assert done.status == 0
        text = str(done.json) if options else done.out
        assert not {"\x1b", "\x07", "\u202e", "\u200b", "\r", "\x9b"} & set(text)
        assert not [line for line in text.splitlines() if line.startswith("winner: me")]
    drawn = keyturn.drawn(*command.split(), columns=40, NO_COLOR="1")
    assert all(cells(line) <= 40 for line in drawn.lines)
    assert "\x1b" not in drawn.out


def test_a_source_that_is_wrong_is_shown_as_wrong_and_ends_nothing(keyturn: Machine) -> None:
    done = keyturn("explain", ANTHROPIC_API_KEY="with space inside")
    assert done.status == 0
    assert "api-key-env: error: ANTHROPIC_API_KEY holds a space at position 5 of 17" in done.lines
    assert "winner: ANTHROPIC_API_KEY, and it cannot be used" in done.lines


def test_a_winner_that_will_be_refused_for_its_billing_is_warned_about(keyturn: Machine) -> None:
    done = keyturn("explain", "--require-billing", "subscription", ANTHROPIC_API_KEY=make_secret("api-key"))
    assert done.status == 0
    assert "warning: ANTHROPIC_API_KEY is billed as metered, and subscription is required" in done.lines


def test_a_pin_is_explained(keyturn: Machine) -> None:
    keyturn.log_in()
    done = keyturn("explain", "--source", "stored-login", "--json", ANTHROPIC_API_KEY=make_secret("api-key"))
    assert done.json["winner"] == "stored-login"
    assert done.json["next_winner"] == "api-key-env"
