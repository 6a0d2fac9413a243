"""`keyturn.stores` as tests: what every place that keeps logins promises."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeVar

from keyturn.errors import AuthError, StoreChanged, StoreCorrupt, Unavailable
from keyturn.login import Identity, Login, Quarantine, Tombstone
from keyturn.oauth import renew
from keyturn.testing.values import make_expired_login, make_login
from keyturn.testing.world import NOW, FakeWorld, token_answer
from keyturn.values import Secret

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from keyturn.login import Record
    from keyturn.stores import Held, LoginStore

    ErrorKind = TypeVar("ErrorKind", bound=AuthError)


class StoreContract:
    """Subclass it in a test file, as `TestMyStore(StoreContract)`, and say how to make and damage a store."""

    def make_store(self, world: FakeWorld, profile: str) -> LoginStore:
        """The store of a profile. Called again for the same profile it gives the same place."""
        raise NotImplementedError

    def damage(self, store: LoginStore, text: str) -> None:
        """Put a text in the place of the record, past the store's own rules."""
        raise NotImplementedError

    # -- what is kept

    def test_a_new_store_holds_nothing(self, tmp_path: Path) -> None:
        store = self._store(tmp_path)
        assert store.glance() is None
        assert store.load() is None

    def test_what_was_saved_is_loaded_with_every_field(self, tmp_path: Path) -> None:
        store = self._store(tmp_path)
        login = make_login(
            ancestors=("0" * 64,),
            extra={"added_by_a_newer_version": {"list": [1, 2.5, None, "ü"]}},
            quarantine=Quarantine(at=NOW, reason="rejected"),
            oauth_beta=True,
        )
        stored = save(store, login)
        assert stored == login.replace(generation=1)
        assert store.load() == stored
        assert self._again(store, tmp_path).load() == stored

    def test_a_key_is_kept_as_a_login_is(self, tmp_path: Path) -> None:
        store = self._store(tmp_path)
        key = Secret(f"sk-ant-test-{'k' * 24}")
        save(
            store,
            make_login(access_token=None, refresh_token=None, authority=None, expires_at=None, api_key=key),
        )
        for record in (store.glance(), store.load()):
            assert isinstance(record, Login)
            assert record.api_key == key

    def test_a_glance_knows_the_login_and_whether_it_can_be_renewed(self, tmp_path: Path) -> None:
        store = self._store(tmp_path)
        login = save(store, make_login())
        seen = store.glance()
        assert isinstance(seen, Login)
        assert (seen.login_id, seen.generation, seen.access_token) == (
            login.login_id,
            login.generation,
            login.access_token,
        )
        assert seen.renewable
        save(store, login.replace(quarantine=Quarantine(at=NOW, reason="rejected")))
        seen = store.glance()
        assert isinstance(seen, Login)
        assert not seen.renewable

    def test_profiles_do_not_see_each_other(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path)
        one, two = self.make_store(world, "one"), self.make_store(world, "two")
        save(one, make_login())
        assert two.load() is None
        assert one.key != two.key
        with hold(one):
            held = two.hold(seconds=0)
            assert held is not None
            with held:
                pass

    def test_a_saved_login_can_be_asked_to_be_read_back(self, tmp_path: Path) -> None:
        store = self._store(tmp_path)
        with hold(store) as held:
            stored = held.save(make_login(), replacing=None, verify=True)
        assert store.load() == stored

    # -- compare-and-swap (L2)

    def test_a_write_that_expected_another_record_writes_nothing(self, tmp_path: Path) -> None:
        store = self._store(tmp_path)
        login = save(store, make_login())
        there = login.identity
        before = store.mark()
        for wrong in (
            None,
            there.replace(generation=there.generation + 1),
            there.replace(generation=there.generation - 1),
            there.replace(login_id="another"),
            there.replace(refresh_hash="0" * 64),
        ):
            with hold(store) as held:
                error_of(StoreChanged, partial(held.save, make_login(), replacing=wrong))
        assert store.mark() == before
        assert store.load() == login

    def test_a_write_over_a_record_that_is_not_there_writes_nothing(self, tmp_path: Path) -> None:
        store = self._store(tmp_path)
        gone = Identity(login_id="gone", generation=3, refresh_hash="")
        with hold(store) as held:
            error_of(StoreChanged, lambda: held.save(make_login(), replacing=gone))
        assert store.load() is None

    def test_the_generation_grows_across_logout_and_a_new_login(self, tmp_path: Path) -> None:
        store = self._store(tmp_path)
        first = save(store, make_login())
        second = save(store, first.replace(access_token=Secret("test-access-second-token")))
        tombstone = save(store, Tombstone(at=NOW, generation=second.generation))
        assert isinstance(tombstone, Tombstone)
        third = save(store, make_login())
        assert [one.generation for one in (first, second, tombstone, third)] == [1, 2, 3, 4]

    def test_a_logout_leaves_a_tombstone_and_no_token(self, tmp_path: Path) -> None:
        store = self._store(tmp_path)
        login = save(store, make_login())
        save(store, Tombstone(at=NOW, generation=login.generation))
        for one in (store, self._again(store, tmp_path)):
            assert isinstance(one.glance(), Tombstone)
            assert isinstance(one.load(), Tombstone)
        with hold(store) as held:
            error_of(StoreChanged, lambda: held.save(login, replacing=login.identity))
        assert isinstance(store.load(), Tombstone)

    # -- what others see (L18)

    def test_the_mark_changes_with_every_write_and_with_nothing_else(self, tmp_path: Path) -> None:
        store = self._store(tmp_path)
        marks = [store.mark()]
        login = save(store, make_login())
        marks.append(store.mark())
        login = save(store, login)
        marks.append(store.mark())
        save(store, Tombstone(at=NOW, generation=login.generation))
        marks.append(store.mark())
        assert len(set(marks)) == len(marks)
        store.glance()
        store.load()
        with hold(store) as held:
            held.load()
            held.prove_writable()
        assert store.mark() == marks[-1]

    def test_another_program_s_store_sees_the_same_marks_and_records(self, tmp_path: Path) -> None:
        store = self._store(tmp_path)
        again = self._again(store, tmp_path)
        assert again.key == store.key
        login = save(store, make_login())
        assert again.mark() == store.mark()
        assert again.load() == login

    # -- the lock (L8, L11)

    def test_only_one_holds_the_lock_and_it_comes_back(self, tmp_path: Path) -> None:
        store = self._store(tmp_path)
        again = self._again(store, tmp_path)
        with hold(store):
            assert again.hold(seconds=0) is None
        with hold(again):
            assert store.hold(seconds=0) is None
        with hold(store):
            pass

    def test_the_lock_comes_back_after_an_error(self, tmp_path: Path) -> None:
        store = self._store(tmp_path)
        error_of(AuthError, lambda: _fail_under(hold(store)))
        with hold(store):
            pass

    def test_a_waiter_stops_waiting_when_what_it_waited_for_has_happened(self, tmp_path: Path) -> None:
        store = self._store(tmp_path)
        news = iter((False, False, False, True))
        with hold(store):
            again = self._again(store, tmp_path)
            held = again.hold(seconds=45, until=lambda: next(news))
        assert held is None

    def test_a_waiter_gives_up_after_its_own_deadline(self, tmp_path: Path) -> None:
        store = self._store(tmp_path)
        with hold(store):
            error = error_of(Unavailable, lambda: self._again(store, tmp_path).hold(seconds=45))
        assert error.code == "lock_timeout"
        assert error.facts["sent"] is False

    # -- what is damaged

    def test_a_damaged_record_is_an_error_that_names_its_place(self, tmp_path: Path) -> None:
        store = self._store(tmp_path)
        save(store, make_login())
        for text in ("", "{", '{"version": 1, "access_tok', "[]", '{"version": 1}', '{"access_token": "x"}'):
            self.damage(store, text)
            error = error_of(StoreCorrupt, store.load)
            assert store.where in error.message

    def test_a_damaged_record_gives_way_to_a_new_login_and_is_kept(self, tmp_path: Path) -> None:
        store = self._store(tmp_path)
        save(store, make_login())
        self.damage(store, '{"version": 1, "state": "login", "scopes": 7}')
        with hold(store) as held:
            error_of(StoreCorrupt, held.load)
            aside = held.set_aside()
            assert aside is not None
            stored = held.save(make_login(), replacing=None)
        assert store.load() == stored

    # -- what renewal needs of it

    def test_a_renewal_is_kept_and_the_next_caller_finds_it(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path)
        store = self.make_store(world, "default")
        old = save(store, make_expired_login())
        world.script.append(token_answer("test-access-renewed-token", "test-refresh-renewed-token"))
        renewed = renew.current(store, world)
        assert renewed.access_token == Secret("test-access-renewed-token")
        assert renewed.generation == old.generation + 1
        assert renew.current(self._again(store, tmp_path), world).access_token == renewed.access_token
        assert store.load() == renewed
        assert len(world.requests) == 1

    def test_nothing_that_can_be_shown_shows_a_token(self, tmp_path: Path) -> None:
        store = self._store(tmp_path)
        login = save(store, make_login())
        assert login.access_token is not None
        assert login.refresh_token is not None
        shown = f"{store!r} {store.where} {store.glance()!r} {store.load()!r} {store.mark()!r} {store.key}"
        self.damage(store, '{"version": 1, "access_token": ["test-access-in-a-list"]}')
        error = error_of(StoreCorrupt, store.load)
        shown += f"{error!r} {error} {error.hint} {error.facts}"
        for secret in (
            login.access_token.reveal(),
            login.refresh_token.reveal(),
            "test-access-in-a-list",
        ):
            assert secret not in shown

    def _store(self, tmp_path: Path) -> LoginStore:
        return self.make_store(FakeWorld(tmp_path), "default")

    def _again(self, store: LoginStore, tmp_path: Path) -> LoginStore:
        """The same place as another program has it; a store that lives in one process is itself."""
        return store if store.kind == "memory" else self.make_store(FakeWorld(tmp_path), "default")


def hold(store: LoginStore) -> Held:
    """The store, held; nobody else may hold it."""
    held = store.hold(seconds=0)
    assert held is not None, "somebody holds the store"
    return held


RecordKind = TypeVar("RecordKind", bound="Record")


def save(store: LoginStore, record: RecordKind) -> RecordKind:
    """Save over whatever is there, as login and logout do; what was stored."""
    with hold(store) as held:
        there = held.load()
        stored = held.save(record, replacing=None if there is None else there.identity)
    assert isinstance(stored, type(record))
    return stored


def error_of(kind: type[ErrorKind], call: Callable[[], object]) -> ErrorKind:
    """The error that a call raises; AssertionError when it raises none."""
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__} was raised")


def _fail_under(held: Held) -> None:
    with held:
        raise AuthError("something went wrong")
