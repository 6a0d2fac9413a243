"""A record that something has open for a moment (P40), and a rename that may not last (L15)."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from keyturn.errors import StoreDenied
from keyturn.login import Login
from keyturn.stores.file import FileStore
from keyturn.stores.journal import Intent
from keyturn.testing import make_expired_login
from keyturn.testing.stores import hold
from keyturn.world import files, replacing
from tests.machine import Machine


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


@pytest.mark.proves("P40")
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


@pytest.mark.proves("P40", "L15")
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


class NoSync:
    """Stands where `os` stands: a directory cannot be made durable, for this reason."""

    def __init__(self, reason: int) -> None:
        self.reason = reason

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def fsync(self, descriptor: int) -> None:
        """Sync a file; fail for a directory."""
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(self.reason, os.strerror(self.reason))
        os.fsync(descriptor)


@pytest.mark.proves("L15", "I2")
@pytest.mark.parametrize(("reason", "waits"), [(errno.EIO, True), (errno.EINVAL, False)])
def test_a_rename_that_may_not_last_is_kept_in_the_journal_too(
    expired: Machine, monkeypatch: pytest.MonkeyPatch, reason: int, waits: bool
) -> None:
    before = expired.bytes()
    with hold(expired.store) as held:  # made before its first grant: from then on it needs no new name
        held.journal.begin(Intent(at=1.0, attempt=1, generation=0, login_id="", refresh_hash=""))
        held.journal.take_back()
    with monkeypatch.context() as patched:
        patched.setattr(files, "os", NoSync(reason))
        assert expired.auth().credential().secret.reveal() == expired.access
    assert expired.bytes() != before
    Path(expired.store.path).write_bytes(before)  # the power fails, and the rename has never been
    assert (expired.store.waiting() is not None) == waits
    if waits:
        assert expired.auth().credential().secret.reveal() == expired.access
        assert len(expired.world.requests) == 1


def test_where_it_was_a_person_s_login_the_error_says_what_may_be_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    monkeypatch.setattr(files, "os", NoSync(errno.EIO))
    with pytest.raises(StoreDenied, match="may not outlast a power cut: input/output error") as caught:
        files.write_durably(str(path), "text")
    assert caught.value.code == "not_durable"
    assert path.read_text() == "text"
