"""No secret in a log, whatever handler a program uses and however the secret is spelled (T15)."""

from __future__ import annotations

import base64
import io
import logging
import logging.handlers
import pickle
import queue
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import quote

import pytest

from keyturn import logs
from keyturn.errors import Rejected
from keyturn.redact import MASK
from keyturn.testing import make_login
from keyturn.values import Secret
from tests.secretscan import leaks, make_secret

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def log() -> logging.Logger:
    """The logger of a program, or of a library it uses; none that the test runner listens to."""
    return logging.Logger("a.program", logging.DEBUG)  # noqa: LOG001 - just that


class Streamed:
    """What a handler of the plainest kind writes."""

    def __init__(self, log: logging.Logger) -> None:
        self._stream = io.StringIO()
        log.addHandler(logs.mask(logging.StreamHandler(self._stream)))

    @property
    def text(self) -> str:
        return self._stream.getvalue()


def fail(error: Exception) -> NoReturn:
    raise error


SPELLINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "URL-encoded": lambda text: quote(text, safe=""),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 behind one": lambda text: base64.b64encode(b"x" + text.encode()).decode(),
    "base64 behind two": lambda text: base64.b64encode(b"xy" + text.encode()).decode(),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(b"user:" + text.encode()).decode(),
}


@pytest.mark.proves("T15")
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_value_that_keyturn_holds_is_masked_in_every_spelling(log: logging.Logger, spelling: str) -> None:
    seen = Streamed(log)
    secret = Secret(make_secret("password"))
    log.warning("sent %s to the server", SPELLINGS[spelling](secret.reveal()))
    assert leaks(seen.text) == []
    assert MASK in seen.text
    assert seen.text.startswith("sent ")
    assert seen.text.endswith("to the server\n")


@pytest.mark.proves("T15")
@pytest.mark.parametrize(
    "shape",
    [
        "sk-ant-test-0123456789abcdef",
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ0ZXN0In0.c2ln",
        "ASIA" + "TESTTESTTEST",
        "ya29.test-test-test",
        "Bearer test-test-test-test",
    ],
)
def test_a_shape_is_masked_though_nobody_ever_held_it(log: logging.Logger, shape: str) -> None:
    seen = Streamed(log)
    log.info("got %r", {"header": shape})
    assert shape.rpartition(" ")[2] not in seen.text
    assert MASK in seen.text


@pytest.mark.proves("T15")
def test_a_secret_that_came_before_and_one_that_comes_later_are_both_known(log: logging.Logger) -> None:
    before = Secret(make_secret("password"))
    seen = Streamed(log)
    after = Secret(make_secret("password"))
    log.info("%s and %s", before.reveal(), after.reveal())
    del before, after
    assert seen.text == f"{MASK} and {MASK}\n"


@pytest.mark.proves("T15")
def test_a_secret_is_masked_wherever_in_a_record_it_is(log: logging.Logger) -> None:
    seen = Streamed(log)
    log.handlers[0].setFormatter(logging.Formatter("%(message)s %(token)s %(headers)s %(count)d"))
    secret = Secret(make_secret("token")).reveal()
    extra = {"token": secret, "headers": {"authorization": secret}, "count": 3}
    log.info("args %(a)s", {"a": secret}, extra=extra)
    try:
        fail(ValueError(secret))
    except ValueError:
        log.exception("failed", extra=extra, stack_info=True)
    log.info(f"formatted {secret}", extra=extra)  # noqa: G004 - as people do
    assert leaks(seen.text) == []
    assert "ValueError: [secret]" in seen.text
    assert "Traceback" in seen.text
    assert "Stack (most recent call last)" in seen.text
    assert " 3\n" in seen.text


