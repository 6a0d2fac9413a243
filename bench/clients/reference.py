"""The floor: what a careful person writes in an afternoon. A kernel lock, and one more look under it.

No checks of any kind, no compare-and-swap, no answer to anything that goes wrong.
"""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import time
from pathlib import Path
from typing import Any


class ReferenceSession:
    """Reads the file, and renews under its lock when the token is not to be used."""

    def __init__(self, path: Path, judge: str) -> None:
        self._path = path
        self._judge = judge.removeprefix("http://")
        self._last = ""

    def token(self) -> str:
        """The stored token, renewed when it has expired."""
        return self._get(rejected=None)

    def renewed(self) -> str:
        """The stored token, renewed unless somebody has renewed it since."""
        return self._get(rejected=self._last)

    def _get(self, rejected: str | None) -> str:
        login = json.loads(self._path.read_text())
        if _stale(login, rejected):
            with self._path.with_suffix(".lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                login = json.loads(self._path.read_text())
                if _stale(login, rejected):
                    login = self._renew(login)
        self._last = str(login["access_token"])
        return self._last

    def _renew(self, login: dict[str, Any]) -> dict[str, Any]:
        connection = http.client.HTTPConnection(self._judge)
        body = f"grant_type=refresh_token&client_id=bench&refresh_token={login['refresh_token']}"
        connection.request("POST", "/token", body, {"Content-Type": "application/x-www-form-urlencoded"})
        answer = json.loads(connection.getresponse().read())
        connection.close()
        login = {
            "access_token": answer["access_token"],
            "refresh_token": answer["refresh_token"],
            "expires_at": time.time() + answer["expires_in"],
        }
        write(self._path, login)
        return login


def _stale(login: dict[str, Any], rejected: str | None) -> bool:
    return bool(login["expires_at"] - time.time() < 30) or str(login["access_token"]) == rejected


def write(path: Path, login: dict[str, Any]) -> None:
    """Replace the file durably."""
    temporary = path.with_suffix(".tmp")
    with temporary.open("w") as file:
        json.dump(login, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
    directory = os.open(path.parent, os.O_RDONLY)
    os.fsync(directory)
    os.close(directory)


class ReferenceClient:
    """A file of three fields."""

    name = "reference"
    recovers_from_401 = True

    def load(self) -> None:
        """Everything is imported above."""

    def keep(self, home: str, login: dict[str, object], judge: str) -> None:  # noqa: ARG002 - same for all
        """Write the file."""
        write(Path(home, "login.json"), login)

    def open(self, home: str, judge: str) -> ReferenceSession:
        """A new program in that home."""
        return ReferenceSession(Path(home, "login.json"), judge)


CLIENT = ReferenceClient()
