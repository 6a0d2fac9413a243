"""A login moves from one store to another explicitly, and is alive in one of them at a time (P26)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from keyturn import Auth, NoCredential, Unavailable
from keyturn.errors import StoreError
from keyturn.login import MOVED_FROM, Login, Moved
from keyturn.oauth import renew
from keyturn.oauth.move import NotReadable, move, retire
from keyturn.stores import file as file_module
from keyturn.stores import keychain as keychain_module
from keyturn.stores import open_store
from keyturn.stores.journal import Intent
from keyturn.stores.secret_service import Item
from keyturn.stores.siblings import sibling
from keyturn.testing import FakeWorld, make_expired_login, make_login, token_answer
from keyturn.testing.stores import hold, save
from keyturn.values import Secret
from keyturn.world import files
from tests.secretscan import make_secret

if TYPE_CHECKING:
    from pathlib import Path

    from keyturn.stores import LoginStore

pytestmark = pytest.mark.proves("P26", "L2", "L4")
OTHER = {"file": "keychain", "keychain": "file"}


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture
def chain(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A keychain in memory: the real one has tests of its own (tests/system/test_moving.py)."""
    kept: dict[str, str] = {}

    def write(self: Item, text: str) -> None:
        kept[self.where] = text

    monkeypatch.setattr(Item, "read", lambda self: kept.get(self.where))
    monkeypatch.setattr(Item, "write", write)
    monkeypatch.setattr(Item, "remove", lambda self: kept.pop(self.where, None))
    monkeypatch.setattr(Item, "prove_reachable", lambda self: None)  # noqa: ARG005 - it is always there
    return kept


class Place:
    """A machine whose profile keeps its login in one kind of store."""

    def __init__(self, folder: Path, kind: str, login: Login) -> None:
        self.world = FakeWorld(folder)
        self.kind, self.other = kind, OTHER[kind]
        self.world.write_config({"profiles": {"default": {"store": kind}}})
        self.login = save(self.store(kind), login)

    def store(self, kind: str) -> LoginStore:
        return open_store(self.world, "default", kind)

    def logins(self) -> list[str]:
        """The kinds of the stores that hold a login which a renewal would be made from."""
        return [kind for kind in OTHER if isinstance(self.store(kind).load(), Login)]

    def ask(self, kind: str) -> str:
        """What a program gets that begins with this kind of store."""
        auth = Auth(world=self.world, store=self.store(kind))
        return auth.credential().secret.reveal()


@pytest.fixture(params=["file", "keychain"])
def kind(request: pytest.FixtureRequest, chain: dict[str, str]) -> str:
    assert chain == {}
    return str(request.param)


@pytest.fixture
def fresh(tmp_path: Path, kind: str) -> Place:
    return Place(tmp_path, kind, make_login())


@pytest.fixture
def expired(tmp_path: Path, kind: str) -> Place:
    return Place(tmp_path, kind, make_expired_login())


def test_it_is_in_the_new_store_alone_and_says_where_it_went(fresh: Place) -> None:
    done = move(fresh.world, "default", fresh.kind, fresh.other)
    assert done is not None
    assert done.copied
    assert fresh.logins() == [fresh.other]
    left = fresh.store(fresh.kind).load()
    assert isinstance(left, Moved)
    assert left.to == fresh.other
    there = fresh.store(fresh.other).load()
    assert isinstance(there, Login)
    assert (there.access_token, there.refresh_token) == (fresh.login.access_token, fresh.login.refresh_token)
    assert there.generation == fresh.login.generation + 1
    assert there.login_id == fresh.login.login_id


def test_a_program_that_runs_on_the_old_store_follows(fresh: Place) -> None:
    running = Auth(world=fresh.world, store=fresh.store(fresh.kind))
    before = running.credential()
    move(fresh.world, "default", fresh.kind, fresh.other)
    fresh.world.advance(3)
    assert running.credential().secret == before.secret
    assert running.credential().where == fresh.store(fresh.other).where
    # and renews there, once, with everybody else
    fresh.world.advance(3600)
    fresh.world.script.append(token_answer(make_secret("token"), make_secret("refresh")))
    assert running.credential().secret.reveal() == fresh.ask(fresh.other)
    assert len(fresh.world.requests) == 1
    assert isinstance(fresh.store(fresh.kind).load(), Moved)


def test_a_program_that_starts_before_the_configuration_is_written_follows_too(fresh: Place) -> None:
    move(fresh.world, "default", fresh.kind, fresh.other)
    auth = Auth(world=fresh.world)
    row = auth.explain().row("stored-login")
    assert row.state == "selected"
    assert fresh.login.access_token is not None
    assert auth.credential().secret == fresh.login.access_token


def test_it_moves_back_and_forth_and_the_generation_only_grows(fresh: Place) -> None:
    seen = [fresh.login.generation]
    own, to = fresh.kind, fresh.other
    for _ in range(4):
        done = move(fresh.world, "default", own, to)
        assert done is not None
        assert fresh.logins() == [to]
        seen.append(done.login.generation)
        own, to = to, own
    assert seen == sorted(set(seen))


def test_nothing_to_move_is_nothing_changed(tmp_path: Path, chain: dict[str, str]) -> None:
    world = FakeWorld(tmp_path)
    for to in OTHER:
        assert move(world, "default", "file", to) is None
    assert chain == {}


def test_a_login_that_nobody_uses_is_reported_and_never_preferred(fresh: Place) -> None:
    stale = save(fresh.store(fresh.other), make_login())
    found = sibling(fresh.world, "default", fresh.kind)
    assert found is not None
    assert found.login.access_token == stale.access_token
    assert fresh.login.access_token is not None
    assert Auth(world=fresh.world).credential().secret == fresh.login.access_token
    # asked to keep it where it is, keyturn leaves the other one behind
    done = move(fresh.world, "default", fresh.kind, fresh.kind)
    assert done is not None
    assert not done.copied
    assert fresh.logins() == [fresh.kind]
    assert Auth(world=fresh.world).credential().secret == fresh.login.access_token
    assert sibling(fresh.world, "default", fresh.kind) is None


