"""A renewal meets every fault of a network: what is stored stays, and the login works on or explains itself.

Each row of `FAULTS` is a real connection through a road to a sandbox that ends a login when a refresh token
comes twice. `spent` says that the authority had renewed before its answer was lost: then such a server is not
satisfied any more, and one with a grace period is.
"""

from __future__ import annotations

import json
import re
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from keyturn.errors import AuthError, ConfigurationError, Unavailable
from keyturn.sandbox import Sandbox
from keyturn.stores.journal import JournalFile
from tests.certificates import Authority
from tests.crash.due import Hurried, Machine
from tests.crash.road import Road

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.crash.road import Trip

pytestmark = pytest.mark.system
GRACE_SECONDS = 3600.0
BEYOND_EVERY_PAUSE = 901.0
LONG = 20.0
GARBAGE = b'{"padding": "' + b"x" * (10 << 20) + b'"}'


def said(
    status: int, body: bytes = b"", kind: str = "application/json", **headers: str
) -> Callable[[Trip], None]:
    """An answer of somebody on the way; the authority sees nothing."""
    told = {"Content-Type": kind, "Content-Length": str(len(body)), **headers}
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in told.items())
    answer = f"HTTP/1.1 {status} Said\r\n{head}\r\n".encode() + body
    return lambda trip: trip.say(answer)


def lost(
    change: Callable[[bytes], bytes], *, cut: bool = False, hang: bool = False
) -> Callable[[Trip], None]:
    """The authority's answer, changed on its way."""

    def fault(trip: Trip) -> None:
        trip.say(change(trip.pass_on()))
        if cut:
            trip.cut()
        if hang:
            trip.hang()

    return fault


def body_of(answer: bytes, body: Callable[[bytes], bytes], kind: bytes = b"application/json") -> bytes:
    head, _, old = answer.partition(b"\r\n\r\n")
    new = body(old)
    head = re.sub(rb"(?im)^(content-length|content-type):.*\r?\n?", b"", head).rstrip(b"\r\n")
    return head + b"\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n" % (kind, len(new)) + new


@dataclass(frozen=True)
class Fault:
    """What happens, which error tells of it in which words, and whether the token was spent by it.

    `limit` is how long an answer may take, in seconds: short where none comes.
    """

    name: str
    happens: Callable[[Trip], None]
    words: str
    kind: type[AuthError] = Unavailable
    spent: bool = False
    limit: float = 30.0


FAULTS = [
    Fault("reset before an answer", lambda trip: trip.cut(), "broke"),
    Fault("silence", lambda trip: trip.hang(), "not answer within 0.3 s", limit=0.3),
    Fault("400, empty", said(400), "status 400"),
    Fault("400, HTML", said(400, b"<h1>invalid_grant</h1>", "text/html"), "status 400"),
    Fault("401, HTML of a proxy", said(401, b"<h1>who are you?</h1>", "text/html"), "status 401"),
    Fault(
        "401, invalid_client",
        said(401, b'{"error":"invalid_client"}'),
        "refuses this client",
        ConfigurationError,
    ),
    Fault("403", said(403, b'{"error":"invalid_grant"}'), "status 403"),
    Fault("404", said(404), "status 404"),
    Fault("407, a proxy's", said(407), r"\(407\)"),
    Fault("429", said(429, b'{"error":"rate_limit"}', Retry_After="30"), "status 429"),
    Fault("500", said(500), "status 500"),
    Fault("503", said(503, Retry_After="120"), "status 503"),
    Fault("a redirect", said(307, Location="http://127.0.0.1:9/"), "status 307"),
    Fault("a captive portal", said(200, b"<h1>Accept the terms</h1>", "text/html"), "not JSON"),
    Fault("10 MB", said(200, GARBAGE), "more than 1 MiB"),
    Fault("not HTTP", lambda trip: trip.say(b"SSH-2.0-server\r\n"), "broke"),
    Fault("reset in the answer", lost(lambda answer: answer[:-40], cut=True), "broke", spent=True),
    Fault("end in the answer", lost(lambda answer: answer[:-40]), "broke", spent=True),
    Fault(
        "silence in the answer", lost(lambda answer: answer[:-40], hang=True), "0.3 s", spent=True, limit=0.3
    ),
    Fault("silence after renewing", lost(lambda _: b"", hang=True), "0.3 s", spent=True, limit=0.3),
    Fault("reset after renewing", lost(lambda _: b"", cut=True), "broke", spent=True),
    Fault("truncated JSON", lost(lambda one: body_of(one, lambda body: body[:-9])), "not JSON", spent=True),
    Fault(
        "another content type",
        lost(lambda one: body_of(one, lambda body: body, b"text/plain")),
        "not JSON",
        spent=True,
    ),
    Fault(
        "a token with 10 MB",
        lost(
            lambda one: body_of(
                one, lambda body: json.dumps({**json.loads(body), "x": "x" * (10 << 20)}).encode()
            )
        ),
        "more than 1 MiB",
        spent=True,
    ),
    Fault(
        "503 after renewing", lost(lambda one: one.replace(b" 200 ", b" 503 ", 1)), "status 503", spent=True
    ),
]
SPENT = [fault for fault in FAULTS if fault.spent]


