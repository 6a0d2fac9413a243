"""What goes wrong before a refresh token has left the machine costs none of its sendings (L13)."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from keyturn.errors import AuthError, ConfigurationError, Refused, Unavailable
from keyturn.login import Login
from keyturn.oauth import renew
from keyturn.stores.file import FileStore
from keyturn.stores.memory import MemoryStore
from keyturn.testing import FakeWorld, make_authority, make_expired_login, make_login, token_answer
from keyturn.testing.stores import hold, save
from keyturn.wire import Request
from keyturn.world import World
from keyturn.world.transport import Transport
from tests.web import Said, Web

if TYPE_CHECKING:
    from pathlib import Path

    from keyturn.stores import LoginStore

GRANTED = Said(
    200,
    {"Content-Type": "application/json"},
    b'{"access_token": "test-new", "token_type": "bearer", "refresh_token": "test-next", "expires_in": 600}',
)
LONG_AGO: dict[str, Any] = {"issued_at": 1e9, "expires_at": 1e9 + 3600}
KINDS = [
    RuntimeError("can't start new thread"),
    ImportError("no module"),
    UnicodeError("label too long"),
    MemoryError(),
    OSError(24, "too many open files"),
    ValueError("something"),
    httpx2.ConnectError("refused"),
    httpx2.ReadTimeout("a proxy that says nothing"),
    httpx2.InvalidURL("no url"),
    ConfigurationError("a proxy that is none"),
]


def place(folder: Path, web: Web, env: dict[str, str] | None = None) -> LoginStore:
    world = World({"HOME": str(folder), "KEYTURN_HOME": str(folder / "home"), **(env or {})})
    store = FileStore(world, "default")
    authority = make_authority(token_url=f"{web.url}/token", revoke_url=None)
    save(store, make_login(authority=authority, **LONG_AGO))
    return store


def attempts(store: LoginStore) -> int:
    with hold(store) as held:
        intent = held.journal.intent()
        held.trouble.remove()  # the pause is not what these tests are about
    return 0 if intent is None else intent.attempt


@pytest.mark.proves("L13", "I4")
@pytest.mark.parametrize("where", ["settings", "client", "trace"])
@pytest.mark.parametrize("error", KINDS, ids=lambda error: type(error).__name__)
def test_no_error_before_the_first_byte_costs_a_sending(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, where: str
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    with Web(GRANTED) as web:
        store = place(tmp_path, web)
        world: World = store.world  # type: ignore[attr-defined]
        world.prepare(web.url)
        with monkeypatch.context() as patched:
            patched.setattr(world, "prepare", lambda _url: None)  # what it finds is found too late
            if where == "settings":
                patched.setattr(Transport, "_settings", fail)
            elif where == "client":
                patched.setattr(httpx2, "Client", fail)
            else:
                patched.setattr("keyturn.world.transport._Deadline.trace", fail)
            for _ in range(4):
                with pytest.raises(AuthError) as caught:
                    renew.current(store, world)
                assert caught.value.facts.get("sent", False) is False
                assert attempts(store) == 0
        assert web.asked == []
        login = renew.current(store, world)
    assert login.refresh_token is not None
    assert login.refresh_token.reveal() == "test-next"


@pytest.mark.proves("L13", "I4")
def test_a_thread_that_cannot_start_for_the_time_limit_costs_no_sending(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with Web(GRANTED) as web:
        store = place(tmp_path, web)
        world: World = store.world  # type: ignore[attr-defined]
        with monkeypatch.context() as patched:
            patched.setattr(threading.Timer, "start", fail, raising=False)
            for _ in range(3):
                with pytest.raises(Unavailable, match="could not be made"):
                    renew.current(store, world)
                assert attempts(store) == 0
        assert renew.current(store, world).renewable


@pytest.mark.proves("L13", "I4", "T18")
def test_a_proxy_variable_that_is_none_is_found_before_the_token_is_at_stake(tmp_path: Path) -> None:
    world = World({"KEYTURN_HOME": str(tmp_path / "home"), "HTTPS_PROXY": "socks5://somewhere:1"})
    store = FileStore(world, "default")
    save(store, make_login(**LONG_AGO))
    for _ in range(3):
        with pytest.raises(ConfigurationError, match="HTTPS_PROXY"):
            renew.current(store, world)
        assert attempts(store) == 0
    login = store.load()
    assert isinstance(login, Login)
    assert login.renewable


@pytest.mark.proves("L13")
@pytest.mark.parametrize(
    "error",
    [ConfigurationError("a proxy"), Refused("not there"), Unavailable("no thread", sent=False)],
    ids=lambda error: type(error).__name__,
)
def test_a_world_that_sent_nothing_has_its_word_taken(tmp_path: Path, error: AuthError) -> None:
    world = FakeWorld(tmp_path)
    store = MemoryStore(world)
    save(store, make_expired_login())
    for _ in range(3):
        world.script = [error]
        with pytest.raises(type(error)):
            renew.current(store, world)
        assert store.journal.intent() is None
        world.advance(400)
    world.script = [token_answer("test-new", "test-next")]
    assert renew.current(store, world).renewable


@pytest.mark.proves("L13")
def test_what_breaks_after_the_first_byte_is_of_unknown_outcome(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("while reading")

    with Web(GRANTED) as web:
        store = place(tmp_path, web)
        world: World = store.world  # type: ignore[attr-defined]
        monkeypatch.setattr(httpx2.Response, "iter_bytes", fail)
        with pytest.raises(Unavailable, match="broke") as caught:
            renew.current(store, world)
    assert caught.value.facts["sent"] is None
    assert attempts(store) == 1


def test_a_time_limit_that_ends_while_connecting_still_cuts_the_exchange(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connect = socket.create_connection

    def slowly(*arguments: Any, **options: Any) -> socket.socket:
        time.sleep(0.4)  # as if another address of the host had been silent before
        return connect(*arguments, **options)

    monkeypatch.setattr(socket, "create_connection", slowly)
    with Web(GRANTED) as web:
        request = Request(method="POST", url=web.url, headers={}, body=b"x=1")
        with pytest.raises(Unavailable, match="did not answer") as caught:
            Transport({}).send(request, seconds=0.2)
        assert web.asked == []
    assert (caught.value.code, caught.value.facts["sent"]) == ("timeout", False)
