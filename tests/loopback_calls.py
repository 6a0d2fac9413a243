"""Raw callers of the loopback listener: what a browser sends, byte for byte, and what it gets."""

from __future__ import annotations

import secrets
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from keyturn.world.listener import Answer

if TYPE_CHECKING:
    from keyturn.world.listener import Listener

STATE = secrets.token_urlsafe(16)
CODE = "sk-ant-test-" + secrets.token_urlsafe(16)
LONG = 20.0


def target(**values: str) -> str:
    return "/callback?" + urlencode(values)


def request(listener: Listener, path: str, *, method: str = "GET", host: str | None = None) -> bytes:
    named = f"127.0.0.1:{listener.port}" if host is None else host
    return f"{method} {path} HTTP/1.1\r\nHost: {named}\r\nUser-Agent: test\r\n\r\n".encode()


def call(listener: Listener, data: bytes, address: str = "127.0.0.1") -> socket.socket:
    made = socket.create_connection((address, listener.port), timeout=LONG)
    made.sendall(data)
    return made


def answer(connection: socket.socket) -> tuple[int, dict[str, str], str]:
    with connection, connection.makefile("rb") as stream:
        whole = stream.read()
    head, _, body = whole.decode().partition("\r\n\r\n")
    status, *fields = head.split("\r\n")
    headers = dict(field.split(": ", 1) for field in fields)
    assert int(headers["Content-Length"]) == len(body.encode())
    return int(status.split()[1]), headers, body


def kind(body: str) -> str:
    return body.partition('data-kind="')[2].partition('"')[0]


def ask(listener: Listener, path: str, *, method: str = "GET", host: str | None = None) -> tuple[int, str]:
    status, _, body = answer(call(listener, request(listener, path, method=method, host=host)))
    return status, kind(body)


def finish(listener: Listener) -> None:
    """The flow still works: a real browser answer is taken and concluded."""
    browser = call(listener, request(listener, target(code=CODE, state=STATE)))
    assert listener.wait(LONG) == Answer(code=CODE)
    listener.conclude("success", "someone@example.com")
    assert kind(answer(browser)[2]) == "success"
