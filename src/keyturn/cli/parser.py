"""argparse for one command at a time: examples first, the common options everywhere, errors as UsageError."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, NoReturn

from keyturn.cli.commands import COMMANDS, PRINT, SESSION, WORDS
from keyturn.cli.layout import pairs, wrap
from keyturn.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keyturn.cli.commands import Command


class Parser:
    """The parser of one command; `own` is where the command adds its options."""

    def __init__(self, command: Command, width: int) -> None:
        self._command = command
        self._width = width
        self._inner = _Inner(command, width)
        self.own: argparse.ArgumentParser = self._inner

    def parse(self, words: Sequence[str]) -> argparse.Namespace:
        """The options and the common ones. Raises: UsageError."""
        self._inner.add_common()
        # Intermixed: `profile bind --none DIR` names its directory after an option. That parses twice, and
        # the second time reads options out of what stood behind `--`, which no value may be read as.
        parse = self._inner.parse_known_args if "--" in words else self._inner.parse_known_intermixed_args
        found, surplus = parse(list(words))
        if surplus:
            raise self._surplus(surplus[0])
        return found

    def text(self, *, common: bool = True) -> str:
        """The help: what it is for, examples, options; in a session those of every command are chosen."""
        if common:
            self._inner.add_common()
        title = wrap(f"{_name(self._command)}: {self._command.summary}", self._width)
        examples = pairs(self._command.examples, self._width, indent=2)
        return "\n".join([*title, "", *examples, "", self._inner.format_help().strip("\n")])

    def actions(self, *, common: bool) -> Sequence[argparse.Action]:
        """What the command takes, without or with what every command takes."""
        if common:
            self._inner.add_common()
        return self._inner.all()

    def _surplus(self, word: str) -> UsageError:
        from difflib import get_close_matches

        name = word.partition("=")[0]
        here = f"{_name(self._command)} --help"
        if not word.startswith("-"):
            return UsageError(
                f"{name[:64]!r} is one word too many", hint=f"see: {here}; a text needs 'quotes'"
            )
        if name == PRINT:
            return UsageError(
                "-p asks Claude a question, and goes with no command", hint="the profile is: --profile NAME"
            )
        close = get_close_matches(name, self._inner.options(), n=1)
        return UsageError(
            f"{_name(self._command)} has no option {name[:64]}",
            hint=f"did you mean {close[0]}" if close else f"see: {here}",
        )


class _Inner(argparse.ArgumentParser):
    """argparse without its exits: what it would print is raised."""

    def __init__(self, command: Command, width: int) -> None:
        super().__init__(
            prog=_name(command),
            usage=argparse.SUPPRESS,
            add_help=False,
            allow_abbrev=False,
            formatter_class=lambda prog: argparse.HelpFormatter(prog, max_help_position=26, width=width),
        )
        self.color = False  # Python 3.14 colours by rules of its own

    def add_common(self) -> None:
        """The options that every command has, before and after its name."""
        common = self.add_argument_group("with every command")
        common.add_argument("--profile", metavar="NAME", help="the login to use")
        common.add_argument("--route", metavar="NAME", help="where requests go: anthropic, bedrock, vertex")
        common.add_argument(
            "--source", metavar="ID", help="use this source and no other; see keyturn explain"
        )
        common.add_argument(
            "--require-billing", metavar="CLASS", help="refuse a credential that is billed in another way"
        )
        common.add_argument("--no-input", action="store_true", help="never ask, never open a browser")
        common.add_argument("--json", action="store_true", help=_json_help(self.prog))

    def all(self) -> Sequence[argparse.Action]:
        """Everything that was added."""
        return self._actions

    def options(self) -> list[str]:
        """Every option's name."""
        return [name for action in self._actions for name in action.option_strings]

    def error(self, message: str) -> NoReturn:
        for action in self._actions:
            if action.choices is not None and message.endswith(f"required: {action.metavar}"):
                choices = [str(choice) for choice in action.choices]
                raise UsageError(
                    f"{self.prog} needs a word more: {', '.join(choices)}",
                    hint=f"for example: {self.prog} {choices[0]}",
                )
        raise UsageError(message, hint=f"see: {self.prog} --help")

    def _check_value(self, action: argparse.Action, value: object) -> None:
        """A choice; argparse's own words differ from Python to Python, and name no nearest one."""
        if action.choices is None or value in action.choices:
            return
        from difflib import get_close_matches

        choices = [str(choice) for choice in action.choices]
        asked = " ".join((self.prog, *action.option_strings[-1:]))
        close = get_close_matches(str(value), choices, n=1, cutoff=0.7)  # "rename" is no "remove"
        raise UsageError(
            f"{asked} takes one of {', '.join(choices)}, and got {str(value)[:64]!r}",
            hint=f"did you mean: {asked} {close[0]}" if close else f"see: {self.prog} --help",
        )


def _json_help(prog: str) -> str:
    """What `--json` means here: a script for a shell and another program's output are what they are."""
    return "errors as JSON" if prog in ("keyturn completion", "keyturn run") else "the answer as JSON"


def overview(width: int) -> str:
    """`keyturn --help`: what people type first, then every command."""
    first = [
        ("keyturn", "talk to Claude; logs in first if nothing else is there"),
        ("keyturn -p 'Hello'", "ask once"),
        ("keyturn login", "log in"),
        ("keyturn explain", "which credential is used, and why"),
        ("keyturn run -- CMD", "run a program with it"),
    ]
    commands = [(name, COMMANDS[name].summary) for name in WORDS]
    common = [
        ("--profile NAME", "the login to use"),
        ("--route NAME", "where requests go: anthropic, bedrock, vertex"),
        ("--source ID", "use this source and no other"),
        ("--require-billing CLASS", "refuse a credential that is billed in another way"),
        ("--no-input", "never ask, never open a browser"),
        ("--json", "answers and errors as JSON"),
    ]
    return "\n".join(
        [
            *wrap("keyturn: the credential that a program needs to talk to Claude", width),
            "",
            *pairs(first, width, indent=2),
            "",
            "commands:",
            *pairs(commands, width, indent=2),
            "",
            *wrap("options, before or after a command:", width),
            *pairs(common, width, indent=2),
            "",
            *wrap("keyturn COMMAND --help shows more", width),
        ]
    )


def _name(command: Command) -> str:
    return "keyturn" if command.name == SESSION else f"keyturn {command.name}"
