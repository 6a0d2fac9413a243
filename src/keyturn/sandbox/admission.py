"""Which credentials the API takes, and the words in which it refuses the others.

The refusals are those that users of the real service quote, so that programs tell them apart in the same way.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from .events import Entry, fingerprint

if TYPE_CHECKING:
    from werkzeug.datastructures import Headers

    from .ledger import Ledger, Login

OAUTH_BETA = "oauth-2025-04-20"
SCOPE_NEEDED = "user:inference"


class Refusal(Exception):
    """An answer in the API's error form."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.message = message


@dataclass(frozen=True, slots=True)
class Admitted:
    """Who was let in: by a login, or by the sandbox's API key."""

    login: Login | None


def admit(headers: Headers, ledger: Ledger, entry: Entry) -> Admitted:
    """Check the credential of a request, noting its fingerprint; raises Refusal."""
    key = headers.get("x-api-key", "").strip()
    scheme, _, bearer = headers.get("authorization", "").strip().partition(" ")
    bearer = bearer.strip() if scheme.lower() == "bearer" else ""
    sent = [name for name, value in (("x-api-key", key), ("authorization", bearer)) if value]
    entry.note(sent=sent, credential=fingerprint(key or bearer) if sent else "")
    if not sent:
        raise Refusal(401, "authentication_error", "x-api-key header is required")
    # The official client sends a key as a bearer, an older one as x-api-key, a helper's goes out as both.
    if key:
        if not _is_key(key, ledger):
            raise Refusal(401, "authentication_error", "invalid x-api-key")
        entry.note(kind_of_credential="api_key")
        return Admitted(None)
    if _is_key(bearer, ledger):
        entry.note(kind_of_credential="api_key")
        return Admitted(None)
    return Admitted(_admit_token(bearer, headers, ledger, entry))


def _admit_token(bearer: str, headers: Headers, ledger: Ledger, entry: Entry) -> Login:
    token = ledger.access_tokens.get(bearer)
    if token is None:
        raise Refusal(401, "authentication_error", "Invalid bearer token")
    entry.note(kind_of_credential="oauth", account=token.login.account.email)
    betas = {beta.strip() for value in headers.getlist("anthropic-beta") for beta in value.split(",")}
    if OAUTH_BETA not in betas:
        raise Refusal(401, "authentication_error", "OAuth authentication is currently not supported.")
    if token.revoked or token.login.ended:
        status = ledger.conduct.now().revoked_status
        kind = "permission_error" if status == HTTPStatus.FORBIDDEN else "authentication_error"
        raise Refusal(status, kind, "OAuth token has been revoked. Please obtain a new token.")
    if ledger.now() >= token.expires_at:
        raise Refusal(
            401,
            "authentication_error",
            "OAuth token has expired. Please obtain a new token or refresh your existing token.",
        )
    if SCOPE_NEEDED not in token.scope.split():
        raise Refusal(403, "permission_error", f"OAuth token does not meet scope requirement: {SCOPE_NEEDED}")
    token.login.used = ledger.now()
    return token.login


def _is_key(value: str, ledger: Ledger) -> bool:
    return hmac.compare_digest(value.encode(), ledger.api_key.encode())
