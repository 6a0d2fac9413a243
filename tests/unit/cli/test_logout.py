"""`keyturn logout` as a person meets it: what was revoked, what only deleted, what is used now."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from keyturn.errors import Unavailable
from keyturn.login import Tombstone
from keyturn.stores import open_store
from keyturn.testing import answer
from tests.secretscan import make_secret
from tests.unit.cli.desk import AT, WHERE, Desk
from tests.unit.oauth.conftest import ISSUER, contents, metadata, tokens

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.unit.cli.conftest import Machine


def log_in(desk: Desk, *words: str) -> None:
    assert desk("login", *AT, *WHERE, *words, lines="", script=[metadata(), tokens()]).status == 0
    desk.world.requests.clear()


def state(desk: Desk, name: str = "default") -> Any:
    return open_store(desk.world, name, "file").load()


GONE = "nothing offers a credential now; to log in: keyturn login\n"


@pytest.mark.proves("R36", "R37")
def test_a_logout_says_what_was_revoked_and_what_is_used_now(desk: Desk) -> None:
    log_in(desk)
    done = desk("logout", script=[answer({}), answer({})])
    record = desk.home / "logins/default.json"
    assert done == (
        0,
        (
            f"profile default: the login of developer@example.com was removed from {record}\n"
            f"  revoked at the authority: the refresh token and the access token\n{GONE}"
        ),
        "",
    )
    assert isinstance(state(desk), Tombstone)
    assert desk("status").status == 3


def test_a_logout_offline_says_what_is_only_deleted(desk: Desk) -> None:
    log_in(desk)
    done = desk("logout", script=[Unavailable(f"cannot connect to {ISSUER}", sent=False)])
    assert done.status == 0
    assert (
        "  only deleted here, not revoked: the refresh token and the access token "
        f"(cannot connect to {ISSUER})\n" in done.out
    )
    assert isinstance(state(desk), Tombstone)


def test_the_configuration_stays_for_the_next_login(desk: Desk) -> None:
    log_in(desk)
    before = desk.config()
    desk("logout", script=[answer({}), answer({})])
    assert desk.config() == before
    assert desk("login", lines="", script=[metadata(), tokens()]).status == 0


def test_what_wins_now_is_named(desk: Desk) -> None:
    log_in(desk)
    desk.world.variables["ANTHROPIC_API_KEY"] = make_secret("api-key")
    done = desk("logout", script=[answer({}), answer({})])
    assert done.out.endswith("is used from now on; see: keyturn explain\n")
    assert "ANTHROPIC_API_KEY" in done.out


def test_a_wrong_variable_does_not_make_a_logout_look_failed(desk: Desk) -> None:
    log_in(desk)
    desk.world.variables["CLAUDE_CODE_USE_BEDROCK"] = "perhaps"
    done = desk("logout", script=[answer({}), answer({})])
    assert done.status == 0
    assert "CLAUDE_CODE_USE_BEDROCK is neither on nor off" in done.err
    assert isinstance(state(desk), Tombstone)


def test_a_stored_key_still_works_elsewhere_and_that_is_said(desk: Desk) -> None:
    desk("login", "--with-api-key", piped=make_secret("api-key"))
    done = desk("logout")
    assert done.status == 0
    assert "the API key was removed from" in done.out
    assert "the key still works until it is deleted where it was made" in done.out


@pytest.mark.parametrize("words", [(), ("--all",)])
def test_without_a_login_there_is_nothing_to_do(desk: Desk, words: Sequence[str]) -> None:
    done = desk("logout", *words)
    assert (done.status, done.err) == (0, "")
    assert done.out.endswith(GONE)
    assert contents(desk.home) == {}


def test_a_damaged_record_is_moved_and_the_person_is_told_to_look(desk: Desk) -> None:
    log_in(desk)
    record = desk.home / "logins/default.json"
    record.write_text("{")
    done = desk("logout")
    assert done.status == 0
    assert f"profile default: the record in {record} was damaged\n" in done.out
    assert f"  it was moved to {record}.corrupt-" in done.out
    assert "what is in it was not revoked" in done.err
    assert isinstance(state(desk), Tombstone)


@pytest.mark.proves("L25")
def test_a_profile_that_shares_the_login_is_warned_about(desk: Desk) -> None:
    log_in(desk)
    log_in(desk, "--profile", "twin")
    done = desk("logout", script=[answer({}), answer({})])
    assert done.status == 0
    assert "warning: profile twin holds a login of the same account and client" in done.err
    assert state(desk, "twin").access_token is not None


def test_all_profiles_end_also_those_that_are_not_configured(desk: Desk) -> None:
    log_in(desk)
    log_in(desk, "--profile", "work")
    (desk.home / "config.json").unlink()
    done = desk("logout", "--all", script=[answer({})] * 4)
    assert done.status == 0
    assert [line.split(":")[0] for line in done.out.splitlines() if line.startswith("profile")] == [
        "profile default",
        "profile work",
    ]
    assert isinstance(state(desk), Tombstone)
    assert isinstance(state(desk, "work"), Tombstone)


def test_a_store_that_refuses_does_not_keep_the_others_from_ending(desk: Desk) -> None:
    log_in(desk)
    log_in(desk, "--profile", "work")
    record = desk.home / "logins/default.json"
    record.chmod(0o644)
    done = desk("logout", "--all", script=[answer({})] * 2)
    assert done.status == 5
    assert f"others can read {record} (mode 0644)" in done.err
    assert f"hint: run: chmod 600 {record}" in done.err
    assert "profile work: the login of developer@example.com was removed" in done.out
    assert isinstance(state(desk, "work"), Tombstone)


def newer(desk: Desk) -> Path:
    """A record that a newer keyturn wrote, which this one neither removes nor uses."""
    record = desk.home / "logins/default.json"
    record.write_text(json.dumps({**json.loads(record.read_text()), "version": 99}))
    return record


def test_a_logout_that_failed_claims_nothing(desk: Desk) -> None:
    log_in(desk)
    record = newer(desk)
    done = desk("logout")
    assert (done.status, done.out) == (8, "")
    assert f"{record} was written by a newer keyturn" in done.err
    assert desk("logout", "--all").out == ""


def test_a_login_that_is_left_and_cannot_be_used_is_not_called_used(desk: Desk) -> None:
    log_in(desk)
    log_in(desk, "--profile", "work")
    newer(desk)
    done = desk("logout", "--all", script=[answer({})] * 2)
    assert done.status == 8
    assert done.out.splitlines()[-1] == (
        "stored login comes first now, and cannot be used; see: keyturn explain"
    )


def test_the_command_to_log_in_again_is_the_one_of_this_profile(desk: Desk) -> None:
    log_in(desk, "--profile", "work")
    again = "to log in: keyturn login --profile work\n"
    assert desk("logout", "--profile", "work", script=[answer({})] * 2).out.endswith(again)
    desk.world.variables["KEYTURN_PROFILE"] = "work"
    assert desk("logout").out.endswith(again)
    assert "hint: log in: keyturn login --profile work;" in desk("token").err
    assert "absent; log in: keyturn login --profile work" in desk("status").out
    assert "none; log in: keyturn login --profile work" in desk("explain").out


def test_json_tells_programs_what_happened(desk: Desk) -> None:
    log_in(desk)
    done = desk("logout", "--json", script=[answer({}), answer({}, 503)])
    assert json.loads(done.out) == {
        "version": 1,
        "profiles": [
            {
                "profile": "default",
                "removed": True,
                "where": str(desk.home / "logins/default.json"),
                "revoked": ["refresh_token"],
                "unrevoked": ["access_token"],
                "why_not": f"{ISSUER}/revoke answered with status 503",
                "moved_to": None,
                "shared_with": [],
            }
        ],
        "winner": None,
    }


def test_on_a_narrow_terminal_no_word_and_no_path_is_broken(keyturn: Machine) -> None:
    keyturn.log_in(authority=None)
    done = keyturn.drawn("logout", columns=40)
    record = f"{keyturn.world.state_dir()}/logins/default.json"
    assert record in done.lines
    assert all(len(line) <= 40 for line in done.lines if record not in line)
    assert "  only deleted here, not revoked: the" in done.lines
