"""Lifetimes run on a clock that counts suspend and that nobody sets (L21)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from keyturn import Auth, Unavailable
from keyturn.oauth import lifetime, renew
from keyturn.stores.file import FileStore
from keyturn.testing import FakeWorld, token_answer
from keyturn.testing.world import NOW
from keyturn.world import World
from tests.machine import HOUR, Machine, aged
from tests.secretscan import make_secret

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.proves("L21", "R43")

DAY = 86400.0
JUMPS = (-DAY, -90.0, 90.0, DAY)


@pytest.mark.parametrize("jump", JUMPS)
class TestOneProcess:
    def test_a_jump_does_not_end_a_fresh_token(self, tmp_path: Path, jump: float) -> None:
        machine = Machine(tmp_path, aged(HOUR, HOUR))
        auth = machine.auth()
        before = auth.credential()
        machine.world.set_wall_clock(machine.world.now() + jump)
        machine.world.advance(3)
        assert auth.credential().secret == before.secret
        assert auth.lasting(3000.0).secret == before.secret
        assert machine.world.requests == []

    @pytest.mark.parametrize(
        ("passed", "renewals"), [(HOUR - 301, 0), (HOUR - 31, 1), (HOUR - 29, 1), (HOUR, 1)]
    )
    def test_nor_does_it_keep_a_dead_one(
        self, tmp_path: Path, jump: float, passed: float, renewals: int
    ) -> None:
        machine = Machine(tmp_path, aged(HOUR, HOUR))
        auth = machine.auth()
        auth.credential()
        machine.world.set_wall_clock(machine.world.now() + jump)
        machine.world.advance(passed)
        machine.grants()
        auth.credential()
        assert len(machine.world.requests) == renewals

    def test_what_was_renewed_after_a_jump_lives_its_whole_life(self, tmp_path: Path, jump: float) -> None:
        machine = Machine(tmp_path, aged(HOUR, 0.0))
        machine.world.set_wall_clock(machine.world.now() + max(jump, 0.0))
        auth = machine.auth()
        machine.grants()
        auth.credential()
        machine.world.set_wall_clock(machine.world.now() - jump)
        for _ in range(10):
            machine.world.advance(320)
            assert auth.credential().secret.reveal() == machine.access
        assert len(machine.world.requests) == 1


class Later(FakeWorld):
    """The same machine, as a program that starts later sees it: another wall clock, the same boot."""

    def __init__(self, before: FakeWorld, *, passed: float, jump: float, boot: str | None = "this") -> None:
        super().__init__(before.folder, before.variables, now=before.now() + passed + jump)
        self._clock = before.clock() + passed
        self.boot_name = boot


@pytest.fixture
def renewed(tmp_path: Path) -> Machine:
    """A login that was renewed in this boot of the machine, just now."""
    machine = Machine(tmp_path, aged(HOUR, 0.0))
    machine.world.boot_name = "this"
    machine.grants()
    renew.current(machine.store, machine.world)
    return machine


@pytest.mark.parametrize("jump", JUMPS)
class TestManyProcesses:
    def test_a_young_token_is_not_called_expired_by_the_wall_clock(
        self, renewed: Machine, jump: float
    ) -> None:
        later = Later(renewed.world, passed=HOUR * 0.05, jump=jump)
        assert Auth(world=later).credential().secret.reveal() == renewed.access
        assert later.requests == []
        assert Auth(world=later).explain().row("stored-login").state == "selected"

    def test_an_old_one_is_not_called_fresh_by_it(self, renewed: Machine, jump: float) -> None:
        later = Later(renewed.world, passed=HOUR - 20, jump=jump)
        second = make_secret("token")
        later.script = [token_answer(second, make_secret("refresh"))]
        assert Auth(world=later).credential().secret.reveal() == second


def test_another_boot_goes_by_the_wall_clock(renewed: Machine) -> None:
    for boot in ("another", None):
        later = Later(renewed.world, passed=60, jump=HOUR, boot=boot)
        later._clock = 5.0
        login = FileStore(later, "default").load()
        assert lifetime.now_for(login, later) == later.now()  # type: ignore[arg-type] # it is a login


def test_a_clock_of_another_boot_s_container_counts_for_nothing(renewed: Machine) -> None:
    """Containers may have a boot clock of their own: one that is behind that of the record is another one."""
    later = Later(renewed.world, passed=60, jump=0)
    later._clock = 5.0
    assert Auth(world=later).credential().secret.reveal() == renewed.access


def test_a_record_edited_by_hand_goes_by_the_wall_clock(renewed: Machine) -> None:
    for made in ({"boot": "this"}, {"boot": "this", "clock": "soon"}, {"clock": 1.0}, 7, None):
        login = renewed.stored().replace(extra={lifetime.MADE: made})
        world = Later(renewed.world, passed=60, jump=0)
        assert lifetime.now_for(login, world) == NOW + 60


def test_this_machine_knows_its_boot_and_its_clock_does_not_go_back() -> None:
    world = World({})
    boot = world.boot()
    assert boot is None or (boot == World({}).boot() and len(boot) == 36)
    first = world.steady("x")
    assert abs(first - world.now()) < 5
    assert world.steady("x") >= first


def test_the_times_of_many_tokens_take_no_room(tmp_path: Path) -> None:
    world = FakeWorld(tmp_path)
    for number in range(10_000):
        world.steady(str(number))
    assert len(world._seen) <= 256


@pytest.mark.parametrize("jump", JUMPS)
def test_the_server_s_word_about_a_token_outranks_every_clock(tmp_path: Path, jump: float) -> None:
    machine = Machine(tmp_path, aged(HOUR, HOUR))
    auth = machine.auth()
    rejected = auth.credential()
    machine.world.set_wall_clock(machine.world.now() + jump)
    machine.grants()
    assert auth.credential(rejected=rejected).secret.reveal() == machine.access
    assert len(machine.world.requests) == 1


@pytest.mark.proves("P12")
@pytest.mark.parametrize("jump", JUMPS)
def test_a_clock_that_is_wrong_and_a_network_that_is_gone_end_no_login(tmp_path: Path, jump: float) -> None:
    """A machine wakes: its clock is off, its network not there yet, and its token long dead."""
    machine = Machine(tmp_path, aged(HOUR, HOUR))
    before = machine.bytes()
    auth = machine.auth()
    auth.credential()
    machine.world.advance(9 * HOUR)
    machine.world.set_wall_clock(machine.world.now() + jump)
    for failure in ("dns", "connect", "timeout before anything was sent"):
        machine.world.script.append(Unavailable("the network is down", code=failure, sent=False))
        with pytest.raises(Unavailable):
            auth.credential()
        with pytest.raises(Unavailable, match="the next try is in"):
            auth.credential()
        assert machine.world.script == [], "it backs off, and asks no more than once"
        machine.world.advance(600)
    assert machine.bytes() == before
    machine.grants()
    assert auth.credential().secret.reveal() == machine.access
