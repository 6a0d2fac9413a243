from __future__ import annotations

import pytest

from keyturn.session.slash import COMMANDS, Command, Question, Unknown, read_line


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_known_in_any_case_with_its_argument(name: str) -> None:
    assert read_line(f"/{name}") == Command(name=name, argument="")
    assert read_line(f"/{name.upper()}  claude-x  ") == Command(name=name, argument="claude-x")


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("What is OAuth?", "What is OAuth?"),
        ("  indented  ", "indented"),
        ("", ""),
        (" /help", "/help"),
        ("//help", "/help"),
        ("///", "//"),
        ("/etc/hosts holds what?", "/etc/hosts holds what?"),
        ("/help\nmore of a paste", "/help\nmore of a paste"),
        ("/model x\nmore of a paste", "/model x\nmore of a paste"),
        ("/* a comment */", "/* a comment */"),
    ],
)
def test_what_is_no_command_is_a_question(line: str, text: str) -> None:
    assert read_line(line) == Question(text=text)


@pytest.mark.parametrize(
    ("line", "nearest"),
    [
        ("/statsu", "status"),
        ("/st", "status"),
        ("/lgoin", "login"),
        ("/clear", None),
        ("/", None),
    ],
)
def test_an_unknown_command_names_what_was_perhaps_meant(line: str, nearest: str | None) -> None:
    assert read_line(line) == Unknown(name=line[1:], nearest=nearest)


def test_the_usual_other_words_for_leaving_and_help_work() -> None:
    assert read_line("/quit") == Command(name="exit", argument="")
    assert read_line("/?") == Command(name="help", argument="")
