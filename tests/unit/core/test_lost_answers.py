"""What becomes of a login whose renewal was sent and whose answer nobody saved, and of those who wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from keyturn.errors import ConfigurationError, Rejected, StoreDenied, Unavailable
from keyturn.login import Login, fingerprint
from keyturn.oauth import renew
from keyturn.stores.file import FileStore
from keyturn.stores.memory import MemoryStore
from keyturn.testing import FakeWorld
from keyturn.testing.stores import save
from keyturn.testing.values import make_expired_login, make_login
from keyturn.testing.world import NOW, answer, token_answer
from keyturn.wire import Response

if TYPE_CHECKING:
    from pathlib import Path

LOST = Unavailable("no answer", code="timeout", sent=None)
NOT_SENT = Unavailable("no route", code="connect", sent=False)
REFUSED = answer({"error": "invalid_grant"}, status=400)
BROKEN = Response(status=503, headers={}, body=b"")


@pytest.fixture
def world(tmp_path: Path) -> FakeWorld:
    return FakeWorld(tmp_path)


@pytest.fixture
def store(world: FakeWorld) -> MemoryStore:
    return MemoryStore(world)


def expired(store: MemoryStore) -> Login:
    return save(store, make_expired_login())


@pytest.mark.proves("L13")
def test_the_intent_names_the_token_before_it_is_sent(world: FakeWorld, store: MemoryStore) -> None:
    login = expired(store)

    def look(_: object) -> Response:
        intent = store.journal.intent()
        assert intent is not None
        assert (intent.refresh_hash, intent.attempt) == (login.identity.refresh_hash, 1)
        assert intent.is_about(login.identity)
        return token_answer("test-new", "test-next")

    world.script = [look]
    renew.current(store, world)
    assert store.journal.intent() is None


@pytest.mark.proves("L13")
def test_a_stale_intent_is_dropped_and_the_stored_token_sent(world: FakeWorld, store: MemoryStore) -> None:
    login = expired(store)
    world.script = [LOST]
    with pytest.raises(Unavailable):
        renew.current(store, world)
    newer = save(store, make_expired_login(login_id=login.login_id))
    world.script = [token_answer("test-new", "test-next")]
    renew.current(store, world)
    assert newer.refresh_token is not None
    assert newer.refresh_token.reveal().encode() in world.requests[-1].body


def test_what_was_never_sent_leaves_no_intent(world: FakeWorld, store: MemoryStore) -> None:
    expired(store)
    world.script = [NOT_SENT]
    with pytest.raises(Unavailable):
        renew.current(store, world)
    assert store.journal.intent() is None


@pytest.mark.proves("L13", "I4")
def test_a_token_whose_answer_was_lost_is_sent_once_more_and_never_again(
    world: FakeWorld, store: MemoryStore
) -> None:
    expired(store)
    before = store.text
    for _ in range(2):
        world.script = [LOST]
        with pytest.raises(Unavailable):
            renew.current(store, world)
        world.advance(3600)
    with pytest.raises(Rejected, match="was lost at 2027-01-15T08:00:00Z") as caught:
        renew.current(store, world)
    assert caught.value.code == "answer_lost"
    assert len(world.requests) == 2
    assert store.text == before, "nobody said that it has ended"


@pytest.mark.proves("L13")
def test_the_second_sending_may_well_succeed(world: FakeWorld, store: MemoryStore) -> None:
    expired(store)
    world.script = [LOST]
    with pytest.raises(Unavailable):
        renew.current(store, world)
    world.advance(60)
    world.script = [token_answer("test-new", "test-next")]
    login = renew.current(store, world)
    assert login.access_token is not None
    assert login.access_token.reveal() == "test-new"
    assert store.journal.intent() is None
    assert store.trouble.read() is None


@pytest.mark.proves("L13", "I5")
def test_a_refused_second_sending_ends_the_login_and_says_when_the_answer_was_lost(
    world: FakeWorld, store: MemoryStore
) -> None:
    expired(store)
    world.script = [LOST]
    with pytest.raises(Unavailable):
        renew.current(store, world)
    world.advance(60)
    world.script = [REFUSED]
    with pytest.raises(Rejected, match="lost at 2027-01-15T08:00:00Z"):
        renew.current(store, world)
    login = store.load()
    assert isinstance(login, Login)
    assert login.quarantine is not None
    assert "lost at" in login.quarantine.reason


@pytest.mark.proves("L13", "I7")
def test_an_unsettled_token_is_not_risked_while_the_current_one_serves(
    world: FakeWorld, store: MemoryStore
) -> None:
    login = save(store, make_login(issued_at=NOW - 3400, expires_at=NOW + 200))
    for _ in range(3):
        world.script = [LOST] if not world.requests else []
        assert renew.current(store, world).access_token == login.access_token
        world.advance(5)
    assert len(world.requests) == 1


@pytest.mark.proves("I4", "P2", "L20")
def test_a_server_that_says_it_failed_is_asked_again_as_often_as_it_takes(
    world: FakeWorld, store: MemoryStore
) -> None:
    expired(store)
    before = store.text
    for _ in range(5):
        world.script = [BROKEN]
        with pytest.raises(Unavailable):
            renew.current(store, world)
        world.advance(800)
    assert store.text == before
    world.script = [token_answer("test-new", "test-next")]
    assert renew.current(store, world).access_token is not None


@pytest.mark.proves("L13", "I2")
@pytest.mark.parametrize("earlier", [(), (BROKEN, BROKEN)], ids=["at once", "after other failures"])
def test_after_a_lost_answer_a_server_that_fails_does_not_make_the_second_sending_uncounted(
    world: FakeWorld, store: MemoryStore, earlier: tuple[Response, ...]
) -> None:
    expired(store)
    before = store.text
    for _ in (*earlier, LOST, BROKEN):
        world.script = world.script or [*earlier, LOST, BROKEN]
        with pytest.raises(Unavailable):
            renew.current(store, world)
        world.advance(3600)
    for _ in range(3):
        with pytest.raises(Rejected, match="was lost") as caught:
            renew.current(store, world)
        assert caught.value.code == "answer_lost"
        world.advance(3600)
    assert len(world.requests) == len(earlier) + 2
    assert store.text == before, "nobody said that it has ended"


@pytest.mark.proves("L20", "P37")
@pytest.mark.parametrize(("wait", "pause"), [("7", 7), ("600", 600), ("86400", 900)])
def test_the_pause_that_the_server_asks_for_is_kept_up_to_15_minutes(
    world: FakeWorld, store: MemoryStore, wait: str, pause: float
) -> None:
    expired(store)
    world.script = [Response(status=503, headers={"retry-after": wait}, body=b"")]
    with pytest.raises(Unavailable):
        renew.current(store, world)
    world.advance(pause * 0.7)
    with pytest.raises(Unavailable, match="the next try is in"):
        renew.current(store, world)
    assert len(world.requests) == 1
    world.advance(pause * 0.6 + 1)
    world.script = [token_answer("test-new", "test-next")]
    renew.current(store, world)


@pytest.mark.proves("L11", "L20")
def test_a_failure_is_adopted_by_everybody_who_waited_for_it(world: FakeWorld) -> None:
    store = FileStore(world, "default")
    save(store, make_expired_login())
    world.script = [BROKEN]
    for _ in range(32):
        with pytest.raises(Unavailable):
            renew.current(FileStore(world, "default"), world)
    assert len(world.requests) == 1


@pytest.mark.proves("L20")
def test_a_pause_further_ahead_than_15_minutes_is_a_clock_that_jumped(
    world: FakeWorld, store: MemoryStore
) -> None:
    expired(store)
    world.script = [BROKEN]
    with pytest.raises(Unavailable):
        renew.current(store, world)
    world.set_wall_clock(NOW - 86400)
    login = store.load()
    assert isinstance(login, Login)
    assert login.access_token is not None
    world.script = [token_answer("test-new", "test-next")]
    renewed = renew.current(store, world, rejected=login.access_token)
    assert renewed.access_token != login.access_token


def test_a_wrong_client_is_a_configuration_error_for_everybody_who_waits(
    world: FakeWorld, store: MemoryStore
) -> None:
    expired(store)
    world.script = [answer({"error": "invalid_client"}, status=401)]
    for _ in range(2):
        with pytest.raises(ConfigurationError):
            renew.current(store, world)
    assert len(world.requests) == 1
    assert store.journal.intent() is None


@pytest.mark.proves("L15", "P14")
def test_a_login_that_cannot_be_saved_waits_in_the_journal_and_serves_meanwhile(
    world: FakeWorld, store: MemoryStore, caplog: pytest.LogCaptureFixture
) -> None:
    old = expired(store)
    world.script = [token_answer("test-new", "test-next")]
    store.full = True
    for _ in range(2):
        login = renew.current(store, world)
        assert login.access_token is not None
        assert login.access_token.reveal() == "test-new"
    assert "could not be saved" in caplog.text
    assert "test-new" not in caplog.text
    store.full = False
    renew.current(store, world)
    stored = store.load()
    assert isinstance(stored, Login)
    assert stored.refresh_token is not None
    assert fingerprint(stored.refresh_token) != old.identity.refresh_hash
    assert stored.generation == old.generation + 1
    assert store.journal.rescued() is None
    assert len(world.requests) == 1


@pytest.mark.proves("L15", "L2")
def test_a_rescued_login_never_overwrites_one_made_meanwhile(world: FakeWorld, store: MemoryStore) -> None:
    expired(store)
    world.script = [token_answer("test-new", "test-next")]
    store.full = True
    renew.current(store, world)
    store.full = False
    newer = save(store, make_expired_login())
    world.script = [token_answer("test-newest", "test-last")]
    login = renew.current(store, world)
    assert login.access_token is not None
    assert login.access_token.reveal() == "test-newest"
    assert login.login_id == newer.login_id


@pytest.mark.proves("L15")
def test_only_when_neither_place_takes_it_is_it_an_error(
    world: FakeWorld, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    expired(store)
    world.script = [token_answer("test-new", "test-next")]
    store.full = True

    def full(*_: object) -> None:
        raise StoreDenied("full")

    monkeypatch.setattr(store.journal, "rescue", full)
    with pytest.raises(StoreDenied):
        renew.current(store, world)


@pytest.mark.proves("L15", "I5")
def test_a_login_that_waits_in_the_journal_is_renewed_from_there_while_the_disk_stays_full(
    world: FakeWorld, store: MemoryStore
) -> None:
    expired(store)
    before = store.text
    store.full = True
    for number in ("one", "two", "three"):
        world.script = [token_answer(f"test-{number}", f"test-next-{number}")]
        login = renew.current(store, world)
        assert login.access_token is not None
        assert login.access_token.reveal() == f"test-{number}"
        world.advance(3600)
    assert [b"test-next-one" in request.body for request in world.requests] == [False, True, False]
    assert store.text == before
    store.full = False
    world.script = [token_answer("test-four", "test-next-four")]
    renew.current(store, world)
    stored = store.load()
    assert isinstance(stored, Login)
    assert len(stored.ancestors) == 4
    assert store.journal.rescued() is None


@pytest.mark.proves("I2", "I4", "L15")
def test_a_verdict_that_cannot_be_saved_waits_too_and_no_replaced_token_is_sent_in_its_place(
    world: FakeWorld, store: MemoryStore
) -> None:
    expired(store)
    store.full = True
    world.script = [token_answer("test-one", "test-next-one")]
    renew.current(store, world)
    world.advance(3600)
    world.script = [REFUSED]
    for _ in range(3):
        with pytest.raises(Rejected, match=r"ended|cannot be renewed"):
            renew.current(store, world)
        world.advance(3600)
    store.full = False
    with pytest.raises(Rejected, match="the authority rejected its refresh token"):
        renew.current(store, world)
    assert len(world.requests) == 2
    stored = store.load()
    assert isinstance(stored, Login)
    assert stored.quarantine is not None
    assert store.journal.rescued() is None
