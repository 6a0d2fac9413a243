"""The loopback listener, spoken to over real sockets, by browsers and by everybody else on the machine."""

from __future__ import annotations

import contextlib
import errno
import secrets
import select
import socket
import threading
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from keyturn.errors import ConfigurationError, UsageError
from keyturn.oauth import page
from keyturn.world import callers, loopback
from keyturn.world.listener import Answer, Listener

if TYPE_CHECKING:
    from collections.abc import Iterator

STATE = secrets.token_urlsafe(16)
CODE = "sk-ant-test-" + secrets.token_urlsafe(16)
LONG = 20.0


@pytest.fixture
def listener() -> Iterator[Listener]:
    with Listener(STATE, page=page.render) as made:
        yield made


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
    listener.conclude("success", "ada@example.com")
    assert kind(answer(browser)[2]) == "success"


@pytest.mark.proves("P10", "P14")
def test_the_browser_waits_for_the_truth_and_then_sees_it(listener: Listener) -> None:
    browser = call(
        listener, request(listener, target(code=CODE, state=STATE, iss="https://auth.example.com"))
    )
    assert listener.wait(LONG) == Answer(code=CODE, iss="https://auth.example.com")
    assert select.select([browser], [], [], 0)[0] == []
    listener.conclude("success", "ada@example.com · <Example>")
    status, headers, body = answer(browser)
    assert (status, kind(body)) == (200, "success")
    assert "ada@example.com · &lt;Example&gt;" in body
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert headers["Connection"] == "close"


@pytest.mark.parametrize(
    ("outcome", "status"), [("refused", 403), ("failed", 502), ("expired", 410), ("success", 200)]
)
def test_each_outcome_has_its_page(listener: Listener, outcome: str, status: int) -> None:
    browser = call(listener, request(listener, target(code=CODE, state=STATE)))
    assert listener.wait(LONG)
    listener.conclude(outcome, "said so")  # type: ignore[arg-type]  # one of the four
    got, _, body = answer(browser)
    assert (got, kind(body)) == (status, outcome)
    assert "said so" in body


@pytest.mark.proves("P10")
def test_both_loopback_addresses_share_one_random_port(listener: Listener) -> None:
    assert listener.redirect_uri == f"http://127.0.0.1:{listener.port}/callback"
    for address, host in [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]"), ("::1", "LOCALHOST")]:
        sent = request(listener, target(code=CODE, state="wrong"), host=f"{host}:{listener.port}")
        assert answer(call(listener, sent, address))[0] == 400
    finish(listener)


def test_no_other_address_of_the_machine_listens(listener: Listener) -> None:
    with pytest.raises(OSError):  # noqa: PT011 - refused or unreachable, as the machine has it
        socket.create_connection(("127.0.0.2", listener.port), timeout=LONG)


@pytest.mark.proves("T11")
@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 421),
        ("127.0.0.1:1", 421),
        ("localhost.:{port}", 421),
        ("evil.example:{port}", 421),
        ("127.0.0.1.evil.example:{port}", 421),
        ("[::ffff:127.0.0.1]:{port}", 421),
        ("", 421),
        ("127.0.0.1:{port}\r\nHost: 127.0.0.1:{port}", 400),
        ("127.0.0.1:{port}, evil.example", 421),
    ],
)
def test_a_request_for_another_host_gets_nothing(listener: Listener, host: str, status: int) -> None:
    got, shown = ask(listener, target(code=CODE, state=STATE), host=host.format(port=listener.port))
    assert (got, shown) == (status, "")
    assert listener.wait(0) is None
    finish(listener)


@pytest.mark.proves("T11")
def test_a_request_without_a_host_gets_nothing(listener: Listener) -> None:
    sent = f"GET {target(code=CODE, state=STATE)} HTTP/1.0\r\n\r\n".encode()
    assert answer(call(listener, sent))[0] == 400
    assert listener.wait(0) is None


@pytest.mark.proves("P10", "T11")
@pytest.mark.parametrize(
    "path",
    [
        "/callback",
        target(code=CODE),
        target(code=CODE, state=""),
        target(code=CODE, state=STATE + "x"),
        target(code=CODE, state=STATE[:-1]),
        target(code=CODE, state="é"),
        target(error="access_denied"),
        target(error="access_denied", state="other"),
        "/callback?" + "&".join(f"a{n}=1" for n in range(80)),
    ],
)
def test_a_wrong_or_missing_state_is_told_and_the_flow_goes_on(listener: Listener, path: str) -> None:
    assert ask(listener, path) == (400, "wrong-state")
    assert listener.wait(0) is None
    finish(listener)


