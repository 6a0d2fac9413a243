"""Ctrl-C at any moment leaves neither lock nor gate behind, and ends every mere waiting (L9, L17)."""

from __future__ import annotations

import itertools
import logging
import random
import signal
import threading
import time
from typing import TYPE_CHECKING

import pytest

from keyturn import Auth
from keyturn import auth as auth_module
from keyturn.errors import Unavailable
from keyturn.login import Login
from keyturn.oauth import renew, uninterrupted
from keyturn.stores.file import FileStore
from keyturn.testing import FakeWorld, make_expired_login, make_login, token_answer
from keyturn.testing.stores import hold, save
from keyturn.testing.world import NOW
from keyturn.world import files, locks
from keyturn.world.locks import GATES, FileLock
from tests.interruptions import stopped_at

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from keyturn.wire import Request, Response


def settle() -> None:
    """Wait for every renewal that still goes on; what has not begun by now finds that nobody wants it."""
    time.sleep(0.01)
    for thread in threading.enumerate():
        if thread.name == "keyturn-renewal" and thread.is_alive():
            thread.join(20)


def interrupt(_: object = None) -> None:
    """What Ctrl-C does, from whatever thread."""
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


@pytest.fixture(autouse=True)
def _interruptible() -> None:
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.proves("L17", "L8")
@pytest.mark.parametrize("moment", ["mark", "now"])
def test_an_interrupt_while_the_lock_is_taken_gives_it_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    world = FakeWorld(tmp_path)
    lock = FileLock(str(tmp_path / "NAME.lock"), world)

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(files if moment == "mark" else world, moment, interrupted)
        with pytest.raises(KeyboardInterrupt):
            lock.acquire(seconds=0)
    assert FileLock(str(tmp_path / "NAME.lock"), world).acquire(seconds=0)


@pytest.mark.proves("L17", "L8")
def test_a_lock_that_nobody_can_give_back_any_more_is_free(tmp_path: Path) -> None:
    world = FakeWorld(tmp_path)
    store = FileStore(world, "default")
    held = store.hold(seconds=0)
    assert held is not None
    del held
    with hold(store):
        pass


class Renewals:
    """One login that is due again and again, and what every interrupt must leave behind."""

    def __init__(self, folder: Path) -> None:
        self.world = FakeWorld(folder)
        self.store = FileStore(self.world, "default")
        save(self.store, make_expired_login())
        self.auth = Auth(world=self.world)
        self.sent = 0

    def make_due(self) -> None:
        self.world.advance(5000)
        self.world.script = [self._grant]

    def _grant(self, _: Request) -> Response:
        self.sent += 1
        return token_answer(f"test-access-{self.sent}", f"test-refresh-{self.sent}")

    def check(self) -> None:
        """Neither lock nor gate is left, and what was granted is stored."""
        settle()
        with hold(self.store) as held:
            assert held.journal.intent() is None
        gate = GATES.gate(self.store.key)
        assert not gate.mine
        assert gate.acquire(0.0)
        gate.release()
        login = self.store.load()
        assert isinstance(login, Login)
        assert login.refresh_token is not None
        assert not self.sent or login.refresh_token.reveal() == f"test-refresh-{self.sent}"


@pytest.mark.proves("L17")
def test_an_interrupt_at_any_moment_of_a_renewal_leaves_no_lock_behind(tmp_path: Path) -> None:
    renewals = Renewals(tmp_path)
    moments = random.Random(17)  # noqa: S311 - any moments will do, the same each time
    for _ in range(100):
        renewals.make_due()
        begun = threading.Lock()
        begun.acquire()
        another = threading.Thread(target=_interrupt_after, args=(begun, moments.uniform(0.00002, 0.004)))
        another.start()
        with pytest.raises(KeyboardInterrupt):
            _until_interrupted(begun, renewals.auth)
        another.join()
        renewals.check()
    assert renewals.sent


def _until_interrupted(begun: threading.Lock, auth: Auth) -> None:
    begun.release()
    auth.credential()
    while True:  # in short sleeps: a signal that comes just before a long one is heard after it
        time.sleep(0.01)


def _interrupt_after(begun: threading.Lock, seconds: float) -> None:
    begun.acquire()
    time.sleep(seconds)
    interrupt()


