"""What a look found: what, where, and the one command that repairs it."""

from __future__ import annotations

import re
from shlex import quote

from keyturn.errors import ConfigurationError
from keyturn.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keyturn.errors import AuthError

__all__ = ["Finding", "error", "note", "of_error", "quote", "repair_of", "warning"]

STORE, CLOCK, LOGIN, NETWORK, MONEY = 5, 8, 4, 6, 7
# A command in the words of a hint, up to where the words go on.
_COMMAND = re.compile(
    r"(?:^|[ (])((?:keyturn|chmod|rm|mv|pip|export|openssl|curl|sudo|date|cat|df) .+?)"
    r"(?=$|; |, or | \(|\)$| …)"
)
_IN_FILE = re.compile(r"^\S+ in (/.+?\.json)\b")  # a setting, as `Setting.where` says it
_UNSET = re.compile(r"env -u (\w+) keyturn")


class Finding(Value):
    """One thing; `code` is stable and made for programs.

    `severity` is `error` (something does not work), `warning` (something will not, or costs more than it has
    to) or `note` (nobody has to do anything). `repair` is a command, or None where nothing has to be done.
    `exit` is the exit status of the class that it belongs to, 0 for a note.
    """

    __slots__ = ("code", "exit", "message", "repair", "severity", "where")
    code: str
    exit: int
    message: str
    repair: str | None
    severity: str
    where: str | None

    @property
    def needs_person(self) -> bool:
        """Whether it stays until somebody does something about it."""
        return self.severity != "note"


def error(
    code: str, message: str, where: str | None, repair: str | None, exit_status: int = STORE
) -> Finding:
    """Something that does not work; a store's trouble unless said otherwise."""
    return Finding(code=code, exit=exit_status, message=message, repair=repair, severity="error", where=where)


def warning(
    code: str, message: str, where: str | None, repair: str | None, exit_status: int = STORE
) -> Finding:
    """Something that will not work one day, or costs more than it has to."""
    return Finding(
        code=code, exit=exit_status, message=message, repair=repair, severity="warning", where=where
    )


def note(code: str, message: str, where: str | None, repair: str | None = None) -> Finding:
    """Something to know when looking for a cause."""
    return Finding(code=code, exit=0, message=message, repair=repair, severity="note", where=where)


def of_error(failure: AuthError, where: str | None = None) -> Finding:
    """What using it would have raised, in the same words, with a command out of its hint."""
    facts = failure.facts
    place = where or facts.get("path") or facts.get("where") or facts.get("variable")
    repair = repair_of(failure)
    if repair is None and isinstance(failure, ConfigurationError) and str(place).endswith(".json"):
        repair = f"${{EDITOR:-vi}} {quote(str(place))}"
    message = failure.message
    if failure.hint and repair is None:
        message = f"{message}; {failure.hint}"  # only a person can tell
    return error(failure.code, message, str(place) if place else None, repair, failure.exit)


def repair_of(failure: AuthError) -> str | None:
    """The one command that an error leads to; None when its hint has no command."""
    hint, path = failure.hint or "", failure.facts.get("path")
    if found := _UNSET.search(hint):
        return f"unset {found[1]}"
    if isinstance(failure, ConfigurationError) and isinstance(path, str) and "by hand" in hint:
        line = failure.facts.get("line")
        return f"${{EDITOR:-vi}} {f'+{line} ' if line else ''}{quote(path)}"
    if found := _COMMAND.search(hint):
        command = found[1]
        return command.replace(path, quote(path)) if isinstance(path, str) else command
    if found := _IN_FILE.search(failure.message):
        return f"${{EDITOR:-vi}} {quote(found[1])}"
    variable = failure.facts.get("variable")
    return f"unset {variable}" if variable else None
