"""The keychain store on the real gnome-keyring: the same contract, and each way in which it fails."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from keyturn import Auth
from keyturn.errors import StoreError, StoreLocked, StoreMissing
from keyturn.login import Tombstone
from keyturn.stores.file import FileStore
from keyturn.stores.keychain import KeychainStore
from keyturn.stores.secret_service import Item
from keyturn.testing import FakeWorld, StoreContract, make_expired_login, make_login, token_answer
from keyturn.testing.stores import hold, save
from keyturn.testing.world import NOW
from tests.secretscan import make_secret
from tests.servers.secret_service import SecretService

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from keyturn.stores import LoginStore

pytestmark = pytest.mark.system

BUS = "DBUS_SESSION_BUS_ADDRESS"


@pytest.fixture(scope="module")
def running() -> Iterator[SecretService]:
    """One keyring for the contract: every test has a KEYTURN_HOME, and with it items, of its own."""
    with SecretService("unlocked") as service:
        yield service


@pytest.fixture
def unlocked(running: SecretService, monkeypatch: pytest.MonkeyPatch) -> SecretService:
    monkeypatch.setenv(BUS, running.env[BUS])
    return running


@pytest.mark.usefixtures("unlocked")
@pytest.mark.proves("L2", "L4", "L22", "R5")
class TestOnTheSecretService(StoreContract):
    def make_store(self, world: FakeWorld, profile: str) -> LoginStore:
        return KeychainStore(world, profile)

    def damage(self, store: LoginStore, text: str) -> None:
        assert isinstance(store, KeychainStore)
        # the real service takes no empty text, and gives none back: one of spaces is as empty
        store.item.write(text or " ")


def test_a_login_lies_in_the_keyring_and_no_refresh_token_on_the_disk(
    unlocked: SecretService, tmp_path: Path
) -> None:
    world = FakeWorld(tmp_path)
    login = save(KeychainStore(world, "default"), make_login())
    assert login.refresh_token is not None
    held = b"".join(unlocked.secrets().values())
    assert login.refresh_token.reveal().encode() in held
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert login.refresh_token.reveal().encode() not in path.read_bytes()


def test_a_logout_leaves_nothing_of_it_in_the_keyring(unlocked: SecretService, tmp_path: Path) -> None:
    store = KeychainStore(FakeWorld(tmp_path), "default")
    login = save(store, make_login())
    assert login.refresh_token is not None
    save(store, Tombstone(at=NOW, generation=login.generation))
    assert login.refresh_token.reveal().encode() not in b"".join(unlocked.secrets().values())


@pytest.mark.usefixtures("unlocked")
def test_another_keyturn_home_has_other_items(tmp_path: Path) -> None:
    one = KeychainStore(FakeWorld(tmp_path / "one"), "default")
    two = KeychainStore(FakeWorld(tmp_path / "two"), "default")
    login = save(one, make_login())
    assert two.load() is None
    save(two, make_login())
    assert one.load() == login


@pytest.mark.proves("L22")
def test_a_fresh_token_is_served_while_the_keyring_is_locked_and_a_renewal_says_so(
    tmp_path: Path, secret_service: SecretService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(BUS, secret_service.env[BUS])
    world = FakeWorld(tmp_path)
    world.write_config({"profiles": {"default": {"store": "keychain"}}})
    login = save(KeychainStore(world, "default"), make_login())
    secret_service.lock()
    auth = Auth(world=world)
    assert auth.credential().secret == login.access_token
    world.advance(4000)
    world.script.append(token_answer("test-access-that-nobody-gets"))
    with pytest.raises(StoreLocked) as caught:
        auth.credential()
    assert caught.value.exit == 5
    assert "unlock it" in (caught.value.hint or "")
    assert world.requests == []


@pytest.mark.parametrize(
    ("state", "kind"),
    [("locked", StoreLocked), ("absent", StoreMissing), ("silent", StoreError), ("deaf", StoreError)],
)
def test_each_way_it_fails_is_typed_within_its_limit_and_never_a_file_instead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str, kind: type[StoreError]
) -> None:
    with SecretService(state) as service:  # type: ignore[arg-type] # one of its states
        monkeypatch.setenv(BUS, service.env[BUS])
        store = KeychainStore(FakeWorld(tmp_path), "default")
        with hold(store) as held, pytest.raises(kind) as caught:
            held.save(make_login(), replacing=None)
        error = caught.value
        assert error.exit == 5
        assert "--store file" in (error.hint or "")
        assert not os.path.lexists(FileStore(FakeWorld(tmp_path), "default").path)
        assert not os.path.lexists(store.cache_path)


def test_without_any_bus_there_is_no_keychain(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from keyturn import StoreError\n"
        "from keyturn.stores.secret_service import Item\n"
        "from keyturn.world import World\n"
        "try:\n    Item(World(), 'default').read()\n"
        "except StoreError as error:\n    print(error.code, error.hint)\n"
    )
    env = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "KEYTURN_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("store_missing")
    assert "--store file" in done.stdout


@pytest.mark.usefixtures("unlocked")
@pytest.mark.proves("L22")
def test_a_renewal_is_one_read_and_one_write(tmp_path: Path) -> None:
    world = FakeWorld(tmp_path)
    save(KeychainStore(world, "default"), make_expired_login())
    store = KeychainStore(world, "default")
    world.script.append(token_answer(make_secret("token"), make_secret("refresh")))
    Auth(world=world, store=store).credential()
    assert (store.item.reads, store.item.writes) == (1, 1)


@pytest.mark.usefixtures("unlocked")
def test_an_item_that_is_not_there_is_removed_without_complaint(tmp_path: Path) -> None:
    item = Item(FakeWorld(tmp_path), "default")
    item.remove()
    item.write("a text")
    item.remove()
    assert item.read() is None
