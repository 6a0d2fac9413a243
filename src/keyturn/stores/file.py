"""One file per profile, `logins/NAME.json`, 0600 in a 0700 directory."""

from __future__ import annotations

from keyturn.errors import StoreChanged, StoreCorrupt, StoreDenied, StoreError, Unavailable, frameless
from keyturn.login import Login
from keyturn.records import read_record, write_record
from keyturn.stores.journal import JournalFile
from keyturn.stores.sidecar import SideCarFile
from keyturn.world import directories, files
from keyturn.world.locks import FileLock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from keyturn.login import Identity, Record
    from keyturn.stores.claim import ClaimFile
    from keyturn.stores.journal import Rescued
    from keyturn.world import World


class FileStore:
    """The default store everywhere but on macOS."""

    kind = "file"

    def __init__(self, world: World, profile: str) -> None:
        self.world = world
        self.directory = f"{world.state_dir()}/logins"
        self.path = f"{self.directory}/{profile}.json"
        self.lock_path = f"{self.directory}/{profile}.lock"
        self.read_only = False

    @property
    def where(self) -> str:
        return self.path

    @property
    def key(self) -> str:
        return self.path

    def mark(self) -> object:
        return files.mark(self.path)

    def load(self) -> Record | None:
        try:
            return self.read()
        except StoreCorrupt:
            # A foreign writer may be at it (editors truncate first): once more under a shared lock (L23).
            lock = FileLock(self.lock_path, self.world)
            try:
                directories.check_own_directory(self.directory)  # nobody else's lock file is made here
                lock.acquire(seconds=1, shared=True)
            except (StoreDenied, Unavailable):
                held = False
            else:
                held = True
            if not held:
                raise
            try:
                return self.read()
            finally:
                lock.release()

    glance = load

    def waiting(self) -> Rescued | None:
        return JournalFile(f"{self.path.removesuffix('.json')}.journal").glimpse()

    def hold(self, *, seconds: float, until: Callable[[], bool] | None = None) -> HeldFile | None:
        directories.make_private_directory(self.directory)
        lock = FileLock(self.lock_path, self.world)
        return HeldFile(self, lock) if lock.acquire(seconds=seconds, until=until) else None

    def beside(self, lock: FileLock) -> HeldFile:
        """This place under the profile's lock, which is held already: all stores of a profile share it."""
        return HeldFile(self, lock)

    @frameless
    def read(self) -> Record | None:
        """The record, by whoever: the lock is the caller's business. Raises: StoreError."""
        found = files.read_private(self.path)
        if found is None:
            return None
        self.read_only = found.read_only
        return read_record(found.text, self.path)


class HeldFile:
    """The file store of one profile, under its lock."""

    def __init__(self, store: FileStore, lock: FileLock) -> None:
        self._store = store
        self.lock = lock
        stem = store.path.removesuffix(".json")
        self.journal = JournalFile(f"{stem}.journal")
        self.trouble = SideCarFile(f"{stem}.state")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.lock.release()

    def load(self) -> Record | None:
        record = self._store.read()
        return self._finished(record) if isinstance(record, Login) and not self._store.read_only else record

    def _finished(self, login: Login) -> Login:
        """The login, or its successor that a killed writer had written whole but not put in place.

        Its refresh token is then the newest there is, and the stored one may be spent (L2 decides: it must
        descend from just what is stored).
        """
        path = self._store.path
        for leftover in files.leftovers(path):
            try:
                found = files.read_private(leftover)
                record = read_record(found.text, leftover) if found is not None else None
            except StoreError:
                continue  # cut off in the middle: the next save sweeps it away
            if isinstance(record, Login) and record.follows(login):
                files.finish(leftover, path)
                latest = self._store.read()
                return latest if isinstance(latest, Login) else login
        return login

    def claim(self, refresh_hash: str) -> ClaimFile | None:
        world = self._store.world
        if not world.shares_files(self._store.directory):
            return None
        from keyturn.stores.claim import ClaimFile

        return ClaimFile(self._store.path.removesuffix(".json"), refresh_hash, world)

    def check_savable(self) -> None:
        directories.check_own_directory(self._store.directory)
        directories.check_writable(self._store.directory)
        directories.check_replaceable(self._store.path)

    def prove_writable(self) -> None:
        self.check_savable()
        directories.prove_writable(self._store.path)

    @frameless
    def save(self, record: Record, *, replacing: Identity | None, verify: bool = False) -> Record:
        path = self._store.path
        directories.check_own_directory(self._store.directory)
        current = self._store.read()
        if self._store.read_only and current is not None:
            raise StoreDenied(
                f"{path} was provided by somebody else and is only read",
                hint="change the login where it is provisioned, or use another KEYTURN_HOME",
                path=path,
            )
        stored = next_generation(record, current, replacing, path)
        files.sweep(path)
        text = write_record(stored)
        files.write_durably(path, text)
        if verify and ((found := files.read_private(path)) is None or found.text != text):
            raise StoreDenied(f"{path} does not hold what was just written to it", path=path)
        if not isinstance(stored, Login):
            from keyturn.stores.claim import sweep

            sweep(path.removesuffix(".json"))
        return stored

    def set_aside(self) -> str | None:
        if files.mark(self._store.path) is None:
            return None
        return files.set_aside(self._store.path, self._store.world.now())


def next_generation(record: Record, current: Record | None, replacing: Identity | None, where: str) -> Record:
    """The record as it may be written over `current`: one generation on (L2).

    Raises: StoreChanged when `current` is not what the caller decided upon.
    """
    found = current.identity if current is not None else None
    if found != replacing:
        raise StoreChanged(
            f"{where} was changed by another program meanwhile; nothing was written",
            hint="run: keyturn status",
            where=where,
        )
    newest = max(record.generation, found.generation if found else 0)
    return record.replace(generation=newest + 1)
