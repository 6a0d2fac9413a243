"""One request to Claude, streamed: each piece is written as it arrives."""

from __future__ import annotations

import json

from keyturn.errors import AuthError
from keyturn.models import MAX_TOKENS
from keyturn.session.failure import as_error, broken_off, not_the_api
from keyturn.session.plain import answer_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from anthropic import AsyncAnthropic
    from anthropic.types import MessageParam

    from keyturn.auth import Auth
    from keyturn.values import Credential

_ENDS = {
    "max_tokens": f"the answer was cut after {MAX_TOKENS} tokens",
    "model_context_window_exceeded": "the answer was cut: the conversation fills the model's window",
    "refusal": "the model declined to go on",
}


class Reply:
    """The answer to one request; `text` is what was written of it so far, also when it was interrupted."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._pieces: list[str] = []
        self._began = False
        self._ended = False
        self.stop_reason: str | None = None

    @property
    def text(self) -> str:
        """What was written so far."""
        return "".join(self._pieces)

    @property
    def note(self) -> str | None:
        """Why the answer ends other than by itself, for people."""
        return _ENDS.get(self.stop_reason or "")

    async def stream(
        self, client: AsyncAnthropic, auth: Auth, *, model: str, messages: Iterable[MessageParam]
    ) -> None:
        """Ask, and write the answer as it comes.

        Raises: AuthError of the kind that fits; what was written stays written.
        """
        host = str(client.base_url).rstrip("/")
        try:
            stream = await client.messages.create(
                model=model, max_tokens=MAX_TOKENS, messages=messages, stream=True
            )
            async with stream:
                async for event in stream:
                    self._take(event)
        except Exception as failure:
            error = await self._meaning(failure, host, auth)
            if error is None:
                raise  # not a failure of the request: a bug, or a reader of our output who left
            raise error from None
        if not self._began:
            raise not_the_api(host)
        if not self._ended:
            raise broken_off(host)

    def _take(self, event: Any) -> None:  # noqa: ANN401 - the official client's union of events
        if event.type == "message_start":
            self._began = True
        elif event.type == "content_block_delta" and event.delta.type == "text_delta":
            piece = answer_text(event.delta.text)
            if piece:
                self._pieces.append(piece)
                self._write(piece)
        elif event.type == "message_delta":
            self.stop_reason = event.delta.stop_reason
        elif event.type == "message_stop":
            self._ended = True

    async def _meaning(self, failure: Exception, host: str, auth: Auth) -> AuthError | None:
        error = as_error(failure, host, await _sent(failure, auth))
        if isinstance(failure, json.JSONDecodeError):
            return broken_off(host) if self._began else not_the_api(host)
        if error is not None and self._began and error.code in ("unreachable", "timeout"):
            return broken_off(host)
        return error


async def _sent(failure: Exception, auth: Auth) -> Credential | None:
    """The credential that the API refused, to say where it came from; nothing else needs it."""
    if getattr(failure, "status_code", None) != 401:  # noqa: PLR2004 - Unauthorized
        return None
    try:
        return await auth.acredential()
    except AuthError:
        return None