@pytest.mark.parametrize(
    "path",
    [
        target(state=STATE),
        target(state=STATE, code=""),
        target(state=STATE, code="x" * 4097),
        target(state=STATE, code="a\r\nb"),
        target(state=STATE, code="café"),
        target(state=STATE, code="a") + "&code=b",
        target(state=STATE, code="a") + "&state=" + STATE,
        target(state=STATE, code="a", iss="x" * 2000),
    ],
)
def test_an_unusable_answer_is_told_and_the_flow_goes_on(listener: Listener, path: str) -> None:
    assert ask(listener, path) == (400, "failed")
    assert listener.wait(0) is None
    finish(listener)


@pytest.mark.proves("P10")
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/favicon.ico", 404),
        ("GET", "/", 404),
        ("GET", "/callback/?code=a", 404),
        ("GET", "http://127.0.0.1/callback", 404),
        ("GET", "*", 404),
        ("HEAD", target(code=CODE, state=STATE), 405),
        ("POST", target(code=CODE, state=STATE), 405),
        ("OPTIONS", target(code=CODE, state=STATE), 405),
        ("get", target(code=CODE, state=STATE), 405),
    ],
)
def test_other_paths_and_methods_do_not_end_the_flow(
    listener: Listener, method: str, path: str, status: int
) -> None:
    assert ask(listener, path, method=method) == (status, "")
    assert listener.wait(0) is None
    finish(listener)


def test_an_error_with_this_attempts_state_is_the_answer(listener: Listener) -> None:
    path = target(error="access_denied", error_description="the person said no", state=STATE)
    browser = call(listener, request(listener, path))
    assert listener.wait(LONG) == Answer(error="access_denied", error_description="the person said no")
    listener.conclude("refused")
    assert kind(answer(browser)[2]) == "refused"


@pytest.mark.proves("P10", "T11")
def test_a_second_answer_is_too_late_and_a_reload_learns_the_end_too(listener: Listener) -> None:
    first = call(listener, request(listener, target(code=CODE, state=STATE)))
    assert listener.wait(LONG)
    assert ask(listener, target(code="another", state=STATE)) == (409, "used")
    assert ask(listener, target(code=CODE, state="wrong")) == (409, "used")
    reload = call(listener, request(listener, target(code=CODE, state=STATE)))
    reload_is_in = ask(listener, "/favicon.ico")  # one thread, so what came before has been read
    assert reload_is_in == (404, "")
    listener.conclude("success")
    assert [kind(answer(each)[2]) for each in (first, reload)] == ["success", "success"]
    assert ask(listener, target(code=CODE, state=STATE)) == (409, "used")
    assert listener.wait(0) == Answer(code=CODE)


def test_a_browser_that_comes_after_a_paste_is_told_that_it_is_over(listener: Listener) -> None:
    listener.conclude("success", "ada@example.com")
    assert ask(listener, target(code=CODE, state=STATE)) == (409, "used")
    assert listener.wait(0) is None


def test_an_owner_that_says_nothing_leaves_the_person_with_a_true_page() -> None:
    with Listener(STATE, page=page.render, hold=0.05) as listener:
        browser = call(listener, request(listener, target(code=CODE, state=STATE)))
        status, _, body = answer(browser)
        assert (status, kind(body)) == (202, "unsettled")
        assert listener.wait(0) == Answer(code=CODE)


def test_closing_sends_a_waiting_browser_to_the_terminal() -> None:
    listener = Listener(STATE, page=page.render)
    browser = call(listener, request(listener, target(code=CODE, state=STATE)))
    assert listener.wait(LONG)
    listener.close()
    assert kind(answer(browser)[2]) == "unsettled"
    listener.conclude("success")
    listener.close()


def test_closing_frees_the_port_at_once_and_wakes_the_waiter() -> None:
    listener = Listener(STATE, page=page.render)
    half_open = socket.create_connection(("127.0.0.1", listener.port))
    got: list[Answer | None] = []
    waiter = threading.Thread(target=lambda: got.append(listener.wait(LONG)))
    waiter.start()
    listener.close()
    waiter.join()
    assert got == [None]
    with half_open, Listener(STATE, page=page.render, port=listener.port) as again:
        assert again.port == listener.port


def test_the_descriptor_is_readable_with_the_answer(listener: Listener) -> None:
    assert select.select([listener], [], [], 0)[0] == []
    with call(listener, request(listener, target(code=CODE, state=STATE))):
        assert select.select([listener], [], [], LONG)[0] == [listener]


@pytest.mark.proves("T15")
def test_the_answer_does_not_show_its_code() -> None:
    assert CODE not in f"{Answer(code=CODE)!r} {Answer(code=CODE)}"


# -- hostile callers --


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


# -- binding --


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
