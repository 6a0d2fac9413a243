# mypy: disallow-subclassing-any=False, disallow-untyped-calls=False
# ruff: noqa: ANN401
# Authlib ships no types: what is derived from it is derived from Any, and its requests are Any.
"""Programs that register themselves (RFC 7591): open to anybody, but only for safe addresses."""

from __future__ import annotations

from typing import Any

from authlib.oauth2.rfc7591 import (
    ClientRegistrationEndpoint,
    InvalidClientMetadataError,
    InvalidRedirectURIError,
)

from .clients import AUTH_METHODS, DEVICE_CODE, SCOPES, Client, new_client_id, safe_redirect


class Registration(ClientRegistrationEndpoint):
    """Dynamic client registration: a program asks for a client id of its own."""

    def authenticate_token(self, _request: object) -> str:
        """Let anybody in: a person decides later, on the consent page."""
        return "anybody: registration is open"

    def get_server_metadata(self) -> dict[str, object]:
        """Return what a program may ask for."""
        return {
            "scopes_supported": list(SCOPES),
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "refresh_token", DEVICE_CODE],
            "token_endpoint_auth_methods_supported": list(AUTH_METHODS),
        }

    def extract_client_metadata(self, request: Any) -> dict[str, Any]:
        """Return the metadata once every member of it was checked."""
        asked = request.payload.data
        uris = asked.get("redirect_uris") if isinstance(asked, dict) else None
        grants = asked.get("grant_types") if isinstance(asked, dict) else None
        by_device = isinstance(grants, list) and DEVICE_CODE in grants and "authorization_code" not in grants
        if (
            not isinstance(uris, list)
            or (not uris and not by_device)
            or not all(isinstance(u, str) and safe_redirect(u) for u in uris)
        ):
            raise InvalidRedirectURIError(
                "redirect_uris must be https, or http on loopback, without a fragment"
            )
        try:
            metadata: dict[str, Any] = super().extract_client_metadata(request)
        except (TypeError, ValueError, AttributeError) as error:
            raise InvalidClientMetadataError("a member of the client metadata has the wrong type") from error
        metadata.setdefault("grant_types", ["authorization_code"])
        return metadata

    def generate_client_info(self, request: Any) -> dict[str, Any]:
        """Return the new ids; a public client gets no secret."""
        info = {"client_id": new_client_id(), "client_id_issued_at": int(self.server.ledger.now())}
        if request.payload.data.get("token_endpoint_auth_method", "client_secret_basic") == "none":
            return info
        # RFC 7591 section 3.2.1: 0 means that the secret does not expire.
        return {**info, "client_secret": self.generate_client_secret(request), "client_secret_expires_at": 0}

    def save_client(self, info: dict[str, Any], metadata: dict[str, Any], _request: object) -> Client:
        """Remember the program, its name cleaned for the consent page."""
        # Not printable are control, bidirectional and zero-width characters: a name cannot disguise itself.
        name = "".join(c for c in str(metadata.get("client_name", "")) if c.isprintable())[:60].strip()
        client = Client(
            info["client_id"],
            name or info["client_id"],
            tuple(metadata["redirect_uris"]),
            metadata["token_endpoint_auth_method"],
            info.get("client_secret", ""),
            metadata.get("scope", ""),
            tuple(metadata["grant_types"]),
            registered_itself=True,
        )
        self.server.ledger.clients[client.client_id] = client
        return client
