"""`keyturn trust`: what a project's settings would do, shown and asked for before they may do it."""

from __future__ import annotations

from shlex import quote

from keyturn.clean import clean
from keyturn.cli.person import TerminalPerson
from keyturn.cli.times import rfc3339
from keyturn.errors import ConfigurationError, LoginRefused, Refused, UsageError
from keyturn.settings import consent, trust
from keyturn.settings.layers import PROJECT_FILES, no_project
from keyturn.settings.review import obstacle, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from keyturn.cli.terminal import Terminal
    from keyturn.world import World

VERSION = 1
_TITLES = {
    "command": "commands, which are run with all your rights",
    "host": "hosts, which keys and tokens are sent to",
    "variable": "variables",
    "policy": "rules for logging in",
}
_NOT_COVERED = "what these commands run in turn, such as the scripts behind make or npm run"
_PATH_LIMIT = 4096


def add_options(parser: ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("directory", nargs="?", metavar="DIR", help="the project; else the working directory")
    parser.add_argument("--yes", metavar="DIR", help="trust this project without being asked")
    parser.add_argument("--list", action="store_true", help="every project that is trusted")


def run(options: Namespace, terminal: Terminal) -> int:
    """Show, ask, record; the exit status: 0 only when nothing is left to be trusted.

    Raises: UsageError, Refused, ConfigurationError, StoreError.
    """
    if options.list:
        return _list(options, terminal)
    if options.yes is not None and options.directory is not None:
        raise UsageError("--yes names the directory itself", hint="keyturn trust --yes DIR")
    if terminal.world.variable("KEYTURN_IN_HELPER"):
        # a command of one project could otherwise agree to another's in your name
        raise Refused("a command that keyturn runs cannot trust a project", hint="run keyturn trust yourself")
    seen = Seen(terminal.world, project(options.yes or options.directory, terminal.world))
    agreed = options.yes is not None
    if terminal.json:
        if agreed:
            seen.grant()
        terminal.print_json(as_json(seen))
        return 0 if seen.settled else Refused.exit
    show(terminal, seen)
    if not seen.found.items:
        terminal.tell("nothing there that keyturn would use: nothing to trust")
    elif seen.settled:
        terminal.tell("it is trusted, and nothing has changed since")
    else:
        if not agreed:
            _ask(terminal, seen)
        seen.grant()
        terminal.tell(f"trusted from now on: {clean(seen.place, _PATH_LIMIT)}")
    return 0


class Seen:
    """A project's settings as they were read, once; consent is to these bytes and to no later ones."""

    def __init__(self, world: World, place: str) -> None:
        """Raises: UsageError when there are none; ConfigurationError when they are damaged."""
        self.place = place
        self._world = world
        files = trust.read(place)
        if not files:
            raise UsageError(
                f"there are no settings in {place}: no {' and no '.join(PROJECT_FILES.values())} "
                "that is a plain file of yours",
                hint="name the project: keyturn trust DIR",
                code="no_settings",
            )
        self.found = trust.contents(place, files)
        self.held = trust.evidence(world, place, self.found)
        self.verdict = trust.judge(world, place, files)

    @property
    def settled(self) -> bool:
        """Whether nothing is left to be trusted."""
        return self.verdict.state == "trusted" or not self.found.items

    def check(self) -> None:
        """Refuse what nobody could agree to. Raises: Refused."""
        if not self.settled and (why := obstacle(self.found, self.held)):
            raise Refused(
                f"{self.place} cannot be trusted: {why}",
                hint=f"look at it: ls -la {quote(f'{self.place}/.claude')}",
                code="untrusted",
            )

    def grant(self) -> None:
        """Record consent to what was read, whatever lies there by now. Raises: Refused, StoreError."""
        self.check()
        if not self.settled:
            held = {name: pin for name, pin in self.held.items() if pin is not None}
            consent.grant(self._world, self.place, held)
            self.verdict = self.verdict.replace(state="trusted", changed=(), why="")

    def files(self) -> list[str]:
        """The named files that are there; that others are not is held to as well, and worth no line."""
        return [
            clean(name.removeprefix(trust.FILE), _PATH_LIMIT)
            for name, pin in self.held.items()
            if name.startswith(trust.FILE) and pin != "directory"
        ]


def project(given: str | None, world: World) -> str:
    """The canonical path of the project that was named. Raises: UsageError."""
    place = world.find_directory(given or ".") if "\0" not in (given or "") else None
    if place is None:
        raise UsageError(f"{given} is not a directory", hint="keyturn trust DIR", code="no_directory")
    if reason := no_project(world, place):
        raise UsageError(f"{place} cannot be trusted: {reason}", hint="keyturn trust DIR", code="no_project")
    return place


def show(terminal: Terminal, seen: Seen) -> None:
    """Everything that the settings would do, cleaned (T14); behind a pipe one line for each fact."""
    lines = [shown(item) for item in seen.found.items]
    facts = [("held to what is in it", name) for name in seen.files()]
    facts += [("never taken from a project", clean(name)) for name in seen.found.never]
    facts += [("changed since it was trusted", clean(name, _PATH_LIMIT)) for name in seen.verdict.changed]
    facts += [("not covered", _NOT_COVERED)] if any(line.kind == "command" for line in lines) else []
    if not terminal.is_terminal:
        for line in lines:
            notes = "".join(f" ({note})" for note in line.notes)
            terminal.print(f"{line.kind}: {line.key} in {line.file}: {line.text}{notes}")
        for name, text in facts:
            terminal.print(f"{name}: {text}")
        return
    terminal.tell(f"{clean(seen.place, _PATH_LIMIT)}: what its settings would do")
    for kind, title in _TITLES.items():
        ours = [line for line in lines if line.kind == kind]
        if ours:
            terminal.print()
            terminal.tell(f"  {title}:")
        for line in ours:
            terminal.tell(f"    {line.key} in {line.file}")
            for text in (line.text, *(f"({note})" for note in line.notes)):
                terminal.tell(f"        {text}")
    terminal.print()
    for name, text in facts:
        terminal.tell(f"  {name}: {text}")
    terminal.print()


def as_json(seen: Seen) -> dict[str, object]:
    """What was looked at, in the shape that other programs rely on; it only grows (docs/json.md)."""
    return {
        "version": VERSION,
        "project": clean(seen.place, _PATH_LIMIT),
        "state": seen.verdict.state,
        "changed": [clean(name, _PATH_LIMIT) for name in seen.verdict.changed],
        "settings": [
            {
                "kind": line.kind,
                "key": line.key,
                "file": line.file,
                "value": line.text,
                "notes": list(line.notes),
            }
            for line in map(shown, seen.found.items)
        ],
        "files": seen.files(),
        "never": [clean(name) for name in seen.found.never],
    }


def _ask(terminal: Terminal, seen: Seen) -> None:
    """Raises: Refused unless a person on a terminal says yes."""
    seen.check()
    if (why := terminal.why_not_ask) is not None:
        raise Refused(
            f"nothing was trusted: {why}",
            hint=f"look at what stands above; then: keyturn trust --yes {quote(seen.place)}",
            code="untrusted",
        )
    terminal.flush()
    try:
        agreed = TerminalPerson(terminal).confirm("Trust this?")
    except LoginRefused:  # standard input has ended
        agreed = False
    if not agreed:
        raise Refused("nothing was trusted", hint="to be asked again: keyturn trust", code="untrusted")


def _list(options: Namespace, terminal: Terminal) -> int:
    if options.directory is not None or options.yes is not None:
        raise UsageError("--list takes no directory", hint="keyturn trust --list")
    rows = [(entry, *_state(terminal.world, entry.project)) for entry in consent.all_recorded(terminal.world)]
    if terminal.json:
        listed = [
            {
                "project": clean(e.project, _PATH_LIMIT),
                "state": state,
                "why": why,
                "trusted_at": rfc3339(e.given_at),
            }
            for e, state, why in rows
        ]
        terminal.print_json({"version": VERSION, "projects": listed})
        return 0
    for entry, state, why in rows:
        reason = f"; {why}" if why else ""
        terminal.tell(
            f"{clean(entry.project, _PATH_LIMIT)}: {state}: since {rfc3339(entry.given_at)}{reason}"
        )
    if not rows:
        terminal.tell("no project is trusted")
    return 0


def _state(world: World, place: str) -> tuple[str, str | None]:
    if world.find_directory(place) is None:
        return "gone", "there is no such directory"
    try:
        verdict = trust.judge(world, place, trust.read(place))
    except ConfigurationError as error:
        return "damaged", clean(error.message, _PATH_LIMIT)
    return verdict.state, clean(verdict.why, _PATH_LIMIT) or None
