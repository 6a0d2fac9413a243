"""A machine whose login is due, with its authority at the other end of a road."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from keyturn import Auth
from keyturn.errors import Rejected
from keyturn.stores import open_store
from keyturn.stores.journal import JournalFile
from keyturn.testing import make_authority
from keyturn.world import World
from tests.logins import store_login

if TYPE_CHECKING:
    from pathlib import Path

    from keyturn.login import Login
    from keyturn.sandbox import Sandbox
    from keyturn.wire import Request, Response
    from tests.crash.road import Road


class Hurried(World):
    """This machine, with less patience if need be, and a clock that can be put forward."""

    limit = 30.0

    later = 0.0

    def send(self, request: Request, *, seconds: float = 30.0) -> Response:
        return super().send(request, seconds=min(seconds, self.limit))

    def now(self) -> float:
        return super().now() + self.later

    def clock(self) -> float:
        return super().clock() + self.later


class Machine:
    """A machine with a login that is due, its authority at the other end of a road."""

    def __init__(self, sandbox: Sandbox, road: Road, home: Path, *, left: float = -1.0, **env: str) -> None:
        self.sandbox = sandbox
        home.mkdir(mode=0o700)
        self.world = Hurried({"KEYTURN_HOME": str(home), **env})
        now = self.world.now()
        authority = make_authority(
            client_id=sandbox.client_id,
            issuer=sandbox.issuer,
            revoke_url=f"{road.origin}/revoke",
            token_url=f"{road.origin}/token",
        )
        self.login = store_login(
            sandbox, home, authority=authority, expires_at=now + left, issued_at=now + left - 3600
        )
        self.logins = home / "logins"
        self.before = self.record()

    def record(self) -> bytes:
        return (self.logins / "default.json").read_bytes()

    def files(self) -> set[str]:
        return {path.suffix for path in self.logins.iterdir()}

    def stored(self) -> Login:
        login = open_store(self.world, "default", "file").load()
        assert login is not None
        return login  # type: ignore[return-value] # nobody logs out here

    def token(self) -> str:
        return Auth(world=self.world).credential().secret.reveal()

    def works(self) -> None:
        """What it gets is what is stored, renewed, and newest at the authority."""
        token = self.token()
        access, refresh = self.stored().access_token, self.stored().refresh_token
        assert access is not None
        assert refresh is not None
        assert token == access.reveal()
        assert access != self.login.access_token
        newest = self.sandbox.log.refreshes()[-1].facts["refresh_token"]
        assert self.stored().identity.refresh_hash.startswith(str(newest))
        assert JournalFile(f"{self.logins}/default.journal").intent() is None

    def explains(self) -> None:
        """It has ended, says when its answer was lost, and that without a second request."""
        for _ in range(2):
            with pytest.raises(Rejected, match="the answer to its renewal was lost at 20"):
                self.token()
        assert self.stored().quarantine is not None
        assert self.stored().refresh_token == self.login.refresh_token
