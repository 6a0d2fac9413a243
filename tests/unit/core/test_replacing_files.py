"""A record that something has open for a moment, as scanners on Windows do (P40)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from keyturn.errors import StoreDenied
from keyturn.login import Login
from keyturn.stores.file import FileStore
from keyturn.testing import make_expired_login
from keyturn.world import files, replacing
from tests.machine import Machine

pytestmark = pytest.mark.proves("P40")


class Scanned:
    """Stands where `os` stands: so many renames are refused first, as Windows words it."""

    def __init__(self, times: float, winerror: int | None) -> None:
        self.times = times
        self.winerror = winerror
        self.tried = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def replace(self, temporary: str, path: str) -> None:
        """Rename, or do not."""
        self.tried += 1
        if self.tried <= self.times:
            error = PermissionError(13, "it is open elsewhere")
            if self.winerror is not None:
                error.winerror = self.winerror  # type: ignore[attr-defined,unused-ignore] # Windows alone has it
            raise error
        Path(temporary).rename(path)


@pytest.fixture
def expired(tmp_path: Path) -> Machine:
    machine = Machine(tmp_path, make_expired_login())
    machine.grants()
    return machine


@pytest.mark.parametrize("winerror", [5, 32])
def test_a_moment_is_waited_for(expired: Machine, monkeypatch: pytest.MonkeyPatch, winerror: int) -> None:
    scanned = Scanned(3, winerror)
    monkeypatch.setattr(replacing, "os", scanned)
    assert expired.auth().credential().secret.reveal() == expired.access
    record = FileStore(expired.world, "default").load()
    assert isinstance(record, Login)
    assert record.access_token is not None
    assert record.access_token.reveal() == expired.access
    assert scanned.tried == 4


@pytest.mark.parametrize("winerror", [5, None])
def test_after_it_the_token_is_on_the_disk_all_the_same_and_in_its_place_when_that_is_free(
    expired: Machine, monkeypatch: pytest.MonkeyPatch, winerror: int | None
) -> None:
    before = expired.bytes()
    with monkeypatch.context() as patched:
        patched.setattr(replacing, "os", Scanned(float("inf"), winerror))
        patched.setattr(replacing, "_PAUSES_SECONDS", (0.0,))
        assert expired.auth().credential().secret.reveal() == expired.access
        assert expired.bytes() == before
        waiting = expired.store.waiting()
        assert waiting is not None
        assert waiting.login.access_token is not None
        assert waiting.login.access_token.reveal() == expired.access
    assert expired.auth().credential().secret.reveal() == expired.access
    assert expired.bytes() != before
    assert len(expired.world.requests) == 1


def test_what_is_denied_for_good_is_not_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scanned = Scanned(float("inf"), None)
    monkeypatch.setattr(replacing, "os", scanned)
    with pytest.raises(StoreDenied):
        files.write_durably(str(tmp_path / "file"), "text")
    assert scanned.tried == 1
