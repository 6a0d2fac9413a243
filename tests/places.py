"""A store on a disk with one login in it, for tests of what the disk does to it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from keyturn.errors import StoreDenied, StoreError
from keyturn.stores.file import FileStore
from keyturn.testing import FakeWorld
from keyturn.testing.stores import save
from keyturn.testing.values import make_login
from tests.secretscan import declare_store

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user or mount a file system")
NOBODY = 65534


class Place:
    """A store with one login in it."""

    def __init__(self, folder: Path) -> None:
        declare_store(folder)  # the damaged and misplaced records of these tests hold tokens
        self.world = FakeWorld(folder)
        self.store = FileStore(self.world, "default")
        self.login = save(self.store, make_login())
        self.path = Path(self.store.path)
        self.directory = self.path.parent

    def refused(self, kind: type[StoreError] = StoreDenied) -> StoreError:
        with pytest.raises(kind) as caught:
            FileStore(self.world, "default").load()
        error = caught.value
        assert error.exit == 5
        assert str(self.path) in error.message
        assert error.hint
        assert self.login.access_token is not None
        assert self.login.access_token.reveal() not in f"{error} {error.hint} {error.facts}"
        return error
