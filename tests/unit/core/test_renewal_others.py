"""What others do to a login is seen, waited for and adopted (L11, L18, I6)."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from keyturn import Auth, AuthError, BearerToken, NoCredential, Rejected, Unavailable
from keyturn.login import Tombstone
from keyturn.stores.file import FileStore
from keyturn.testing import FakeWorld, answer, make_authority, make_expired_login, make_login, token_answer
from keyturn.testing.stores import hold, save
from keyturn.testing.world import NOW
from keyturn.values import Secret

if TYPE_CHECKING:
    from keyturn.wire import Request, Response


from tests.machine import HOUR, Machine, aged


@pytest.fixture
def expired(tmp_path: Path) -> Machine:
    return Machine(tmp_path, make_expired_login())


@pytest.fixture
def ahead(tmp_path: Path) -> Machine:
    return Machine(tmp_path, aged(HOUR, 200.0))


# -- what others do (L11, L18, I6)


@pytest.mark.proves("L11", "I1")
class TestOthers:
    def test_a_waiter_adopts_what_the_holder_got(self, expired: Machine) -> None:
        expired.world.pace = 0.005
        holder = hold(FileStore(expired.world, "default"))
        renewed = expired.login.replace(
            access_token=Secret(expired.access), issued_at=NOW, expires_at=NOW + 3600
        )
        got: list[str] = []
        waiter = threading.Thread(target=lambda: got.append(expired.auth().credential().secret.reveal()))
        waiter.start()
        while expired.world.slept == 0.0:
            waiter.join(0.01)
        with holder:
            holder.save(renewed, replacing=expired.login.identity)
            waiter.join(20)  # it does not even wait for the lock
            assert got == [expired.access]
        assert expired.world.requests == []

    def test_a_waiter_adopts_the_end_of_the_login_too(self, expired: Machine) -> None:
        expired.world.script.append(answer({"error": "invalid_grant"}, 400))
        failures: list[AuthError] = []

        def ask() -> None:
            try:
                expired.auth().credential()
            except AuthError as error:
                failures.append(error)

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert {error.code for error in failures} == {"login_ended"}
        assert len(failures) == 8
        assert len(expired.world.requests) == 1

    def test_a_waiter_gives_up_with_the_holder_s_name(self, expired: Machine) -> None:
        with hold(FileStore(expired.world, "default")), pytest.raises(Unavailable) as caught:
            expired.auth().credential()
        assert caught.value.exit == 6
        assert caught.value.facts["pid"] != "?"
        assert "waited 45 s" in caught.value.message

    def test_eight_threads_with_four_auths_send_one_request(self, expired: Machine) -> None:
        def slow(_: Request) -> Response:
            return token_answer(expired.access, expired.refresh)

        expired.world.script.append(slow)
        auths = [expired.auth() for _ in range(4)]
        start = threading.Barrier(8)
        got: list[str] = []

        def ask(auth: Auth) -> None:
            start.wait(20)
            got.append(auth.credential().secret.reveal())

        threads = [threading.Thread(target=ask, args=(auths[number % 4],)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert got == [expired.access] * 8
        assert len(expired.world.requests) == 1

    @pytest.mark.proves("R42")
    def test_after_one_401_to_all_they_send_one_request(self, tmp_path: Path) -> None:
        machine = Machine(tmp_path, make_login())
        machine.grants()
        auths = [machine.auth() for _ in range(4)]
        old = [auth.credential() for auth in auths]
        new = [auth.credential(rejected=one) for auth, one in zip(auths, old, strict=True)]
        assert {one.secret.reveal() for one in new} == {machine.access}
        assert len(machine.world.requests) == 1

    def test_a_late_401_for_a_replaced_token_costs_nothing(self, tmp_path: Path) -> None:
        machine = Machine(tmp_path, make_login())
        machine.grants()
        auth = machine.auth()
        old = auth.credential()
        auth.credential(rejected=old)
        assert auth.credential(rejected=old).secret.reveal() == machine.access
        assert machine.auth().credential(rejected=old).secret.reveal() == machine.access
        assert len(machine.world.requests) == 1


@pytest.mark.proves("I6", "L18")
class TestSeenByARunningProgram:
    @pytest.fixture
    def machine(self, tmp_path: Path) -> Machine:
        return Machine(tmp_path, make_login())

    @pytest.fixture
    def running(self, machine: Machine) -> Auth:
        """A program that has used the login, and whose next request is later than its last look."""
        auth = machine.auth()
        auth.credential()
        machine.world.advance(2.1)
        return auth

    def test_a_renewal_elsewhere(self, machine: Machine, running: Auth) -> None:
        save(machine.store, machine.login.replace(access_token=Secret(machine.access)))
        assert running.credential().secret.reveal() == machine.access

    def test_a_logout_elsewhere(self, machine: Machine, running: Auth) -> None:
        save(machine.store, Tombstone(at=NOW, generation=machine.login.generation))
        with pytest.raises(NoCredential, match="logged out") as caught:
            running.credential()
        assert caught.value.exit == 3

    def test_a_file_that_was_removed(self, machine: Machine, running: Auth) -> None:
        Path(machine.store.path).unlink()
        with pytest.raises(NoCredential):
            running.credential()

    def test_a_new_login_of_the_same_account(self, machine: Machine, running: Auth) -> None:
        new = save(machine.store, make_login())
        assert running.credential().secret == new.access_token

    def test_a_new_login_after_a_logout(self, machine: Machine, running: Auth) -> None:
        save(machine.store, Tombstone(at=NOW, generation=machine.login.generation))
        with pytest.raises(NoCredential):
            running.credential()
        new = save(machine.store, make_login())
        assert running.credential().secret == new.access_token

    @pytest.mark.parametrize(
        "other",
        [
            {"account_id": "account-of-another"},
            {"organization_id": "organization-of-another"},
            {"authority": make_authority(issuer="https://other.example.com")},
        ],
        ids=["account", "organisation", "issuer"],
    )
    def test_a_login_of_somebody_else_is_an_error_and_no_surprise(
        self, machine: Machine, running: Auth, other: dict[str, object]
    ) -> None:
        save(machine.store, make_login(**other))
        with pytest.raises(Rejected, match="changed to another account") as caught:
            running.credential()
        assert "restart" in (caught.value.hint or "")
        assert machine.auth().credential().source == "stored-login"

    def test_a_first_login_by_a_program_that_had_found_nothing(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path / "empty")
        auth = Auth(world=world)
        with pytest.raises(NoCredential):
            auth.credential()
        world.write_config({"profiles": {"default": {"store": "file"}}, "default_profile": "work"})
        login = save(FileStore(world, "work"), make_login())
        assert auth.credential().secret == login.access_token

    def test_between_two_looks_a_fresh_token_costs_no_look(
        self, machine: Machine, running: Auth, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        looks: list[int] = []
        from keyturn.world import files

        mark = files.mark

        def counted(path: str) -> tuple[int, int, int] | None:
            looks.append(1)
            return mark(path)

        monkeypatch.setattr(files, "mark", counted)
        running.credential()
        looks.clear()
        for _ in range(100):
            assert isinstance(running.credential(), BearerToken)
        machine.world.advance(1.9)
        running.credential()
        assert looks == []
