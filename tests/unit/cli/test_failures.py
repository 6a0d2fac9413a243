"""Every error ends in one place: message, hint and exit status, or JSON; never a traceback or a secret."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from keyturn.cli import main
from keyturn.cli.terminal import Terminal
from keyturn.errors import Unavailable
from keyturn.testing.world import NOW
from tests.secretscan import make_secret

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Done, Machine


def damage_config(keyturn: Machine) -> None:
    path = keyturn.world.write_config({})
    Path(path).write_text('{"version": 1,\n  "profiles": {,}}', encoding="utf-8")


def damage_login(keyturn: Machine) -> None:
    keyturn.log_in()
    Path(keyturn.variables["KEYTURN_HOME"], "logins", "default.json").write_text(
        '{"version": 1', encoding="utf-8"
    )


def expire_login(keyturn: Machine) -> None:
    keyturn.log_in(expires_at=NOW - 1, issued_at=NOW - 3600, refresh_token=None)


def cut_off(keyturn: Machine) -> None:
    keyturn.log_in(expires_at=NOW - 1, issued_at=NOW - 3600)
    keyturn.world.script = [Unavailable("cannot connect to https://auth.example.com", sent=False)]


CASES: list[tuple[str, list[str], dict[str, str], Any, int, str]] = [
    ("an unknown source", ["token", "--source", "nowhere"], {}, None, 2, "usage"),
    ("an unknown route", ["token", "--route", "nowhere"], {}, None, 2, "usage"),
    (
        "an unknown billing",
        ["token", "--require-billing", "free"],
        {"ANTHROPIC_API_KEY": "k"},
        None,
        2,
        "usage",
    ),
    ("nothing there", ["token"], {}, None, 3, "no_credential"),
    ("pinned and absent", ["token", "--source", "api-key-env"], {}, None, 3, "pinned_absent"),
    ("expired for good", ["token"], {}, expire_login, 4, "login_ended"),
    ("a damaged login", ["token"], {}, damage_login, 5, "store_corrupt"),
    ("no network", ["token"], {}, cut_off, 6, "unavailable"),
    (
        "the wrong money",
        ["token", "--require-billing", "subscription"],
        {"ANTHROPIC_API_KEY": "k"},
        None,
        7,
        "billing",
    ),
    (
        "the wrong money by status",
        ["status", "--require-billing", "subscription"],
        {"ANTHROPIC_API_KEY": "k"},
        None,
        7,
        "billing",
    ),
    (
        "plain http to another machine",
        ["token"],
        {"ANTHROPIC_API_KEY": "k", "ANTHROPIC_BASE_URL": "http://gateway.example.com"},
        None,
        7,
        "plain_http",
    ),
    ("a relative home", ["token"], {"KEYTURN_HOME": "home"}, None, 8, "configuration"),
    ("a relative home for explain", ["explain"], {"KEYTURN_HOME": "home"}, None, 8, "configuration"),
    ("a damaged configuration", ["status"], {}, damage_config, 8, "configuration"),
    ("a malformed key", ["token"], {"ANTHROPIC_API_KEY": "a b"}, None, 8, "configuration"),
    ("a route this version lacks", ["token"], {"CLAUDE_CODE_USE_FOUNDRY": "1"}, None, 8, "route_missing"),
    (
        "a flag that is neither on nor off",
        ["token"],
        {"CLAUDE_CODE_USE_VERTEX": "maybe"},
        None,
        8,
        "configuration",
    ),
]


@pytest.mark.proves("P29")
@pytest.mark.parametrize(
    ("words", "variables", "prepare", "status", "code"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_every_kind_of_error_has_its_exit_status(
    keyturn: Machine, words: list[str], variables: dict[str, str], prepare: Any, status: int, code: str
) -> None:
    if prepare is not None:
        prepare(keyturn)
    said = keyturn(*words, **variables)
    assert (said.status, said.out) == (status, "")
    check_form(said)
    if prepare is cut_off:
        prepare_again(keyturn)
    as_json = keyturn(*words, "--json", **variables)
    assert as_json.status == status
    assert as_json.err == ""
    assert set(as_json.json) == {"version", "error"}
    error = as_json.json["error"]
    assert set(error) == {"code", "message", "hint", "exit"}
    assert (error["code"], error["exit"]) == (code, status)
    assert said.err.startswith(f"keyturn: error: {error['message']}\n")


def prepare_again(keyturn: Machine) -> None:
    keyturn.world.advance(60)  # the pause after the first failure is over by then (L20)
    keyturn.world.script = [Unavailable("cannot connect to https://auth.example.com", sent=False)]


def check_form(done: Done) -> None:
    """Lower case, no final period, the hint on its own line."""
    message, *rest = done.err.splitlines()
    assert message.startswith("keyturn: error: ")
    assert not message.endswith(".")
    assert not rest or rest[0].startswith("hint: ")
    assert "Traceback" not in done.err


def test_a_damaged_configuration_is_named_with_line_and_column(keyturn: Machine) -> None:
    damage_config(keyturn)
    done = keyturn("explain")
    assert done.status == 8
    assert f"{keyturn.variables['KEYTURN_HOME']}/config.json:2:16: " in done.err


def test_json_is_asked_for_even_where_the_words_are_wrong(keyturn: Machine) -> None:
    assert keyturn("status", "--nonsense", "--json").json["error"]["exit"] == 2
    assert keyturn("--json", "tokne").json["error"]["hint"] == "did you mean: keyturn token"
    assert keyturn("run", "--", "--json").out == ""


class Broken(Exception):
    pass


class BrokenTerminal(Terminal):
    """Fails as no code of ours should, with a secret in the message."""

    secret = ""

    @property
    def is_terminal(self) -> bool:
        raise Broken(f"while handling {self.secret}, Bearer {self.secret}")


@pytest.mark.proves("T15", "P33")
@pytest.mark.parametrize("debug", ["", "1"])
def test_an_error_nobody_foresaw_is_exit_1_and_shows_no_secret(keyturn: Machine, debug: str) -> None:
    err = io.StringIO()
    terminal = BrokenTerminal(keyturn.world, stdin=io.StringIO(), stdout=io.StringIO(), stderr=err)
    terminal.secret = make_secret("token")
    keyturn.variables["ANTHROPIC_AUTH_TOKEN"] = terminal.secret
    keyturn.variables["KEYTURN_DEBUG"] = debug
    assert main(["token"], terminal=terminal) == 1
    text = err.getvalue()
    assert terminal.secret not in text
    assert "keyturn: error: this should not have happened: Broken\n" in text
    assert ("Traceback" in text) is (debug == "1")
    assert ("while handling [secret]" in text) is (debug == "1")


def test_ctrl_c_is_exit_130(keyturn: Machine) -> None:
    class Interrupted(Terminal):
        @property
        def is_terminal(self) -> bool:
            raise KeyboardInterrupt

    terminal = Interrupted(keyturn.world, stdout=io.StringIO(), stderr=io.StringIO())
    assert main(["explain"], terminal=terminal) == 130


class Full(io.StringIO):
    """A disk without room."""

    def flush(self) -> None:
        raise OSError(28, os.strerror(28))


def test_an_answer_that_cannot_be_written_is_an_error(keyturn: Machine) -> None:
    err = io.StringIO()
    terminal = Terminal(keyturn.world, stdin=io.StringIO(), stdout=Full(), stderr=err)
    assert main(["explain", "--json"], terminal=terminal) == 1
    assert err.getvalue() == (
        "keyturn: error: the answer cannot be written: no space left on device\n"
        "hint: send it to a file with room, or to a program\n"
    )


def test_a_closed_standard_output_is_called_so(keyturn: Machine) -> None:
    err = io.StringIO()
    with Path(os.devnull).open(encoding="utf-8") as closed:
        terminal = Terminal(keyturn.world, stdin=io.StringIO(), stdout=closed, stderr=err)
        assert main(["status"], terminal=terminal) == 1
    assert "the answer cannot be written: standard output is closed\n" in err.getvalue()


@pytest.mark.proves("R54", "P29")
def test_nobody_is_asked_without_a_terminal_in_ci_or_with_no_input(keyturn: Machine) -> None:
    from tests.unit.cli.conftest import Screen

    def may_ask(stdin: io.StringIO, *, no_input: bool = False) -> bool:
        terminal = Terminal(keyturn.world, stdin=stdin, stdout=io.StringIO(), stderr=Screen())
        terminal.no_input = no_input
        return terminal.may_ask

    for value, may in (("1", False), ("true", False), ("0", True), ("false", True), ("", True)):
        keyturn.variables["CI"] = value
        assert may_ask(Screen()) is may
    assert may_ask(Screen(), no_input=True) is False
    assert may_ask(io.StringIO()) is False
