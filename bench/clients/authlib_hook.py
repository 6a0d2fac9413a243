"""Authlib's client, saving what it renews through its `update_token` hook: the usual recipe."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


class AuthlibSession:
    """One OAuth 2 client for the life of the program."""

    def __init__(self, path: Path, judge: str) -> None:
        from authlib.integrations.httpx_client import OAuth2Client

        self._client = OAuth2Client(
            client_id="bench",
            token_endpoint_auth_method="none",  # noqa: S106 - no password
            token_endpoint=f"{judge}/token",
            token=json.loads(path.read_text()),
            update_token=self._save,
            trust_env=False,
        )
        self._path = path

    def token(self) -> str:
        """What the client puts on a request."""
        self._client.ensure_active_token(self._client.token)
        return str(self._client.token["access_token"])

    def renewed(self) -> str:
        """Authlib has no answer to a 401."""
        raise NotImplementedError

    def _save(self, token: dict[str, Any], **_: object) -> None:
        temporary = self._path.with_suffix(".tmp")
        temporary.write_text(json.dumps(token))
        temporary.rename(self._path)


class AuthlibClient:
    """A file with the token answer."""

    name = "authlib"
    recovers_from_401 = False

    def load(self) -> None:
        """Import the client."""
        import authlib.integrations.httpx_client  # noqa: F401 - for its side effect

    def keep(self, home: str, login: dict[str, object], judge: str) -> None:  # noqa: ARG002 - same for all
        """Write the file."""
        record = {**login, "token_type": "Bearer"}
        record["expires_at"] = int(float(str(login["expires_at"])))
        Path(home, "token.json").write_text(json.dumps(record))

    def open(self, home: str, judge: str) -> AuthlibSession:
        """A new program in that home."""
        return AuthlibSession(Path(home, "token.json"), judge)


CLIENT = AuthlibClient()
