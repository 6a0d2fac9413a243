"""The lock between processes: `flock` on a file that is never unlinked (L8), safe over fork (L9).

The kernel drops it when its holder dies, so it is never stale and never broken by age.
"""

from __future__ import annotations

import os
from _thread import RLock, allocate_lock  # `threading` is these and two milliseconds more
from _weakref import ref  # as `weakref` has it, without the rest

from keyturn.errors import StoreDenied, Unavailable
from keyturn.world import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from keyturn.world import World

# How often a waiter looks again. No holder is done before a network round trip and two writes to disk, and
# looking more often takes from the holder the processor that it needs to get done (bench/stampede.py).
_PAUSE_SECONDS = 0.01

# weak, so that a lock whose holder was interrupted before it could say so is given back with its object
_held: dict[int, ref[FileLock]] = {}


class FileLock:
    """Exclusive between processes and between threads; not reentrant."""

    def __init__(self, path: str, world: World) -> None:
        self._path = path
        self._world = world
        self._descriptor: int | None = None

    def acquire(
        self, *, seconds: float, until: Callable[[], bool] | None = None, shared: bool = False
    ) -> bool:
        """Take the lock. False when `until` came true first: what the lock was wanted for has happened.

        With `seconds` 0 it is tried once, and False means that somebody holds it.

        Raises: Unavailable naming the holder after `seconds`; StoreDenied.
        """
        deadline = self._world.clock() + seconds
        try:
            while not self._try(shared=shared):
                if seconds == 0:
                    return False
                left = deadline - self._world.clock()
                if left <= 0:
                    raise self._held_by_another(seconds)  # noqa: TRY301 - the handler is for interrupts
                self._world.sleep(min(_PAUSE_SECONDS, left))
                # before the next try: waiters must not stand in line for a lock they no longer want (L12)
                if until is not None and until():
                    return False
        except BaseException:
            self.release()  # interrupted when it had just been taken
            raise
        return True

    def __del__(self) -> None:
        """Nobody can give it back any more: an interrupt came before its `with` block began."""
        self.release()

    def release(self) -> None:
        """Give it back: unlocked explicitly, since a forked child may hold the same open file."""
        descriptor = self._descriptor
        if descriptor is None:
            return
        try:
            _unlock(descriptor)
        finally:
            _held.pop(descriptor, None)
            self._descriptor = None
            os.close(descriptor)

    def forget(self) -> None:
        """In a forked child: drop the descriptor without unlocking, for the lock is the parent's."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def _try(self, *, shared: bool) -> bool:
        while True:
            try:
                descriptor = os.open(
                    self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0), 0o600
                )
            except OSError as error:
                raise files.denied(self._path, error) from None
            try:
                free = _lock(descriptor, shared=shared)
                # Somebody may have replaced the file between open and lock; then this lock guards nothing.
                if free and self._is_current(descriptor):
                    self._descriptor = descriptor
                    _held[descriptor] = ref(self)
                    if not shared:
                        self._sign(descriptor)
                    return True
            except BaseException:
                # whatever it was, an interrupt too: a lock that nobody knows of would be held for ever
                self._descriptor = None
                _held.pop(descriptor, None)
                os.close(descriptor)
                raise
            os.close(descriptor)
            if not free:
                return False

    def _is_current(self, descriptor: int) -> bool:
        there = files.mark(self._path)
        try:
            here = os.fstat(descriptor)
        except OSError as error:  # a disk that fails
            raise files.denied(self._path, error) from None
        return there is not None and here.st_ino == there[0]

    def _sign(self, descriptor: int) -> None:
        """Leave word who holds it: for people only, nothing is decided by it."""
        text = f"{os.getpid()} {self._world.host()} {self._world.now():.0f}\n".encode()
        try:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, text, 0)
        except OSError:
            pass  # a full disk must not keep anybody from the lock

    def _held_by_another(self, seconds: float) -> Unavailable:
        pid, host, age = "?", "?", "?"
        try:
            with open(self._path, encoding="utf-8") as file:
                pid, host, since = file.read(512).split()
            age = f"{max(0.0, self._world.now() - float(since)):.0f} s"
        except (OSError, ValueError):
            pass
        there = "" if host in ("?", self._world.host()) else " there"  # a number means nothing elsewhere
        return Unavailable(
            f"process {pid} on {host} has been renewing this login for {age}; waited {seconds:g} s",
            hint=f"look at it{there}: ps -p {pid}; keyturn goes on by itself as soon as it is done or ends",
            code="lock_timeout",
            sent=False,
            pid=pid,
            host=host,
        )


try:
    import fcntl
except ImportError:  # Windows
    import msvcrt

    def _lock(descriptor: int, *, shared: bool) -> bool:  # noqa: ARG001 - there is only one kind there
        try:
            os.lseek(descriptor, 1 << 30, os.SEEK_SET)  # far beyond the text, which others may want to read
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore] # Windows only
        except OSError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        os.lseek(descriptor, 1 << 30, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)  # type: ignore[attr-defined,unused-ignore] # Windows only
else:

    def _lock(descriptor: int, *, shared: bool) -> bool:
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            # a network file system without a lock service: without the lock nothing may be renewed
            reason = (error.strerror or type(error).__name__).lower()
            raise StoreDenied(
                f"this file system gives no locks ({reason})",
                hint="keep the logins on a local disk: export KEYTURN_HOME=/path/on/a/local/disk",
                errno=error.errno,
            ) from None
        return True

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


# threads that work for one who holds a gate, with that gate's name: it will not open for them
WORKERS: set[tuple[int, str]] = set()


class Done:
    """Set once by a thread, waited for by one other, which an interrupt may take away at any moment.

    `threading.Event` is not that: an interrupt within its `wait` can leave its lock taken, and then whoever
    sets it hangs.
    """

    def __init__(self) -> None:
        self._set = False
        self._lock = allocate_lock()
        self._lock.acquire()

    def set(self) -> None:
        """Let the waiter go on."""
        self._set = True
        self._lock.release()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait, at most `seconds` (None: however long); whether it is set."""
        if not self._set and self._lock.acquire(timeout=-1 if seconds is None else seconds):
            self._lock.release()
        return self._set


