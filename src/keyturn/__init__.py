"""keyturn gets, keeps, renews and explains the credential a program needs to talk to Claude.

Names are resolved when they are first used, so that `import keyturn` costs next to nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keyturn import http
    from keyturn.auth import Auth
    from keyturn.clients import anthropic, async_anthropic
    from keyturn.errors import (
        AuthError,
        ConfigurationError,
        LoginRefused,
        NoCredential,
        Refused,
        Rejected,
        StoreError,
        Unavailable,
        UsageError,
    )
    from keyturn.survey import Survey
    from keyturn.values import ApiKey, BearerToken, Credential, Secret

__version__ = "0.1.0"
__all__ = [
    "ApiKey",
    "Auth",
    "AuthError",
    "BearerToken",
    "ConfigurationError",
    "Credential",
    "LoginRefused",
    "NoCredential",
    "Refused",
    "Rejected",
    "Secret",
    "StoreError",
    "Survey",
    "Unavailable",
    "UsageError",
    "anthropic",
    "async_anthropic",
    "http",
]
_PLACES = {
    "ApiKey": "values",
    "Auth": "auth",
    "BearerToken": "values",
    "Credential": "values",
    "Secret": "values",
    "Survey": "survey",
    "anthropic": "clients",
    "async_anthropic": "clients",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'keyturn' has no attribute {name!r}")
    import importlib

    if name == "http":
        return importlib.import_module("keyturn.http")
    return getattr(importlib.import_module(f"keyturn.{_PLACES.get(name, 'errors')}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
