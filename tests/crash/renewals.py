"""One renewal of a new login after the other, each with a tracer that may interfere, against one sandbox."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from keyturn.login import Login, fingerprint
from keyturn.stores.file import FileStore
from keyturn.world import World
from tests.crash.nursery import RENEWAL
from tests.crash.programs import SECONDS, calls
from tests.logins import store_login

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from keyturn.sandbox import Sandbox
    from tests.crash.programs import Call, Programs


@dataclass(frozen=True, slots=True)
class Renewal:
    """One renewal: its home, the login before, the calls of the traced thread, and what the program got."""

    home: Path
    old: Login
    calls: Sequence[Call]
    answer: Mapping[str, Any] | None

    @property
    def store(self) -> FileStore:
        """Where the login is."""
        return FileStore(World({"KEYTURN_HOME": str(self.home)}), "default")

    @property
    def sent(self) -> bool:
        """Whether the request left whole: its head and its body are two calls."""
        return sum(call.name == "sendto" and call.done for call in self.calls) >= 2

    @property
    def read(self) -> bool:
        """Whether anything of the answer arrived."""
        return any(call.name == "recvfrom" and call.done for call in self.calls)

    def stored(self) -> Login:
        """The login as it lies on the disk now."""
        record = self.store.load()
        assert isinstance(record, Login)
        return record

    def left_behind(self) -> list[str]:
        """Temporary files."""
        return [path.name for path in (self.home / "logins").iterdir() if path.suffix == ".tmp"]


class Renewals:
    """Makes them."""

    def __init__(self, programs: Programs, sandbox: Sandbox, folder: Path) -> None:
        self._programs = programs
        self.sandbox = sandbox
        self._folder = folder
        self._homes = 0

    def one(self, thread: str, *inject: str) -> Renewal:
        """A renewal in which the tracer of this thread does what `inject` says (strace's words)."""
        self._homes += 1
        home = self._folder / f"home-{self._homes}"
        home.mkdir(mode=0o700)
        old = self.new_login(home)
        self.sandbox.log.clear()
        log = self._folder / "calls"
        program = self._programs.start(home, thread)
        program.traced(log, "-e", "trace=all", *(word for wish in inject for word in ("-e", wish)))
        answer = program.answer()
        program.traced_to_the_end()
        renewal = self.made(home, old, calls(log), answer)
        if thread == RENEWAL:
            self._settle(sent=renewal.sent)
        return renewal

    def new_login(self, home: Path) -> Login:
        """A login that is due, stored."""
        return store_login(self.sandbox, home, expires_at=1.0, issued_at=0.5)

    def made(self, home: Path, old: Login, made: Sequence[Call], answer: Mapping[str, Any] | None) -> Renewal:
        """What there is to see of it."""
        return Renewal(home, old, made, answer)

    def next(self, home: Path) -> Mapping[str, Any]:
        """What another program gets there."""
        answer = self._programs.start(home).answer()
        assert answer is not None, "the next program broke"
        return answer

    def requests(self) -> int:
        """How many refresh requests have arrived for the newest login."""
        return len(self.sandbox.log.refreshes())

    def unlike(self, stored: Login, answers: Sequence[Mapping[str, Any]]) -> Iterator[str]:
        """What is stored, handed out, and newest at the authority must be one and the same."""
        last = self.sandbox.log.refreshes()[-1].facts
        assert stored.access_token is not None
        assert stored.refresh_token is not None
        access = hashlib.sha256(stored.access_token.reveal().encode()).hexdigest()
        if any(answer.get("token") != access for answer in answers):
            yield "another token was handed out than is stored"
        if fingerprint(stored.refresh_token)[:12] != last["refresh_token"]:
            yield "the stored refresh token is not the authority's newest"

    def _settle(self, *, sent: bool) -> None:
        """Wait until the authority is done with what had reached it."""
        deadline = time.monotonic() + SECONDS
        while True:
            events = self.sandbox.log.events("token")
            if all(event.ended for event in events) and len(self.sandbox.log.refreshes()) == int(sent):
                return
            assert time.monotonic() < deadline, f"sent is {sent}, and the authority saw {events}"
            time.sleep(0.002)
