"""The one transport, against real servers on loopback: one exchange, its limits, and names of failures."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from typing import Any

import pytest

from keyturn import Unavailable
from keyturn.wire import Request, Response
from keyturn.world.transport import ANSWER_LIMIT, Transport
from tests.secretscan import make_secret
from tests.web import Said, Web


def post(
    url: str, env: dict[str, str] | None = None, *, seconds: float = 20.0, body: bytes = b"x=1"
) -> Response:
    request = Request(method="POST", url=url, headers={"Accept": "application/json"}, body=body)
    return Transport(env or {}).send(request, seconds=seconds)


def failure(url: str, env: dict[str, str] | None = None, **options: Any) -> Unavailable:
    with pytest.raises(Unavailable) as caught:
        post(url, env, **options)
    error = caught.value
    assert error.exit == 6
    assert error.hint
    assert error.__cause__ is None
    assert error.__context__ is None
    return error


class TestOneExchange:
    def test_a_request_and_its_answer_are_values(self) -> None:
        with Web(Said(418, {"X-Told": "Yes"}, b'{"a": 1}')) as web:
            response = post(f"{web.url}/token")
        (asked,) = web.asked
        assert (asked.method, asked.path, asked.body) == ("POST", "/token", b"x=1")
        assert asked.headers["accept"] == "application/json"
        assert (response.status, response.body, response.headers["x-told"]) == (418, b'{"a": 1}', "Yes")

    @pytest.mark.proves("T13", "L14")
    def test_a_redirect_is_an_answer_and_not_followed(self) -> None:
        with Web() as other, Web(Said(307, {"Location": f"{other.url}/taken"})) as web:
            response = post(f"{web.url}/token")
            assert other.asked == []
        assert response.status == 307

    @pytest.mark.proves("L14")
    def test_nothing_is_sent_twice(self) -> None:
        with Web(Said(503)) as web:
            assert post(web.url).status == 503
        assert len(web.asked) == 1

    @pytest.mark.proves("T15")
    def test_a_failure_holds_neither_request_nor_secret(self) -> None:
        secret = make_secret("refresh")
        with Web(Said(by_hand=lambda handler: handler.connection.shutdown(socket.SHUT_RDWR))) as web:
            error = failure(web.url, body=secret.encode())
        assert (error.code, error.facts["sent"]) == ("broken", None)
        assert secret not in f"{error!r} {error.hint} {error.facts}"


@pytest.mark.proves("P2")
class TestFailures:
    def test_a_refused_connection_was_not_sent(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            error = failure(f"http://127.0.0.1:{free.getsockname()[1]}")
        assert (error.code, error.facts["sent"]) == ("connect", False)

    def test_a_name_that_does_not_exist_was_not_sent(self) -> None:
        error = failure("https://authority.invalid/token")
        assert (error.code, error.facts["sent"]) == ("dns", False)
        assert "authority.invalid" in error.message

    def test_an_answer_that_never_comes(self) -> None:
        with Web(Said(by_hand=lambda _: time.sleep(1.5))) as web:
            error = failure(web.url, seconds=0.3)
        assert (error.code, error.facts["sent"]) == ("timeout", None)

    @pytest.mark.parametrize("part", ["headers", "body", "body without length"])
    def test_an_answer_that_drips_is_cut_at_the_same_limit(self, part: str) -> None:
        def drip(handler: Any) -> None:
            head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            length = b"" if part == "body without length" else b"Content-Length: 2\r\n"
            whole = head + length + b"X-Padding: " + b"x" * 12 + b"\r\n\r\n{}"
            at_once = len(head) if part == "headers" else len(whole) - 2
            if part == "body without length":
                whole = whole[:-2] + b"{" + b" " * 12 + b"}"
            handler.wfile.write(whole[:at_once])
            for position in range(at_once, len(whole)):
                time.sleep(0.12 if part != "body" else 0.4)
                handler.wfile.write(whole[position : position + 1])

        with Web(Said(by_hand=drip)) as web:
            assert failure(web.url, seconds=0.5).code == "timeout"

    @pytest.mark.proves("T13", "L14")
    def test_an_answer_of_two_megabytes_is_not_read_to_its_end(self) -> None:
        with Web(Said(body=b" " * (2 * ANSWER_LIMIT))) as web:
            error = failure(web.url)
        assert (error.code, error.facts["sent"]) == ("too_long", None)
        assert error.message == f"{web.url} answered with more than 1 MiB"
        assert "check the address" in (error.hint or "")

    def test_an_answer_of_one_megabyte_is(self) -> None:
        with Web(Said(body=b" " * ANSWER_LIMIT)) as web:
            assert len(post(web.url).body) == ANSWER_LIMIT

    def test_something_that_is_not_http(self) -> None:
        def greet(handler: Any) -> None:
            handler.wfile.write(b"SSH-2.0-server\r\n")

        with Web(Said(by_hand=greet)) as web:
            assert failure(web.url).facts["sent"] is None


def test_preparing_is_done_before_and_needs_no_server() -> None:
    transport = Transport({})
    transport.prepare("https://authority.example/token")
    assert isinstance(transport.tls(), ssl.SSLContext)
    assert transport.tls() is transport.tls()


def test_threads_share_one_transport() -> None:
    transport = Transport({})
    got: list[int] = []
    with Web() as web:
        request = Request(method="GET", url=web.url, headers={}, body=b"")
        threads = [
            threading.Thread(target=lambda: got.append(transport.send(request, seconds=20).status))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert got == [200] * 8
