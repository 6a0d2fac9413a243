"""What a line of the session means: a question, or a command that begins with a slash."""

from __future__ import annotations

import re

from keyturn.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

COMMANDS: Mapping[str, str] = {
    "login": "log in again, in the browser",
    "logout": "remove and revoke the login",
    "status": "account, billing, expiry",
    "explain": "why this credential is used",
    "model": "show or change: /model NAME",
    "help": "this list",
    "exit": "end the session (Ctrl-D)",
}
_ALSO = {"quit": "exit", "?": "help"}
_WORD = re.compile(r"[A-Za-z?_-]*")


class Question(Value):
    """Text for Claude; empty when there is nothing to ask."""

    __slots__ = ("text",)
    text: str


class Command(Value):
    """A known slash command and the rest of its line."""

    __slots__ = ("argument", "name")
    argument: str
    name: str


class Unknown(Value):
    """A line that begins like a command and is none; `nearest` is perhaps what was meant."""

    __slots__ = ("name", "nearest")
    name: str
    nearest: str | None


def read_line(line: str) -> Question | Command | Unknown:
    """The meaning of what was entered.

    A space before the slash, or a second slash, makes it a question; so do a path and more than one line,
    which people paste.
    """
    if line.startswith("//"):
        return Question(text=line[1:].strip())
    word, _, argument = line[1:].rstrip().partition(" ")
    if not line.startswith("/") or "\n" in argument or not _WORD.fullmatch(word):
        return Question(text=line.strip())
    name = _ALSO.get(word.lower(), word.lower())
    if name in COMMANDS:
        return Command(name=name, argument=argument.strip())
    return Unknown(name=word, nearest=_nearest(name))


def _nearest(name: str) -> str | None:
    starts = [command for command in COMMANDS if name and command.startswith(name)]
    if len(starts) == 1:
        return starts[0]
    from difflib import get_close_matches

    close = get_close_matches(name, COMMANDS, n=1)
    return close[0] if close else None
