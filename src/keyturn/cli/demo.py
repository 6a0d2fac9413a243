"""`keyturn demo`: the whole story against a sandbox, with a picture at the end."""

from __future__ import annotations

import io
import os
import tempfile
from argparse import Namespace
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
    from keyturn.demo.screen import Screen
    from keyturn.demo.stage import Stage
    from keyturn.demo.story import tell

    place = _place_of(options.svg)
    screen = Screen(terminal)
    began = terminal.world.clock()
    with Stage(terminal.world.env, sandbox=sandbox) as stage:
        props = Props(stage=stage, screen=screen, explain=_explained(stage, screen), stdin=_stdin(terminal))
        try:
            failed = tell(props)
        finally:
            screen.quiet()
            if props.crowd is not None:
                props.crowd.end()
        _show_picture(props, place)
    seconds = terminal.world.clock() - began
    held = sum(bool(fact["holds"]) for fact in props.facts)
    if terminal.json:
        svg = place if props.timeline is not None else None
        terminal.print_json({"version": VERSION, "failed": failed, "facts": props.facts, "svg": svg})
    if failed is not None:
        screen.title(f"step not as told: {failed}")
        return _NOT_AS_TOLD
    screen.title(f"every step happened: {held} facts checked in {seconds:.0f} s, nothing left behind")
    return 0


def _show_picture(props: Props, place: str) -> None:
    """The timeline on the screen and as a file; nothing when the story ended before there was one."""
    from keyturn.demo.chart import ASCII, UNICODE, chart
    from keyturn.demo.picture import picture

    screen, found = props.screen, props.timeline
    if found is None:
        return
    screen.heading("the 16 programs of step 3, from the first question to the last token")
    marks = UNICODE if screen.unicode else ASCII
    screen.block(chart(found, screen.width - 3, marks=marks, style=screen.style))
    with open(place, "w", encoding="utf-8") as file:
        file.write(picture(found))
    screen.say("The same as a picture:")
    screen.raw(place)


def _explained(stage: Stage, screen: Screen) -> Callable[[], list[str]]:
    """What `keyturn explain` prints for the demo's login, laid out for the room there is."""
    from keyturn.world import World

    def lines() -> list[str]:
        page = _Page(drawn=screen.person)
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
    if not (terminal.may_ask and terminal.is_terminal) or terminal.stdin is None:
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
