"""What no other test noticed when its mechanism was taken out (scripts/mutants.py)."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from keyturn.errors import Rejected, StoreLocked, Unavailable
from keyturn.login import Quarantine
from keyturn.oauth import renew
from keyturn.stores import secret_service
from keyturn.stores.file import FileStore
from keyturn.stores.memory import MemoryStore
from keyturn.testing import FakeWorld, make_expired_login, make_login, token_answer
from keyturn.testing.stores import hold, save
from keyturn.testing.world import NOW

if TYPE_CHECKING:
    from pathlib import Path

    from keyturn.wire import Response


@pytest.mark.proves("L1")
def test_a_slow_renewal_of_one_profile_neither_delays_nor_touches_another(tmp_path: Path) -> None:
    world = FakeWorld(tmp_path)
    slow, other = FileStore(world, "slow"), FileStore(world, "other")
    kept = save(slow, make_expired_login(profile="slow"))
    save(other, make_expired_login(profile="other"))
    world.script = [token_answer("test-new", "test-next")]
    with hold(slow) as held:
        login = renew.current(other, world)
        assert login.access_token is not None
        assert login.access_token.reveal() == "test-new"
        assert world.slept == 0
        assert held.load() == kept
        assert held.journal.intent() is None
        assert held.trouble.read() is None


@pytest.mark.proves("L13")
def test_lost_answers_of_a_former_token_are_not_counted_against_its_successor(tmp_path: Path) -> None:
    world = FakeWorld(tmp_path)
    store = FileStore(world, "default")
    former = save(store, make_expired_login())
    for _ in range(2):
        world.script = [Unavailable("no answer", code="timeout", sent=None)]
        with pytest.raises(Unavailable):
            renew.current(store, world)
        world.advance(3600)
    save(store, make_expired_login(login_id=former.login_id))  # and death before the journal was cleared
    world.script = [token_answer("test-new", "test-next")]
    login = renew.current(store, world)
    assert login.access_token is not None
    assert login.access_token.reveal() == "test-new"


@pytest.mark.proves("L16", "I4", "I7")
@pytest.mark.parametrize("left", [3000, 100])
def test_the_access_token_of_a_login_that_has_ended_serves_to_its_own_end(tmp_path: Path, left: int) -> None:
    world = FakeWorld(tmp_path)
    store = FileStore(world, "default")
    ended = Quarantine(at=NOW, reason="the authority rejected its refresh token")
    login = save(store, make_login(quarantine=ended, expires_at=NOW + left, issued_at=NOW + left - 3600))
    assert renew.current(store, world).access_token == login.access_token
    world.advance(left)
    with pytest.raises(Rejected, match="has expired and cannot be renewed: the authority rejected"):
        renew.current(store, world)
    assert world.requests == []


@pytest.mark.proves("L15", "I5")
def test_what_a_killed_writer_left_is_gone_after_the_next_save(tmp_path: Path) -> None:
    world = FakeWorld(tmp_path)
    store = FileStore(world, "default")
    save(store, make_expired_login())
    left = tmp_path / "keyturn" / "logins" / ".default.json.123-0123456789ab.tmp"
    left.write_text("half a record")
    world.script = [token_answer("test-new", "test-next")]
    renew.current(store, world)
    assert not left.exists()


@pytest.mark.proves("L13", "L15")
def test_the_journal_has_its_blocks_before_anything_is_sent(tmp_path: Path) -> None:
    world = FakeWorld(tmp_path)
    store = FileStore(world, "default")
    save(store, make_expired_login())
    journal = tmp_path / "keyturn" / "logins" / "default.journal"
    found = []

    def look(_: object) -> Response:
        found.append(journal.read_bytes())
        return token_answer("test-new", "test-next")

    world.script = [look]
    renew.current(store, world)
    assert len(found[0]) == 64 * 1024
    assert b"\0" not in found[0], "a hole needs room on the day it is filled"


@pytest.mark.proves("L20")
def test_programs_that_failed_together_do_not_come_back_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses = []
    for chance in (0.0, 0.5, 1.0):
        world = FakeWorld(tmp_path)
        monkeypatch.setattr(world, "random", lambda chance=chance: chance)
        store = MemoryStore(world)
        save(store, make_expired_login())
        world.script = [Unavailable("no route", code="connect", sent=False)]
        with pytest.raises(Unavailable):
            renew.current(store, world)
        trouble = store.trouble.read()
        assert trouble is not None
        pauses.append(trouble.retry_at - NOW)
    assert pauses == [1.5, 2.0, 2.5]


@pytest.mark.proves("L22")
def test_a_keychain_that_never_answers_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()

    class Silent:
        """Answers when it is told to, or when the test has long failed."""

        def get_password(self, service: str, name: str) -> str:
            del service, name
            answered.wait(5)
            return "an answer that came too late"

    monkeypatch.setattr(secret_service, "SECONDS", 0.05)
    monkeypatch.setattr(secret_service, "_find_backend", Silent)
    item = secret_service.Item(FakeWorld(tmp_path), "default")
    with pytest.raises(StoreLocked, match=r"did not answer within 0\.05 s"):
        item.read()
    answered.set()
