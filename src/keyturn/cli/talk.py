"""A bare `keyturn` on a terminal: the session, with the commands of the command line behind its slashes."""

from __future__ import annotations

import argparse
import importlib
import shlex
from importlib.util import find_spec
from typing import TYPE_CHECKING, NoReturn

from keyturn.cli import ask
from keyturn.cli.chooser import choose_profile
from keyturn.cli.chosen import auth_of
from keyturn.cli.commands import COMMANDS
from keyturn.cli.dispatch import parser_of
from keyturn.cli.person import TerminalPerson
from keyturn.errors import ConfigurationError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from keyturn.cli.terminal import Terminal

_COMMANDS = ("login", "logout", "status", "explain")


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of a session."""
    parser.add_argument("--model", metavar="NAME", help="the model to ask (default: ANTHROPIC_MODEL)")


def run(options: argparse.Namespace, terminal: Terminal) -> int:
    """Hold a session.

    Raises: ConfigurationError without the packages for it; what the first login raises.
    """
    if not (terminal.may_ask and terminal.is_terminal):  # --no-input
        return ask.run(argparse.Namespace(**vars(options), text=None), terminal)
    if find_spec("prompt_toolkit") is None or find_spec("anthropic") is None:
        raise ConfigurationError(
            "a session needs packages that are not installed",
            hint="install them with: pip install 'keyturn[session]'",
            code="extra_missing",
        )
    from keyturn.models import known_models
    from keyturn.session.prompt import line_reader
    from keyturn.session.session import Session
    from keyturn.session.voice import Voice

    session = Session(
        make_auth=lambda: auth_of(options, terminal),
        commands={name: _command(name, options, terminal) for name in _COMMANDS},
        voice=Voice(terminal),
        stdin=terminal.stdin,
        read=line_reader(known_models),
        write=terminal.write,
        model=options.model,
    )
    return session.run()


def _command(name: str, options: argparse.Namespace, terminal: Terminal) -> Callable[[str], object]:
    def obey(argument: str) -> None:
        module = importlib.import_module(f"keyturn.cli.{name}")
        parser = _SlashParser(prog=f"/{name}", add_help=False)
        module.add_options(parser)
        try:
            words = shlex.split(argument)
        except ValueError as error:
            raise UsageError(f"/{name} cannot be read: {error}", hint="close the quotes") from None
        if "--help" in words or "-h" in words:
            terminal.print(parser_of(COMMANDS[name], terminal.width).text(common=False))
            terminal.flush()
            return
        chosen = parser.parse_args(words, argparse.Namespace(**vars(options)))
        current = None
        if name == "login":
            current = auth_of(options, terminal).scene().profile.name
            chosen.profile = choose_profile(TerminalPerson(terminal), terminal.world, current)
        module.run(chosen, terminal)
        if chosen.profile != current and name == "login":
            options.profile = chosen.profile  # the session goes on with the login that was just made
        terminal.flush()

    return obey


class _SlashParser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{self.prog}: {message}", hint=f"see: {self.prog} --help")
