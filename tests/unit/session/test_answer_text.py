from __future__ import annotations

import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.session.plain import answer_text


@pytest.mark.parametrize(
    "said",
    [
        "two lines\n\tand a tab",
        "déjà vu, 日本語, 👩\u200d💻, می\u200cخواهم",
        "```sh\nprintf '\\033[2J'\n```",
    ],
)
def test_an_answer_stays_as_it_is(said: str) -> None:
    assert answer_text(said) == said


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("\x1b[2J\x1b[1;1Hgone", "[2J[1;1Hgone"),
        ("\x1b]52;c;c2VjcmV0\x07clipboard", "]52;c;c2VjcmV0clipboard"),
        ("\x9b31mred", "31mred"),
        ("first\rsecond", "firstsecond"),
        ("pass\b\b\b\bword", "password"),
        ("windows\r\nline", "windows\nline"),
        ("\u202eright to left\u202c", "right to left"),
        ("\u2066isolated\u2069", "isolated"),
        ("half a \ud83d character", "half a \ufffd character"),
        ("nul\0del\x7f", "nuldel"),
    ],
)
@pytest.mark.proves("T14")
def test_what_moves_the_cursor_or_reorders_loses_its_power(said: str, shown: str) -> None:
    assert answer_text(said) == shown


@given(st.lists(st.text(max_size=12), max_size=6))
@pytest.mark.proves("T14")
def test_no_text_in_any_pieces_moves_the_cursor_up_or_back(pieces: list[str]) -> None:
    screen = pyte.Screen(80, 90)
    stream = pyte.Stream(screen)
    stream.feed("> question\r\n")
    row = screen.cursor.y
    for piece in pieces:
        cleaned = answer_text(piece)
        assert not any(code < " " and code not in "\n\t" for code in cleaned)
        stream.feed(cleaned.replace("\n", "\r\n"))  # as a terminal's driver does
        assert screen.cursor.y >= row
        row = screen.cursor.y
    assert screen.display[0].rstrip() == "> question"


@given(st.text(), st.integers(min_value=0, max_value=20))
def test_it_does_not_matter_where_an_answer_is_cut_into_pieces(text: str, at: int) -> None:
    assert answer_text(text[:at]) + answer_text(text[at:]) == answer_text(text)
