"""Connecting has one limit, over the name and all its addresses (P12)."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import httpcore2
import pytest

from keyturn.errors import Unavailable
from keyturn.testing import token_answer
from keyturn.wire import Request
from keyturn.world import World
from keyturn.world.reach import Reaching
from tests.machine import HOUR, Machine, aged
from tests.web import Said, Web

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SILENT = ["192.0.2.1", "192.0.2.2", "192.0.2.3"]  # of a range that nobody has


class Net:
    """Stands where `socket` stands: these addresses for any name, of which `silent` ones never answer."""

    def __init__(self, addresses: list[str]) -> None:
        self.addresses = addresses
        self.limits: list[float] = []
        self.resolving = threading.Event()
        self.resolving.set()

    def __getattr__(self, name: str) -> Any:
        return getattr(socket, name)

    def getaddrinfo(self, _host: str, port: int, **_: object) -> list[Any]:
        assert self.resolving.wait(60)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in self.addresses]

    def create_connection(self, address: tuple[str, int], timeout: float, **_: object) -> socket.socket:
        self.limits.append(timeout)
        if address[0] in SILENT:
            raise TimeoutError("timed out")
        return socket.create_connection(address, timeout)


@pytest.fixture
def net(monkeypatch: pytest.MonkeyPatch) -> Iterator[Net]:
    made = Net(SILENT)
    monkeypatch.setattr("keyturn.world.reach.socket", made)
    monkeypatch.setattr("httpcore2._backends.sync.socket", made)
    yield made
    made.resolving.set()


def ask(url: str, *, seconds: float = 30.0, connect: float | None = None) -> int:
    request = Request(method="GET", url=url, headers={}, body=b"", connect_seconds=connect)
    return World({}).send(request, seconds=seconds).status


@pytest.mark.proves("P12")
def test_silent_addresses_share_the_limit_and_do_not_have_it_each(net: Net) -> None:
    with pytest.raises(Unavailable) as caught:
        ask("http://authority.example/token")
    assert caught.value.facts["sent"] is False
    # none of them took any time here, so that each is offered its share of nearly all of it
    first, second, third = net.limits
    assert first <= 10 < second <= 15 < third <= 30


@pytest.mark.proves("P12")
def test_what_lies_behind_silent_addresses_is_reached(net: Net) -> None:
    with Web(Said(body=b"{}")) as web:
        net.addresses = [*SILENT, "127.0.0.1"]
        assert ask(f"http://authority.example:{web.port}/token") == 200


@pytest.mark.proves("P12")
def test_a_name_server_that_never_answers_is_left_at_the_limit_and_nothing_was_sent(net: Net) -> None:
    net.resolving.clear()
    with pytest.raises(Unavailable) as caught:
        ask("http://authority.example/token", seconds=0.3)
    assert caught.value.facts["sent"] is False
    assert net.limits == []


def test_a_request_may_name_a_shorter_limit_for_its_way_there(net: Net) -> None:
    with pytest.raises(Unavailable):
        ask("http://authority.example/token", connect=3.0)
    assert net.limits[0] <= 1.0


def test_no_time_at_all_is_no_connection(net: Net) -> None:
    with pytest.raises(httpcore2.ConnectTimeout):
        Reaching(lambda: 0.0).connect_tcp("127.0.0.1", 9)
    assert net.limits == []


@pytest.mark.proves("I7")
def test_ahead_of_time_less_is_waited_for_a_connection(tmp_path: Path) -> None:
    for left, limit in ((200.0, 3.0), (-1.0, None)):
        machine = Machine(tmp_path / str(limit), aged(HOUR, left))
        machine.world.script.append(token_answer(machine.access, machine.refresh))
        machine.auth().credential()
        deadline = time.monotonic() + 20
        while not machine.world.requests and time.monotonic() < deadline:
            time.sleep(0.01)
        [request] = machine.world.requests
        assert request.connect_seconds == limit
