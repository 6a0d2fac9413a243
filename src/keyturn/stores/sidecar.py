"""The side-car of one profile: what the next renewal has to heed.

How the last one failed and when the next may be tried (L11, L20), and when the last one was made because the
API rejected a token (L19). Every process reads it before it sends: 32 waiters do not send 32 failing
requests. It speaks of one refresh token, or of one login; after a new login it means nothing. Losing it costs
one request, so it is written without ado.
"""

from __future__ import annotations

from keyturn import jsontext
from keyturn.errors import AuthError, ConfigurationError, StoreError, Unavailable
from keyturn.values import Value
from keyturn.world import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar

    V = TypeVar("V", bound=Value)

# a time further ahead than this is a clock that jumped, and is ignored
FARTHEST_SECONDS = 900.0
# at most one renewal in this time is made for rejections, whatever the API goes on to reject
REJECTION_SECONDS = 60.0


class Trouble(Value):
    """A renewal that failed: `at` and `retry_at` in Unix seconds, `failures` in a row, and what was said.

    `kind` is unavailable or configuration.
    """

    __slots__ = ("at", "code", "failures", "hint", "kind", "message", "refresh_hash", "retry_at")
    at: float
    code: str
    failures: int
    hint: str
    kind: str
    message: str
    refresh_hash: str
    retry_at: float

    def holds(self, refresh_hash: str, *, now: float, since: float) -> bool:
        """Whether it answers one who has waited since `since`: it happened meanwhile, or still pauses."""
        if refresh_hash != self.refresh_hash:
            return False
        pausing = now < self.retry_at <= now + FARTHEST_SECONDS
        return pausing or since <= self.at <= now

    def error(self, now: float) -> AuthError:
        """The same error again, saying when it happened."""
        ago = max(0.0, now - self.at)
        wait = max(0.0, self.retry_at - now)
        kind = ConfigurationError if self.kind == "configuration" else Unavailable
        return kind(
            f"{self.message} ({ago:.0f} s ago; the next try is in {wait:.0f} s)",
            hint=self.hint or None,
            code=self.code,
            retry_after=wait,
        )


class Rejection(Value):
    """A renewal that was made because the API rejected a token that was not due; `at` in Unix seconds."""

    __slots__ = ("at", "login_id")
    at: float
    login_id: str

    def ago(self, login_id: str, now: float) -> float | None:
        """How many seconds ago it was, while that keeps the next one back; else None."""
        passed = now - self.at
        return passed if self.login_id == login_id and 0 <= passed < REJECTION_SECONDS else None


class SideCarFile:
    """The file; written under the profile's lock."""

    def __init__(self, path: str) -> None:
        self.path = path

    def read(self) -> Trouble | None:
        """The last trouble; None when there is none, or none that can be read."""
        return _value(Trouble, self._found().get("trouble"))

    def write(self, trouble: Trouble) -> None:
        """Remember a failure; a disk that refuses is no reason to fail once more."""
        self._write(trouble, self.rejection())

    def clear(self) -> None:
        """Forget the trouble; a rejection is remembered for its time."""
        found = self._found()
        if found:
            self._write(None, _value(Rejection, found.get("rejection")))

    def rejection(self) -> Rejection | None:
        """The last renewal that a rejection caused."""
        return _value(Rejection, self._found().get("rejection"))

    def write_rejection(self, rejection: Rejection) -> None:
        """Remember a renewal that a rejection caused, in place of all trouble; never an error."""
        self._write(None, rejection)

    def remove(self) -> None:
        """Forget everything: with the login it was about."""
        try:
            files.remove_durably(self.path)
        except StoreError:
            return

    def _found(self) -> dict[str, Any]:
        try:
            found = files.read_private(self.path)
            return jsontext.parse_object(found.text) if found is not None else {}
        except (StoreError, jsontext.NotJson):
            return {}

    def _write(self, trouble: Trouble | None, rejection: Rejection | None) -> None:
        if trouble is None and rejection is None:
            self.remove()
            return
        values = {"trouble": _fields(trouble), "rejection": _fields(rejection)}
        try:
            files.write_durably(self.path, jsontext.dump(values) + "\n")
        except StoreError:
            return


def _fields(value: Value | None) -> dict[str, Any] | None:
    return None if value is None else {name: getattr(value, name) for name in value.fields}


def _value(kind: type[V], found: object) -> V | None:
    if not isinstance(found, dict):
        return None
    if not all(isinstance(found.get(name), _KINDS[name]) for name in kind.fields):
        return None
    return kind(**{name: found[name] for name in kind.fields})


_KINDS: dict[str, type | tuple[type, ...]] = {
    "at": (int, float),
    "code": str,
    "failures": int,
    "hint": str,
    "kind": str,
    "login_id": str,
    "message": str,
    "refresh_hash": str,
    "retry_at": (int, float),
}
