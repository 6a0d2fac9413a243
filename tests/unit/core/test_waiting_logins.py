"""A renewed login that only its journal would take serves all; an end says which login it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from keyturn import Auth
from keyturn.errors import Rejected
from keyturn.oauth import renew
from keyturn.oauth.outcomes import when
from keyturn.stores import login_of
from keyturn.stores.file import FileStore
from keyturn.stores.memory import MemoryStore
from keyturn.testing import FakeWorld
from keyturn.testing.stores import hold, save
from keyturn.testing.values import make_expired_login, make_login
from keyturn.testing.world import NOW, answer, token_answer
from keyturn.values import Secret
from tests.unit.core.test_stores import keychain

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from keyturn.stores import LoginStore


@pytest.mark.proves("L15", "L19")
def test_a_login_that_waits_serves_everybody_without_a_rejection_first(tmp_path: Path) -> None:
    """After a 401 on a full disk the stored token looks fresh by its times, and is known to be dead."""
    world = FakeWorld(tmp_path)
    store = MemoryStore(world)
    old = save(store, make_login())
    assert old.access_token is not None
    world.script = [token_answer("test-new", "test-next")]
    store.full = True
    renew.current(store, world, rejected=old.access_token)
    for _ in range(3):  # programs that start now
        login = renew.current(store, world)
        assert login.access_token is not None
        assert login.access_token.reveal() == "test-new"
    assert login_of(store.load()) == old
    store.full = False
    renew.current(store, world)
    assert login_of(store.load()) != old, "every call tries to save it"
    assert store.waiting() is None
    assert len(world.requests) == 1


@pytest.mark.proves("L15")
@pytest.mark.parametrize("make", [FileStore, MemoryStore, lambda world, name: keychain(world, name)[0]])
def test_a_login_that_waits_is_seen_without_the_lock(
    tmp_path: Path, make: Callable[[FakeWorld, str], LoginStore]
) -> None:
    store = make(FakeWorld(tmp_path), "default")
    login = save(store, make_login())
    assert store.waiting() is None
    renewed = login.replace(access_token=Secret("test-renewed"))
    with hold(store) as held:
        held.journal.rescue(renewed, login.identity)
        waiting = store.waiting()
    assert waiting is not None
    assert waiting.login == renewed
    seen = login_of(store.glance())
    assert seen is not None
    assert waiting.is_for(seen)
    assert not waiting.is_for(seen.replace(generation=seen.generation + 1))


@pytest.mark.proves("L15")
def test_status_says_that_a_login_waits(tmp_path: Path) -> None:
    world = FakeWorld(tmp_path)
    store = MemoryStore(world)
    old = save(store, make_login())
    world.script = [token_answer("test-new", "test-next")]
    store.full = True
    renew.current(store, world, rejected=old.access_token)
    [warning] = Auth(world=world, store=store).explain().warnings
    assert "could not be saved and waits in its journal" in warning
    assert "keyturn doctor" in warning


@pytest.mark.proves("P3")
def test_an_end_names_the_reason_the_login_and_its_last_success(tmp_path: Path) -> None:
    world = FakeWorld(tmp_path)
    store = MemoryStore(world)
    save(store, make_expired_login(account="ada@example.com", profile="work", issued_at=NOW - 7200))
    world.script = [answer({"error": "invalid_grant"}, status=400)]
    for reason in (
        "has ended: the authority rejected its refresh token",
        "has expired and cannot be renewed",
    ):
        with pytest.raises(Rejected) as caught:
            renew.current(store, world)
        assert reason in caught.value.message
        assert (
            f"(profile work, ada@example.com (Example Works), last granted a token at {when(NOW - 7200)})"
            in caught.value.message
        )


@pytest.mark.proves("P3")
def test_a_valid_refresh_token_behind_an_expired_access_token_is_used_without_a_word(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    world = FakeWorld(tmp_path)
    store = MemoryStore(world)
    save(store, make_expired_login())
    world.script = [token_answer("test-new", "test-next")]
    assert Auth(world=world, store=store).credential().secret.reveal() == "test-new"
    assert caplog.text == ""
    assert capsys.readouterr() == ("", "")
