"""Log records without secrets: keyturn's own always, and those of any handler that a program hands in (T15).

A program that logs its requests, or what a library says about them, writes credentials down sooner or later.
`mask(handler)` takes them out of everything this handler gets: the values that keyturn holds or has held,
plain, URL-encoded or in base64, and what looks like a key or token.
"""

from __future__ import annotations

import logging
from copy import copy
from traceback import format_exception
from typing import TYPE_CHECKING

from keyturn.redact import MASK, held_secrets, redact, spellings
from keyturn.values import Secret

if TYPE_CHECKING:
    from typing import TypeVar

    Handling = TypeVar("Handling", bound=logging.Handler)

NAME = "keyturn"
# values kept for looking them up; a program renews a few times an hour, and records of older ones are rare
_MOST = 256
_SHORTEST = 8
_KNOWN: dict[str, tuple[str, ...]] = {}  # each value with its spellings, the longest first
_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime"}


def logger() -> logging.Logger:
    """Keyturn's own logger; its records are clean before any handler sees them."""
    found = logging.getLogger(NAME)
    if not any(isinstance(one, _Own) for one in found.filters):
        found.addFilter(_Own())
    return found


def mask(handler: Handling) -> Handling:
    """The same handler, which from now on gets every record without secrets.

    Works for each kind: those that format, queue, pickle or send their records. Formatted tracebacks are
    masked as text, so that no handler takes the variables of their frames along.
    """
    _listen()
    if not getattr(handler, "_keyturn_masks", False):
        emit = handler.emit

        def masked(record: logging.LogRecord) -> None:
            emit(cleaned(record))

        handler.emit = masked  # type: ignore[method-assign] # of this one handler
        handler._keyturn_masks = True  # type: ignore[attr-defined] # noqa: SLF001 - a mark that it was done
    return handler


def cleaned(record: logging.LogRecord) -> logging.LogRecord:
    """A copy of the record without secrets: message, arguments, exception, stack and extra fields."""
    other = copy(record)
    try:
        said = record.getMessage()
    except Exception:  # noqa: BLE001 - else logging would show the arguments as they are
        said = f"{record.msg} (its arguments do not fit it)"
    other.msg, other.args = masked_text(said), None
    if isinstance(record.exc_info, tuple) and record.exc_info[1] is not None:
        other.exc_text = masked_text("".join(format_exception(record.exc_info[1]))).rstrip("\n")
    elif record.exc_text:
        other.exc_text = masked_text(record.exc_text)
    other.exc_info = None
    if record.stack_info:
        other.stack_info = masked_text(record.stack_info)
    for name, value in record.__dict__.items():
        if name not in _STANDARD:
            other.__dict__[name] = _masked_extra(value)
    return other


def masked_text(text: str) -> str:
    """The text without the values that keyturn knows of, and without what looks like a secret."""
    for written in list(_KNOWN.values()):
        for spelling in written:
            if spelling in text:
                text = text.replace(spelling, MASK)
    return redact(text)


class _Own(logging.Filter):
    """For keyturn's own logger, whose records are made for it alone."""

    def filter(self, record: logging.LogRecord) -> bool:
        _listen()
        clean = cleaned(record)
        record.__dict__.update(clean.__dict__)
        return True


def _masked_extra(value: object) -> object:
    """Numbers, flags and secrets themselves stay what they are; all else is the text that would be shown."""
    if value is None or isinstance(value, bool | int | float | Secret):
        return value
    return masked_text(value if isinstance(value, str) else repr(value))


def _listen() -> None:
    """Know every secret from now on, and those that are alive already."""
    if Secret.heard is None:
        Secret.heard = _hear
        for value in held_secrets():
            _hear(value)


def _hear(value: str) -> None:
    if len(value) < _SHORTEST or value in _KNOWN:
        return
    _KNOWN[value] = tuple(sorted(set(spellings(value)), key=len, reverse=True))
    while len(_KNOWN) > _MOST:
        _KNOWN.pop(next(iter(_KNOWN)), None)
