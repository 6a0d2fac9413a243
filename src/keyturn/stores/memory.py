"""A store that lives and dies with its process: for tests, and for programs that must not write."""

from __future__ import annotations

from _thread import allocate_lock

from keyturn.errors import StoreDenied, Unavailable
from keyturn.records import read_record, write_record
from keyturn.stores.file import next_generation
from keyturn.stores.journal import Intent, Rescued

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from keyturn.login import Identity, Login, Record
    from keyturn.stores.sidecar import Rejection, Trouble
    from keyturn.world import World


class MemoryStore:
    """Keeps the record as text, so that it passes through the same reader and writer as on a disk."""

    kind = "memory"
    read_only = False

    def __init__(self, world: World, profile: str = "default") -> None:
        self.world = world
        self.profile = profile
        self.text: str | None = None
        self.writes = 0
        self.refuse_writes = False
        self.full = False
        self.journal = MemoryJournal()
        self.trouble = MemorySideCar()
        self._lock = allocate_lock()

    @property
    def where(self) -> str:
        return f"memory ({self.profile})"

    @property
    def key(self) -> str:
        return f"memory:{id(self)}"

    def mark(self) -> object:
        return (self.writes, self.text is None)

    def load(self) -> Record | None:
        return None if self.text is None else read_record(self.text, self.where)

    glance = load

    def waiting(self) -> Rescued | None:
        return self.journal.rescued()

    def hold(self, *, seconds: float, until: Callable[[], bool] | None = None) -> HeldMemory | None:
        deadline = self.world.clock() + seconds
        while not self._lock.acquire(blocking=False):
            if (until is not None and until()) or seconds == 0:
                return None
            if self.world.clock() > deadline:
                raise Unavailable(
                    f"{self.where} is held; waited {seconds:g} s", code="lock_timeout", sent=False
                )
            self.world.sleep(0.01)
        return HeldMemory(self, self._lock.release)


class HeldMemory:
    """The memory store under its lock."""

    def __init__(self, store: MemoryStore, release: Callable[[], None]) -> None:
        self._store = store
        self._release = release
        self.journal = store.journal
        self.trouble = store.trouble

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._release()

    def load(self) -> Record | None:
        return self._store.load()

    def claim(self, refresh_hash: str) -> None:
        """None: nobody but this process has the token."""
        del refresh_hash

    def check_savable(self) -> None:
        if self._store.refuse_writes:
            raise StoreDenied(f"{self._store.where} refuses to be written")

    def prove_writable(self) -> None:
        self.check_savable()

    def save(self, record: Record, *, replacing: Identity | None, verify: bool = False) -> Record:
        del verify  # what was assigned is what is there
        self.check_savable()
        if self._store.full:
            raise StoreDenied(f"{self._store.where} is full")
        stored = next_generation(record, self._store.load(), replacing, self._store.where)
        self._store.text = write_record(stored)
        self._store.writes += 1
        return stored

    def set_aside(self) -> str | None:
        self._store.text = None
        self._store.writes += 1
        return self._store.where


class MemoryJournal:
    """The journal of a memory store: gone with its process, like the store."""

    path = "memory"

    def __init__(self) -> None:
        self._intent: Intent | None = None
        self._rescued: Rescued | None = None

    def intent(self) -> Intent | None:
        return self._intent

    def rescued(self) -> Rescued | None:
        return self._rescued

    def begin(self, intent: Intent) -> None:
        self._intent = intent

    def rescue(self, login: Login, replaces: Identity) -> None:
        self._rescued = Rescued(login=login, replaces=replaces)

    def take_back(self) -> None:
        self._intent = None

    def clear(self) -> None:
        self._intent = self._rescued = None

    remove = clear


class MemorySideCar:
    """The side-car of a memory store."""

    def __init__(self) -> None:
        self._trouble: Trouble | None = None
        self._rejection: Rejection | None = None

    def read(self) -> Trouble | None:
        return self._trouble

    def write(self, trouble: Trouble) -> None:
        self._trouble = trouble

    def clear(self) -> None:
        self._trouble = None

    def rejection(self) -> Rejection | None:
        return self._rejection

    def write_rejection(self, rejection: Rejection) -> None:
        self._trouble, self._rejection = None, rejection

    def remove(self) -> None:
        self._trouble = self._rejection = None
