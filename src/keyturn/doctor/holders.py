"""Who holds a lock, without keeping it from anybody for longer than a look."""

from __future__ import annotations

from keyturn.errors import AuthError
from keyturn.values import Value
from keyturn.world import files
from keyturn.world.locks import FileLock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keyturn.world import World


class Holder(Value):
    """What a holder has written into its lock; `since` in Unix seconds, None when it is not readable."""

    __slots__ = ("host", "pid", "since")
    host: str
    pid: str
    since: float | None


def holder(path: str, world: World) -> Holder | None:
    """Who holds a lock; None when nobody does. A lock that was never used is not made by that."""
    if files.mark(path) is None:
        return None
    lock = FileLock(path, world)
    try:
        free = lock.acquire(seconds=0, shared=True)
    except AuthError:
        return None  # the directory's own finding says why
    if free:
        lock.release()
        return None
    try:
        with open(path, encoding="utf-8") as file:
            pid, host, since = file.read(512).split()
        return Holder(host=host, pid=pid, since=float(since))
    except (OSError, ValueError):
        return Holder(host="?", pid="?", since=None)