@pytest.mark.proves("T15")
def test_arguments_that_do_not_fit_are_not_shown_either(
    log: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    seen = Streamed(log)
    secret = Secret(make_secret("token")).reveal()
    log.info("%d of it", secret)
    assert "its arguments do not fit" in seen.text
    assert leaks(seen.text + "".join(capsys.readouterr())) == []


@pytest.mark.proves("T15")
def test_a_queue_a_socket_and_a_memory_get_no_secret_either(log: logging.Logger) -> None:
    waiting: queue.Queue[logging.LogRecord] = queue.Queue()
    target = io.StringIO()
    memory = logging.handlers.MemoryHandler(10, target=logging.StreamHandler(target))
    wire: list[bytes] = []
    socket_handler = logging.handlers.SocketHandler("localhost", 1)
    socket_handler.send = wire.append  # type: ignore[method-assign, assignment] # what goes on the wire
    for handler in (logging.handlers.QueueHandler(waiting), memory, socket_handler):
        log.addHandler(logs.mask(handler))
    secret = Secret(make_secret("token")).reveal()
    try:
        fail(ValueError(secret))
    except ValueError:
        log.exception("with %s", secret)
    memory.flush()
    record = waiting.get_nowait()
    assert leaks(repr(record.__dict__)) == []
    assert leaks(target.getvalue()) == []
    assert leaks(wire[0]) == []
    assert "[secret]" in str(pickle.loads(wire[0][4:]))  # noqa: S301 - written a line above


@pytest.mark.proves("T15")
def test_rich_shows_no_secret_of_ours_with_the_variables_of_every_frame(log: logging.Logger) -> None:
    from rich.console import Console
    from rich.logging import RichHandler
    from rich.traceback import Traceback

    stream = io.StringIO()
    console = Console(file=stream, width=200, color_system=None)
    log.addHandler(logs.mask(RichHandler(console=console, rich_tracebacks=True, tracebacks_show_locals=True)))
    # made where no frame of this test holds them
    login = make_login(
        access_token=Secret(make_secret("token")), refresh_token=Secret(make_secret("refresh"))
    )

    def renew() -> None:
        headers = {"authorization": login.access_token}
        raise Rejected(f"the login of {headers!r} is over")

    try:
        renew()
    except Rejected as error:
        console.print(Traceback.from_exception(type(error), error, error.__traceback__, show_locals=True))
        log.exception("over")
    assert "headers" in stream.getvalue()
    assert leaks(stream.getvalue()) == []


@pytest.mark.proves("T15")
def test_what_rich_would_show_of_a_programs_own_variables_is_masked_in_a_log(log: logging.Logger) -> None:
    from rich.console import Console
    from rich.logging import RichHandler

    stream = io.StringIO()
    console = Console(file=stream, width=200, color_system=None)
    log.addHandler(logs.mask(RichHandler(console=console, rich_tracebacks=True, tracebacks_show_locals=True)))
    plain = Secret(make_secret("token")).reveal()
    try:
        fail(KeyError(plain))
    except KeyError:
        log.exception("lost")
    assert "KeyError" in stream.getvalue()
    assert leaks(stream.getvalue()) == []


@pytest.mark.proves("T15")
def test_records_of_keyturn_are_clean_before_anybody_gets_them() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)  # of a program that knows nothing of this
    logging.getLogger().addHandler(handler)
    try:
        logs.logger().warning("kept %s", Secret(make_secret("token")).reveal())
    finally:
        logging.getLogger().removeHandler(handler)
    assert stream.getvalue() == "kept [secret]\n"
    assert len([one for one in logs.logger().filters if type(one).__name__ == "_Own"]) == 1


def test_a_record_is_masked_for_one_handler_and_left_alone_for_the_others(log: logging.Logger) -> None:
    seen = Streamed(log)
    mine = io.StringIO()
    log.addHandler(logging.StreamHandler(mine))
    value = "sk-ant-test-plainly-fake"
    log.info("with %s", value)
    assert seen.text == "with [secret]\n"
    assert mine.getvalue() == f"with {value}\n"


def test_masking_twice_is_masking_once() -> None:
    handler = logging.NullHandler()
    emit = logs.mask(handler).emit
    assert logs.mask(handler).emit is emit


def test_short_and_ordinary_values_blank_out_nothing(log: logging.Logger) -> None:
    seen = Streamed(log)
    Secret("the")
    log.info("the cat sat on the mat: %s", 42)
    assert seen.text == "the cat sat on the mat: 42\n"


def test_a_program_that_runs_for_years_keeps_no_more_than_the_last_values(log: logging.Logger) -> None:
    seen = Streamed(log)
    for number in range(1000):
        Secret(f"value-of-a-token-{number}")
    assert len(logs._KNOWN) <= 256
    log.info("value-of-a-token-999")
    assert seen.text == "[secret]\n"
