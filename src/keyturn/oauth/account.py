"""Whose token an answer holds: account and organisation, as servers name them."""

from __future__ import annotations

from keyturn import jsontext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


def named(found: Mapping[str, Any]) -> tuple[str | None, str | None, str | None, str | None]:
    """Account and organisation as servers name them: objects beside the token, or an ID token's claims.

    An ID token read here came straight from the token endpoint, so its signature need not be checked
    (OpenID Connect Core 3.1.3.7), and nothing is decided by it but whose name is shown and compared.
    """
    claims = _claims(found.get("id_token"))
    account, organization = found.get("account"), found.get("organization")
    account = account if isinstance(account, dict) else claims
    organization = organization if isinstance(organization, dict) else {}
    return (
        _first_text(account, "email_address", "email", "preferred_username", "name", "sub"),
        _first_id(account, "uuid", "id", "sub"),
        _first_text(organization, "name"),
        _first_id(organization, "uuid", "id"),
    )


def _first_text(found: Mapping[str, Any], *names: str) -> str | None:
    for name in names:
        value = found.get(name)
        if isinstance(value, str) and value.strip():
            return value.strip()[:200]
    return None


def _first_id(found: Mapping[str, Any], *names: str) -> str | None:
    """An id with its kind before it: the same server may say one kind now and another at a renewal."""
    for name in names:
        value = _first_text(found, name)
        if value is not None:
            return value if name == "uuid" else f"{name}:{value}"
    return None


def _claims(id_token: object) -> dict[str, Any]:
    if not isinstance(id_token, str) or id_token.count(".") != 2:  # noqa: PLR2004 - header.payload.signature
        return {}
    from base64 import urlsafe_b64decode

    payload = id_token.split(".")[1]
    try:
        return jsontext.parse_object(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)).decode("utf-8"))
    except ValueError:
        return {}
