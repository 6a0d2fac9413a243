"""How an error ends a command: what, where and the next command on stderr, or as JSON on stdout."""

from __future__ import annotations

from keyturn.clean import clean
from keyturn.cli.terminal import OutputError
from keyturn.errors import AuthError
from keyturn.redact import held_secrets, redact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from keyturn.cli.terminal import Terminal

VERSION = 1
BUG = 1
_LIMIT = 2000


def show(error: Exception, terminal: Terminal, arguments: Sequence[str]) -> int:
    """Tell the person or the program; the exit status.

    An error that keyturn did not foresee is named by its kind alone: its text may hold anything.
    """
    if isinstance(error, OutputError):
        terminal.abandon()
    if terminal.world.variable("KEYTURN_DEBUG") == "1":
        _show_traceback(error, terminal)
    if not isinstance(error, AuthError):
        error = AuthError(
            f"this should not have happened: {type(error).__name__}",
            hint="it is a bug in keyturn; to see where, run the same again with KEYTURN_DEBUG=1",
            code="bug",
        )
        error.exit = BUG
    message = redact(clean(error.message, _LIMIT))
    hint = redact(clean(_of_profile(error.hint, terminal), _LIMIT)) if error.hint else None
    if _wants_json(terminal, arguments) and not isinstance(error, OutputError):
        terminal.print_json(
            {
                "version": VERSION,
                "error": {"code": error.code, "message": message, "hint": hint, "exit": error.exit},
            }
        )
        terminal.flush()
        return error.exit
    terminal.note(f"keyturn: {terminal.style('error:', 'red', stream=terminal.stderr)} {message}")
    if hint:
        terminal.note(f"hint: {hint}")
    return error.exit


def _of_profile(hint: str, terminal: Terminal) -> str:
    """The hint with the profile of this command in it, as far as that can be told."""
    from keyturn.hints import of_profile
    from keyturn.settings.config import read_config

    try:
        return of_profile(hint, *read_config(terminal.world).chosen(terminal.profile, terminal.world))
    except AuthError:
        return hint  # the configuration is what is wrong, or the name


def _wants_json(terminal: Terminal, arguments: Sequence[str]) -> bool:
    """Whether JSON was asked for; an error of the arguments themselves comes before they are read."""
    from keyturn.cli.dispatch import VALUED

    ours = arguments[: arguments.index("--")] if "--" in arguments else arguments
    # a value is never read as an option, not even to decide how an error looks
    words = (word for before, word in zip(("", *ours), ours, strict=False) if before not in VALUED)
    return terminal.json or "--json" in words


def _show_traceback(error: Exception, terminal: Terminal) -> None:
    import traceback

    known = [*held_secrets(), *_secret_variables(terminal)]
    text = redact("".join(traceback.format_exception(error)), known)
    terminal.note(clean(text, 100_000, lines=True))


def _secret_variables(terminal: Terminal) -> list[str]:
    words = ("TOKEN", "KEY", "SECRET", "PASSWORD")
    return [
        value for name, value in terminal.world.env.items() if any(word in name.upper() for word in words)
    ]
