"""What no other test noticed when its mechanism was taken out (scripts/mutants.py)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from keyturn.errors import Unavailable
from keyturn.oauth import renew
from keyturn.stores.file import FileStore
from keyturn.testing import FakeWorld, make_expired_login, token_answer
from keyturn.testing.stores import hold, save

if TYPE_CHECKING:
    from pathlib import Path


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
