"""`keyturn untrust`: forget that a project was trusted."""

from __future__ import annotations

from keyturn.clean import clean
from keyturn.settings import consent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from keyturn.cli.terminal import Terminal

VERSION = 1
_PATH_LIMIT = 4096


def add_options(parser: ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("directory", nargs="?", metavar="DIR", help="the project; else the working directory")


def run(options: Namespace, terminal: Terminal) -> int:
    """Forget it, also when the directory is gone by now. Raises: StoreError, Unavailable."""
    world = terminal.world
    given = (options.directory or ".").replace("\0", "")
    place = world.canonical(given if given.startswith("/") else f"{world.cwd()}/{given}")
    known = consent.withdraw(world, place)
    if terminal.json:
        terminal.print_json(
            {"version": VERSION, "project": clean(place, _PATH_LIMIT), "trusted": False, "was_trusted": known}
        )
    else:
        said = "is not trusted any more" if known else "was not trusted"
        terminal.tell(f"{clean(place, _PATH_LIMIT)} {said}")
    return 0
