"""Renewals of a login that lies in a keychain, whose calls are made by threads of their own."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from keyturn.stores.journal import JournalFile
from keyturn.stores.keychain import KeychainStore
from keyturn.testing.stores import save
from keyturn.world import World
from tests.crash.expected import Phase
from tests.crash.nursery import KEYCHAIN
from tests.crash.renewals import Renewal, Renewals
from tests.crash.sweep import Crashes
from tests.logins import store_login

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from keyturn.login import Login
    from keyturn.sandbox import Sandbox
    from tests.crash.programs import Call
    from tests.crash.sweep import Point

# in the order of a renewal: the item is read under the lock, and written after the answer
READS, WRITES = f"{KEYCHAIN}#1", f"{KEYCHAIN}#2"


def keep(sandbox: Sandbox, home: Path) -> Login:
    """A login that is due, in the keychain of a KEYTURN_HOME that is configured for it."""
    elsewhere = home / "made"
    elsewhere.mkdir(mode=0o700)
    login = store_login(sandbox, elsewhere, expires_at=1.0, issued_at=0.5)
    config = home / "config.json"
    config.write_text('{"version": 1, "profiles": {"default": {"store": "keychain"}}}', encoding="utf-8")
    return save(_store(home), login.replace(generation=0))


@dataclass(frozen=True, slots=True)
class KeychainRenewal(Renewal):
    """One of them; `in_keychain` says that a thread was traced that talks to the keychain."""

    in_keychain: bool

    @property
    def store(self) -> Any:
        """Where the login is."""
        return _store(self.home)


class KeychainRenewals(Renewals):
    """Makes them."""

    _thread = ""

    def one(self, thread: str, *inject: str) -> Renewal:
        """As ever; the name of the thread tells how far it can have come."""
        self._thread = thread
        return super().one(thread, *inject)

    def new_login(self, home: Path) -> Login:
        """In the keychain."""
        return keep(self.sandbox, home)

    def made(self, home: Path, old: Login, made: Sequence[Call], answer: Mapping[str, Any] | None) -> Renewal:
        """What there is to see of it."""
        return KeychainRenewal(home, old, made, answer, self._thread.startswith(KEYCHAIN))


class KeychainCrashes(Crashes):
    """Kills them."""

    def phase(self, renewal: Renewal) -> Phase:
        """By the item, the journal, and the requests that arrived."""
        assert isinstance(renewal, KeychainRenewal)
        intent = JournalFile(f"{renewal.store.directory}/default.journal").intent()
        if renewal.stored().identity != renewal.old.identity:
            return Phase.SAVED if intent is not None else Phase.CLEARED
        if renewal.in_keychain:
            return Phase.READ if self.arrived() else Phase.LOCKED
        if renewal.sent:
            return Phase.READ if renewal.read else Phase.SENT
        return (
            Phase.INTENDED if intent is not None and intent.is_about(renewal.old.identity) else Phase.LOCKED
        )

    def talking(self, thread: str, only: frozenset[str]) -> Iterator[Point]:
        """Kill at every call of these names that one of the keychain's threads makes."""
        for name in sorted({call.name for call in self.renewals.one(thread).calls if call.name in only}):
            for number in itertools.count(1):
                renewal = self.renewals.one(thread, f"inject={name}:signal=KILL:when={number}")
                if renewal.answer is not None:
                    break
                yield self.judge(renewal)


def _store(home: Path) -> KeychainStore:
    return KeychainStore(World({"KEYTURN_HOME": str(home)}), "default")
