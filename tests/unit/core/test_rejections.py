"""Tokens that the API goes on to reject cause one renewal a minute, over all programs (L19)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from keyturn import Rejected
from keyturn.oauth import grant, renew
from keyturn.stores.sidecar import REJECTION_SECONDS
from keyturn.testing import make_login, token_answer
from keyturn.testing.stores import save
from tests.machine import HOUR, Machine, aged
from tests.secretscan import make_secret

if TYPE_CHECKING:
    from keyturn.values import Secret

pytestmark = pytest.mark.proves("L19")


@pytest.fixture
def fresh(tmp_path: Path) -> Machine:
    return Machine(tmp_path, aged(HOUR, HOUR))


def reject(machine: Machine) -> Secret:
    """Ask as another program whose token was answered with 401; what it gets instead."""
    login = renew.current(machine.store, machine.world, rejected=machine.stored().access_token)
    assert login.access_token is not None
    return login.access_token


def test_the_second_rejection_within_a_minute_sends_nothing_and_says_so(fresh: Machine) -> None:
    fresh.grants()
    assert reject(fresh).reveal() == fresh.access
    before = fresh.bytes()
    fresh.world.advance(17)
    for _ in range(3):
        with pytest.raises(Rejected) as caught:
            reject(fresh)
    assert caught.value.exit == 4
    assert caught.value.code == "rejected_again"
    assert "the API rejects tokens of this login, although it was renewed for that 17 s ago" in str(
        caught.value
    )
    assert "keyturn login" in str(caught.value.hint)
    assert len(fresh.world.requests) == 1
    assert fresh.bytes() == before


def test_after_the_minute_it_is_tried_again(fresh: Machine) -> None:
    for _ in range(3):
        fresh.grants()
        assert reject(fresh).reveal() == fresh.access
        fresh.world.advance(REJECTION_SECONDS)
        fresh.access, fresh.refresh = make_secret("token"), make_secret("refresh")
    assert len(fresh.world.requests) == 3


def test_other_programs_still_adopt_what_the_one_renewal_gave(fresh: Machine) -> None:
    old = fresh.stored().access_token
    fresh.grants()
    auths = [fresh.auth() for _ in range(4)]
    credentials = [auth.credential() for auth in auths]
    assert {credential.secret for credential in credentials} == {old}
    new = {
        auth.credential(rejected=credential).secret.reveal()
        for auth, credential in zip(auths, credentials, strict=True)
    }
    assert new == {fresh.access}
    assert len(fresh.world.requests) == 1


def test_a_token_that_runs_out_is_renewed_however_often(fresh: Machine) -> None:
    fresh.world.script.append(token_answer(make_secret("token"), make_secret("refresh"), expires_in=20))
    reject(fresh)
    for _ in range(2):
        fresh.world.advance(20)
        fresh.world.script.append(token_answer(make_secret("token"), make_secret("refresh"), expires_in=20))
        renew.current(fresh.store, fresh.world)
    assert len(fresh.world.requests) == 3
    # and what was rejected is not forgotten by it: the minute is not over yet
    with pytest.raises(Rejected, match="renewed for that 40 s ago"):
        reject(fresh)


def test_an_expired_token_that_was_rejected_too_is_no_storm(fresh: Machine) -> None:
    fresh.world.script.append(token_answer(make_secret("token"), make_secret("refresh"), expires_in=20))
    reject(fresh)
    fresh.world.advance(21)
    fresh.grants()
    assert reject(fresh).reveal() == fresh.access


def test_a_renewal_that_failed_does_not_use_up_the_minute(fresh: Machine) -> None:
    fresh.world.script.append(token_answer("", None))  # a 200 without a token: its outcome is unknown
    with pytest.raises(Exception, match="the login is kept"):
        reject(fresh)
    fresh.world.advance(10)
    fresh.grants()
    assert reject(fresh).reveal() == fresh.access


def test_a_new_login_begins_with_no_rejection(fresh: Machine) -> None:
    fresh.grants()
    reject(fresh)
    save(fresh.store, make_login())
    fresh.access = make_secret("token")
    fresh.grants()
    assert reject(fresh).reveal() == fresh.access


def test_a_logout_forgets_the_rejection_too(fresh: Machine) -> None:
    fresh.grants()
    reject(fresh)
    state = Path(fresh.store.path.removesuffix(".json") + ".state")
    assert state.exists()
    grant.forget(fresh.store, fresh.world)
    assert not state.exists()


def test_a_clock_that_was_set_back_does_not_make_the_minute_longer(fresh: Machine) -> None:
    fresh.grants()
    reject(fresh)
    fresh.world.set_wall_clock(fresh.world.now() - 90)
    fresh.access = make_secret("token")
    fresh.grants()
    assert reject(fresh).reveal() == fresh.access


def test_asking_for_more_life_than_there_is_does_not_renew_time_after_time(fresh: Machine) -> None:
    for _ in range(3):
        fresh.world.script = [token_answer(make_secret("token"), make_secret("refresh"), expires_in=600)]
        with pytest.raises(Rejected) as caught:
            fresh.auth().lasting(2 * HOUR)
        assert caught.value.code == "ends_too_soon"
        fresh.world.advance(5)
    assert len(fresh.world.requests) == 1
