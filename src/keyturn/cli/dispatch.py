"""From the words of a command line to the one command they name."""

from __future__ import annotations

from keyturn.cli.commands import COMMANDS, PRINT, SESSION, WORDS
from keyturn.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from keyturn.cli.commands import Command
    from keyturn.cli.parser import Parser
    from keyturn.cli.terminal import Terminal

# options that stand before a command; those of VALUED take the next word
VALUED = ("--profile", "--route", "--source", "--require-billing", "--model")
_PLAIN = ("--no-input", "--json")
_HELP = ("-h", "--help")


def dispatch(arguments: Sequence[str], terminal: Terminal) -> int:
    """Parse and run; the exit status. Raises: UsageError, and what the command raises."""
    before, word, after = split(arguments)
    if word == "--version":
        return _version(terminal)
    if word in _HELP or word == "help":
        return _help(after, terminal)
    terminal.no_input = "--no-input" in before
    name = _alone(terminal) if word is None else PRINT if word == "--print" else word
    if name not in COMMANDS or word == SESSION:
        raise _unknown(name)
    foreign: Sequence[str] = ()
    if name == "run":
        after, foreign = _cut(after)
    if any(option in _HELP for option in after[: _index(after, "--")]):
        return _help([name], terminal)
    from importlib import import_module

    options = parser_of(COMMANDS[name], terminal.width).parse([*before, *after])
    if name == "run":
        options.command = list(foreign)
    terminal.no_input, terminal.json, terminal.profile = options.no_input, options.json, options.profile
    _follow_settings(terminal)
    status: int = import_module(COMMANDS[name].module).run(options, terminal)
    return status


def _follow_settings(terminal: Terminal) -> None:
    """Let proxies and certificates of the settings count for every command, also before a login is there."""
    from keyturn.settings.watch import Watch

    terminal.world.network = Watch(terminal.world).network


def parser_of(command: Command, width: int) -> Parser:
    """The parser of one command, with the options that its own module adds."""
    from importlib import import_module

    from keyturn.cli.parser import Parser

    parser = Parser(command, width)
    import_module(command.module).add_options(parser.own)
    return parser


def split(arguments: Sequence[str]) -> tuple[list[str], str | None, list[str]]:
    """The options before the command, the word that is the command, and everything after it.

    Raises: UsageError for another option before a command.
    """
    at = 0
    while at < len(arguments):
        word = arguments[at]
        name = word.partition("=")[0]
        if word in VALUED:
            at += 2
        elif word in _PLAIN or name in VALUED:
            at += 1
        elif word.startswith("-") and word not in (*_HELP, "-p", "--print", "--version"):
            raise UsageError(
                f"there is no option {name} before a command",
                hint="options of a command come after it: keyturn COMMAND --help",
            )
        else:
            return list(arguments[:at]), word, list(arguments[at + 1 :])
    return list(arguments), None, []


def _cut(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Our options of `run`, and the foreign command, whose every word is its own."""
    if words and words[0] in _HELP:
        return ["--help"], []
    ours, word, rest = split([*words[: _index(words, "--")]])
    if word is not None and not word.startswith("-"):
        return ours, [word, *rest, *words[_index(words, "--") :]]
    if word is not None:
        return [*ours, word, *rest], []
    return ours, list(words[_index(words, "--") + 1 :])


def _index(words: Sequence[str], word: str) -> int:
    return words.index(word) if word in words else len(words)


def _alone(terminal: Terminal) -> str:
    """What `keyturn` alone means: a session for a person, one question and its answer for a pipe."""
    return SESSION if terminal.is_terminal and terminal.may_ask else PRINT


def _version(terminal: Terminal) -> int:
    from keyturn import __version__

    terminal.print(f"keyturn {__version__}")
    return 0


def _help(words: Sequence[str], terminal: Terminal) -> int:
    from keyturn.cli.parser import overview

    named = [word for word in words if not word.startswith("-") or word == PRINT]
    if not named:
        terminal.print(overview(terminal.width))
        return 0
    if named[0] not in COMMANDS:
        raise _unknown(named[0])
    terminal.print(parser_of(COMMANDS[named[0]], terminal.width).text())
    return 0


def _unknown(name: str) -> UsageError:
    from difflib import get_close_matches

    close = get_close_matches(name, WORDS, n=1)
    hint = f"did you mean: keyturn {close[0]}" if close else "see what there is: keyturn --help"
    if " " in name and not close:
        hint = "to ask Claude something: keyturn -p 'TEXT'"
    return UsageError(f"there is no command {name[:64]!r}", hint=hint, code="unknown_command")
