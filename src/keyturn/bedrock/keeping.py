"""Keys kept for the process until shortly before they end, got by one thread for all that wait (R13).

The keys of one chain are the same for every `Auth`, so they are kept here once. What they came from is looked
at again with each request after 2 s, by a stat: files that `aws sso login` changes count at once (P18).
"""

from __future__ import annotations

from keyturn.errors import AuthError
from keyturn.values import Value
from keyturn.world.locks import GATES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from keyturn.bedrock.keys import Found
    from keyturn.world import World

AHEAD_SECONDS = 300.0
UNKNOWN_SECONDS = 3600.0
# below that, keys are no longer served while getting others fails
SERVE_SECONDS = 30.0
# those who waited for an attempt that failed share its outcome; so long, as nothing has changed
FAILURE_SECONDS = 1.0
# ahead of time, after an attempt that failed
RETRY_SECONDS = 15.0


class Kept(Value):
    """Keys, what they were made from, and until when on the clock nobody sets they are handed out."""

    __slots__ = ("ends", "found", "mark", "until")
    ends: float
    found: Found
    mark: object
    until: float


class Failed(Value):
    """An attempt that failed; `at` is on the clock nobody sets."""

    __slots__ = ("at", "error", "mark")
    at: float
    error: AuthError
    mark: object


_kept: dict[str, Kept] = {}
_failed: dict[str, Failed] = {}


def forget_all() -> None:
    """Keep nothing any more: for whoever measures or tests a process that begins."""
    _kept.clear()
    _failed.clear()


class Keeping:
    """One set of keys: `name` is what they are for, `mark()` changes with what they come from."""

    def __init__(self, world: World, name: str, mark: Callable[[], object], get: Callable[[], Found]) -> None:
        self._world = world
        self._name = name
        self._mark = mark
        self._get = get

    def found(self, rejected: Found | None = None) -> Found:
        """Keys that can be used; `rejected` are those that AWS did not take. Raises: what `get` raises."""
        outcome: list[Found] = []
        GATES.gate(f"bedrock:{self._name}").through(lambda: outcome.append(self._found(rejected)))
        return outcome[0]

    def known(self) -> Found | None:
        """The keys as last got, if they were; asks nobody."""
        kept = _kept.get(self._name)
        return kept.found if kept is not None else None

    def forget(self) -> None:
        """Get new ones the next time."""
        _kept.pop(self._name, None)
        _failed.pop(self._name, None)

    def _found(self, rejected: Found | None) -> Found:
        now, mark = self._world.clock(), self._mark()
        kept, failed = _kept.get(self._name), _failed.get(self._name)
        usable = kept is not None and (rejected is None or kept.found != rejected)
        if usable and kept is not None and kept.mark == mark and now < kept.until:
            return kept.found
        if failed is not None and failed.mark == mark and now - failed.at < FAILURE_SECONDS:
            raise failed.error
        try:
            found = self._get()
        except AuthError as error:
            if usable and kept is not None and kept.ends - now > SERVE_SECONDS and kept.mark == mark:
                # while they serve, no renewal problem fails a request (I7), nor is it met with each of them
                _kept[self._name] = kept.replace(until=self._world.clock() + RETRY_SECONDS)
                return kept.found
            _failed[self._name] = Failed(at=self._world.clock(), error=error, mark=self._mark())
            raise
        _failed.pop(self._name, None)
        _kept[self._name] = self._fresh(found)
        return found

    def _fresh(self, found: Found) -> Kept:
        now = self._world.clock()
        left = UNKNOWN_SECONDS if found.expires_at is None else found.expires_at - self._world.now()
        # a short life must not mean a new resolution with every request
        until = now + (left if found.expires_at is None else max(left - AHEAD_SECONDS, left / 2))
        # the mark of afterwards: botocore writes a renewed SSO token back, and that is no news
        return Kept(ends=now + left, found=found, mark=self._mark(), until=until)
