"""A renewal killed at one system call after the other, each on a login of its own."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keyturn.errors import StoreError
from keyturn.login import Login, fingerprint
from keyturn.records import read_record
from keyturn.stores.file import FileStore
from keyturn.stores.journal import JournalFile
from keyturn.world import World
from tests.crash.expected import STRICT, WITH_GRACE, Expected, Phase
from tests.crash.programs import SECONDS, calls
from tests.logins import store_login

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from keyturn.sandbox import Sandbox
    from tests.crash.programs import Call, Programs

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
    answers: tuple[Mapping[str, Any], Mapping[str, Any]]
    faults: tuple[str, ...]

    @property
    def killed_at(self) -> str:
        """The call that was never made."""
        return self.calls[-1].text


class Crashes:
    """Kills renewals against one sandbox."""

    def __init__(self, programs: Programs, sandbox: Sandbox, folder: Path, *, grace: bool) -> None:
        self._programs = programs
        self._sandbox = sandbox
        self._folder = folder
        self._expected = WITH_GRACE if grace else STRICT
        self._homes = 0

    def sweep(self, thread: str, only: frozenset[str] | None = None) -> Iterator[Point]:
        """Kill at every call, or every one of these names, that this thread makes while it holds the lock.

        A tracer counts each name by itself; so one renewal that nobody kills says which names there are.
        """
        _, _, made = self._renewal(thread)
        for name in sorted({call.name for call in made if only is None or call.name in only}):
            number = 0
            while True:
                number += 1
                home, old, made = self._renewal(thread, f"inject={name}:signal=KILL:when={number}")
                if _gave_back(made, thread):
                    break
                if _holds(made, thread):
                    yield self._judge(home, old, made)

    def _renewal(self, thread: str, *inject: str) -> tuple[Path, Login, Sequence[Call]]:
        """One renewal of a new login: its home, the login before, and the calls of this thread."""
        self._homes += 1
        home = self._folder / f"home-{self._homes}"
        home.mkdir(mode=0o700)
        old = store_login(self._sandbox, home, expires_at=1.0, issued_at=0.5)
        self._sandbox.log.clear()
        log = self._folder / "calls"
        program = self._programs.start(home, thread)
        program.traced(log, "-e", "trace=all", *(word for wish in inject for word in ("-e", wish)))
        program.answer()
        program.traced_to_the_end()
        return home, old, calls(log)

    def _settle(self, *, sent: bool) -> None:
        """Wait until the authority is done with what had reached it."""
        deadline = time.monotonic() + SECONDS
        while True:
            events = self._sandbox.log.events("token")
            if all(event.ended for event in events) and len(self._sandbox.log.refreshes()) == int(sent):
                return
            assert time.monotonic() < deadline, f"sent is {sent}, and the authority saw {events}"
            time.sleep(0.002)

    def _phase(self, home: Path, old: Login, made: Sequence[Call]) -> Phase:
        store = FileStore(World({"KEYTURN_HOME": str(home)}), "default")
        intent = JournalFile(f"{store.directory}/default.journal").intent()
        record = store.read()
        assert isinstance(record, Login)
        if record.identity != old.identity:
            return Phase.SAVED if intent is not None else Phase.CLEARED
        if _whole_beside(store):
            return Phase.WRITTEN
        if _sent(made):
            return Phase.READ if _read(made) else Phase.SENT
        return Phase.INTENDED if intent is not None and intent.is_about(old.identity) else Phase.LOCKED

    def _judge(self, home: Path, old: Login, made: Sequence[Call]) -> Point:
        self._settle(sent=_sent(made))
        phase = self._phase(home, old, made)
        expected = self._expected[phase]
        answers = (self._next(home), self._next(home))
        sent = len(self._sandbox.log.refreshes())
        faults = [f"sent {sent} requests"] if sent != expected.sent else []
        for who, answer in zip(("the next program", "the one after it"), answers, strict=True):
            if answer["waits"]:
                faults.append(f"{who} waited for the lock")  # I5
            ended = "error" in answer
            if ended != (expected.ending != "a token"):
                faults.append(f"{who} got {answer.get('error', 'a token')}")
            elif ended and "the answer to its renewal was lost at 20" not in answer["error"]:
                faults.append(f"{who} was told no reason: {answer['error']}")
        stored = FileStore(World({"KEYTURN_HOME": str(home)}), "default").load()
        assert isinstance(stored, Login)
        if expected.ending == "a token":
            faults += self._unlike(stored, answers)
        elif stored.quarantine is None or stored.refresh_token != old.refresh_token:
            faults.append("the ended login is not kept as such")
        if left := [path.name for path in (home / "logins").iterdir() if path.suffix == ".tmp"]:
            faults.append(f"left behind: {left}")
        return Point(tuple(made), phase, expected, sent, answers, tuple(faults))

    def _unlike(self, stored: Login, answers: tuple[Mapping[str, Any], ...]) -> Iterator[str]:
        """What is stored, handed out, and newest at the authority must be one and the same."""
        last = self._sandbox.log.refreshes()[-1].facts
        assert stored.access_token is not None
        assert stored.refresh_token is not None
        access = hashlib.sha256(stored.access_token.reveal().encode()).hexdigest()
        if any(answer.get("token") != access for answer in answers):
            yield "another token was handed out than is stored"
        if fingerprint(stored.refresh_token)[:12] != last["refresh_token"]:
            yield "the stored refresh token is not the authority's newest"

    def _next(self, home: Path) -> dict[str, Any]:
        answer = self._programs.start(home).answer()
        assert answer is not None
        return answer


def _holds(made: Sequence[Call], thread: str) -> bool:
    """Whether the lock was held: the renewal's own thread always does until it gives it back."""
    return thread != "MainThread" or any(call.name == "flock" and call.done for call in made)


def _gave_back(made: Sequence[Call], thread: str) -> bool:
    """Whether this thread has given the lock back, or handed it on to the thread of the renewal."""
    if thread == "MainThread":
        taken = [at for at, call in enumerate(made) if call.name == "flock" and call.done]
        return bool(taken) and any(call.name.startswith("clone") and call.done for call in made[taken[0] :])
    return any(call.name == "flock" and "LOCK_UN" in call.rest and call.done for call in made)


def _sent(made: Sequence[Call]) -> bool:
    """Whether the request left whole: its head and its body are two calls."""
    return sum(call.name == "sendto" and call.done for call in made) >= 2


def _read(made: Sequence[Call]) -> bool:
    return any(call.name == "recvfrom" and call.done for call in made)


def _whole_beside(store: FileStore) -> bool:
    for path in Path(store.directory).glob(".default.json.*.tmp"):
        try:
            return isinstance(read_record(path.read_text(), str(path)), Login)
        except (StoreError, UnicodeDecodeError):
            continue
    return False
