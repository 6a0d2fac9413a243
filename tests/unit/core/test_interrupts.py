"""Ctrl-C at any moment leaves neither lock nor gate behind, and ends every mere waiting (L9, L17)."""

from __future__ import annotations

import logging
import random
import signal
import threading
import time
from typing import TYPE_CHECKING

import pytest

from keyturn import Auth
from keyturn.errors import Unavailable
from keyturn.login import Login
from keyturn.oauth import renew
from keyturn.stores.file import FileStore
from keyturn.testing import FakeWorld, make_expired_login, make_login, token_answer
from keyturn.testing.stores import hold, save
from keyturn.testing.world import NOW
from keyturn.world import files
from keyturn.world.locks import GATES, FileLock

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


@pytest.mark.proves("L17")
def test_an_interrupt_at_any_moment_of_a_renewal_leaves_no_lock_behind(tmp_path: Path) -> None:
    world = FakeWorld(tmp_path)
    store = FileStore(world, "default")
    save(store, make_expired_login())
    auth = Auth(world=world)
    moments = random.Random(17)  # noqa: S311 - any moments will do, the same each time
    interrupted = 0
    sent: list[Request] = []

    def grant(request: Request) -> Response:
        sent.append(request)
        return token_answer(f"test-access-{len(sent)}", f"test-refresh-{len(sent)}")

    earlier = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        for _ in range(150):
            world.advance(5000)
            world.script = [grant]
            try:
                try:
                    signal.setitimer(signal.ITIMER_REAL, moments.uniform(0.00002, 0.004))
                    auth.credential()
                    time.sleep(0.005)
                finally:
                    signal.setitimer(signal.ITIMER_REAL, 0)
            except KeyboardInterrupt:
                interrupted += 1
            settle()
            with hold(store) as held:
                assert held.journal.intent() is None
            gate = GATES.gate(store.key)
            assert gate.acquire(0.0)
            gate.release()
    finally:
        signal.signal(signal.SIGALRM, earlier)
    assert interrupted
    login = store.load()
    assert isinstance(login, Login)
    assert login.refresh_token is not None
    assert login.refresh_token.reveal() == f"test-refresh-{len(sent)}", "what was granted is stored"


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
    @pytest.fixture
    def _none_can_start(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(_: threading.Thread) -> None:
            raise RuntimeError("can't start new thread")

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
