"""`keyturn profile`: list, use, bind and remove the named logins."""

from __future__ import annotations

from keyturn.clean import clean
from keyturn.cli.layout import pairs, table
from keyturn.cli.times import rfc3339
from keyturn.errors import AuthError, UsageError
from keyturn.survey import Offer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from keyturn.cli.terminal import Terminal
    from keyturn.profiles import Listed

VERSION = 1
_ACTIONS = ("list", "use", "bind", "remove")


def add_options(parser: ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument("action", choices=_ACTIONS, metavar="ACTION", help=", ".join(_ACTIONS))
    parser.add_argument("name", nargs="?", metavar="NAME", help="a profile")
    parser.add_argument("directory", nargs="?", metavar="DIR", help="for bind; else the working directory")
    parser.add_argument(
        "--none", action="store_true", help="for bind: bind nothing to the directory any more"
    )
    parser.add_argument("--names", action="store_true", help="for list: the names alone")


def run(options: Namespace, terminal: Terminal) -> int:
    """List or change. Raises: UsageError, ConfigurationError, StoreError."""
    return {"list": _list, "use": _use, "bind": _bind, "remove": _remove}[options.action](options, terminal)


def as_json(rows: list[Listed]) -> dict[str, object]:
    """The profiles in the shape that other programs rely on; it only grows (docs/json.md)."""
    return {"version": VERSION, "profiles": [_row_as_json(row) for row in rows]}


def _list(options: Namespace, terminal: Terminal) -> int:
    from keyturn.profiles import profiles

    if options.name is not None:
        raise UsageError(
            f"list takes no name, and got {options.name[:64]!r}", hint="see: keyturn profile --help"
        )
    rows = profiles(terminal.world, options.profile)
    if terminal.json:
        terminal.print_json(as_json(rows))
    elif options.names:
        for row in rows:
            terminal.print(row.name)
    else:
        _print(rows, terminal)
    return 0


def _print(rows: list[Listed], terminal: Terminal) -> None:
    cells = [(">" if row.chosen else " ", row.name, _state(row)[0], _about(row)) for row in rows]
    if not terminal.is_terminal:
        for mark, name, state, about in cells:
            chosen = " (chosen)" if mark == ">" else ""
            terminal.print(f"{name}: {state}: {about}{chosen}")
        return
    lines = table(cells, terminal.width)
    if lines is None:
        narrow = [(f"{mark} {name}: {state}", about) for mark, name, state, about in cells]
        lines = pairs(narrow, terminal.width)
    for line in lines:
        terminal.print(line)


def _use(options: Namespace, terminal: Terminal) -> int:
    from keyturn.profiles import use

    name = _name(options)
    config = use(terminal.world, name)
    chosen, chosen_by = config.chosen(options.profile, terminal.world)
    _done(terminal, f"profile {name} is now the default one", profile=name)
    if chosen != name:
        terminal.warn(f"here profile {chosen} is used all the same: {chosen_by}")
    return 0


def _bind(options: Namespace, terminal: Terminal) -> int:
    from keyturn.profiles import bind, unbind

    if options.none:
        if options.directory is not None:
            raise UsageError("--none takes a directory and no name", hint="keyturn profile bind --none DIR")
        directory = _directory(options.name, terminal)
        unbind(terminal.world, directory)
        _done(terminal, f"no profile is bound to {directory} any more", directory=directory, profile=None)
        return 0
    name, directory = _name(options), _directory(options.directory, terminal)
    bind(terminal.world, name, directory)
    _done(terminal, f"profile {name} is used in {directory} and below", directory=directory, profile=name)
    return 0


def _remove(options: Namespace, terminal: Terminal) -> int:
    from keyturn.profiles import remove

    name = _name(options)
    remove(terminal.world, name)
    _done(terminal, f"profile {name} is forgotten", profile=name)
    return 0


def _name(options: Namespace) -> str:
    name: str | None = options.name
    if name is None:
        raise UsageError(
            f"which profile is it to {options.action}?",
            hint=f"keyturn profile {options.action} NAME; see: keyturn profile list",
        )
    return name


def _directory(given: str | None, terminal: Terminal) -> str:
    """The canonical directory; bindings of what does not exist are typing errors."""
    found = terminal.world.find_directory(given or ".")
    if found is None:
        raise UsageError(f"{given} is not a directory", hint="keyturn profile bind NAME DIR")
    return found


def _done(terminal: Terminal, text: str, **facts: object) -> None:
    if terminal.json:
        terminal.print_json({"version": VERSION, **facts})
    else:
        terminal.print(clean(text, 1000))


def _state(row: Listed) -> tuple[str, str | None]:
    """The login's state, and what is to be said about it."""
    if isinstance(row.answer, Offer):
        return row.answer.state, row.answer.note
    if isinstance(row.answer, AuthError):
        return "error", row.answer.message
    return "absent", row.answer.why


def _about(row: Listed) -> str:
    note = _state(row)[1]
    offer = row.answer if isinstance(row.answer, Offer) else None
    account = offer.account if offer else None
    kind = "an API key" if offer and offer.kind == "api_key" else None
    place = row.profile.issuer or row.profile.token_url
    said = [
        account or kind,
        note,
        f"at {place}" if place else None,
        *(f"bound to {path}" for path in row.bound),
    ]
    return "; ".join(clean(text) for text in said if text) or "logged in"


def _row_as_json(row: Listed) -> dict[str, object]:
    state, note = _state(row)
    offer = row.answer if isinstance(row.answer, Offer) else None
    return {
        "name": row.name,
        "chosen": row.chosen,
        "issuer": row.profile.issuer,
        "api_base_url": row.profile.api_base_url,
        "where": clean(row.where) if row.where else None,
        "bound": list(row.bound),
        "state": state,
        "note": clean(note) if note else None,
        "account": clean(offer.account) if offer and offer.account else None,
        "expires_at": rfc3339(offer.expires_at) if offer else None,
    }
