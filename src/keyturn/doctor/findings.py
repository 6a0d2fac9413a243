"""What a look found: what, where, and the one command that repairs it."""

from __future__ import annotations

from keyturn.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keyturn.errors import AuthError


class Finding(Value):
    """One thing; `code` is stable and made for programs.

    `severity` is `error` (something does not work), `warning` (something may not) or `note`. `repair` is a
    command, or None where nothing has to be done. `exit` is the exit status of the class that it belongs to.
    """

    __slots__ = ("code", "exit", "message", "repair", "severity", "where")
    code: str
    exit: int
    message: str
    repair: str | None
    severity: str
    where: str | None


def error(code: str, message: str, where: str | None, repair: str | None, exit_status: int = 5) -> Finding:
    """Something that does not work; a store's trouble unless said otherwise."""
    return Finding(code=code, exit=exit_status, message=message, repair=repair, severity="error", where=where)


def warning(code: str, message: str, where: str | None, repair: str | None) -> Finding:
    """Something that may not work, or costs more than it has to."""
    return Finding(code=code, exit=0, message=message, repair=repair, severity="warning", where=where)


def note(code: str, message: str, where: str | None, repair: str | None = None) -> Finding:
    """Something to know when looking for a cause."""
    return Finding(code=code, exit=0, message=message, repair=repair, severity="note", where=where)


def of_error(failure: AuthError, where: str | None = None) -> Finding:
    """What using it would have raised, in the same words."""
    place = where or failure.facts.get("path") or failure.facts.get("where") or failure.facts.get("variable")
    return error(failure.code, failure.message, str(place) if place else None, failure.hint, failure.exit)
