"""`keyturn login --code-file FILE`: a login that was begun in one terminal is finished in another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keyturn.cli.logged_in import forget_former_store, report
from keyturn.cli.person import TerminalPerson
from keyturn.cli.typed import applied, flag_of, remember
from keyturn.errors import AuthError, UsageError
from keyturn.oauth.grant import keep
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
    login = finish(_code(options.code_file, terminal), world, profile, place, person, yes=options.yes)
    stored = keep(open_store(world, profile.name, profile.store), world, login, person, yes=options.yes)
    remember(world, config, profile.name, begun if before.route is None else {**begun, "route": None})
    forget_former_store(terminal, before, profile)
    report(terminal, stored, profile)
    return 0


def _code(name: str, terminal: Terminal) -> str:
    """The text with the code in it. Raises: UsageError."""
    if name == "-":
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