@pytest.mark.proves("L17")
def test_an_interrupt_at_every_step_of_whoever_waits_leaves_no_lock_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    renewals = Renewals(tmp_path)
    monkeypatch.setattr(renewals.world, "wait_for", _patiently)
    for step in itertools.count(1):
        renewals.make_due()
        if not stopped_at(step, Auth(world=renewals.world).credential, STEPS_OF):
            break
        renewals.check()
    assert step > 100
    assert renewals.sent > 10


def _patiently(done: locks.Done, _: float | None) -> bool:
    while not done._set:  # however long it takes, it takes no step that counts
        time.sleep(0.0005)
    return done.wait()


# what the thread of the caller goes through between its `credential()` and the end of the renewal
STEPS_OF = {auth_module.__file__, uninterrupted.__file__, locks.__file__}


@pytest.mark.proves("L17", "L11")
def test_an_interrupt_ends_the_wait_for_somebody_else_s_lock_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = FakeWorld(tmp_path)
    world.pace = 0.002
    store = FileStore(world, "default")
    save(store, make_expired_login())
    monkeypatch.setattr(world, "sleep", _then(world.sleep, interrupt))
    with hold(FileStore(world, "default")), pytest.raises(KeyboardInterrupt):
        renew.current(store, world)
    settle()
    assert world.slept < renew.WAIT_SECONDS / 2
    assert world.requests == []


def _then(first: Callable[[float], None], second: Callable[[], None]) -> Callable[[float], None]:
    said: list[bool] = []

    def both(seconds: float) -> None:
        first(seconds)
        if not said:
            said.append(True)
            second()

    return both


@pytest.mark.proves("L17", "R40")
def test_an_interrupt_while_the_answer_is_awaited_is_raised_when_it_is_saved(tmp_path: Path) -> None:
    world = FakeWorld(tmp_path)
    store = FileStore(world, "default")
    save(store, make_expired_login())

    def grant(_: Request) -> Response:
        interrupt()
        time.sleep(0.1)
        return token_answer("test-new", "test-next")

    world.script = [grant]
    with pytest.raises(KeyboardInterrupt):
        renew.current(store, world)
    login = store.load()
    assert isinstance(login, Login)
    assert login.refresh_token is not None
    assert login.refresh_token.reveal() == "test-next"


class TestThreads:
    @pytest.fixture(params=["the first", "the second"])
    def _none_can_start(self, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
        def fail(*_: object) -> None:
            raise RuntimeError("can't start new thread")

        if request.param == "the first":
            monkeypatch.setattr(uninterrupted, "start_new_thread", fail)
        else:
            monkeypatch.setattr(threading.Thread, "start", fail)

    @pytest.mark.usefixtures("_none_can_start")
    @pytest.mark.proves("I7")
    def test_without_threads_a_token_that_serves_is_served(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path)
        store = FileStore(world, "default")
        login = save(store, make_login(issued_at=NOW - 3400, expires_at=NOW + 200))
        assert Auth(world=world).credential().secret == login.access_token
        with hold(store):
            pass

    @pytest.mark.usefixtures("_none_can_start")
    @pytest.mark.proves("L17")
    def test_without_threads_a_renewal_that_must_be_says_so_and_holds_no_lock(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path)
        store = FileStore(world, "default")
        save(store, make_expired_login())
        with pytest.raises(Unavailable, match="no thread can be started"):
            Auth(world=world).credential()
        with hold(store) as held:
            assert held.journal.intent() is None


@pytest.mark.proves("L9")
@pytest.mark.parametrize("left", [-10.0, 200.0])
def test_a_logging_handler_that_asks_for_the_credential_inside_a_renewal_does_not_wait_for_itself(
    tmp_path: Path, left: float
) -> None:
    world = FakeWorld(tmp_path)
    store = FileStore(world, "default")
    login = save(store, make_login(issued_at=NOW - 3400, expires_at=NOW + left))
    auth = Auth(world=world)
    said: list[object] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            del record
            try:
                said.append(Auth(world=world).credential().secret)
            except Unavailable as error:
                said.append(error.code)

    def grant(_: Request) -> Response:
        logging.getLogger("somewhere").warning("while the lock is held")
        return token_answer("test-new", "test-next")

    handler = Handler()
    logging.getLogger("somewhere").addHandler(handler)
    try:
        world.script = [grant]
        assert auth.credential().secret.reveal() == "test-new"
    finally:
        logging.getLogger("somewhere").removeHandler(handler)
    assert said == ["reentered"]
    assert login.access_token is not None