@pytest.fixture(scope="module")
def strict() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def lenient() -> Iterator[Sandbox]:
    with Sandbox(grace=GRACE_SECONDS) as sandbox:
        yield sandbox


def meet(machine: Machine, road: Road, fault: Fault) -> None:
    """The fault strikes: nothing stored changes, and nobody sends again before the pause is over."""
    machine.world.limit, road.fault, trips = fault.limit, fault.happens, road.trips
    for _ in range(2):
        with pytest.raises(fault.kind, match=fault.words):
            machine.token()
    assert road.trips == trips + 1
    assert machine.record() == machine.before
    assert machine.files() == {".json", ".lock", ".journal", ".state"}
    assert not fault.spent or road.passed.wait(LONG), "the authority was to renew before its answer was lost"
    machine.world.limit, road.fault = 30.0, None
    machine.world.later += BEYOND_EVERY_PAUSE


@pytest.mark.proves("I4", "L13", "L14", "L20", "P2")
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_login_outlives_the_fault_or_says_when_its_answer_was_lost(
    strict: Sandbox, tmp_path: Path, fault: Fault
) -> None:
    with Road(strict.issuer) as road:
        machine = Machine(strict, road, tmp_path / "home")
        meet(machine, road, fault)
        if fault.spent:
            machine.explains()
        else:
            machine.works()


@pytest.mark.proves("L13", "I5")
@pytest.mark.parametrize("fault", SPENT, ids=lambda fault: fault.name)
def test_a_grace_period_saves_the_login_whose_answer_was_lost(
    lenient: Sandbox, tmp_path: Path, fault: Fault
) -> None:
    with Road(lenient.issuer) as road:
        machine = Machine(lenient, road, tmp_path / "home")
        meet(machine, road, fault)
        machine.works()


@pytest.mark.proves("I7")
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_while_the_token_serves_no_fault_is_anybody_s_trouble(
    strict: Sandbox, tmp_path: Path, fault: Fault
) -> None:
    with Road(strict.issuer) as road:
        machine = Machine(strict, road, tmp_path / "home", left=200.0)
        machine.world.limit, road.fault = fault.limit, fault.happens
        assert machine.login.access_token is not None
        assert [machine.token() for _ in range(3)] == [machine.login.access_token.reveal()] * 3
        assert road.trips == 1
        assert machine.record() == machine.before


@pytest.mark.proves("I4", "L20")
def test_a_refused_connection_spends_nothing(strict: Sandbox, tmp_path: Path) -> None:
    with Road(strict.issuer) as road:
        machine = Machine(strict, road, tmp_path / "home")
        road.close()
        with pytest.raises(Unavailable, match="cannot connect"):
            machine.token()
        assert machine.record() == machine.before
        assert JournalFile(f"{machine.logins}/default.journal").intent() is None
        road.open()
        machine.world.later += BEYOND_EVERY_PAUSE
        machine.works()


@pytest.mark.proves("I4")
def test_a_name_that_is_not_found_spends_nothing(
    strict: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    with Road(strict.issuer) as road:
        machine = Machine(strict, road, tmp_path / "home")
        with monkeypatch.context() as patch:
            patch.setattr(socket, "getaddrinfo", fails)
            with pytest.raises(Unavailable, match="cannot be resolved"):
                machine.token()
        assert machine.record() == machine.before
        assert road.trips == 0
        machine.world.later += BEYOND_EVERY_PAUSE
        machine.works()


@pytest.mark.proves("I4")
def test_a_certificate_nobody_trusts_spends_nothing(strict: Sandbox, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "authority")
    with Road(strict.issuer, authority.signed("server")) as road:
        machine = Machine(strict, road, tmp_path / "home")
        with pytest.raises(Unavailable, match="an authority that is not trusted here"):
            machine.token()
        assert machine.record() == machine.before
        assert road.trips == 0
        machine.world = Hurried({**machine.world.env, "SSL_CERT_FILE": str(authority.file)})
        machine.world.later = BEYOND_EVERY_PAUSE
        machine.works()
