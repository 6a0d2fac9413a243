"""A renewal killed at one system call after the other, each on a login of its own."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from keyturn.errors import StoreError
from keyturn.login import Login
from keyturn.records import read_record
from keyturn.stores.journal import JournalFile
from tests.crash.expected import STRICT, WITH_GRACE, Expected, Phase
from tests.crash.nursery import MAIN

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from keyturn.stores.file import FileStore
    from tests.crash.programs import Call
    from tests.crash.renewals import Renewal, Renewals

# what leaves something behind, on disk or on the wire, or learns something: the points of `make test`
TELLING = frozenset(
    {
        *("write", "pwrite64", "ftruncate", "rename", "renameat", "renameat2", "unlink", "unlinkat"),
        *("fsync", "connect", "sendto", "recvfrom", "read", "pread64", "flock"),
    }
)


@dataclass(frozen=True, slots=True)
class Point:
    """One crash, and what the next two programs met. `calls` are those of the thread that was killed."""

    calls: tuple[Call, ...]
    phase: Phase
    expected: Expected
    sent: int
    faults: tuple[str, ...]

    @property
    def killed_at(self) -> str:
        """The call that was never made."""
        return self.calls[-1].text


class Crashes:
    """Kills renewals against one sandbox."""

    def __init__(self, renewals: Renewals, *, grace: bool) -> None:
        self.renewals = renewals
        self._expected = WITH_GRACE if grace else STRICT

    def sweep(self, thread: str, only: frozenset[str] | None = None) -> Iterator[Point]:
        """Kill at every call, or every one of these names, that this thread makes while it holds the lock.

        A tracer counts each name by itself; so one renewal that nobody kills says which names there are.
        """
        made = self.renewals.one(thread).calls
        locks = any("LOCK_EX" in call.rest for call in made)
        if thread == MAIN and not locks:
            return  # all of it happens in the thread of the renewal
        for name in sorted({call.name for call in made if only is None or call.name in only}):
            for number in itertools.count(1):
                renewal = self.renewals.one(thread, f"inject={name}:signal=KILL:when={number}")
                if _gave_back(renewal.calls, thread):
                    break
                if not locks or _has_locked(renewal.calls):  # else the thread was given the lock
                    yield self.judge(renewal)

    def phase(self, renewal: Renewal) -> Phase:
        """How far the dead program had come, by what it left."""
        return _phase(renewal)

    def arrived(self) -> bool:
        """Whether the authority had a request of the dead program."""
        return self.renewals.requests() > 0

    def judge(self, renewal: Renewal) -> Point:
        """Let two programs come after it, and hold what they meet against what was expected."""
        phase = self.phase(renewal)
        expected = self._expected[phase]
        answers = [self.renewals.next(renewal.home) for _ in range(2)]
        sent = self.renewals.requests()
        faults = [f"sent {sent} requests"] if sent != expected.sent else []
        for who, answer in zip(("the next program", "the one after it"), answers, strict=True):
            if answer["waits"]:
                faults.append(f"{who} waited for the lock")  # I5
            ended = "error" in answer
            if ended != (expected.ending != "a token"):
                faults.append(f"{who} got {answer.get('error', 'a token')}")
            elif ended and "the answer to its renewal was lost at 20" not in answer["error"]:
                faults.append(f"{who} was told no reason: {answer['error']}")
        stored = renewal.stored()
        if expected.ending == "a token":
            faults += self.renewals.unlike(stored, answers)
        elif stored.quarantine is None or stored.refresh_token != renewal.old.refresh_token:
            faults.append("the ended login is not kept as such")
        if left := renewal.left_behind():
            faults.append(f"left behind: {left}")
        return Point(tuple(renewal.calls), phase, expected, sent, tuple(faults))


def _phase(renewal: Renewal) -> Phase:
    """How far the dead program had come, by what it left."""
    store = renewal.store
    intent = JournalFile(f"{store.directory}/default.journal").intent()
    if renewal.stored().identity != renewal.old.identity:
        return Phase.SAVED if intent is not None else Phase.CLEARED
    if _whole_beside(store):
        return Phase.WRITTEN
    if renewal.sent:
        return Phase.READ if renewal.read else Phase.SENT
    return Phase.INTENDED if intent is not None and intent.is_about(renewal.old.identity) else Phase.LOCKED


def _has_locked(made: Sequence[Call]) -> bool:
    return any("LOCK_EX" in call.rest and call.done for call in made)


def _gave_back(made: Sequence[Call], thread: str) -> bool:
    """Whether this thread has given the lock back, or left all further work to the one of the renewal."""
    if thread == MAIN:
        return any(call.name.startswith("clone") and call.done for call in made)
    return any("LOCK_UN" in call.rest and call.done for call in made)


def _whole_beside(store: FileStore) -> bool:
    for path in Path(store.directory).glob(".default.json.*.tmp"):
        try:
            return isinstance(read_record(path.read_text(), str(path)), Login)
        except (StoreError, UnicodeDecodeError):
            continue
    return False
