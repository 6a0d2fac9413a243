from __future__ import annotations

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from keyturn.session.prompt import SlashCompleter
from keyturn.session.slash import COMMANDS

COMPLETER = SlashCompleter(lambda: ("claude-one", "claude-two", "other"))


def completed(before: str, after: str = "") -> list[str]:
    document = Document(before + after, len(before))
    found = COMPLETER.get_completions(document, CompleteEvent(text_inserted=True))
    return [before[: len(before) + one.start_position] + one.text for one in found]


@pytest.mark.parametrize(
    ("before", "lines"),
    [
        ("/", [f"/{name}" for name in COMMANDS]),
        ("/lo", ["/login", "/logout"]),
        ("/ST", ["/status"]),
        ("/x", []),
        ("/model ", ["/model claude-one", "/model claude-two", "/model other"]),
        ("/model claude-t", ["/model claude-two"]),
        ("/login ", []),
        ("", []),
        ("what is /lo", []),
        (" /lo", []),
    ],
)
def test_commands_and_models_are_completed_and_questions_are_left_alone(
    before: str, lines: list[str]
) -> None:
    assert completed(before) == lines


def test_a_paste_of_several_lines_is_left_alone() -> None:
    assert completed("/lo", "\nsecond line") == []
