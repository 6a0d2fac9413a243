"""The promises of a store, kept by the file, by memory, and by a keychain (whose item is a file here)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from keyturn.errors import StoreChanged, StoreLocked, StoreMissing
from keyturn.login import Login, Tombstone
from keyturn.oauth import renew
from keyturn.stores import open_store
from keyturn.stores.file import FileStore
from keyturn.stores.keychain import KeychainStore
from keyturn.stores.memory import MemoryStore
from keyturn.stores.secret_service import Item
from keyturn.testing import FakeWorld, StoreContract, answer, make_expired_login, make_login, token_answer
from keyturn.testing.stores import error_of, hold, save
from keyturn.testing.world import NOW
from keyturn.values import Secret

if TYPE_CHECKING:
    from keyturn.stores import LoginStore
    from keyturn.wire import Request, Response
    from keyturn.world import World


class FakeItem(Item):
    """A keychain's item without a keychain: every object for the same world and profile is the same item."""

    def __init__(self, world: FakeWorld, profile: str) -> None:
        super().__init__(world, profile)
        folder = Path(world.folder, "keychain")
        folder.mkdir(exist_ok=True)
        self._file = folder / profile
        self.failure: Exception | None = None

    def read(self) -> str | None:
        self._answer()
        self.reads += 1
        return self._file.read_text(encoding="utf-8") if self._file.exists() else None

    def write(self, text: str) -> None:
        self._answer()
        self.writes += 1
        self._file.write_text(text, encoding="utf-8")

    def remove(self) -> None:
        self._answer()
        self._file.unlink(missing_ok=True)

    def copy_aside(self, text: str, seconds: float) -> str:
        self._answer()
        aside = self._file.with_name(f"{self._file.name}.corrupt-{int(seconds)}")
        aside.write_text(text, encoding="utf-8")
        return str(aside)

    def prove_reachable(self) -> None:
        self._answer()

    def _answer(self) -> None:
        if self.failure is not None:
            raise self.failure


def keychain(world: FakeWorld, profile: str = "default") -> tuple[KeychainStore, FakeItem]:
    item = FakeItem(world, profile)
    return KeychainStore(world, profile, item), item


@pytest.mark.proves("L2", "L4", "L8", "L18", "L1")
class TestFileStore(StoreContract):
    def make_store(self, world: World, profile: str) -> LoginStore:
        return FileStore(world, profile)

    def damage(self, store: LoginStore, text: str) -> None:
        Path(store.where).write_text(text, encoding="utf-8")


def test_records_that_are_damaged_in_the_same_second_are_all_kept(tmp_path: Path) -> None:
    store = FileStore(FakeWorld(tmp_path), "default")
    kept: list[str] = []
    for number in range(3):
        save(store, make_login())
        Path(store.path).write_text(f"damaged {number}", encoding="utf-8")
        with hold(store) as held:
            aside = held.set_aside()
        assert aside is not None
        kept.append(aside)
    assert [Path(aside).read_text(encoding="utf-8") for aside in kept] == [f"damaged {n}" for n in range(3)]


def test_items_that_are_damaged_in_the_same_second_are_all_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: dict[str, str] = {}

    class Backend:
        def get_password(self, service: str, name: str) -> str | None:
            return kept.get(f"{service}/{name}")

        def set_password(self, service: str, name: str, text: str) -> None:
            kept[f"{service}/{name}"] = text

    monkeypatch.setattr("keyturn.stores.secret_service._find_backend", Backend)
    item = Item(FakeWorld(tmp_path), "default")
    places = [item.copy_aside(text, NOW) for text in ("one", "two", "two", "three")]
    assert [kept[place.removeprefix("the keychain item ")] for place in places] == [
        "one",
        "two",
        "two",
        "three",
    ]
    assert sorted(kept.values()) == ["one", "three", "two"]


@pytest.mark.proves("L2", "L4", "L18")
class TestMemoryStore(StoreContract):
    def make_store(self, world: World, profile: str) -> LoginStore:
        return MemoryStore(world, profile)

    def damage(self, store: LoginStore, text: str) -> None:
        assert isinstance(store, MemoryStore)
        store.text = text


@pytest.mark.proves("L2", "L4", "L18", "L22")
class TestKeychainStore(StoreContract):
    def make_store(self, world: FakeWorld, profile: str) -> LoginStore:
        return keychain(world, profile)[0]

    def damage(self, store: LoginStore, text: str) -> None:
        assert isinstance(store, KeychainStore)
        store.item.write(text)