class Gate:
    """One thread at a time; it knows whether it is this one.

    So `release` may be called twice, and must be: an interrupt can come before the first one did anything.
    """

    def __init__(self) -> None:
        self._lock = RLock()

    @property
    def mine(self) -> bool:
        """Whether this thread has it."""
        return self._lock._is_owned()  # type: ignore[attr-defined,no-any-return] # noqa: SLF001 - as `threading.Condition` asks it

    def acquire(self, seconds: float) -> bool:
        """Take it, or give up after that time. A thread that has it already must not ask (see `mine`)."""
        return self._lock.acquire(timeout=seconds)

    def release(self) -> None:
        """Give it back, if this thread has it."""
        if self.mine:
            self._lock.release()

    def through(self, work: Callable[[], None]) -> None:
        """Do something that one thread does at a time, however long the others take."""
        try:
            try:
                self._lock.acquire()
                work()
            finally:
                self.release()
        finally:
            self.release()  # as above


class Gates:
    """One thread at a time per (store, profile) in this process, however many `Auth` there are (L9)."""

    def __init__(self) -> None:
        self._gates: dict[str, Gate] = {}

    def gate(self, name: str) -> Gate:
        """The gate of a store's key."""
        return self._gates.setdefault(name, Gate())  # one step of the interpreter, which needs no lock

    def replace(self) -> None:
        """New locks, for a forked child: the old ones may be held by threads it does not have."""
        self.__init__()  # type: ignore[misc] # the same object, because others hold it


GATES = Gates()


def _after_fork_in_child() -> None:
    GATES.replace()
    WORKERS.clear()
    for held in list(_held.values()):
        if (lock := held()) is not None:
            lock.forget()
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
