"""The loopback listener, spoken to over real sockets: what counts as the answer, and what a person sees."""

from __future__ import annotations

import select
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from keyturn.oauth import page
from keyturn.world.listener import Answer, Listener
from tests.loopback_calls import CODE, LONG, STATE, answer, ask, call, finish, kind, request, target

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def listener() -> Iterator[Listener]:
    with Listener(STATE, page=page.render) as made:
        yield made


@pytest.mark.proves("P10", "P14")
def test_the_browser_waits_for_the_truth_and_then_sees_it(listener: Listener) -> None:
    browser = call(
        listener, request(listener, target(code=CODE, state=STATE, iss="https://auth.example.com"))
    )
    assert listener.wait(LONG) == Answer(code=CODE, iss="https://auth.example.com")
    assert select.select([browser], [], [], 0)[0] == []
    listener.conclude("success", "someone@example.com · <Example>")
    status, headers, body = answer(browser)
    assert (status, kind(body)) == (200, "success")
    assert "someone@example.com · &lt;Example&gt;" in body
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
    listener.conclude("success", "someone@example.com")
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
