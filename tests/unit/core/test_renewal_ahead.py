"""Renewal ahead of time never fails a request and never holds one up (I7)."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from keyturn import Auth
from keyturn.errors import StoreDenied, Unavailable
from keyturn.stores.file import FileStore
from keyturn.stores.memory import MemoryStore
from keyturn.testing import FakeWorld, make_expired_login, token_answer
from keyturn.testing.stores import hold, save

if TYPE_CHECKING:
    from pathlib import Path

    from keyturn.wire import Request, Response


from tests.machine import HOUR, Machine, aged


@pytest.fixture
def expired(tmp_path: Path) -> Machine:
    return Machine(tmp_path, make_expired_login())


@pytest.fixture
def ahead(tmp_path: Path) -> Machine:
    return Machine(tmp_path, aged(HOUR, 200.0))


# -- ahead of time (I7)


@pytest.mark.proves("I7")
class TestAheadOfTime:
    def test_it_renews_while_the_old_token_still_serves(self, ahead: Machine) -> None:
        ahead.grants()
        assert ahead.auth().credential().secret.reveal() == ahead.access

    def test_somebody_else_s_lock_is_not_waited_for(self, ahead: Machine) -> None:
        with hold(FileStore(ahead.world, "default")):
            assert ahead.auth().credential().secret == ahead.login.access_token
        assert ahead.world.slept == 0.0
        assert ahead.world.requests == []

    def test_a_store_that_cannot_be_written_is_not_its_trouble(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path)
        store = MemoryStore(world)
        login = save(store, aged(HOUR, 200.0))
        store.refuse_writes = True
        assert Auth(world=world, store=store).credential().secret == login.access_token
        assert world.requests == []

    def test_after_a_failure_it_is_left_alone_for_a_while(self, ahead: Machine) -> None:
        ahead.world.script.append(Unavailable("no route", sent=False))
        auth = ahead.auth()
        for _ in range(10):
            auth.credential()
            ahead.world.advance(2.1)
        assert len(ahead.world.requests) == 1
        ahead.world.advance(10)
        ahead.grants()
        assert auth.credential().secret.reveal() == ahead.access

    def test_another_thread_gets_the_old_token_while_one_renews(self, ahead: Machine) -> None:
        auth = ahead.auth()
        assert ahead.login.access_token is not None
        ahead.world.script.append(Unavailable("no route", sent=False))
        auth.credential()
        ahead.world.advance(40)
        asked, done = threading.Event(), threading.Event()

        def slow(_: Request) -> Response:
            asked.set()
            assert done.wait(20)
            return token_answer(ahead.access, ahead.refresh)

        ahead.world.script.append(slow)
        renewing = threading.Thread(target=auth.credential)
        renewing.start()
        assert asked.wait(20)
        served = auth.credential()
        done.set()
        renewing.join(20)
        assert served.secret == ahead.login.access_token
        assert auth.credential().secret.reveal() == ahead.access

    @pytest.mark.proves("L11", "L17")
    def test_an_authority_that_hangs_holds_nobody_up_and_what_it_grants_late_is_kept(
        self, ahead: Machine
    ) -> None:
        answering = threading.Event()

        def hang(_: Request) -> Response:
            ahead.world.impatient = True
            assert answering.wait(20)
            return token_answer(ahead.access, ahead.refresh)

        ahead.world.script.append(hang)
        auth = ahead.auth()
        for _ in range(3):
            assert auth.credential().secret == ahead.login.access_token
            ahead.world.advance(2.1)
        assert ahead.auth().credential().secret == ahead.login.access_token, "as another program"
        assert len(ahead.world.requests) == 1
        answering.set()
        while any(thread.name == "keyturn-renewal" and thread.is_alive() for thread in threading.enumerate()):
            time.sleep(0.01)
        assert auth.credential().secret.reveal() == ahead.access
        refresh_token = ahead.stored().refresh_token
        assert refresh_token is not None
        assert refresh_token.reveal() == ahead.refresh


# -- a store that would not take the result


@pytest.mark.proves("L13")
def test_nothing_is_spent_when_the_result_could_not_be_stored(tmp_path: Path) -> None:
    world = FakeWorld(tmp_path)
    store = MemoryStore(world)
    save(store, make_expired_login())
    store.refuse_writes = True
    with pytest.raises(StoreDenied):
        Auth(world=world, store=store).credential()
    assert world.requests == []
