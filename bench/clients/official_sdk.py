"""The official SDK's own login on disk: a `user_oauth` profile behind its `TokenCache`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anthropic.lib.credentials import TokenCache


class SdkSession:
    """One cache for the life of the program, as the SDK's client holds it."""

    def __init__(self, cache: TokenCache) -> None:
        self._cache = cache

    def token(self) -> str:
        """What the client puts on a request."""
        return self._cache.get_token()

    def renewed(self) -> str:
        """What the client does on a 401."""
        self._cache.invalidate()
        return self._cache.get_token()


class SdkClient:
    """The profile `default` below ANTHROPIC_CONFIG_DIR."""

    name = "sdk"
    recovers_from_401 = True

    def load(self) -> None:
        """Import the SDK."""
        import anthropic.lib.credentials  # noqa: F401 - for its side effect

    def keep(self, home: str, login: dict[str, object], judge: str) -> None:
        """Write both files of a profile."""
        configs, credentials = Path(home, "configs"), Path(home, "credentials")
        configs.mkdir(parents=True, exist_ok=True)
        credentials.mkdir(mode=0o700, exist_ok=True)
        authentication = {"type": "user_oauth", "client_id": "bench"}
        config = {"version": "1.0", "authentication": authentication, "base_url": judge}
        (configs / "default.json").write_text(json.dumps(config))
        secret = credentials / "default.json"
        expires_at = int(float(str(login["expires_at"])))
        record = {"version": "1.0", "type": "oauth_token", **login, "expires_at": expires_at}
        secret.touch(mode=0o600)
        secret.write_text(json.dumps(record))

    def open(self, home: str, judge: str) -> SdkSession:  # noqa: ARG002 - the profile names its server
        """A new program in that home."""
        os.environ["ANTHROPIC_CONFIG_DIR"] = home
        from anthropic.lib.credentials import CredentialsFile, TokenCache

        return SdkSession(TokenCache(CredentialsFile("default")))


CLIENT = SdkClient()
