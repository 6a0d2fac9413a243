"""A record that a killed writer had written whole, and not yet put in its place."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from keyturn.login import Tombstone, fingerprint
from keyturn.oauth import renew
from keyturn.records import write_record
from keyturn.testing.values import make_expired_login, make_login
from keyturn.testing.world import NOW
from keyturn.values import Secret
from tests.machine import Machine

if TYPE_CHECKING:
    from keyturn.login import Login, Record


def leave(machine: Machine, record: Record, cut: int | None = None) -> Path:
    """What a killed writer leaves beside the record."""
    path = Path(f"{machine.store.directory}/.default.json.4711-0123456789ab.tmp")
    path.write_text(write_record(record)[:cut])
    path.chmod(0o600)
    return path


def successor(login: Login, **changes: object) -> Login:
    assert login.refresh_token is not None
    said: dict[str, object] = {
        "access_token": Secret("test-access-of-the-dead-writer"),
        "ancestors": (*login.ancestors, fingerprint(login.refresh_token)),
        "expires_at": NOW + 3600,
        "generation": login.generation + 1,
        "issued_at": NOW,
        "refresh_token": Secret("test-refresh-of-the-dead-writer"),
    }
    return login.replace(**{**said, **changes})


@pytest.mark.proves("I5", "I2")
def test_it_is_put_in_place_and_nothing_is_sent(tmp_path: Path) -> None:
    machine = Machine(tmp_path, make_expired_login())
    new = successor(machine.login)
    left = leave(machine, new)
    assert renew.current(machine.store, machine.world) == new
    assert machine.stored() == new
    assert not left.exists()
    assert machine.world.requests == []


@pytest.mark.proves("L2", "I3")
@pytest.mark.parametrize(
    "changes",
    [
        {"generation": 1},
        {"generation": 3},
        {"login_id": "another login"},
        {"ancestors": ("0" * 64,)},
        {"ancestors": ()},
    ],
)
def test_what_does_not_descend_from_just_the_stored_login_is_swept_away(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    machine = Machine(tmp_path, make_expired_login())
    left = leave(machine, successor(machine.login, **changes))
    machine.grants()
    login = renew.current(machine.store, machine.world)
    assert login.access_token is not None
    assert login.access_token.reveal() == machine.access
    assert len(machine.world.requests) == 1
    assert not left.exists()


@pytest.mark.proves("I5")
@pytest.mark.parametrize("cut", [0, 1, 200, -1, -3])
def test_one_that_was_cut_off_counts_for_nothing(tmp_path: Path, cut: int) -> None:
    machine = Machine(tmp_path, make_expired_login())
    left = leave(machine, successor(machine.login), cut)
    machine.grants()
    renew.current(machine.store, machine.world)
    assert len(machine.world.requests) + (cut == -1) == 1, "only the line break at the end may be missing"
    assert not left.exists()


@pytest.mark.proves("L4")
def test_a_tombstone_is_followed_by_nothing(tmp_path: Path) -> None:
    machine = Machine(tmp_path, make_login())
    held = machine.store.hold(seconds=0)
    assert held is not None
    with held:
        grave = held.save(Tombstone(at=NOW, generation=0), replacing=machine.login.identity)
        leave(machine, successor(machine.login, generation=grave.generation + 1))
        assert held.load() == grave