def test_the_login_in_use_moves_over_a_stale_one(fresh: Place) -> None:
    save(fresh.store(fresh.other), make_login())
    move(fresh.world, "default", fresh.kind, fresh.other)
    assert fresh.logins() == [fresh.other]
    assert fresh.login.access_token is not None
    assert fresh.ask(fresh.other) == fresh.login.access_token.reveal()


def test_an_unsettled_renewal_is_settled_first(expired: Place) -> None:
    identity = expired.login.identity
    with hold(expired.store(expired.kind)) as held:
        held.journal.begin(
            Intent(
                at=expired.world.now(),
                attempt=1,
                generation=identity.generation,
                login_id=identity.login_id,
                refresh_hash=identity.refresh_hash,
            )
        )
    with pytest.raises(Unavailable) as caught:
        move(expired.world, "default", expired.kind, expired.other)
    assert caught.value.code == "unsettled"
    assert expired.logins() == [expired.kind]


def test_what_waits_in_the_journal_is_what_moves(expired: Place) -> None:
    newest = expired.login.replace(
        access_token=Secret(make_secret("token")),
        refresh_token=Secret(make_secret("refresh")),
        generation=expired.login.generation + 1,
    )
    with hold(expired.store(expired.kind)) as held:
        held.journal.rescue(newest, expired.login.identity)
    done = move(expired.world, "default", expired.kind, expired.other)
    assert done is not None
    assert done.login.refresh_token == newest.refresh_token
    with hold(expired.store(expired.other)) as held:
        assert held.journal.rescued() is None


def test_a_new_login_elsewhere_is_followed_by_who_runs_on_the_former_store(fresh: Place) -> None:
    running = Auth(world=fresh.world, store=fresh.store(fresh.kind))
    running.credential()
    new = save(fresh.store(fresh.other), make_login())
    retire(fresh.world, "default", fresh.kind, fresh.other)
    fresh.world.advance(3)
    assert running.credential().secret == new.access_token
    assert fresh.logins() == [fresh.other]


def test_a_logout_after_the_move_is_seen_by_who_runs_on_the_old_store(fresh: Place) -> None:
    from keyturn.oauth.grant import forget

    running = Auth(world=fresh.world, store=fresh.store(fresh.kind))
    running.credential()
    move(fresh.world, "default", fresh.kind, fresh.other)
    forget(fresh.store(fresh.other), fresh.world)
    fresh.world.advance(3)
    with pytest.raises(NoCredential) as caught:
        running.credential()
    assert caught.value.code == "logged_out"


def test_a_store_that_does_not_give_its_login_is_told_apart(
    fresh: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = keychain_module.HeldKeychain if fresh.kind == "keychain" else file_module.HeldFile

    def refuses(_self: object) -> None:
        raise StoreError("it is locked", hint="unlock it", code="store_locked")

    monkeypatch.setattr(place, "load", refuses)
    with pytest.raises(NotReadable) as caught:
        move(fresh.world, "default", fresh.kind, fresh.other)
    assert caught.value.code == "store_locked"


# -- killed between two steps


@pytest.mark.proves("I5")
@pytest.mark.parametrize("steps", range(9))
def test_killed_at_any_step_the_login_is_alive_in_one_place(
    expired: Place, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    """Every write of file, cache and keychain is a step; the process is gone before the one after `steps`."""
    left = [steps]
    with monkeypatch.context() as patch:
        for owner, name in (
            (files, "write_durably"),
            (files, "remove_durably"),
            (Item, "write"),
            (Item, "remove"),
        ):
            patch.setattr(owner, name, _mortal(getattr(owner, name), left))
        killed = False
        try:
            move(expired.world, "default", expired.kind, expired.other)
        except Killed:
            killed = True
    assert killed == (left[0] < 0)
    # whoever comes next, and in whatever order: one renewal, and everybody has what it gave
    expired.world.script = [token_answer(make_secret("token"), make_secret("refresh"))]
    first = expired.ask(expired.other if steps % 2 and expired.logins() == [expired.other] else expired.kind)
    assert expired.ask(expired.kind) == first
    assert len(expired.world.requests) == 1
    # the copy that a killed mover left never sends its refresh token, which is known to be replaced
    if isinstance(expired.store(expired.other).load(), Login) and expired.logins() == ["file", "keychain"]:
        assert expired.ask(expired.other) == first
        assert len(expired.world.requests) == 1
    # and the move can be made again
    own = expired.kind if expired.kind in expired.logins() else expired.other
    if own == expired.kind:
        assert move(expired.world, "default", own, expired.other) is not None
    assert expired.logins() == [expired.other]
    assert expired.ask(expired.other) == first


def _mortal(call: object, left: list[int]) -> object:
    def mortal(*args: object) -> object:
        left[0] -= 1
        if left[0] < 0:
            raise Killed
        return call(*args)  # type: ignore[operator] # one of four functions

    return mortal


def test_the_mark_of_a_move_goes_with_the_next_renewal(expired: Place) -> None:
    done = move(expired.world, "default", expired.kind, expired.other)
    assert done is not None
    assert done.login.extra == {MOVED_FROM: expired.kind}
    expired.world.script.append(token_answer(make_secret("token"), make_secret("refresh")))
    renewed = renew.current(expired.store(expired.other), expired.world)
    assert MOVED_FROM not in (renewed.extra or {})
