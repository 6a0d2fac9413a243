"""Which addresses and ports the listener takes, and what is said when it cannot."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

import pytest

from keyturn.errors import ConfigurationError, UsageError
from keyturn.oauth import page
from keyturn.world import loopback
from keyturn.world.listener import Listener
from tests.loopback_calls import STATE, answer, call, finish, request

if TYPE_CHECKING:
    import socket


@pytest.mark.proves("P10")
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_given_port_that_is_taken_on_either_address_is_named(address: str) -> None:
    with loopback.bind(address, 0) as other:
        port = other.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"port {port} .* is taken by another program") as caught:
            Listener(STATE, page=page.render, port=port)
    assert caught.value.exit == 8
    assert "--callback-port" in (caught.value.hint or "")
    loopback.bind("127.0.0.1", port).close()


def test_a_random_port_that_only_one_address_has_free_is_passed_over() -> None:
    taken: list[socket.socket] = []

    def bind(address: str, port: int) -> socket.socket:
        if address == "::1" and len(taken) < 3:
            taken.append(loopback.bind("::1", port))
        return loopback.bind(address, port)

    with Listener(STATE, page=page.render, bind=bind) as listener:
        assert listener.port not in [other.getsockname()[1] for other in taken]
        finish(listener)
    for other in taken:
        other.close()


@pytest.mark.proves("P10")
@pytest.mark.parametrize(
    ("missing", "host", "uri"),
    [
        ("::1", "127.0.0.1", "http://127.0.0.1:{port}/callback"),
        ("127.0.0.1", "127.0.0.1", "http://[::1]:{port}/callback"),
        ("127.0.0.1", "localhost", "http://localhost:{port}/callback"),
    ],
)
def test_a_machine_with_one_address_uses_that(missing: str, host: str, uri: str) -> None:
    def bind(address: str, port: int) -> socket.socket:
        if address == missing:
            raise OSError(errno.EADDRNOTAVAIL, "cannot assign requested address")
        return loopback.bind(address, port)

    with Listener(STATE, page=page.render, host=host, bind=bind) as listener:  # type: ignore[arg-type]  # a row
        assert listener.redirect_uri == uri.format(port=listener.port)
        there = "::1" if missing == "127.0.0.1" else "127.0.0.1"
        assert answer(call(listener, request(listener, "/"), there))[0] == 404


def failing(number: int) -> object:
    def bind(_address: str, _port: int) -> socket.socket:
        raise OSError(number, "as the system says")

    return bind


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EAFNOSUPPORT, "neither 127.0.0.1 nor ::1"),
        (errno.EACCES, "port 81 .* cannot be used: as the system says"),
        (errno.EADDRINUSE, "port 81 .* is taken"),
    ],
)
def test_a_machine_that_lets_nothing_listen_is_told_plainly(number: int, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as caught:
        Listener(STATE, page=page.render, port=81, bind=failing(number))  # type: ignore[arg-type]  # a stand-in
    assert caught.value.hint


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_is_no_port_is_a_wrong_call(port: int) -> None:
    with pytest.raises(UsageError, match=f"callback port {port} is not between"):
        Listener(STATE, page=page.render, port=port)
