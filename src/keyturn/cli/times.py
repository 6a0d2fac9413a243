"""Times as the command line reads and writes them: RFC 3339 in UTC, durations with a unit."""

from __future__ import annotations

import time

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LONGEST = 9  # digits: thirty years in seconds
_PLENTY = 2  # of a unit, before the next larger one says it better


def duration(text: str) -> float:
    """Seconds of `90`, `90s`, `10m`, `2h` or `7d`.

    Raises: argparse.ArgumentTypeError.
    """
    number, unit = (text[:-1], text[-1]) if text[-1:] in _UNITS else (text, "s")
    if not (number.isascii() and number.isdigit() and len(number) <= _LONGEST):
        from argparse import ArgumentTypeError

        raise ArgumentTypeError("it is not a duration such as 90, 90s, 10m, 2h or 7d")
    return float(int(number) * _UNITS[unit])


def moment(text: str) -> float:
    """Unix seconds of `2026-12-31` (the end of that day, UTC) or `2026-12-31T09:30:00Z`.

    Raises: argparse.ArgumentTypeError.
    """
    import calendar

    for form, whole_day in (("%Y-%m-%d", True), ("%Y-%m-%dT%H:%M:%SZ", False)):
        try:
            parts = time.strptime(text, form)
        except ValueError:
            continue
        return float(calendar.timegm(parts) + (_UNITS["d"] - 1 if whole_day else 0))
    from argparse import ArgumentTypeError

    raise ArgumentTypeError("it is not a date such as 2026-12-31 or 2026-12-31T09:30:00Z")


def rfc3339(seconds: float | None) -> str | None:
    """Unix seconds as `2026-01-31T09:30:00Z`; None stays None."""
    if seconds is None:
        return None
    try:
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
    except (OverflowError, ValueError, OSError):
        return None  # a time no calendar has, from a record edited by hand


def span(seconds: float) -> str:
    """A length of time for people: `42 s`, `9 min`, `3 h`, `12 days`."""
    for unit, size in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= _PLENTY * size:
            return f"{int(seconds // size)} {unit}"
    return f"{max(0, int(seconds))} s"
