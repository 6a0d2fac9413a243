"""What happened in the sandbox, in order: the record that demos draw and tests count.

Credentials appear only as short fingerprints, so a record can be shown, stored and compared.
"""

from __future__ import annotations

import hashlib
import threading
import time
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_EVENTS = 100_000


def fingerprint(secret: str) -> str:
    """Return the first 12 hexadecimal digits of a secret's SHA-256: enough to tell two apart."""
    return hashlib.sha256(secret.encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened; times are Unix seconds of the machine's own clock."""

    number: int
    kind: str
    began: float
    ended: float | None = None
    facts: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))

    def as_json(self) -> dict[str, object]:
        """Return the event as one flat JSON object."""
        return {
            "number": self.number,
            "kind": self.kind,
            "began": self.began,
            "ended": self.ended,
            **self.facts,
        }


class Entry:
    """An event that is still going on: it is in the log from the first moment, so waiters can be seen."""

    def __init__(self, log: Log, number: int) -> None:
        self._log = log
        self._number = number

    def note(self, **facts: object) -> None:
        """Add facts to the event."""
        self._log.amend(self._number, facts, ended=None)

    def close(self, **facts: object) -> None:
        """Add facts and the time of the end, once."""
        self._log.amend(self._number, facts, ended=time.time())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Log:
    """A thread-safe list of events; looking gives copies that do not change any more."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._events: dict[int, Event] = {}
        self._next = 1

    def open(self, kind: str, **facts: object) -> Entry:
        """Begin an event; the oldest are forgotten beyond 100 000."""
        with self._lock:
            number = self._next
            self._next += 1
            self._events[number] = Event(number, kind, time.time(), None, MappingProxyType(dict(facts)))
            if len(self._events) > MOST_EVENTS:
                del self._events[next(iter(self._events))]
        return Entry(self, number)

    def add(self, kind: str, **facts: object) -> None:
        """Record an event that has no duration."""
        self.open(kind, **facts).close()

    def amend(self, number: int, facts: Mapping[str, object], *, ended: float | None) -> None:
        """Replace an event by one with more facts; the first end stands."""
        with self._lock:
            old = self._events.get(number)
            if old is None:
                return
            merged = MappingProxyType({**old.facts, **facts})
            end = ended if old.ended is None else old.ended
            self._events[number] = Event(number, old.kind, old.began, end, merged)

    def events(self, kind: str | None = None, **match: object) -> tuple[Event, ...]:
        """Return the events of a kind whose facts have these values, oldest first."""
        with self._lock:
            every = tuple(self._events.values())
        return tuple(
            event
            for event in every
            if kind in (None, event.kind)
            and all(event.facts.get(name) == value for name, value in match.items())
        )

    def count(self, kind: str | None = None, **match: object) -> int:
        """Return how many events `events` would give."""
        return len(self.events(kind, **match))

    def refreshes(self, **match: object) -> tuple[Event, ...]:
        """Return every refresh request that arrived, answered or not."""
        return self.events("token", grant="refresh_token", **match)

    def clear(self) -> None:
        """Forget everything so far; numbers go on."""
        with self._lock:
            self._events.clear()
