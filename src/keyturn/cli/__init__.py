"""The command line: one file per command, each to parse, call and render; the rules live elsewhere."""

from __future__ import annotations

import gc
import sys

from keyturn.cli.signals import Terminated
from keyturn.cli.terminal import Terminal
from keyturn.world import World

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

INTERRUPTED = 130
# what a shell shows for a program that SIGPIPE ended: the reader of the output has left, as `head` does
READER_LEFT = 141


def main(argv: Sequence[str] | None = None, *, terminal: Terminal | None = None) -> int:
    """Run one command; the exit status.

    Without `argv` the command line is this process's own, and so is the process, which is then set up for it.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if argv is None:
        from keyturn.cli.limits import forbid_core_files
        from keyturn.cli.signals import unwind_on_signals

        gc.disable()  # a process that prints a token and ends never has garbage worth the look for it
        forbid_core_files()
        unwind_on_signals()
    terminal = terminal or Terminal(World())
    terminal.world.tell = terminal.pass_on
    try:
        status = _command(arguments, terminal)
        terminal.flush()
    except BrokenPipeError:
        terminal.abandon()
        return READER_LEFT
    except KeyboardInterrupt:
        terminal.note()
        return INTERRUPTED
    except Terminated as end:
        return end.status
    except Exception as error:  # noqa: BLE001 - the last place: nothing may end in a traceback (T15)
        from keyturn.cli.failures import show

        return show(error, terminal, arguments)
    return status


def _command(arguments: list[str], terminal: Terminal) -> int:
    # The one command that programs call for every request skips the parser, whose import costs more than
    # the command does. It ends in the same function as when it is parsed.
    if arguments == ["token"] or (arguments[:2] == ["token", "--profile"] and len(arguments) == 3):  # noqa: PLR2004
        from keyturn.auth import Auth
        from keyturn.cli.token import show

        profile = arguments[2] if arguments[2:] else None
        status = show(Auth(profile=profile, world=terminal.world), terminal)
        if not gc.isenabled():
            gc.freeze()  # nor when the interpreter ends
        return status
    from keyturn.cli.dispatch import dispatch

    gc.enable()
    return dispatch(arguments, terminal)
