"""The side-car of one profile: how the last renewal failed, and when the next may be tried (L11, L20).

Every process reads it before it sends: 32 waiters do not send 32 failing requests. It speaks of one refresh
token; after a login or a renewal it means nothing. Losing it costs one request, so it is written without ado.
"""

from __future__ import annotations

from keyturn import jsontext
from keyturn.errors import AuthError, ConfigurationError, StoreError, Unavailable
from keyturn.values import Value
from keyturn.world import files

# a time further ahead than this is a clock that jumped, and is ignored
FARTHEST_SECONDS = 900.0


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


class SideCarFile:
    """The file; written under the profile's lock."""

    def __init__(self, path: str) -> None:
        self.path = path

    def read(self) -> Trouble | None:
        """The last trouble; None when there is none, or none that can be read."""
        try:
            found = files.read_private(self.path)
            values = jsontext.parse_object(found.text) if found is not None else None
        except (StoreError, jsontext.NotJson):
            return None
        if values is None or not all(isinstance(values.get(name), _KINDS[name]) for name in Trouble.fields):
            return None
        return Trouble(**{name: values[name] for name in Trouble.fields})

    def write(self, trouble: Trouble) -> None:
        """Remember a failure; a disk that refuses is no reason to fail once more."""
        values = {name: getattr(trouble, name) for name in Trouble.fields}
        try:
            files.write_durably(self.path, jsontext.dump(values) + "\n")
        except StoreError:
            return

    def clear(self) -> None:
        """Forget it."""
        try:
            files.remove_durably(self.path)
        except StoreError:
            return


_KINDS: dict[str, type | tuple[type, ...]] = {
    "at": (int, float),
    "code": str,
    "failures": int,
    "hint": str,
    "kind": str,
    "message": str,
    "refresh_hash": str,
    "retry_at": (int, float),
}
