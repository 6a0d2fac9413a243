"""The operating system's secret service, through `keyring`, with a small file beside it (L22).

The record lies in the keychain. `logins/NAME.cache` (0600) holds it without the refresh token: the fresh
path never touches the keychain, which may prompt, hang or be locked. An empty `NAME.kept` says that there
is an item, for as long as the cache is gone. The lock is a file as everywhere.
"""

from __future__ import annotations

from keyturn.errors import StoreDenied, frameless
from keyturn.login import CACHED_RENEWABLE, Login, Moved, Tombstone
from keyturn.records import read_record, write_record
from keyturn.stores.file import next_generation
from keyturn.stores.journal import JournalFile
from keyturn.stores.secret_service import Item
from keyturn.stores.sidecar import SideCarFile
from keyturn.world import directories, files
from keyturn.world.locks import FileLock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Literal, Self

    from keyturn.login import Identity, Record
    from keyturn.stores.journal import Rescued
    from keyturn.world import World


class KeychainStore:
    """Keychain on macOS, Credential Locker on Windows, Secret Service or KWallet elsewhere."""

    kind = "keychain"
    read_only = False

    def __init__(self, world: World, profile: str, item: Item | None = None) -> None:
        self.world = world
        self.directory = f"{world.state_dir()}/logins"
        self.cache_path = f"{self.directory}/{profile}.cache"
        self.kept_path = f"{self.directory}/{profile}.kept"
        self.lock_path = f"{self.directory}/{profile}.lock"
        self.item = item or Item(world, profile)

    @property
    def where(self) -> str:
        return self.item.where

    @property
    def key(self) -> str:
        return self.cache_path

    def mark(self) -> object:
        return files.mark(self.cache_path)

    def glance(self) -> Record | Literal["unseen"] | None:
        cached = self._cached()
        if cached is not None:
            return cached
        return "unseen" if files.mark(self.kept_path) is not None else None

    @frameless
    def load(self) -> Record | None:
        cached = self._cached()
        if isinstance(cached, Moved):
            return cached  # said first, and then the item is removed: whoever was killed between left both
        text = self.item.read()
        if text is not None:
            return read_record(text, self.where)
        return cached if isinstance(cached, Tombstone) else None

    def waiting(self) -> Rescued | None:
        return JournalFile(f"{self.cache_path.removesuffix('.cache')}.journal").glimpse()

    def hold(self, *, seconds: float, until: Callable[[], bool] | None = None) -> HeldKeychain | None:
        directories.make_private_directory(self.directory)
        lock = FileLock(self.lock_path, self.world)
        return HeldKeychain(self, lock) if lock.acquire(seconds=seconds, until=until) else None

    def beside(self, lock: FileLock) -> HeldKeychain:
        """This place under the profile's lock, which is held already: all stores of a profile share it."""
        return HeldKeychain(self, lock)

    @frameless
    def _cached(self) -> Record | None:
        found = files.read_private(self.cache_path)
        return None if found is None else read_record(found.text, self.cache_path)


class HeldKeychain:
    """The keychain's record of one profile, under the profile's lock."""

    def __init__(self, store: KeychainStore, lock: FileLock) -> None:
        self._store = store
        self.lock = lock
        stem = store.cache_path.removesuffix(".cache")
        self.journal = JournalFile(f"{stem}.journal")
        self.trouble = SideCarFile(f"{stem}.state")
        self._seen: tuple[Record | None, object] | None = None  # what `load` read, and the cache's mark then

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.lock.release()

    def load(self) -> Record | None:
        record = self._store.load()
        if isinstance(record, Login) and files.mark(self._store.cache_path) is None:
            self._note_kept()
            files.sweep(self._store.cache_path)
            self._write_cache(record)  # lost, or invalidated by a writer that died: the keychain rules
        self._seen = (record, self._store.mark())
        return record

    def claim(self, refresh_hash: str) -> None:
        """None: the token lies in this machine's own keychain, where no other machine can send it from."""
        del refresh_hash

    def check_savable(self) -> None:
        directories.check_own_directory(self._store.directory)
        directories.check_writable(self._store.directory)

    def prove_writable(self) -> None:
        self.check_savable()
        directories.prove_writable(self._store.cache_path)
        self._store.item.prove_reachable()

    @frameless
    def save(self, record: Record, *, replacing: Identity | None, verify: bool = False) -> Record:
        store = self._store
        directories.check_own_directory(store.directory)
        current = self._current()
        stored = next_generation(record, current, replacing, store.where)
        self._seen = None
        files.sweep(store.cache_path)
        if isinstance(stored, Moved):
            self._write_cache(stored)
            store.item.remove()
            return stored
        if isinstance(current, Moved):
            store.item.remove()  # what a killed mover left must not come to life without the cache
        files.remove_durably(store.cache_path)
        if isinstance(stored, Tombstone):
            store.item.remove()
        else:
            text = write_record(stored)
            self._note_kept()
            store.item.write(text)
            if verify and store.item.read() != text:
                raise StoreDenied(
                    f"{store.where} does not hold what was just written to it",
                    hint="use the file store: keyturn login --store file",
                )
        self._write_cache(stored)
        if isinstance(stored, Tombstone):
            files.remove_durably(store.kept_path)
        return stored

    @frameless
    def set_aside(self) -> str | None:
        text = self._store.item.read()
        if text is None:
            return None
        where = self._store.item.copy_aside(text, self._store.world.now())
        files.remove_durably(self._store.cache_path)
        self._store.item.remove()
        files.remove_durably(self._store.kept_path)
        return where

    def _note_kept(self) -> None:
        if files.mark(self._store.kept_path) is None:
            files.write_durably(self._store.kept_path, "")

    def _current(self) -> Record | None:
        """What is stored, read from the keychain at most once: every writer changes the cache first."""
        if self._seen is not None and self._seen[1] == self._store.mark():
            return self._seen[0]
        return self._store.load()

    def _write_cache(self, record: Record) -> None:
        if isinstance(record, Login):
            # the refresh token's place is the keychain; its absence here must not read as "not renewable"
            extra = {**(record.extra or {}), CACHED_RENEWABLE: record.renewable}
            record = record.replace(refresh_token=None, ancestors=(), extra=extra)
            if record.access_token is None and record.api_key is None:
                return
        files.write_durably(self._store.cache_path, write_record(record))
