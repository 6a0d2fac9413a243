"""What was said so far, in memory only. A turn counts when it has an answer; before that nothing changes."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from anthropic.types import MessageParam


class Conversation:
    """The turns of one session."""

    def __init__(self) -> None:
        self._turns: list[tuple[str, str]] = []

    def __len__(self) -> int:
        return len(self._turns)

    def asking(self, text: str) -> list[MessageParam]:
        """The messages of a request that asks `text` now; nothing is kept yet."""
        messages: list[MessageParam] = []
        for question, answer in self._turns:
            messages.append({"role": "user", "content": question})
            messages.append({"role": "assistant", "content": answer})
        messages.append({"role": "user", "content": text})
        return messages

    def keep(self, text: str, answer: str) -> bool:
        """Add a turn; False for an answer without text, which the API would not take back."""
        if not answer.strip():
            return False
        self._turns.append((text, answer))
        return True
