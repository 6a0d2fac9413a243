from __future__ import annotations

import io
import os
import pty
import termios
from typing import TYPE_CHECKING

import pytest

from keyturn.cli.ask import question
from keyturn.cli.terminal import Terminal
from keyturn.errors import UsageError
from keyturn.session.echo import without_echo
from keyturn.testing import FakeWorld

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import TextIO


class Keyboard(io.StringIO):
    """A terminal: reading from it would wait for a person."""

    def isatty(self) -> bool:
        return True

    def read(self, size: int | None = -1) -> str:
        raise AssertionError(f"somebody read {size} characters from the terminal")


def asked(directory: Path, text: str, stdin: TextIO) -> str:
    return question(
        text, Terminal(FakeWorld(directory), stdin=stdin, stdout=io.StringIO(), stderr=io.StringIO())
    )


@pytest.mark.parametrize(
    ("text", "piped", "whole"),
    [
        ("explain this", "line one\nline two\n", "explain this\n\nline one\nline two"),
        ("explain this", "", "explain this"),
        ("", "only piped\n", "only piped"),
        ("  ", "\n\n  indented\n", "indented"),
    ],
)
def test_text_and_what_is_piped_in_are_joined_by_a_blank_line(
    tmp_path: Path, text: str, piped: str, whole: str
) -> None:
    assert asked(tmp_path, text, io.StringIO(piped)) == whole


def test_a_terminal_is_never_read_from(tmp_path: Path) -> None:
    assert asked(tmp_path, "hello", Keyboard()) == "hello"
    with pytest.raises(UsageError, match="nothing to ask"):
        asked(tmp_path, "", Keyboard())


@pytest.mark.parametrize("piped", ["", "\n \t\n"])
def test_nothing_at_all_is_a_usage_error_with_an_example(tmp_path: Path, piped: str) -> None:
    with pytest.raises(UsageError, match="nothing to ask") as caught:
        asked(tmp_path, " ", io.StringIO(piped))
    assert caught.value.exit == 2
    assert "keyturn -p '" in str(caught.value.hint)


@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])
def test_bytes_that_are_no_text_are_refused_in_every_locale(tmp_path: Path, errors: str) -> None:
    piped = io.TextIOWrapper(io.BytesIO(b"\xff\xfe\x00binary"), encoding="utf-8", errors=errors)
    with pytest.raises(UsageError, match="not UTF-8") as caught:
        asked(tmp_path, "what is this", piped)
    assert caught.value.code == "not_text"


def test_more_than_the_api_takes_is_refused_before_it_is_sent(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="32 MiB"):
        asked(tmp_path, "", io.StringIO("x" * (32 * 1024 * 1024 + 1)))


@pytest.fixture
def keyboard() -> Iterator[TextIO]:
    """The slave side of a new terminal."""
    master, slave = pty.openpty()
    with os.fdopen(slave, encoding="utf-8") as opened:
        yield opened
    os.close(master)


def test_while_an_answer_streams_the_terminal_echoes_nothing_and_ctrl_c_still_works(keyboard: TextIO) -> None:
    before = termios.tcgetattr(keyboard.fileno())

    def interrupted() -> None:
        with without_echo(keyboard):
            during = termios.tcgetattr(keyboard.fileno())[3]
            assert not during & termios.ECHO
            assert during & termios.ISIG
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert termios.tcgetattr(keyboard.fileno()) == before
    assert before[3] & termios.ECHO


def test_without_a_terminal_there_is_no_echo_to_switch_off() -> None:
    with without_echo(io.StringIO()):
        pass
    with open(os.devnull) as nothing, without_echo(nothing):  # noqa: PTH123 - a device
        pass
