"""The line that a person writes: history in memory, pasted lines kept together, slash commands completed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import Completer, Completion
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings

from keyturn.session.slash import COMMANDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from prompt_toolkit.completion import CompleteEvent
    from prompt_toolkit.document import Document
    from prompt_toolkit.key_binding import KeyPressEvent

PROMPT = "> "


def line_reader(models: Callable[[], Sequence[str]]) -> Callable[[], str]:
    """A function that reads what a person enters.

    It raises KeyboardInterrupt for Ctrl-C on an empty line and EOFError for Ctrl-D.
    """
    session: PromptSession[str] = PromptSession(
        PROMPT,
        completer=SlashCompleter(models),
        complete_while_typing=True,
        history=InMemoryHistory(),  # what people ask is theirs: it is written to no file
        key_bindings=_keys(),
        prompt_continuation=lambda width, _line, _wrapped: " " * width,
        reserve_space_for_menu=min(len(COMMANDS), 7),
    )
    return session.prompt


class SlashCompleter(Completer):
    """Completes a slash command at the beginning, and a model's name after `/model`."""

    def __init__(self, models: Callable[[], Sequence[str]]) -> None:
        self._models = models

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """What may follow the text before the cursor."""
        del complete_event  # typed or asked for with Tab: the same
        before = document.text_before_cursor
        command, space, begun = before.partition(" ")
        if not before.startswith("/") or "\n" in document.text:
            return
        if not space:
            for name, about in COMMANDS.items():
                if name.startswith(command[1:].lower()):
                    yield Completion(f"/{name}", start_position=-len(command), display_meta=about)
        elif command == "/model":
            for model in self._models():
                if model.startswith(begun):
                    yield Completion(model, start_position=-len(begun))


def _keys() -> KeyBindings:
    keys = KeyBindings()

    @keys.add("escape", "enter")
    def new_line(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    @keys.add("c-c")
    def clear(event: KeyPressEvent) -> None:
        if event.current_buffer.text:
            event.current_buffer.reset()
        else:
            event.app.exit(exception=KeyboardInterrupt, style="class:aborting")

    return keys
