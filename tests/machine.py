"""A machine with one login in the file store, and logins of a certain age."""

from __future__ import annotations

from pathlib import Path

from keyturn import Auth
from keyturn.login import Login
from keyturn.stores.file import FileStore
from keyturn.testing import FakeWorld, make_login, token_answer
from keyturn.testing.stores import save
from keyturn.testing.world import NOW
from tests.secretscan import make_secret


def aged(life: float | None, left: float) -> Login:
    """A login of a life, with so much of it left at NOW; seconds."""
    if life is None:
        return make_login(expires_at=None)
    return make_login(issued_at=NOW + left - life, expires_at=NOW + left)


HOUR = 3600.0


class Machine:
    """A machine with one login in the file store."""

    def __init__(self, folder: Path, login: Login) -> None:
        self.world = FakeWorld(folder)
        self.store = FileStore(self.world, "default")
        self.login = save(self.store, login)
        self.access = make_secret("token")
        self.refresh = make_secret("refresh")

    def bytes(self) -> bytes:
        return Path(self.store.path).read_bytes()

    def grants(self) -> None:
        self.world.script.append(token_answer(self.access, self.refresh))

    def stored(self) -> Login:
        record = self.store.load()
        assert isinstance(record, Login)
        return record

    def auth(self) -> Auth:
        return Auth(world=self.world)
