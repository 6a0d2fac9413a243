"""`keyturn demo`: the whole story against a sandbox, with a picture at the end."""

from __future__ import annotations

import io
import os
import tempfile
from argparse import Namespace
from functools import partial
from typing import TYPE_CHECKING

from keyturn.cli import explain
from keyturn.cli.terminal import Terminal
from keyturn.errors import ConfigurationError

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Callable

    from keyturn.demo.props import Props
    from keyturn.demo.screen import Screen
    from keyturn.demo.stage import Stage
    from keyturn.sandbox import Sandbox

VERSION = 1
_NOT_AS_TOLD = 1


def add_options(parser: ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("--svg", metavar="FILE", help="where the picture goes (default: a temporary file)")


def run(options: Namespace, terminal: Terminal) -> int:
    """Tell the story; 0 when every step really happened, else 1. Raises: ConfigurationError."""
    from keyturn.sandbox import Sandbox

    return play(options, terminal, Sandbox)


def play(options: Namespace, terminal: Terminal, sandbox: Callable[..., Sandbox]) -> int:
    """As `run`, with a sandbox of the caller's making."""
    from keyturn.demo.props import Props
    from keyturn.demo.stage import Stage
    from keyturn.demo.story import STEPS, tell

    began = terminal.world.clock()
    screen = _screen(terminal)
    with Stage(terminal.world.env, sandbox=sandbox) as stage:
        place = _place_of(options.svg)
        props = Props(stage=stage, screen=screen, explain=_explained(stage, screen), stdin=_stdin(terminal))
        try:
            failed = tell(props)
        finally:
            screen.quiet()
            if props.crowd is not None:
                props.crowd.end()
            if props.timeline is None and not os.path.getsize(place):
                os.unlink(place)
    if props.timeline is not None:
        _show_picture(props, place)
    if terminal.json:
        picture = place if props.timeline is not None else None
        terminal.print_json({"version": VERSION, "failed": failed, "facts": props.facts, "svg": picture})
    if failed is not None:
        screen.ending(f"step {failed}: it did not happen as it should; see above")
        return _NOT_AS_TOLD
    seconds = terminal.world.clock() - began
    screen.ending(f"all {len(STEPS)} steps happened: {len(props.facts)} facts checked in {seconds:.0f} s")
    return 0


def _screen(terminal: Terminal) -> Screen:
    from keyturn.demo.screen import Screen

    stream = terminal.stderr if terminal.json else terminal.stdout
    return Screen(
        _noter(terminal) if terminal.json else terminal.write,
        width=terminal.width,
        watched=stream.isatty() and terminal.world.variable("TERM") != "dumb",
        encoding=stream.encoding or "utf-8",
        style=partial(terminal.style, stream=stream),
    )


def _noter(terminal: Terminal) -> Callable[[str], None]:
    """The story for a person, while standard output is kept for JSON."""

    def write(text: str) -> None:
        terminal.stderr.write(text)
        terminal.stderr.flush()

    return write


def _show_picture(props: Props, place: str) -> None:
    """The timeline on the screen and as a file."""
    from keyturn.demo.chart import ASCII, UNICODE, chart
    from keyturn.demo.picture import picture

    screen, found = props.screen, props.timeline
    if found is None:
        return
    screen.heading("Step 3 as a picture: the 16 programs, from the first question to the last token")
    marks = UNICODE if screen.unicode else ASCII
    screen.block(chart(found, screen.width - 3, marks=marks, style=screen.style))
    with open(place, "w", encoding="utf-8") as file:
        file.write(picture(found))
    screen.heading("The same, drawn:")
    screen.path(place)


def _explained(stage: Stage, screen: Screen) -> Callable[[], list[str]]:
    """What `keyturn explain` prints for the demo's login, laid out for the room there is."""
    from keyturn.world import World

    def lines() -> list[str]:
        page = _Page(drawn=screen.watched)
        world = World({**stage.env, "COLUMNS": str(screen.width - 3)})
        options = Namespace(profile=None, route=None, source=None, require_billing=None)
        explain.run(options, Terminal(world, stdout=page))
        return page.getvalue().splitlines()

    return lines


class _Page(io.StringIO):
    """Paper that is a terminal where the screen is one: colours and columns, or neither."""

    def __init__(self, *, drawn: bool) -> None:
        super().__init__()
        self._drawn = drawn

    def isatty(self) -> bool:
        return self._drawn


def _stdin(terminal: Terminal) -> int | None:
    """The descriptor of the person, if one may be asked."""
    if terminal.json or not (terminal.may_ask and terminal.is_terminal):
        return None
    return terminal.stdin.fileno()


def _place_of(named: str | None) -> str:
    """Where the picture goes, found writable before the story begins. Raises: ConfigurationError."""
    if named is None:
        # a name of its own: in a folder that everybody writes to, a known one could be a link to anything
        descriptor, named = tempfile.mkstemp(prefix="keyturn-demo-", suffix=".svg")
        os.close(descriptor)
        return named
    named = os.path.abspath(named)
    try:
        with open(named, "ab"):
            return named
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise ConfigurationError(
            f"the picture cannot be written to {named}: {reason}",
            hint="name another file: keyturn demo --svg FILE",
            code="no_picture",
        ) from None
