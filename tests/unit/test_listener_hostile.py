"""Everybody else on the machine can call the listener too; none of them disturbs a login."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

import pytest

from keyturn.oauth import page
from keyturn.world import callers
from keyturn.world.listener import Answer, Listener
from tests.loopback_calls import CODE, LONG, STATE, answer, ask, call, finish, kind, request, target

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def listener() -> Iterator[Listener]:
    with Listener(STATE, page=page.render) as made:
        yield made


@pytest.mark.proves("P10")
def test_silent_and_trickling_callers_block_nobody(listener: Listener) -> None:
    with contextlib.ExitStack() as stack:
        for start in (b"", b"G", b"GET /callback?code=", b"GET / HTTP/1.1\r\nHost: x\r\n"):
            for _ in range(10):
                stack.enter_context(call(listener, start))
        finish(listener)


def test_a_caller_that_never_finishes_is_dropped() -> None:
    with Listener(STATE, page=page.render, patience=0.05) as listener:
        connection = call(listener, b"GET /callback HTTP/1.1\r\n")
        assert connection.recv(1) == b""


def test_more_callers_than_places_push_out_the_oldest(listener: Listener) -> None:
    with contextlib.ExitStack() as stack:
        crowd = [stack.enter_context(call(listener, b"GET ")) for _ in range(callers.MAX_CALLERS)]
        finish(listener)
        assert crowd[0].recv(1) == b""


def test_a_browser_that_waits_is_not_pushed_out_by_a_crowd(listener: Listener) -> None:
    browser = call(listener, request(listener, target(code=CODE, state=STATE)))
    assert listener.wait(LONG)
    with contextlib.ExitStack() as stack:
        for _ in range(callers.MAX_CALLERS + 5):
            stack.enter_context(call(listener, b"GET "))
        assert ask(listener, "/favicon.ico") == (404, "")
        listener.conclude("success")
        assert kind(answer(browser)[2]) == "success"


@pytest.mark.parametrize(
    "data",
    [
        b"GET /" + b"a" * 2_000_000,
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 200_000,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\r\n\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /callback HTTP/2\r\n\r\n",
        b"GET  /callback HTTP/1.1\r\nHost: x\r\n\r\n",
        b"G\xff\xfe \xff\xff HTTP/1.1\r\n\r\n",
    ],
    ids=["giant line", "giant headers", "tls", "blank lines", "one word", "http2", "two blanks", "no text"],
)
def test_what_is_no_request_is_refused_and_the_flow_goes_on(listener: Listener, data: bytes) -> None:
    # A giant request is refused before it is all sent: the rest of the sending may fail.
    connection = socket.create_connection(("127.0.0.1", listener.port), timeout=LONG)
    with contextlib.suppress(OSError):
        connection.sendall(data)
    with contextlib.suppress(ConnectionResetError):
        assert answer(connection)[0] == 400
    assert listener.wait(0) is None
    finish(listener)


def test_callers_that_vanish_in_every_way_block_nobody(listener: Listener) -> None:
    socket.create_connection(("127.0.0.1", listener.port)).close()
    call(listener, b"GET /call").close()
    reset = call(listener, request(listener, "/"))
    reset.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    reset.close()
    gone = call(listener, request(listener, target(code=CODE, state=STATE)))
    assert listener.wait(LONG)
    gone.close()
    listener.conclude("success")
    assert ask(listener, "/favicon.ico") == (404, "")


def test_a_caller_that_closes_its_half_still_gets_the_page(listener: Listener) -> None:
    browser = call(listener, request(listener, target(code=CODE, state=STATE)))
    browser.shutdown(socket.SHUT_WR)
    assert listener.wait(LONG)
    assert ask(listener, "/favicon.ico") == (404, "")
    listener.conclude("success")
    assert kind(answer(browser)[2]) == "success"


def test_a_request_in_many_pieces_is_one_request(listener: Listener) -> None:
    whole = request(listener, target(code=CODE, state=STATE))
    browser = call(listener, b"")
    browser.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in whole:
        browser.sendall(bytes([byte]))
    assert listener.wait(LONG) == Answer(code=CODE)
    listener.conclude("refused")
    assert kind(answer(browser)[2]) == "refused"


@pytest.mark.proves("T15")
def test_nothing_is_written_to_the_terminal(listener: Listener, capfd: pytest.CaptureFixture[str]) -> None:
    ask(listener, "/favicon.ico")
    finish(listener)
    assert capfd.readouterr() == ("", "")
