"""The words of a command line: options on both sides of the command, help, and mistakes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from keyturn.cli.commands import WORDS
from keyturn.cli.dispatch import _cut, split
from tests.secretscan import make_secret

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Machine

OPTIONS = ("--profile", "work", "--source", "stored-login", "--json", "--no-input", "--route=anthropic")


@pytest.mark.parametrize("command", ["status", "explain", "token", "profile list"])
def test_options_mean_the_same_before_and_after_the_command(keyturn: Machine, command: str) -> None:
    keyturn.log_in("work")
    words = command.split()
    after = keyturn(*words, *OPTIONS)
    assert after.status == 0
    assert keyturn(*OPTIONS, *words) == after
    assert keyturn(*OPTIONS[:2], *words, *OPTIONS[2:]) == after


def test_the_last_of_two_options_counts(keyturn: Machine) -> None:
    assert keyturn("--profile", "one", "status", "--profile", "two", "--json").json["profile"] == "two"


@pytest.mark.parametrize(
    ("words", "before", "command", "after"),
    [
        ([], [], None, []),
        (["status"], [], "status", []),
        (["--json", "status", "--verify"], ["--json"], "status", ["--verify"]),
        (["--profile", "status", "token"], ["--profile", "status"], "token", []),
        (["--profile=work", "token"], ["--profile=work"], "token", []),
        (["--model", "m", "-p", "Hello"], ["--model", "m"], "-p", ["Hello"]),
        (["-p", "--json"], [], "-p", ["--json"]),
        (["--profile", "work"], ["--profile", "work"], None, []),
    ],
)
def test_the_command_is_the_first_word_that_is_no_option(
    words: list[str], before: list[str], command: str | None, after: list[str]
) -> None:
    assert split(words) == (before, command, after)


@pytest.mark.parametrize(
    ("words", "ours", "foreign"),
    [
        (["--", "CMD", "--json", "-p"], [], ["CMD", "--json", "-p"]),
        (["CMD", "--json", "--", "--profile"], [], ["CMD", "--json", "--", "--profile"]),
        (["--profile", "work", "--", "CMD"], ["--profile", "work"], ["CMD"]),
        (["--json", "CMD", "--no-input"], ["--json"], ["CMD", "--no-input"]),
        (["--", "--", "CMD"], [], ["--", "CMD"]),
        (["--help"], ["--help"], []),
        (["--", "CMD", "--help"], [], ["CMD", "--help"]),
        ([], [], []),
        (["--"], [], []),
    ],
)
def test_after_run_nothing_is_ours(words: list[str], ours: list[str], foreign: list[str]) -> None:
    assert _cut(words) == (ours, foreign)


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["tokne"], "there is no command 'tokne'", "did you mean: keyturn token"),
        (["Why is the sky blue?"], "there is no command", "to ask Claude something: keyturn -p 'TEXT'"),
        (["xyzzy"], "there is no command 'xyzzy'", "see what there is: keyturn --help"),
        (["session"], "there is no command 'session'", "keyturn --help"),
        (["--verify", "status"], "there is no option --verify before a command", "keyturn COMMAND --help"),
        (["status", "--verfy"], "keyturn status has no option --verfy", "did you mean --verify"),
        (["status", "--ver"], "keyturn status has no option --ver", "--verify"),
        (["status", "now"], "'now' is one word too many", "see: keyturn status --help"),
        (["status", "-p", "work"], "-p asks Claude a question", "the profile is: --profile NAME"),
        (["token", "--min-ttl"], "expected one argument", "see: keyturn token --help"),
        (["token", "--min-ttl", "soon"], "it is not a duration", "see: keyturn token --help"),
        (["--profile"], "expected one argument", "--help"),
        (["profile"], "needs a word more: list, use, bind, remove", "for example: keyturn profile list"),
        (["profile", "rename"], "takes one of list, use, bind, remove, and got 'rename'", "profile --help"),
        (["profile", "lsit"], "and got 'lsit'", "did you mean: keyturn profile list"),
        (["login", "--store", "files"], "keyturn login --store takes one of", "keyturn login --store file"),
        (["completion"], "needs a word more: bash, zsh, fish", "for example: keyturn completion bash"),
        (["run"], "run what?", "keyturn run -- python program.py"),
        (["run", "--"], "run what?", "keyturn run -- python program.py"),
        (["help", "nothing"], "there is no command 'nothing'", "keyturn --help"),
    ],
)
def test_a_mistake_is_exit_2_with_the_next_step(
    keyturn: Machine, words: list[str], message: str, hint: str
) -> None:
    done = keyturn(*words)
    assert (done.status, done.out) == (2, "")
    error, _, advice = done.err.partition("\n")
    assert message in error
    assert hint in advice


@pytest.mark.proves("T9", "T15")
def test_a_key_that_was_typed_in_the_wrong_place_is_not_repeated(keyturn: Machine) -> None:
    key = make_secret("api-key")
    for words in (["status", key], [key], ["token", f"--{key}"], ["--source", key, "status"]):
        done = keyturn(*words)
        assert done.status == 2
        assert key not in done.err
        assert "[secret]" in done.err


@pytest.mark.parametrize("words", [("--help",), ("-h",), ("help",), ("--json", "--help")])
def test_the_overview_begins_with_examples_and_names_every_command(
    keyturn: Machine, words: tuple[str, ...]
) -> None:
    done = keyturn(*words)
    assert done.status == 0
    assert done.lines[2].startswith("  keyturn ")
    listed = [line.split()[0] for line in done.lines if line.startswith("  ") and line.split()]
    assert set(WORDS) <= set(listed)


@pytest.mark.parametrize("command", ["status", "explain", "token", "run", "profile", "sandbox", "completion"])
def test_help_is_examples_first(keyturn: Machine, command: str) -> None:
    done = keyturn(command, "--help")
    assert done.status == 0
    assert done.lines[0].startswith(f"keyturn {command}: ")
    assert f"keyturn {command}" in done.lines[2] or command == "completion"
    examples, options = done.out.index("keyturn " + command, 10), done.out.index("--profile NAME")
    assert examples < options
    assert keyturn("help", command) == done
    assert keyturn(command, "-h") == done


def test_the_version_is_said(keyturn: Machine) -> None:
    from keyturn import __version__

    assert keyturn("--version").out == f"keyturn {__version__}\n"


def test_json_is_promised_only_where_the_answer_is_json(keyturn: Machine) -> None:
    for name in ("status", "-p", "profile"):
        assert "the answer as JSON" in keyturn("help", name).out
    for name in ("completion", "run"):
        assert "errors as JSON" in keyturn("help", name).out
        assert "the answer as JSON" not in keyturn("help", name).out


def test_what_stands_behind_two_dashes_is_never_an_option(keyturn: Machine) -> None:
    """Once, a second round of the parser read options out of it."""
    done = keyturn("-p", "--", "--json")
    assert (done.status, "--json" in done.err, "no credential found" in done.err) == (3, False, True)
    assert keyturn("trust", "--", "--list").status == 2


def test_a_value_is_never_an_option_not_even_for_the_form_of_an_error(keyturn: Machine) -> None:
    done = keyturn("--profile", "--json", "status")
    assert (done.status, done.out) == (2, "")
    assert keyturn("--json", "--profile", "--json", "status").json["error"]["exit"] == 2
