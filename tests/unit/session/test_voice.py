from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from keyturn.cli.terminal import Terminal
from keyturn.errors import AuthError
from keyturn.session.voice import Voice, in_session
from keyturn.testing import FakeWorld
from tests.secretscan import make_secret

if TYPE_CHECKING:
    from pathlib import Path


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def stderr() -> Screen:
    return Screen()


@pytest.fixture
def voice(tmp_path: Path, stderr: Screen) -> Voice:
    world = FakeWorld(tmp_path)
    world.variables.update(COLUMNS="40", NO_COLOR="1")
    return Voice(Terminal(world, stdin=Screen(), stdout=Screen(), stderr=stderr))


def test_an_error_says_what_and_the_next_command_in_lines_that_fit(voice: Voice, stderr: Screen) -> None:
    voice.failure(AuthError("the stored login has ended: the server says so", hint="run: keyturn login"))
    assert stderr.getvalue().splitlines() == [
        "error: the stored login has ended: the",
        "server says so",
        "hint: run: /login",
    ]


def test_an_address_longer_than_the_line_stays_whole_so_that_it_can_be_copied(
    voice: Voice, stderr: Screen
) -> None:
    address = "https://" + "a" * 60 + ".example.com"
    voice.say(f"waiting for {address}; Ctrl-C stops waiting")
    assert address + ";" in stderr.getvalue().splitlines()


def test_a_session_is_of_one_profile_which_its_commands_need_not_name() -> None:
    assert in_session("log in again: keyturn login --profile work") == "log in again: /login"
    assert in_session("keep both: keyturn login --profile NAME …").startswith("keep both: keyturn")


@pytest.mark.proves("T14")
def test_foreign_words_in_an_error_cannot_write_to_the_terminal(voice: Voice, stderr: Screen) -> None:
    voice.failure(AuthError("it said \x1b]0;owned\x07\x1b[2J", hint="\x9b31mdo this"))
    assert "\x1b" not in stderr.getvalue()
    assert "\x9b" not in stderr.getvalue()


@pytest.mark.proves("T15")
def test_a_secret_that_a_server_repeats_is_masked(voice: Voice, stderr: Screen) -> None:
    secret = make_secret("api-key")
    voice.failure(AuthError(f"the key {secret} is wrong"))
    voice.warn(f"the key {secret} is wrong")
    assert secret not in stderr.getvalue()
    assert stderr.getvalue().count("[secret]") == 2


@pytest.mark.parametrize(
    ("outside", "inside"),
    [
        ("log in again: keyturn login (in a session: /login)", "log in again: /login"),
        ("run: keyturn status", "run: /status"),
        ("see: keyturn explain", "see: /explain"),
        ("agree to it: keyturn login --yes …", "agree to it: /login --yes …"),
        ("keep both: keyturn login --profile NAME", "keep both: keyturn login --profile NAME"),
        ("see: keyturn login --help", "see: keyturn login --help"),
        ("choose another model: --model NAME", "choose another model: /model NAME"),
        ("keyturn profile list", "keyturn profile list"),
        ("env -u ANTHROPIC_API_KEY keyturn …", "env -u ANTHROPIC_API_KEY keyturn …"),
    ],
)
@pytest.mark.proves("R45")
def test_hints_name_what_can_be_typed_in_the_session(outside: str, inside: str) -> None:
    assert in_session(outside) == inside
