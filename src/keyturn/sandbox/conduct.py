"""How the sandbox behaves: lifetimes, delays, and faults that happen a stated number of times."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting with its harmless value; times are seconds, `…_next` counts requests."""

    lifetime: float = 3600.0
    """of access tokens issued from now on; `expires_in` is it, rounded up"""
    grace: float = 0.0
    """how long a refresh token that was just replaced gets the same answer again; 0: reuse at once"""
    clock_offset: float = 0.0
    """added to the machine's clock: expiry and the `Date` header follow it"""

    token_delay: float = 0.0
    """before a token request is looked at"""
    token_answer_delay: float = 0.0
    """after the login was rotated, before the answer leaves"""
    token_fail_next: int = 0
    """answered with `token_fail_status`; nothing rotates"""
    token_fail_status: int = 503
    """the status for `token_fail_next`"""
    token_retry_after: int = 0
    """a `Retry-After` on those answers, if not 0"""
    token_html_next: int = 0
    """answered 200 with a page of HTML, as a captive portal does; nothing rotates"""
    token_drop_before: int = 0
    """the connection is cut unanswered; nothing rotates"""
    token_drop_after: int = 0
    """the login rotates, then the connection is cut: the answer is lost"""
    token_patch: Mapping[str, object] | None = None
    """members put over a token answer; null takes one out"""
    token_pad: int = 0
    """bytes of padding in a token answer"""

    device_slow_down: int = 0
    """polls of a device code that are told to come less often"""

    metadata_patch: Mapping[str, object] | None = None
    """members put over the authority's metadata; null takes one out"""
    register_refuse: bool = False
    """no program can register itself any more"""

    api_delay: float = 0.0
    """before an API request is answered"""
    api_reject_next: int = 0
    """answered 401, whatever credential they carry"""
    api_fail_next: int = 0
    """answered 529 overloaded, as the real service does at times"""
    api_cut_next: int = 0
    """streams that end in the middle"""
    word_delay: float = 0.0
    """between two pieces of a streamed answer"""
    revoked_status: int = 401
    """how the API refuses a revoked token: 401 authentication_error or 403 permission_error"""


class Conduct:
    """The settings in force; thread-safe, changed by name."""

    def __init__(self, **changes: object) -> None:
        self._lock = threading.Lock()
        self._settings = Settings()
        self.set(**changes)

    def now(self) -> Settings:
        """Return the settings of this moment, which do not change under the caller."""
        with self._lock:
            return self._settings

    def set(self, **changes: object) -> None:
        """Change settings by name; raises ValueError for an unknown name or a value of another kind."""
        for name, value in changes.items():
            _check(name, value)
        with self._lock:
            # Every name and type was checked against the fields just above.
            self._settings = replace(self._settings, **changes)  # type: ignore[arg-type]

    def take(self, name: str) -> bool:
        """Use up one of a counted fault; False when none is left."""
        with self._lock:
            left: int = getattr(self._settings, name)
            if left <= 0:
                return False
            self._settings = replace(self._settings, **{name: left - 1})  # type: ignore[arg-type] # as in set
            return True


_TYPES = {setting.name: setting.type for setting in fields(Settings)}


def _check(name: str, value: object) -> None:
    kind = _TYPES.get(name)
    if kind is None:
        raise ValueError(f"unknown sandbox setting {name!r}, known are: {', '.join(sorted(_TYPES))}")
    number = isinstance(value, int | float) and not isinstance(value, bool)
    fits = {
        "float": number,
        "int": number and isinstance(value, int),
        "bool": isinstance(value, bool),
    }.get(str(kind), value is None or isinstance(value, Mapping))
    if not fits:
        raise ValueError(f"sandbox setting {name!r} takes {kind}, got {value!r}")
    if number and name != "clock_offset" and float(str(value)) < 0:
        raise ValueError(f"sandbox setting {name!r} cannot be negative, got {value!r}")
    if name == "revoked_status" and value not in (401, 403):
        raise ValueError(f"sandbox setting {name!r} is 401 or 403, got {value!r}")