@pytest.mark.proves("L22")
class TestTheCacheBesideAKeychain:
    @pytest.mark.proves("P15")
    def test_a_fresh_token_is_served_without_touching_the_keychain(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path)
        login = save(keychain(world)[0], make_login())
        store, item = keychain(world)
        item.failure = StoreLocked("the keychain is locked")
        assert renew.current(store, world).access_token == login.access_token
        assert (item.reads, item.writes) == (0, 0)

    def test_it_never_holds_the_refresh_token(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path)
        store, _ = keychain(world)
        login = save(store, make_login())
        assert login.refresh_token is not None
        cache = Path(store.cache_path)
        assert login.refresh_token.reveal() not in cache.read_text(encoding="utf-8")
        assert cache.stat().st_mode & 0o777 == 0o600

    def test_when_it_is_lost_one_read_of_the_keychain_brings_it_back(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path)
        login = save(keychain(world)[0], make_login())
        store, item = keychain(world)
        Path(store.cache_path).unlink()
        assert store.glance() == "unseen"
        assert renew.current(store, world).access_token == login.access_token
        assert renew.current(store, world).access_token == login.access_token
        assert item.reads == 1

    @pytest.mark.proves("P15")
    def test_a_renewal_reads_the_keychain_once_and_writes_it_once(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path)
        save(keychain(world)[0], make_expired_login())
        store, item = keychain(world)
        world.script.append(token_answer("test-access-renewed-token", "test-refresh-renewed-token"))
        renew.current(store, world)
        assert (item.reads, item.writes) == (1, 1)

    def test_a_writer_that_dies_between_leaves_a_cache_that_does_not_contradict(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path)
        store, item = keychain(world)
        login = save(store, make_login())
        item.failure = StoreLocked("the keychain is locked")
        with hold(store) as held:
            item.failure = None
            held.load()
            item.failure = StoreLocked("the keychain is locked")
            error_of(StoreLocked, lambda: held.save(login, replacing=login.identity))
        assert store.glance() == "unseen"  # the keychain rules, and it has to be asked
        item.failure = None
        assert renew.current(store, world).access_token == login.access_token

    def test_where_nothing_was_ever_stored_nothing_is_claimed(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path)
        store, item = keychain(world)
        with hold(store):
            pass  # a login that was cancelled, or a logout of nothing, took the lock
        assert store.glance() is None
        save(store, make_login())
        with hold(store) as held:
            record = held.load()
            assert record is not None
            held.save(Tombstone(at=NOW, generation=record.generation), replacing=record.identity)
        Path(store.cache_path).unlink()
        assert store.glance() is None
        save(store, make_login())
        with hold(store) as held:
            held.set_aside()
        assert store.glance() is None
        assert item.read() is None

    def test_what_the_keychain_holds_is_claimed_again_when_both_files_were_lost(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path)
        store, _ = keychain(world)
        save(store, make_login())
        Path(store.cache_path).unlink()
        Path(store.kept_path).unlink()
        with hold(store) as held:
            held.load()
        Path(store.cache_path).unlink()
        assert store.glance() == "unseen"

    def test_a_logout_removes_the_item(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path)
        store, item = keychain(world)
        login = save(store, make_login())
        save(store, Tombstone(at=NOW, generation=login.generation))
        assert item.read() is None

    def test_a_locked_keychain_sends_no_grant(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path)
        store, item = keychain(world)
        save(store, make_expired_login())
        item.failure = StoreLocked("the keychain is locked")
        error_of(StoreLocked, lambda: renew.current(store, world))
        assert world.requests == []

    def test_a_missing_keychain_is_never_replaced_by_a_file(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path)
        store, item = keychain(world)
        item.failure = StoreMissing("no secret service")
        with hold(store) as held:
            error_of(StoreMissing, lambda: held.save(make_login(), replacing=None))
        assert not Path(FileStore(world, "default").path).exists()
        assert not Path(store.cache_path).exists()


def test_a_memory_store_that_refuses_writes_sends_no_grant(tmp_path: Path) -> None:
    world = FakeWorld(tmp_path)
    store = MemoryStore(world)
    save(store, make_expired_login())
    store.refuse_writes = True
    with pytest.raises(Exception, match="refuses to be written"):
        renew.current(store, world)
    assert world.requests == []


@pytest.mark.proves("L4", "I3")
def test_a_renewal_that_comes_back_to_a_tombstone_stores_nothing_and_revokes_what_it_got(
    tmp_path: Path,
) -> None:
    world = FakeWorld(tmp_path)
    store = MemoryStore(world)
    save(store, make_expired_login())
    other = MemoryStore(world)

    def log_out_meanwhile(_: Request) -> Response:
        other.text = store.text
        login = other.load()
        assert isinstance(login, Login)
        save(other, Tombstone(at=NOW, generation=login.generation))
        store.text = other.text  # as on a file system whose locks do not hold
        return token_answer("test-access-too-late-token", "test-refresh-too-late-token")

    world.script += [log_out_meanwhile, answer({}), answer({})]
    with pytest.raises(StoreChanged):
        renew.current(store, world)
    assert isinstance(store.load(), Tombstone)
    assert [request.url for request in world.requests] == [
        "https://auth.example.com/token",
        "https://auth.example.com/revoke",
        "https://auth.example.com/revoke",
    ]
    assert b"test-refresh-too-late-token" in world.requests[1].body
    assert b"test-access-too-late-token" in world.requests[2].body


@pytest.mark.proves("I3")
def test_a_renewal_that_comes_back_to_a_newer_login_leaves_it_alone(tmp_path: Path) -> None:
    world = FakeWorld(tmp_path)
    store = MemoryStore(world)
    save(store, make_expired_login())
    newer = make_login(generation=9)

    def log_in_meanwhile(_: Request) -> Response:
        other = MemoryStore(world)
        save(other, newer)
        store.text = other.text
        return token_answer("test-access-too-late-token", "test-refresh-too-late-token")

    world.script.append(log_in_meanwhile)
    assert renew.current(store, world).access_token == newer.access_token
    assert error_of(StoreChanged, lambda: _save_over(store, newer)).code == "store_changed"


def _save_over(store: LoginStore, login: Login) -> None:
    with hold(store) as held:
        held.save(login.replace(access_token=Secret("test-access-of-nobody")), replacing=login.identity)


@pytest.mark.parametrize("kind", ["file", "keychain"])
def test_a_store_is_opened_by_its_kind(tmp_path: Path, kind: str) -> None:
    assert open_store(FakeWorld(tmp_path), "default", kind).kind == kind


def test_an_unknown_kind_of_store_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="no store named 'postgresql://db'") as caught:
        open_store(FakeWorld(tmp_path), "default", "postgresql://db")
    assert getattr(caught.value, "exit", None) == 8
