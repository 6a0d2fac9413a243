"""Two machines with one directory of logins, whose lock is granted to both (L10)."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from keyturn import Auth, AuthError, Unavailable
from keyturn.login import Login, Tombstone, fingerprint
from keyturn.stores.claim import BEGIN_SECONDS, HELD_SECONDS, claims
from keyturn.stores.file import FileStore, HeldFile
from keyturn.stores.journal import JournalFile
from keyturn.testing import FakeWorld, answer, make_expired_login, token_answer
from keyturn.testing.stores import hold, save
from keyturn.world import replacing
from keyturn.world.locks import FileLock
from tests.secretscan import make_secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from keyturn.stores.claim import ClaimFile
    from keyturn.stores.journal import Intent
    from keyturn.wire import Request, Response

pytestmark = pytest.mark.proves("L10")


class TwiceGranted(FileStore):
    """On a file server whose lock means nothing; machines of one test have each gates of their own."""

    @property
    def key(self) -> str:
        return f"{self.path} on {self.world.host()}"

    def hold(self, *, seconds: float, until: Callable[[], bool] | None = None) -> HeldFile:
        del seconds, until
        return HeldFile(self, FileLock(self.lock_path, self.world))


class Machine:
    """One of several machines that share a directory."""

    def __init__(self, folder: Path, name: str) -> None:
        self.world = FakeWorld(folder)
        self.world.network_disk = True
        self.world.host_name = name
        self.world.boot_name = f"boot-of-{name}"
        self.world.pace = 0.005
        self.store = TwiceGranted(self.world, "default")

    def token(self) -> str:
        return Auth(world=self.world, store=self.store).credential().secret.reveal()

    def claim(self) -> ClaimFile:
        with hold(FileStore(self.world, "default")) as held:
            login = self.store.load()
            assert login is not None
            assert login.identity.refresh_hash is not None
            claim = held.claim(login.identity.refresh_hash)
        assert claim is not None
        return claim  # type: ignore[return-value] # the file store's own kind

    def claims(self) -> list[tuple[str, int, str]]:
        return claims(self.store.directory, "default")


@pytest.fixture
def here(tmp_path: Path) -> Machine:
    machine = Machine(tmp_path, "here")
    save(FileStore(machine.world, "default"), make_expired_login())
    return machine


@pytest.fixture
def there(here: Machine) -> Machine:
    return Machine(Path(here.world.folder), "there")


@pytest.mark.proves("I1")
def test_of_two_machines_that_both_have_the_lock_one_sends_and_the_other_adopts(
    here: Machine, there: Machine
) -> None:
    access, refresh = make_secret("token"), make_secret("refresh")
    sent, told = threading.Event(), threading.Event()

    def slowly(_: Request) -> Response:
        sent.set()
        assert told.wait(20)
        return token_answer(access, refresh)

    here.world.script.append(slowly)
    got: list[str] = []
    first = threading.Thread(target=lambda: got.append(here.token()))
    first.start()
    assert sent.wait(20)
    second = threading.Thread(target=lambda: got.append(there.token()))
    second.start()
    while there.world.slept == 0.0:  # it found the claim, and waits
        second.join(0.01)
    told.set()
    first.join(20)
    second.join(20)
    assert got == [access, access]
    assert len(here.world.requests) == 1
    assert there.world.requests == []


def test_the_claim_is_named_after_the_token_and_says_whose_it_is(here: Machine) -> None:
    seen: list[str] = []

    def look(_: Request) -> Response:
        seen.extend(path.name for path in Path(here.store.directory).glob("*.claim"))
        seen.append(Path(here.store.directory, seen[0]).read_text())
        return token_answer(make_secret("token"), make_secret("refresh"))

    login = here.store.load()
    assert isinstance(login, Login)
    assert login.refresh_token is not None
    here.world.script.append(look)
    here.token()
    name, said = seen
    assert name == f"default.{fingerprint(login.refresh_token)[:16]}.1.claim"
    assert '"host":"here"' in said.replace(" ", "")
    assert f'"pid":{os.getpid()}' in said.replace(" ", "")
    assert login.refresh_token.reveal() not in said


@pytest.mark.proves("L11")
def test_whoever_loses_it_sends_nothing_before_its_time_is_over_and_names_the_holder(
    here: Machine, there: Machine
) -> None:
    claim = there.claim()
    assert claim.take(seconds=0, overtaken=lambda: False)  # and then its machine lost power
    with pytest.raises(Unavailable) as caught:
        here.token()
    assert caught.value.code == "claimed"
    assert f"process {os.getpid()} on there is renewing this login on another machine" in str(caught.value)
    assert here.world.requests == []
    assert JournalFile(f"{here.store.directory}/default.journal").intent() is None


@pytest.mark.proves("L26")
@pytest.mark.parametrize(
    "age", [HELD_SECONDS + 1, -3 * HELD_SECONDS], ids=["over", "server's clock set back"]
)
def test_the_claim_of_a_machine_that_died_ends_by_the_file_server_s_clock(
    here: Machine, there: Machine, age: float
) -> None:
    assert there.claim().take(seconds=0, overtaken=lambda: False)
    [(_, _, path)] = there.claims()
    dated = Path(path).stat().st_mtime - age
    os.utime(path, (dated, dated))
    access = make_secret("token")
    here.world.script.append(token_answer(access, make_secret("refresh")))
    assert here.token() == access
    assert len(here.world.requests) == 1


def test_of_two_that_find_it_over_one_alone_gets_the_next(here: Machine, there: Machine) -> None:
    third = Machine(Path(here.world.folder), "third")
    assert third.claim().take(seconds=0, overtaken=lambda: False)
    [(_, _, path)] = third.claims()
    os.utime(path, (1.0, 1.0))
    assert here.claim().take(seconds=0, overtaken=lambda: False)
    with pytest.raises(Unavailable, match="on here is renewing"):
        there.claim().take(seconds=0, overtaken=lambda: False)
    assert [number for _, number, _ in here.claims()] == [2]


def test_of_two_that_looked_before_either_made_one_a_single_one_makes_it(
    here: Machine, there: Machine
) -> None:
    first, second = here.claim(), there.claim()
    assert first._made(1)
    assert not second._made(1)  # what both do that have found none at the same moment
    with pytest.raises(Unavailable, match="nothing was sent"):
        second.check()
    first.check()


def test_a_machine_late_by_a_whole_sweep_does_not_take_a_number_again(here: Machine, there: Machine) -> None:
    late = there.claim()
    third = Machine(Path(here.world.folder), "third")
    for machine in (here, third):
        with machine.claim() as claim:
            assert claim.take(seconds=0, overtaken=lambda: False)
    assert here.claim().take(seconds=0, overtaken=lambda: False)
    assert [number for _, number, _ in here.claims()] == [3]
    assert not late._made(1)  # what it does that had looked before all of them
    assert [number for _, number, _ in here.claims()] == [3]


@pytest.mark.proves("I5")
def test_a_program_that_died_on_this_machine_delays_nobody_here(here: Machine) -> None:
    assert here.claim().take(seconds=0, overtaken=lambda: False)  # and then it was killed, and its lock free
    access = make_secret("token")
    here.world.script.append(token_answer(access, make_secret("refresh")))
    assert here.token() == access
    assert here.world.slept == 0.0


def test_a_renewal_that_failed_gives_it_back_at_once(here: Machine, there: Machine) -> None:
    here.world.script.append(Unavailable("no network", sent=False))
    with pytest.raises(Unavailable, match="no network"):
        here.token()
    there.world.advance(3600)
    access = make_secret("token")
    there.world.script.append(token_answer(access, make_secret("refresh")))
    assert there.token() == access


@pytest.mark.proves("L26")
def test_a_holder_that_was_held_up_before_it_sent_sends_no_more(here: Machine) -> None:
    claim = here.claim()
    assert claim.take(seconds=0, overtaken=lambda: False)
    claim.check()
    here.world.advance(BEGIN_SECONDS + 1)  # the machine slept
    with pytest.raises(Unavailable) as caught:
        claim.check()
    assert caught.value.facts["sent"] is False


class HeldUp(TwiceGranted):
    """A machine that sleeps for `seconds` while it writes its intent; then `meanwhile` has happened."""

    seconds = 0.0

    def meanwhile(self) -> None:
        self.world.advance(self.seconds)  # type: ignore[attr-defined] # of a FakeWorld

    def hold(self, *, seconds: float, until: Callable[[], bool] | None = None) -> HeldFile:
        held = super().hold(seconds=seconds, until=until)
        store = self

        class Slow(JournalFile):
            def begin(self, intent: Intent) -> None:
                super().begin(intent)
                store.meanwhile()

        held.journal = Slow(held.journal.path)
        return held


def test_the_last_look_comes_after_the_intent_and_takes_it_back(here: Machine) -> None:
    here.store = HeldUp(here.world, "default")
    here.store.seconds = BEGIN_SECONDS + 1
    with pytest.raises(Unavailable, match="held up before it could send"):
        here.token()
    assert here.world.requests == []
    assert JournalFile(f"{here.store.directory}/default.journal").intent() is None


@pytest.mark.proves("L13")
def test_a_machine_that_was_held_up_for_a_whole_claim_leaves_the_journal_to_the_next(
    here: Machine, there: Machine
) -> None:
    def lost(_: Request) -> Response:
        raise Unavailable("reset", code="broken")

    there.world.script.append(lost)

    class Overtaken(HeldUp):
        def meanwhile(self) -> None:
            super().meanwhile()
            there.world.advance(self.seconds)
            os.utime(there.claims()[-1][2], (1.0, 1.0))  # by the file server's clock it is over
            with pytest.raises(AuthError):
                there.token()

    here.store = Overtaken(here.world, "default")
    here.store.seconds = HELD_SECONDS + 1
    with pytest.raises(Unavailable, match="held up before it could send"):
        here.token()
    intent = JournalFile(f"{here.store.directory}/default.journal").intent()
    assert intent is not None
    assert intent.attempt == 2  # ours, which was never sent, and theirs, whose answer is lost


@pytest.mark.proves("L13")
def test_a_machine_that_was_held_up_before_its_intent_writes_none(here: Machine) -> None:
    written: list[Machine] = []

    class Watched(HeldUp):
        def meanwhile(self) -> None:
            written.append(here)

    def slow(*_: object) -> str:
        here.world.advance(BEGIN_SECONDS + 1)
        return "here"

    here.store = Watched(here.world, "default")
    here.world.host = slow  # type: ignore[method-assign] # asked for when the claim is made
    with pytest.raises(Unavailable, match="held up before it could send"):
        here.token()
    assert (here.world.requests, written) == ([], [])


def test_an_intent_of_a_dead_machine_counts_as_a_sending(here: Machine, there: Machine) -> None:
    """Its answer is lost, whichever machine it was: the second sending is the last (L13)."""
    there.world.script.append(Unavailable("reset", code="broken"))
    with pytest.raises(AuthError):
        there.token()
    here.world.advance(600)
    here.world.script.append(answer({"error": "invalid_grant"}, 400))
    with pytest.raises(AuthError, match="the answer to its renewal was lost"):
        here.token()


def test_a_login_that_is_gone_leaves_no_claim(here: Machine) -> None:
    here.world.script.append(token_answer(make_secret("token"), make_secret("refresh")))
    here.token()
    assert here.claims() != []
    with hold(FileStore(here.world, "default")) as held:
        record = held.load()
        assert record is not None
        held.save(Tombstone(at=1.0, generation=0), replacing=record.identity)
    assert here.claims() == []


def test_on_a_disk_of_its_own_no_claim_is_made(here: Machine) -> None:
    here.world.network_disk = False
    here.world.script.append(token_answer(make_secret("token"), make_secret("refresh")))
    here.token()
    assert here.claims() == []


def test_the_claims_of_a_profile_with_dots_in_its_name_are_its_own(here: Machine) -> None:
    assert here.claim().take(seconds=0, overtaken=lambda: False)
    [(letters, _, path)] = here.claims()
    Path(path).rename(f"{here.store.directory}/default.{letters}.{letters}.1.claim")
    assert here.claims() == []
    assert [number for _, number, _ in claims(here.store.directory, f"default.{letters}")] == [1]


class Meddled:
    """Stands where `os` stands: another machine is faster with each rename."""

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def replace(self, temporary: str, path: str) -> None:
        """It took the writer for dead, whose lock it was granted too."""
        Path(temporary).rename(path)
        Path(temporary).rename(path)


def test_a_writer_whose_file_another_machine_has_put_in_place_has_saved(
    here: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    access = make_secret("token")
    here.world.script.append(token_answer(access, make_secret("refresh")))
    monkeypatch.setattr(replacing, "os", Meddled())
    assert here.token() == access
    record = here.store.load()
    assert isinstance(record, Login)
    assert record.access_token is not None
    assert record.access_token.reveal() == access
    assert JournalFile(f"{here.store.directory}/default.journal").rescued() is None
