"""Step 2: a question to Claude's stand-in, through the official client, and why it was let in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keyturn.clients import anthropic
from keyturn.errors import ConfigurationError
from keyturn.sandbox.answers import MODELS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keyturn.auth import Auth

    from .props import Props

QUESTION = "Which credential do I use?"
VERSION = {"anthropic-version": "2023-06-01"}


def ask(props: Props) -> None:
    """Ask with streaming, then show what `keyturn explain` says."""
    stage, screen = props.stage, props.screen
    mark = stage.mark()
    screen.live("loading the official client")
    pieces, client = answer(stage.auth, QUESTION)
    screen.say(f"{client}; the answer streams:")
    screen.asked(QUESTION)
    said = ""
    for piece in pieces:
        screen.piece(piece)
        said += piece
    screen.end_piece()
    asked = stage.seen(mark, "api", path="/v1/messages")
    props.check(
        "status of the one request that the API saw", [200], [one.facts.get("status") for one in asked]
    )
    login = stage.login()
    stored = f"oauth, {login.account}" if login is not None else "nothing"
    facts = asked[0].facts
    props.check("credential on it", stored, f"{facts.get('kind_of_credential')}, {facts.get('account')}")
    props.confirm("the answer quotes the question", seen=QUESTION in said)
    screen.say("And why that credential? This is what keyturn explain prints here:")
    screen.block(props.explain())
    winner = stage.auth.explain().winner
    props.check("the winner", "stored-login", winner.source.id if winner is not None else None)


def answer(auth: Auth, question: str) -> tuple[Iterator[str], str]:
    """A streamed answer and who asked for it: the official client where it is installed."""
    try:
        client = anthropic(auth)
    except ConfigurationError as error:
        if error.code != "extra_missing":
            raise
        return _plain(auth, question), (
            "The official client is not installed (pip install 'keyturn[session]'): httpx2 asks with keyturn"
        )

    def stream() -> Iterator[str]:
        with (
            client,
            client.messages.stream(
                model=MODELS[0], max_tokens=200, messages=[{"role": "user", "content": question}]
            ) as answered,
        ):
            yield from answered.text_stream

    return stream(), "The official Python client asks with keyturn.anthropic()"


def _plain(auth: Auth, question: str) -> Iterator[str]:
    """The same with httpx2 alone: one line of the stream at a time."""
    import json

    import httpx2

    from keyturn.http import RequestAuth

    body = {
        "model": MODELS[0],
        "max_tokens": 200,
        "stream": True,
        "messages": [{"role": "user", "content": question}],
    }
    context, proxy = auth.world.transport.settings(auth.base_url)
    with (
        httpx2.Client(
            base_url=auth.base_url, auth=RequestAuth(auth), verify=context, proxy=proxy, trust_env=False
        ) as client,
        client.stream("POST", "/v1/messages", json=body, headers=VERSION) as response,
    ):
        for line in response.iter_lines():
            if line.startswith("data:") and (event := json.loads(line[5:]))["type"] == "content_block_delta":
                yield event["delta"]["text"]
