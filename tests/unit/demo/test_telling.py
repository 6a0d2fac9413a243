"""How the story is told, and that it keeps to a stage of its own."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from keyturn.demo.props import Mismatch, Props
from keyturn.demo.screen import Screen
from keyturn.demo.stage import Stage, clean_environment
from keyturn.errors import ConfigurationError
from keyturn.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def paper() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def screen(paper: io.StringIO) -> Screen:
    return Screen(paper.write, width=40)


@pytest.fixture
def stage() -> Iterator[Stage]:
    with Stage({"PATH": "/usr/bin"}) as ready:
        yield ready


def test_nothing_of_the_persons_claude_settings_reaches_the_demo() -> None:
    env = {
        "PATH": "/usr/bin",
        "BROWSER": "firefox",
        "ANTHROPIC_API_KEY": "sk-ant-test-somebody",
        "CLAUDE_CODE_USE_BEDROCK": "1",
        "CLAUDE_CONFIG_DIR": "/home/somebody/.claude",
        "KEYTURN_HOME": "/home/somebody/keyturn",
        "KEYTURN_SOURCE": "api-key-env",
    }
    assert clean_environment(env, "/stage") == {
        "PATH": "/usr/bin",
        "BROWSER": "firefox",
        "KEYTURN_HOME": "/stage",
        "CLAUDE_CONFIG_DIR": "/stage/claude",
    }


def test_the_stage_is_gone_afterwards(stage: Stage) -> None:
    home = Path(stage.home)
    assert (home / "config.json").exists()
    stage.__exit__()
    assert not home.exists()


def test_a_missing_package_is_named_with_the_command_that_installs_it() -> None:
    class Lacking(Sandbox):
        def start(self) -> Lacking:
            raise ModuleNotFoundError(name="flask")

    stage = Stage({}, sandbox=Lacking)
    with pytest.raises(ConfigurationError, match="flask") as caught, stage:
        pass
    assert caught.value.hint == "install it with: pip install 'keyturn[sandbox]'"
    assert not Path(stage.home).exists()


def test_a_fact_that_holds_is_shown_and_kept(stage: Stage, screen: Screen, paper: io.StringIO) -> None:
    props = Props(stage=stage, screen=screen, explain=list)
    props.check("requests", 1, 1)
    props.confirm("it worked", seen=True)
    assert paper.getvalue() == "   ✓ requests: 1\n   ✓ it worked\n"
    assert [fact["holds"] for fact in props.facts] == [True, True]


def test_a_fact_that_does_not_hold_says_what_was_expected_and_what_was_seen(
    stage: Stage, screen: Screen, paper: io.StringIO
) -> None:
    props = Props(stage=stage, screen=screen, explain=list)
    with pytest.raises(Mismatch):
        props.check("requests", 1, 2)
    with pytest.raises(Mismatch):
        props.confirm("it worked", seen=False)
    assert paper.getvalue() == "   ✗ requests: expected 1, seen 2\n   ✗ it worked: it did not happen\n"
    assert [fact["holds"] for fact in props.facts] == [False, False]


def test_no_line_is_longer_than_the_terminal_is_wide(screen: Screen, paper: io.StringIO) -> None:
    long = "a sentence of many words that goes on " * 4
    screen.title(long)
    screen.step(1, long)
    screen.say(long)
    screen.quote(long, long)
    screen.fact(long, 1)
    screen.failed(long, [1, 2], None)
    for word in ("A", " streamed", " answer", " that goes", " on", " and on,", " over lines,", " in pieces"):
        screen.piece(word)
    screen.end_piece()
    lines = paper.getvalue().splitlines()
    assert max(map(len, lines)) <= 40
    assert lines[-2:] == ["   A streamed answer that goes on and", "   on, over lines, in pieces"]


def test_a_streamed_answer_cannot_move_the_cursor(screen: Screen, paper: io.StringIO) -> None:
    screen.piece("\x1b[2Jgone\r\x07")
    screen.end_piece()
    assert paper.getvalue() == "   [2Jgone\n"


def test_a_live_line_is_for_those_who_watch_and_is_taken_back(paper: io.StringIO, screen: Screen) -> None:
    screen.live("working")
    assert paper.getvalue() == ""
    watched = Screen(paper.write, watched=True)
    watched.live("working")
    watched.say("done")
    assert paper.getvalue() == "\r\x1b[2K   working\r\x1b[2K   done\n"
    assert watched.shown == ["   done\n"]


def test_marks_are_plain_where_the_encoding_has_no_others(paper: io.StringIO) -> None:
    screen = Screen(paper.write, encoding="ascii")
    screen.fact("requests", 1)
    screen.failed("answers", 1, [])
    assert paper.getvalue() == "   + requests: 1\n   x answers: expected 1, seen nothing\n"
