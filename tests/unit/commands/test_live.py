"""What a command says reaches the person at once, and moves nothing on the terminal (T14)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyturn.commands.live import Escapes, Live
from keyturn.testing import FakeWorld

if TYPE_CHECKING:
    from pathlib import Path


def heard(tmp_path: Path, *pieces: bytes, stream: str = "stderr") -> list[str]:
    world = FakeWorld(tmp_path)
    told: list[str] = []
    world.tell = told.append
    live = Live(world)
    for piece in pieces:
        live(stream, piece)
    live.close()
    return told


def test_a_part_of_a_line_is_passed_on_before_its_end(tmp_path: Path) -> None:
    assert heard(tmp_path, b"code: ", b"AB-CD")[:2] == ["code: ", "AB-CD"]


def test_the_last_line_is_ended(tmp_path: Path) -> None:
    assert "".join(heard(tmp_path, b"no end")) == "no end\n"
    assert "".join(heard(tmp_path, b"an end\n")) == "an end\n"
    assert heard(tmp_path) == []


def test_letters_of_several_bytes_may_come_in_parts(tmp_path: Path) -> None:
    parts = [bytes([byte]) for byte in "öffne é\n".encode()]
    assert "".join(heard(tmp_path, *parts)) == "öffne é\n"


def test_bytes_that_are_no_text_are_no_error(tmp_path: Path) -> None:
    assert "".join(heard(tmp_path, b"\xff\xfe ok\n")).endswith(" ok\n")


@pytest.mark.proves("T14")
@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (b"\x1b[31mred\x1b[0m\n", "red\n"),
        (b"\x1b]0;a title\x07text\n", "text\n"),
        (b"\x1b]8;;https://evil.example\x1b\\link\x1b]8;;\x1b\\\n", "link\n"),
        (b"\x1b(Bplain\n", "plain\n"),
        (b"\x1bcreset\n", "reset\n"),
        (b"one\r\ntwo\rthree\n", "one\ntwo\nthree\n"),
        ("abc\u202etxt.exe\u200b\n".encode(), "abctxt.exe\n"),
        (b"bell\x07 \x9b31mC1\n", "bell �31mC1\n"),
        (b"\x1bPdevice\x1b\\end\n", "end\n"),
    ],
)
def test_what_moves_a_terminal_is_taken_out(tmp_path: Path, said: bytes, shown: str) -> None:
    assert "".join(heard(tmp_path, said)) == shown
    assert "".join(heard(tmp_path, *(bytes([byte]) for byte in said))) == shown, "in whatever pieces it comes"


def test_the_streams_do_not_mix_their_sequences(tmp_path: Path) -> None:
    world = FakeWorld(tmp_path)
    told: list[str] = []
    world.tell = told.append
    live = Live(world)
    live("stdout", b"\x1b[3")
    live("stderr", b"plain ")
    live("stdout", b"1mred\n")
    assert "".join(told) == "plain red\n"


@given(st.text(alphabet="a\x1b[]()P;0m\x07\n\\ ", max_size=40), st.integers(min_value=1, max_value=5))
def test_it_does_not_matter_where_a_text_is_cut(text: str, size: int) -> None:
    pieces = Escapes()
    cut = "".join(pieces.without(text[at : at + size]) for at in range(0, len(text), size))
    assert cut == Escapes().without(text)
    assert "\x1b" not in cut


def test_without_a_person_whole_lines_go_to_the_log_without_secrets(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    live = Live(FakeWorld(tmp_path))
    with caplog.at_level(logging.INFO, "keyturn"):
        for piece in (b"opening ", b"https://sso.example.com\nkey sk-ant-te", b"st-abcdefgh\n", b"rest"):
            live("stdout", piece)
        live.close()
    assert caplog.messages == ["opening https://sso.example.com", "key [secret]", "rest"]
