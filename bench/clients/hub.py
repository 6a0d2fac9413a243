"""huggingface_hub's stored OAuth login: the one library peer that locks between processes and looks again.

Only measured with `--peers`, in an environment of its own.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any


class HubSession:
    """The library keeps its state in the module; one program has one login."""

    def __init__(self, home: str, judge: str) -> None:
        constants: Any = importlib.import_module("huggingface_hub.constants")
        constants.ENDPOINT = judge
        constants.HF_TOKEN_PATH = str(Path(home, "token"))
        constants.HF_STORED_TOKENS_PATH = str(Path(home, "stored_tokens"))
        auth: Any = importlib.import_module("huggingface_hub.utils._auth")
        auth._OAUTH_REFRESH_CACHE = None  # noqa: SLF001 - a new program remembers nothing
        self._auth = auth

    def token(self) -> str:
        """What its clients put on a request; after a failed renewal that is the dead token."""
        return str(self._auth.get_token())

    def renewed(self) -> str:
        """It has no answer to a 401."""
        raise NotImplementedError


class HubClient:
    """The active token, and an INI file with all stored ones."""

    name = "hub"
    recovers_from_401 = False

    def load(self) -> None:
        """Import the library's part for logins."""
        importlib.import_module("huggingface_hub.utils._auth")

    def keep(self, home: str, login: dict[str, object], judge: str) -> None:  # noqa: ARG002 - same for all
        """Write both files."""
        expires_at = int(float(str(login["expires_at"])))
        Path(home, "token").write_text(str(login["access_token"]))
        Path(home, "stored_tokens").write_text(
            f"[bench]\nhf_token = {login['access_token']}\nrefresh_token = {login['refresh_token']}\n"
            f"expires_at = {expires_at}\n"
        )

    def open(self, home: str, judge: str) -> HubSession:
        """A new program in that home."""
        return HubSession(home, judge)


CLIENT = HubClient()
