"""`keyturn -p [TEXT]`: one question, its answer on standard output."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keyturn.cli.chosen import auth_of
from keyturn.errors import UsageError

if TYPE_CHECKING:
    import argparse
    from typing import TextIO

    from keyturn.auth import Auth
    from keyturn.cli.terminal import Terminal

VERSION = 1
# how long a pipe may stay silent before the person is told what is being waited for
_SILENT_SECONDS = 3.0
# what the API takes in one request; more would be read and sent for nothing
_LONGEST_QUESTION = 32 * 1024 * 1024


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `-p`."""
    parser.add_argument("text", nargs="?", metavar="TEXT", help="the question; standard input is added to it")
    parser.add_argument("--model", metavar="NAME", help="the model to ask (default: ANTHROPIC_MODEL)")


def run(options: argparse.Namespace, terminal: Terminal) -> int:
    """Ask once, and print the answer as it comes; nobody is asked anything."""
    text = question(options.text or "", terminal)
    import asyncio

    # asyncio, so that Ctrl-C ends the request and not a renewal that is being saved
    asyncio.run(_ask(auth_of(options, terminal), options.model, text, terminal))
    return 0


def question(text: str, terminal: Terminal) -> str:
    """TEXT and what is piped in, joined by a blank line.

    Raises: UsageError when there is neither, or when what is piped in is no text.
    """
    parts = [part for part in (text.strip(), _piped(terminal, waiting=bool(text.strip()))) if part]
    if not parts:
        raise UsageError(
            "there is nothing to ask: no TEXT, and nothing on standard input",
            hint="for example: keyturn -p 'What is OAuth?'; or run keyturn on a terminal for a session",
            code="nothing_to_ask",
        )
    text = "\n\n".join(parts)
    try:
        text.encode()
    except UnicodeEncodeError:  # bytes that Python could not decode, kept as halves of characters
        raise _not_text() from None
    return text


async def _ask(auth: Auth, model: str | None, text: str, terminal: Terminal) -> None:
    import asyncio

    from keyturn.model_choice import settled_choice

    # what is missing or refused is said before the official client is imported, which takes a while
    _ = auth.base_url
    chosen = await asyncio.to_thread(settled_choice, auth, model)
    from keyturn.clients import async_anthropic
    from keyturn.session.asking import Reply
    from keyturn.session.conversation import Conversation

    reply = Reply(_unheard if terminal.json else terminal.write)
    async with async_anthropic(auth) as client:
        try:
            await reply.stream(client, auth, model=chosen.name, messages=Conversation().asking(text))
        finally:
            if reply.text and not reply.text.endswith("\n") and not terminal.json:
                terminal.write("\n")
    if terminal.json:
        answer = {"text": reply.text, "stop_reason": reply.stop_reason}
        terminal.print_json({"version": VERSION, "model": chosen.name, **answer})
    if reply.note is not None:
        terminal.warn(reply.note)


def _unheard(piece: str) -> None:
    """JSON is whole or nothing: the reply keeps the pieces."""


def _piped(terminal: Terminal, *, waiting: bool) -> str:
    stdin = terminal.stdin
    if stdin.closed or stdin.isatty():
        return ""
    if waiting:
        _say_when_silent(stdin, terminal)
    try:
        found = stdin.read(_LONGEST_QUESTION + 1)
    except UnicodeDecodeError:
        raise _not_text() from None
    if len(found) > _LONGEST_QUESTION:
        raise UsageError(
            "standard input is larger than the API takes (32 MiB)",
            hint="ask about a part of it",
            code="too_long",
        )
    return found.strip()


def _say_when_silent(stdin: TextIO, terminal: Terminal) -> None:
    """A pipe that somebody left open looks like a program that hangs; and what comes must not be lost."""
    import select

    try:
        ready, _, _ = select.select([stdin], [], [], _SILENT_SECONDS)
    except (OSError, ValueError):
        return  # no descriptor, or Windows, which waits for sockets only
    if not ready:
        terminal.note("keyturn: still reading standard input; to ask without it: keyturn -p TEXT < /dev/null")


def _not_text() -> UsageError:
    return UsageError(
        "the question is not UTF-8 text", hint="convert it first, for example with iconv", code="not_text"
    )
