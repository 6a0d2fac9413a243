"""The API as Vertex offers it, open to tokens of the sandbox's Google alone: rawPredict, streamRawPredict."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING

from flask import Flask, Response, g, request

from .answers import BadRequest, Question, message, question_from
from .events import Entry, fingerprint
from .google_doors import google_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .ledger import Ledger

    Streamed = Callable[[Question, Ledger, Entry], Iterator[bytes]]

PATH = "/v1/projects/<project>/locations/<location>/publishers/anthropic/models/<path:asked>"
_ASKED = re.compile(r"([^:/]+):(rawPredict|streamRawPredict)")
_COUNTING = "count-tokens"
_LONGEST_ID = 128


def add_vertex(app: Flask, ledger: Ledger, streamed: Streamed) -> None:
    """Add the one route; `streamed` makes the events of an answer."""

    @app.post(PATH)
    def predict(project: str, location: str, asked: str) -> Response:
        entry: Entry = g.entry
        entry.note(project=project[:_LONGEST_ID], location=location[:_LONGEST_ID], route="vertex")
        refusal = _refusal(ledger, entry)
        if refusal is not None:
            return refusal
        match = _ASKED.fullmatch(asked)
        if match is None:
            return google_error(404, "NOT_FOUND", f"Publisher Model `{asked[:_LONGEST_ID]}` was not found.")
        model, verb = match.groups()
        entry.note(model=model[:_LONGEST_ID])
        try:
            return _answer(model, verb, ledger, streamed, entry)
        except BadRequest as error:
            return google_error(400, "INVALID_ARGUMENT", str(error))


def _refusal(ledger: Ledger, entry: Entry) -> Response | None:
    """The token is looked at as Google does it; a gateway's own credential is none of the sandbox's."""
    time.sleep(ledger.conduct.now().api_delay)
    scheme, _, bearer = request.headers.get("authorization", "").strip().partition(" ")
    bearer = bearer.strip() if scheme.lower() == "bearer" else ""
    entry.note(sent=["authorization"] if bearer else [], credential=fingerprint(bearer) if bearer else "")
    quota = request.headers.get("x-goog-user-project")
    if quota:
        entry.note(quota_project=quota[:_LONGEST_ID])
    trouble = ledger.google.trouble_of(bearer) if bearer else "missing"
    if trouble is None and ledger.conduct.take("api_reject_next"):
        trouble = "unknown"
    if trouble is None and ledger.conduct.take("api_fail_next"):
        return google_error(503, "UNAVAILABLE", "The service is currently unavailable.")
    if trouble is None:
        entry.note(kind_of_credential="google")
        return None
    reasons = {"expired": "ACCESS_TOKEN_EXPIRED", "unknown": "ACCESS_TOKEN_TYPE_UNSUPPORTED"}
    said = "Request had invalid authentication credentials. Expected OAuth 2 access token."
    response = google_error(401, "UNAUTHENTICATED", said, reasons.get(trouble, "CREDENTIALS_MISSING"))
    response.headers["WWW-Authenticate"] = 'Bearer realm="https://accounts.google.com/"'
    return response


def _answer(model: str, verb: str, ledger: Ledger, streamed: Streamed, entry: Entry) -> Response:
    """Anthropic's own answers, under Google's addresses: the model is in the path and not in the body."""
    body = request.get_data()
    fields = _fields(body)
    if model == _COUNTING:
        return _json({"input_tokens": question_from(body, counting=True).input_tokens})
    if "model" in fields:
        raise BadRequest("model: Extra inputs are not permitted")
    if not isinstance(fields.get("anthropic_version"), str):
        raise BadRequest("anthropic_version: Field required")
    question = question_from(json.dumps({**fields, "model": model}).encode())
    if verb == "rawPredict" and not question.stream:
        return _json(message(question))
    return Response(streamed(question, ledger, entry), content_type="text/event-stream; charset=utf-8")


def _fields(body: bytes) -> dict[str, object]:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        raise BadRequest("The request body is not valid JSON") from None
    if not isinstance(fields, dict):
        raise BadRequest("The request body must be a JSON object")
    return fields


def _json(body: object) -> Response:
    return Response(json.dumps(body), mimetype="application/json")
