"""`keyturn login --code-file FILE`: a login that was begun in one terminal is finished in another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keyturn.cli.logged_in import forget_former_store, report
from keyturn.cli.person import TerminalPerson
from keyturn.cli.typed import applied, check_rememberable, flag_of, remember
from keyturn.errors import AuthError, NoCredential, UsageError
from keyturn.oauth.grant import check_store, keep
from keyturn.oauth.pending import PendingFile, finish
from keyturn.settings.forced import check_before
from keyturn.stores import open_store
from keyturn.world import texts

if TYPE_CHECKING:
    import argparse

    from keyturn.cli.terminal import Terminal
    from keyturn.settings.config import Config, Profile

_LIMIT = 64 * 1024


def run(
    options: argparse.Namespace, terminal: Terminal, config: Config, before: Profile, typed: dict[str, Any]
) -> int:
    """Finish, store and report. Raises: UsageError, and what finishing a login raises."""
    if typed:
        raise UsageError(
            f"{', '.join(flag_of(name) for name in typed)} counts where a login is begun",
            hint="finish it without: keyturn login --code-file FILE",
        )
    world = terminal.world
    place = PendingFile(world, before.name, {})
    pending = place.load()
    begun: dict[str, Any] = dict(pending.typed)
    profile = applied(before, begun)
    check_before(world, pending.terms.api_base_url, key=False)
    person = TerminalPerson(terminal)
    text = _code(options.code_file, terminal, person)
    store = open_store(world, profile.name, profile.store)
    check_store(store)  # before the code is spent: it works once
    check_rememberable(world, config, profile.name, begun)
    login = finish(text, world, profile, place, person, yes=options.yes)
    stored = keep(store, world, login, person, yes=options.yes)
    remember(world, config, profile.name, begun if before.route is None else {**begun, "route": None})
    forget_former_store(terminal, before, profile)
    report(terminal, stored, profile)
    return 0


def _code(name: str, terminal: Terminal, person: TerminalPerson) -> str:
    """The text with the code in it. Raises: UsageError; NoCredential where nobody may be asked for it."""
    if name == "-" and terminal.stdin.isatty():
        if not person.present:
            raise NoCredential(
                f"standard input is a terminal, and {terminal.why_not_ask}",
                hint="give a file with the code in it: keyturn login --code-file FILE",
                code="no_terminal",
            )
        text = person.ask("the code of the last page, or its address: ")
    elif name == "-":
        text = terminal.stdin.read(_LIMIT + 1)
    else:
        try:
            text = texts.read_text(terminal.world.canonical(name), ours_alone=False) or ""
        except (AuthError, ValueError) as error:
            raise UsageError(
                f"--code-file {name!r} cannot be read: {getattr(error, 'message', 'it is no path')}",
                hint="give a file with the code in it, or - for standard input",
                code="code_file",
            ) from None
    if not text.strip():
        raise UsageError(
            f"{'standard input' if name == '-' else name} holds no code",
            hint="put the code there that the last page shows, then run it again",
            code="no_code",
        )
    return str(text)
