"""The lock between processes and the gates within one (L8, L9, L11)."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from keyturn import Auth, Unavailable
from keyturn.errors import StoreDenied
from keyturn.stores.file import FileStore
from keyturn.testing import FakeWorld, make_expired_login, make_login, token_answer
from keyturn.testing.stores import save
from keyturn.values import Secret
from keyturn.world import World, locks
from keyturn.world.locks import GATES, FileLock, Gates

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HOLDER = """
import os, sys
from keyturn.world import World
from keyturn.world.locks import FileLock
lock = FileLock(sys.argv[1], World())
assert lock.acquire(seconds=20)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def lock(tmp_path: Path) -> Callable[[], FileLock]:
    world = FakeWorld(tmp_path)
    return lambda: FileLock(str(tmp_path / "NAME.lock"), world)


def holder(path: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


@pytest.mark.proves("L8")
class TestTheLock:
    @pytest.mark.proves("P35")
    def test_a_killed_holder_holds_nothing(self, tmp_path: Path) -> None:
        path = tmp_path / "NAME.lock"
        process = holder(path)
        mine = FileLock(str(path), World())
        assert not mine.acquire(seconds=0)
        process.kill()
        assert mine.acquire(seconds=20)
        mine.release()
        process.communicate()

    def test_its_file_stays(self, tmp_path: Path, lock: Callable[[], FileLock]) -> None:
        one = lock()
        one.acquire(seconds=0)
        inode = (tmp_path / "NAME.lock").stat().st_ino
        one.release()
        assert lock().acquire(seconds=0)
        assert (tmp_path / "NAME.lock").stat().st_ino == inode

    def test_a_file_that_was_replaced_is_opened_again(self, tmp_path: Path) -> None:
        path = tmp_path / "NAME.lock"
        process = holder(path)
        path.unlink()  # against the rules, as a cleaning job does
        waiting = FileLock(str(path), World())
        assert waiting.acquire(seconds=0)  # the holder's lock guards nothing any more
        late = FileLock(str(path), World())
        assert not late.acquire(seconds=0)
        waiting.release()
        process.communicate()

    def test_a_lock_on_a_file_that_is_replaced_just_then_does_not_count(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lock: Callable[[], FileLock]
    ) -> None:
        path = tmp_path / "NAME.lock"
        really = locks._lock
        inodes: list[int] = []

        def replaced_first(descriptor: int, *, shared: bool) -> bool:
            if not inodes:
                path.unlink()
                path.touch(0o600)
            inodes.append(os.fstat(descriptor).st_ino)
            return really(descriptor, shared=shared)

        monkeypatch.setattr(locks, "_lock", replaced_first)
        assert lock().acquire(seconds=0)
        assert len(inodes) == 2
        assert inodes[1] == path.stat().st_ino

    def test_a_link_in_its_place_is_refused(self, tmp_path: Path, lock: Callable[[], FileLock]) -> None:
        (tmp_path / "target").write_text("precious", encoding="utf-8")
        (tmp_path / "NAME.lock").symlink_to("target")
        with pytest.raises(StoreDenied):
            lock().acquire(seconds=0)
        assert (tmp_path / "target").read_text(encoding="utf-8") == "precious"

    def test_readers_share_it_and_a_writer_does_not(self, lock: Callable[[], FileLock]) -> None:
        one, two, writer = lock(), lock(), lock()
        assert one.acquire(seconds=0, shared=True)
        assert two.acquire(seconds=0, shared=True)
        assert not writer.acquire(seconds=0)
        one.release()
        two.release()
        assert writer.acquire(seconds=0)
        assert not one.acquire(seconds=0, shared=True)
        writer.release()

    def test_giving_it_back_twice_does_no_harm(self, lock: Callable[[], FileLock]) -> None:
        one, two = lock(), lock()
        one.acquire(seconds=0)
        one.release()
        assert two.acquire(seconds=0)
        one.release()
        assert not lock().acquire(seconds=0)
        two.release()

    @pytest.mark.proves("L11", "P35")
    def test_who_gives_up_is_told_who_holds_it_and_for_how_long(self, tmp_path: Path) -> None:
        path = tmp_path / "NAME.lock"
        process = holder(path)
        world = FakeWorld(tmp_path, now=World().now() + 7)
        with pytest.raises(Unavailable) as caught:
            FileLock(str(path), world).acquire(seconds=45)
        process.communicate()
        error = caught.value
        assert error.facts["pid"] == str(process.pid)
        assert error.facts["host"] == os.uname().nodename
        assert f"process {process.pid} on {os.uname().nodename}" in error.message
        assert f"ps -p {process.pid}" in (error.hint or "")
        assert world.slept >= 45

    @pytest.mark.proves("L12")
    def test_a_waiter_neither_spins_nor_sleeps_long(
        self, tmp_path: Path, lock: Callable[[], FileLock]
    ) -> None:
        there = lock()
        there.acquire(seconds=0)
        world = FakeWorld(tmp_path)
        looks: list[float] = []

        def news() -> bool:
            looks.append(world.slept)
            return len(looks) > 99

        assert not FileLock(str(tmp_path / "NAME.lock"), world).acquire(seconds=10, until=news)
        assert all(0.001 < later - earlier < 0.1 for earlier, later in itertools.pairwise(looks))

    def test_a_lock_that_cannot_be_signed_is_still_a_lock(self, tmp_path: Path) -> None:
        program = (
            "import resource, signal, sys\n"
            "from keyturn.world import World\n"
            "from keyturn.world.locks import FileLock\n"
            "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
            "print(FileLock(sys.argv[1], World()).acquire(seconds=0))\n"
        )
        command = [sys.executable, "-c", program, str(tmp_path / "NAME.lock")]
        assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "True\n"


def in_a_child(work: Callable[[], object]) -> int:
    """The exit status of a forked child that does the work; 1 when it fails, 14 when it hangs for 20 s."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(20)
            work()
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.proves("L9")
class TestFork:
    def test_a_child_does_not_hold_its_parent_s_lock_nor_give_it_back(
        self, lock: Callable[[], FileLock]
    ) -> None:
        held = lock()
        held.acquire(seconds=0)

        def child() -> None:
            held.release()  # nothing of the parent's
            assert not lock().acquire(seconds=0)

        assert in_a_child(child) == 0
        assert not lock().acquire(seconds=0)
        held.release()
        assert lock().acquire(seconds=0)

    def test_a_parent_that_gives_it_back_is_not_held_up_by_a_living_child(
        self, lock: Callable[[], FileLock]
    ) -> None:
        held = lock()
        held.acquire(seconds=0)
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(writing)
            os.read(reading, 1)
            os._exit(0)
        os.close(reading)
        held.release()
        assert lock().acquire(seconds=0)
        os.close(writing)
        os.waitpid(child, 0)

    def test_gates_that_a_thread_of_the_parent_holds_are_open_in_the_child(self) -> None:
        gate = GATES.gate("a place")
        assert gate.acquire(0.0)
        try:
            assert in_a_child(lambda: _pass(GATES.gate("a place"))) == 0
        finally:
            gate.release()

    def test_an_auth_made_before_the_fork_works_after_it(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path)
        save(FileStore(world, "default"), make_expired_login())
        world.script.append(token_answer("test-access-of-the-child", "test-refresh-of-the-child"))
        auth = Auth(world=world)
        inside, done = threading.Event(), threading.Event()

        def be_inside() -> None:
            inside.set()
            done.wait(30)

        def hold_the_gate() -> None:
            GATES.gate(auth.scene().store.key).through(be_inside)

        thread = threading.Thread(target=hold_the_gate)
        thread.start()
        assert inside.wait(30)

        def child() -> None:
            assert auth.credential().secret == Secret("test-access-of-the-child")

        status = in_a_child(child)
        done.set()
        thread.join()
        assert status == 0
        assert auth.credential().secret == Secret("test-access-of-the-child")  # found in the store
        assert world.requests == []

    def test_children_of_one_parent_share_one_renewal(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path)
        store = FileStore(world, "default")
        save(store, make_login())
        auth = Auth(world=world)
        old = auth.credential()
        world.script.append(token_answer("test-access-of-one-child", "test-refresh-of-one-child"))
        for _ in range(4):

            def child() -> None:
                assert auth.credential(rejected=old).secret == Secret("test-access-of-one-child")
                # a child that adopted has its answer of the script still to come
                assert len(world.requests) + len(world.script) == 1

            assert in_a_child(child) == 0
        assert auth.credential(rejected=old).secret == Secret("test-access-of-one-child")
        assert world.requests == []


def _pass(gate: object) -> None:
    assert gate.acquire(5)  # type: ignore[attr-defined] # a gate


@pytest.mark.proves("L11")
def test_a_holder_on_another_machine_is_looked_for_there(
    lock: Callable[[], FileLock], tmp_path: Path
) -> None:
    mine, other = lock(), lock()
    assert mine.acquire(seconds=0)
    try:
        (tmp_path / "NAME.lock").write_text("4242 other.example 0")
        with pytest.raises(Unavailable, match=r"process 4242 on other\.example") as caught:
            other.acquire(seconds=0.1)
        assert (caught.value.hint or "").startswith("look at it there: ps -p 4242;")
    finally:
        mine.release()


def test_a_gate_is_the_same_for_a_name_and_another_for_another() -> None:
    gates = Gates()
    assert gates.gate("a") is gates.gate("a")
    assert gates.gate("a") is not gates.gate("b")
