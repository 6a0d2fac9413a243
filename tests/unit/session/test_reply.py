from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import anthropic
import httpx2
import pytest

from keyturn.auth import Auth
from keyturn.errors import AuthError
from keyturn.models import MAX_TOKENS
from keyturn.session.asking import Reply
from keyturn.testing import FakeWorld
from tests.secretscan import make_secret

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable
    from pathlib import Path

HOST = "https://api.example.com"
START: dict[str, Any] = {
    "type": "message_start",
    "message": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-test",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 1},
    },
}
STOP = {"type": "message_stop"}


def words(text: str) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}


def end(reason: str) -> dict[str, Any]:
    delta = {"stop_reason": reason, "stop_sequence": None}
    return {"type": "message_delta", "delta": delta, "usage": {"output_tokens": 2}}


def sse(events: Iterable[dict[str, Any]]) -> bytes:
    return b"".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n".encode() for one in events)


class Body(httpx2.AsyncByteStream):
    """An answer in pieces, which may end in an error."""

    def __init__(self, pieces: Iterable[bytes | Exception]) -> None:
        self._pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            if isinstance(piece, Exception):
                raise piece
            yield piece


class Asked:
    """One question to a server that gives this answer."""

    def __init__(self, directory: Path) -> None:
        self.world = FakeWorld(directory)
        self.world.variables["ANTHROPIC_API_KEY"] = make_secret("api-key")
        self.written: list[str] = []
        self.reply = Reply(self.written.append)
        self.sent: dict[str, Any] = {}

    def __call__(self, answer: Callable[[], httpx2.Response]) -> Reply:
        def handle(request: httpx2.Request) -> httpx2.Response:
            self.sent = json.loads(request.content)
            return answer()

        async def ask() -> None:
            http = anthropic.DefaultAsyncHttpxClient(transport=httpx2.MockTransport(handle))
            client = anthropic.AsyncAnthropic(
                api_key="unused", base_url=HOST, http_client=http, max_retries=0
            )
            async with client:
                await self.reply.stream(
                    client,
                    Auth(world=self.world),
                    model="claude-test",
                    messages=[{"role": "user", "content": "hello"}],
                )

        asyncio.run(ask())
        return self.reply


@pytest.fixture
def asked(tmp_path: Path) -> Asked:
    return Asked(tmp_path)


def streamed(*events: dict[str, Any], then: Exception | None = None) -> Callable[[], httpx2.Response]:
    pieces: list[bytes | Exception] = [sse([event]) for event in events]
    if then is not None:
        pieces.append(then)
    return lambda: httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=Body(pieces))


def test_each_piece_is_written_as_it_arrives(asked: Asked) -> None:
    reply = asked(streamed(START, words("one "), words("two"), end("end_turn"), STOP))
    assert asked.written == ["one ", "two"]
    assert reply.text == "one two"
    assert reply.note is None
    assert asked.sent["stream"] is True
    assert asked.sent["max_tokens"] == MAX_TOKENS


def test_what_the_model_thinks_is_not_part_of_the_answer(asked: Asked) -> None:
    thought = {"type": "thinking_delta", "thinking": "hmm"}
    event = {"type": "content_block_delta", "index": 0, "delta": thought}
    assert asked(streamed(START, event, words("done"), end("end_turn"), STOP)).text == "done"


@pytest.mark.parametrize(
    ("reason", "note"),
    [
        ("max_tokens", "the answer was cut after 16000 tokens"),
        ("refusal", "the model declined to go on"),
        ("model_context_window_exceeded", "the answer was cut: the conversation fills the model's window"),
    ],
)
def test_an_answer_that_ends_otherwise_says_why(asked: Asked, reason: str, note: str) -> None:
    assert asked(streamed(START, words("so far"), end(reason), STOP)).note == note


@pytest.mark.proves("T14")
def test_escape_sequences_in_an_answer_are_neither_written_nor_sent_back(asked: Asked) -> None:
    reply = asked(streamed(START, words("\x1b"), words("[2J\x07gone"), end("end_turn"), STOP))
    assert "".join(asked.written) == "[2Jgone" == reply.text


@pytest.mark.parametrize(
    ("answer", "code", "partial"),
    [
        (streamed(START, words("half"), then=httpx2.ReadError("reset")), "broken_off", "half"),
        (streamed(START, words("half"), then=httpx2.ReadTimeout("silent")), "broken_off", "half"),
        (streamed(START, words("half")), "broken_off", "half"),
        (streamed(START), "broken_off", ""),
        (streamed(), "not_the_api", ""),
        (lambda: httpx2.Response(200, html="<p>log in to the Wi-Fi"), "not_the_api", ""),
        (
            lambda: httpx2.Response(
                200,
                headers={"content-type": "text/event-stream"},
                content=b"event: message_start\ndata: {oh\n\n",
            ),
            "not_the_api",
            "",
        ),
        (
            streamed(START, words("half"), {"type": "error", "error": {"type": "overloaded_error"}}),
            "unavailable",
            "half",
        ),
        (lambda: httpx2.Response(503, html="<h1>down"), "unavailable", ""),
        (lambda: (_ for _ in ()).throw(httpx2.ConnectError("refused")), "unreachable", ""),
    ],
)
def test_an_answer_that_does_not_come_whole_is_exit_6_and_what_came_stays(
    asked: Asked, answer: Callable[[], httpx2.Response], code: str, partial: str
) -> None:
    with pytest.raises(AuthError) as caught:
        asked(answer)
    assert caught.value.code == code
    assert caught.value.exit == 6
    assert caught.value.hint
    assert asked.reply.text == "".join(asked.written) == partial


def test_a_rejected_key_is_named_by_its_variable(asked: Asked) -> None:
    body = {"type": "error", "error": {"type": "authentication_error", "message": "invalid x-api-key"}}
    with pytest.raises(AuthError, match="the environment variable ANTHROPIC_API_KEY") as caught:
        asked(lambda: httpx2.Response(401, json=body))
    assert caught.value.exit == 4


def test_a_reader_of_the_output_who_leaves_is_no_failure_of_the_request(asked: Asked) -> None:
    def leave(_: str) -> None:
        raise BrokenPipeError

    asked.reply = Reply(leave)
    with pytest.raises(BrokenPipeError):
        asked(streamed(START, words("one"), end("end_turn"), STOP))
