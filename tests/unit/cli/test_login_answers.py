"""Keys and token answers: what a person types half, and what a machine gives twice."""

from __future__ import annotations

import json

import pytest

from keyturn.stores import open_store
from keyturn.testing import make_login
from tests.persons import ScriptedPerson
from tests.secretscan import make_secret, register
from tests.unit.cli.desk import AT, WHERE, Desk
from tests.unit.oauth.conftest import API, contents, metadata, tokens


def test_a_key_from_a_pipe_is_stored_and_not_shown(desk: Desk) -> None:
    key = make_secret("api-key")
    done = desk("login", "--with-api-key", piped=f"\ufeff{key}\n")
    assert done.status == 0
    assert done.out.startswith("the API key is stored in profile default (")
    stored = desk.stored()
    assert stored is not None
    assert stored.api_key is not None
    assert stored.api_key.reveal() == key
    assert desk.config() is None


@pytest.mark.proves("P26")
def test_a_key_that_lies_in_the_wished_store_already_is_not_asked_for_again(desk: Desk) -> None:
    assert desk("login", "--with-api-key", piped=make_secret("api-key")).status == 0
    before = desk.stored()
    done = desk("login", "--store", "file", lines="")
    assert done.status == 0, done.err
    assert done.out.startswith("the API key of profile default lies in ")
    assert done.out.endswith("default.json already\n")
    assert desk.stored() == before
    assert desk.config()["profiles"]["default"] == {"store": "file"}
    assert json.loads(desk("login", "--store", "file", "--json").out)["changed"] is False


def test_a_login_that_an_authority_can_give_anew_is_made_anew_in_the_same_store(desk: Desk) -> None:
    words = ("login", *AT, *WHERE)
    assert desk(*words, "--store", "file", lines="", script=[metadata(), tokens()]).status == 0
    done = desk("login", "--store", "file", lines="", script=[metadata(), tokens()])
    assert done.status == 0, done.err
    assert len(desk.world.browsed) == 2


def test_a_stored_key_that_stands_down_is_said(desk: Desk) -> None:
    desk.world.variables["ANTHROPIC_API_KEY"] = make_secret("api-key")
    done = desk("login", "--with-api-key", piped=make_secret("api-key"))
    assert done.status == 0
    assert "still comes first; see: keyturn explain" in done.err


def test_more_than_a_mebibyte_is_not_read(desk: Desk) -> None:
    done = desk("login", "--with-api-key", piped="k" * (1024 * 1024 + 1))
    assert done.status == 2
    assert "standard input holds more than 1 MiB" in done.err
    assert contents(desk.home) == {}


@pytest.mark.proves("L5")
def test_the_same_answer_twice_says_that_nothing_was_changed(desk: Desk) -> None:
    said = json.dumps({"access_token": make_secret("token"), "refresh_token": make_secret("refresh")})
    words = ("login", "--from-json", "-", *AT, *WHERE)
    assert desk(*words, piped=said, script=[metadata()]).status == 0
    before = contents(desk.home)
    again = desk(*words, piped=said)
    assert (again.status, again.out) == (0, "profile default holds this login already; nothing was changed\n")
    assert contents(desk.home) == before
    assert json.loads(desk(*words, "--json", piped=said).out) == {
        "version": 1,
        "profile": "default",
        "changed": False,
    }


def test_an_unusable_answer_is_exit_2_and_shows_how_it_looks(desk: Desk) -> None:
    done = desk("login", "--from-json", "-", *AT, *WHERE, piped="{}")
    assert done.status == 2
    assert '{"access_token": "…", "expires_in": 3600, "refresh_token": "…"}' in done.err


def test_a_login_that_ended_is_said_when_it_is_provided_again(desk: Desk) -> None:
    from keyturn.login import Quarantine
    from keyturn.oauth.grant import keep
    from keyturn.values import Secret

    refresh = make_secret("refresh")
    dead = make_login(
        refresh_token=Secret(refresh),
        access_token=Secret(register("token", make_secret("token"))),
        quarantine=Quarantine(at=1.0, reason="the authority rejected its refresh token"),
    )
    keep(open_store(desk.world, "default", "file"), desk.world, dead, ScriptedPerson())
    said = json.dumps({"access_token": make_secret("token"), "refresh_token": refresh})
    done = desk("login", "--from-json", "-", piped=said)
    assert done.status == 0
    assert "it has ended: the authority rejected its refresh token" in done.err


def test_the_address_of_the_api_may_be_a_host_name(desk: Desk) -> None:
    host = API.removeprefix("https://")
    done = desk("login", *AT, lines=f"{host}\n", script=[metadata(), tokens()])
    assert done.status == 0
    stored = desk.stored()
    assert stored is not None
    assert stored.api_base_url == API


def test_an_empty_key_on_a_terminal_is_asked_for_again_there(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("getpass.getpass", lambda *_, **__: " ")
    done = desk("login", "--with-api-key", lines="")
    assert done.status == 2
    assert "run keyturn login --with-api-key again, and paste the key" in done.err
    assert "pipe" not in done.err


class TestTheSameAnswerAgain:
    """A container provisions its token at every start."""

    def provide(self, desk: Desk, text: str, *flags: str) -> str:
        done = desk("login", "--from-json", "-", *flags, piped=text, script=[metadata()])
        assert done.status == 0
        return done.err

    def test_flags_that_did_not_count_are_named(self, desk: Desk) -> None:
        access, refresh = make_secret("token"), make_secret("refresh")
        text = json.dumps({"access_token": access, "expires_at": "1800003600", "refresh_token": refresh})
        assert self.provide(desk, text, *AT, *WHERE, "--scope", "a b") == ""
        stored = desk.stored()
        assert stored is not None
        assert stored.expires_at == 1800003600.0
        assert self.provide(desk, text, *AT, *WHERE, "--scope", "a b") == ""
        said = self.provide(desk, text, *AT, *WHERE, "--scope", "a", "--billing", "subscription")
        assert "--billing" in said
        assert "--scope" in said
        assert "--issuer" not in said
        assert "did not count" in said
        assert desk.stored() == stored
