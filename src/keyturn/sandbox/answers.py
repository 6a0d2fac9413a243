"""What the sandbox says: short answers that name the question, in the Messages API's shapes.

The same question always gets the same words, so that tests and demos can compare them.
"""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MODELS = ("claude-sandbox", "claude-sandbox-small")
LONGEST_QUOTE = 200


class BadRequest(Exception):
    """The request body does not fit; the text is the API's message."""


@dataclass(frozen=True, slots=True)
class Question:
    """The parts of a request that matter here."""

    model: str
    text: str
    turn: int
    input_tokens: int
    max_tokens: int
    stream: bool


def question_from(body: bytes, *, counting: bool = False) -> Question:
    """Read a request body; `counting` does not need max_tokens. Raises BadRequest."""
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        raise BadRequest("The request body is not valid JSON") from None
    if not isinstance(asked, dict):
        raise BadRequest("The request body must be a JSON object")
    if not isinstance(asked.get("model"), str) or not asked["model"]:
        raise BadRequest("model: Field required")
    limit = 1 if counting else asked.get("max_tokens")
    if not isinstance(limit, int) or isinstance(limit, bool):
        raise BadRequest("max_tokens: Field required")
    if limit < 1:
        raise BadRequest("max_tokens: must be greater than or equal to 1")
    messages = asked.get("messages")
    if not isinstance(messages, list) or not messages:
        raise BadRequest("messages: at least one message is required")
    said = [_said(position, entry) for position, entry in enumerate(messages)]
    from_people = [text for role, text in said if role == "user"]
    if said[0][0] != "user":
        raise BadRequest('messages: first message must use the "user" role')
    tokens = sum(_tokens(text) + 3 for _, text in said) + _tokens(_text(asked.get("system")))
    return Question(
        asked["model"], from_people[-1], len(from_people), tokens, limit, asked.get("stream") is True
    )


def words(question: Question) -> tuple[list[str], str]:
    """Return the answer in pieces of one word, and why it ends: `end_turn` or `max_tokens`."""
    quote = " ".join(question.text.split())
    if len(quote) > LONGEST_QUOTE:
        quote = f"{quote[:LONGEST_QUOTE]}…"
    again = f" It is question {question.turn} of this conversation." if question.turn > 1 else ""
    answer = f"This is the keyturn sandbox, no model is behind it. You asked: “{quote}”.{again}"
    pieces = re.findall(r"\s*\S+", answer)
    return pieces[: question.max_tokens], "end_turn" if len(pieces) <= question.max_tokens else "max_tokens"


def message(question: Question) -> dict[str, object]:
    """Return a whole answer."""
    pieces, reason = words(question)
    return {
        **_envelope(question),
        "content": [{"type": "text", "text": "".join(pieces), "citations": None}],
        "stop_reason": reason,
        "usage": {**_usage(question), "output_tokens": len(pieces)},
    }


def stream_events(question: Question) -> Iterator[dict[str, object]]:
    """Return the same answer as the events of a stream."""
    pieces, reason = words(question)
    yield {"type": "message_start", "message": _envelope(question)}
    yield {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    yield {"type": "ping"}
    for piece in pieces:
        yield {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}}
    yield {"type": "content_block_stop", "index": 0}
    yield {
        "type": "message_delta",
        "delta": {"stop_reason": reason, "stop_sequence": None},
        "usage": {"output_tokens": len(pieces)},
    }
    yield {"type": "message_stop"}


def model_listed(model: str) -> dict[str, object]:
    """Return a model as the list of models shows it."""
    return {
        "type": "model",
        "id": model,
        "display_name": model.replace("-", " ").title(),
        "created_at": "2026-01-01T00:00:00Z",
        "lifecycle": "active",
    }


def _envelope(question: Question) -> dict[str, object]:
    return {
        "id": f"msg_{secrets.token_hex(12)}",
        "type": "message",
        "role": "assistant",
        "model": question.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": _usage(question),
    }


def _usage(question: Question) -> dict[str, object]:
    return {
        "input_tokens": question.input_tokens,
        "output_tokens": 1,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "service_tier": "standard",
    }


def _said(position: int, entry: object) -> tuple[str, str]:
    if not isinstance(entry, dict) or entry.get("role") not in ("user", "assistant"):
        raise BadRequest(f"messages.{position}.role: Input should be 'user' or 'assistant'")
    content = entry.get("content")
    if not isinstance(content, str | list):
        raise BadRequest(f"messages.{position}.content: Field required")
    return entry["role"], _text(content)


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    blocks = content if isinstance(content, list) else []
    return " ".join(str(block.get("text", "")) for block in blocks if isinstance(block, dict))


def _tokens(text: str) -> int:
    """Count words: a stand-in, but the same for the same text."""
    return len(text.split())
