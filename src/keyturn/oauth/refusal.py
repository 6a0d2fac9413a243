"""What the authorization endpoint's `error` means for the person (RFC 6749 section 4.1.2.1)."""

from __future__ import annotations

import re

from keyturn.errors import AuthError, ConfigurationError, LoginRefused, Unavailable

__all__ = ["refusal"]

_AGAIN = "run keyturn login again"
_SAID_NO = frozenset(
    {
        "access_denied",
        "login_required",
        "consent_required",
        "interaction_required",
        "account_selection_required",
    }
)
_BUSY = frozenset({"server_error", "temporarily_unavailable"})
_NAME = re.compile("[A-Za-z0-9_]{1,64}")
_MAX_SHOWN = 200


def refusal(error: str, description: str | None = None) -> AuthError:
    """The error to raise for a server's answer; an unknown name counts as a wrong configuration."""
    name = error if _NAME.fullmatch(error) else "an unnamed error"
    said = _clean(description or "")
    words = f": {said}" if said else ""
    if name in _SAID_NO:
        return LoginRefused(f"the login was refused in the browser ({name}){words}", hint=_AGAIN, error=name)
    if name in _BUSY:
        hint = "wait a little, then run keyturn login again"
        return Unavailable(f"the server could not log you in ({name}){words}", hint=hint, error=name)
    hint = "check the profile's client id, scopes and redirect address with the server's operator"
    return ConfigurationError(f"the server does not accept this login ({name}){words}", hint=hint, error=name)


def _clean(text: str) -> str:
    printable = " ".join("".join(c if c.isprintable() else " " for c in text[: 4 * _MAX_SHOWN]).split())
    return (printable if len(printable) <= _MAX_SHOWN else printable[: _MAX_SHOWN - 1] + "…").rstrip(".")
