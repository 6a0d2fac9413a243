"""`keyturn run -- CMD`: a program with the winner's variables and with no other credential of Claude's."""

from __future__ import annotations

import os

from keyturn.cli.chosen import auth_of
from keyturn.cli.limits import restore_core_files
from keyturn.errors import UsageError
from keyturn.handover import child_environment, with_network
from keyturn.world.programs import find_program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Mapping, Sequence
    from typing import NoReturn

    from keyturn.cli.terminal import Terminal
    from keyturn.scene import Scene
    from keyturn.world import World


class NotFound(UsageError):
    """There is no such program; the exit status is that of `env` and of every shell."""

    code = "program_not_found"
    exit = 127


class NotRunnable(UsageError):
    """The program is there, and the system does not run it; the exit status is that of `env`."""

    code = "program_not_runnable"
    exit = 126


def add_options(parser: ArgumentParser) -> None:
    """None of its own: every word after `--` belongs to the program."""
    del parser


def run(options: Namespace, terminal: Terminal) -> int:
    """Become the program; what comes back, if anything does, is its exit status.

    Raises: UsageError, NotFound, NotRunnable; what `Auth.credential` raises, before anything runs.
    """
    words: list[str] = options.command
    if not words:
        raise UsageError("run what?", hint="name a program: keyturn run -- python program.py")
    program = _find(words[0], terminal.world)
    auth = auth_of(options, terminal)
    credential = auth.credential()
    if credential.kind == "aws":
        from keyturn.bedrock.handing import short_lived

        credential = short_lived(auth.scene(), credential)
    env = with_network(child_environment(credential, terminal.world.env, auth.route), terminal.world)
    _keep_descriptor_back(auth.scene())
    terminal.flush()
    return start(program, words, env)


def _keep_descriptor_back(scene: Scene) -> None:
    """Do not hand on the descriptor of a token: a file behind it could be read there once more."""
    named = scene.variable("CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR")
    number = named.value.strip() if named is not None else ""
    if number.isascii() and number.isdigit() and int(number[:9]) > 2:  # noqa: PLR2004 - beyond the standard streams
        try:
            os.set_inheritable(int(number[:9]), False)  # noqa: FBT003 - the system's own call
        except OSError:
            return  # it is not open


def start(program: str, words: Sequence[str], env: Mapping[str, str]) -> int:
    """Run a program with these words in place of this process, or below it where that cannot be had.

    Raises: NotRunnable.
    """
    vector = [program, *words[1:]]
    try:
        if os.name == "nt":
            import subprocess

            return subprocess.call(vector, env=dict(env))  # noqa: S603 - it is what the person asked to run
        _become(program, vector, env)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise NotRunnable(
            f"{words[0]} cannot be run: {reason}", hint=f"look at it: ls -l {program}"
        ) from None


def _become(program: str, vector: list[str], env: Mapping[str, str]) -> NoReturn:
    import signal

    restore_core_files()
    for ignored in (signal.SIGPIPE, signal.SIGXFSZ):
        # Python ignores these two for itself, and a program would inherit that
        signal.signal(ignored, signal.SIG_DFL)
    os.execve(program, vector, env)  # noqa: S606 - no shell is the point


def _find(name: str, world: World) -> str:
    # A path is where the person says it is; only names are looked up, and never in relative places (T7).
    wanted = os.path.join(world.cwd(), name) if os.path.dirname(name) else name
    program = find_program(os.path.normpath(wanted) if os.path.dirname(name) else name, world.env)
    if program is not None:
        return program
    if os.path.dirname(name) and os.path.exists(wanted):
        raise NotRunnable(f"{name} is not a program", hint=f"make it one: chmod +x {name}")
    raise NotFound(f"there is no program {name!r}", hint="check its name and PATH; or give its whole path")
