"""The API side: the Messages API's routes and shapes, open only to credentials of this sandbox."""

from __future__ import annotations

import json
import secrets
import socket
import time
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException

from .admission import Admitted, Refusal, admit
from .answers import (
    MODELS,
    BadRequest,
    Question,
    message,
    model_listed,
    question_from,
    stream_events,
)
from .bedrock import add_bedrock
from .google_doors import add_google
from .guard import guard
from .vertex import add_vertex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .events import Entry, Log
    from .ledger import Ledger

MOST_QUESTION = 16 << 20


def api_app(origin: str, ledger: Ledger, log: Log) -> Flask:
    """Build the API, which answers to exactly its own host."""
    app = Flask(__package__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MOST_QUESTION
    guard(app, origin)
    _add_record(app, log)
    _add_errors(app)
    _add_messages(app, ledger)
    _add_models(app, ledger)
    add_google(app, origin, ledger, log)
    add_vertex(app, ledger, _streamed_here)
    add_bedrock(app, ledger)
    _add_redirect(app)
    return app


def _add_record(app: Flask, log: Log) -> None:
    @app.before_request
    def begin() -> None:
        g.request_id = f"req_{secrets.token_hex(12)}"
        g.entry = log.open(
            "api", method=request.method, path=request.path, user_agent=request.user_agent.string
        )

    @app.after_request
    def end(response: Response) -> Response:
        entry: Entry | None = g.pop("entry", None)  # none when another host was named
        if entry is not None:
            response.headers["request-id"] = g.request_id
            entry.note(status=response.status_code)
            # A stream ends later than its first byte: then it closes the entry itself.
            if not response.is_streamed:
                entry.close()
        return response


def _add_errors(app: Flask) -> None:
    @app.errorhandler(Refusal)
    def refused(refusal: Refusal) -> Response:
        return api_error(refusal.status, refusal.kind, refusal.message)

    @app.errorhandler(BadRequest)
    def malformed(error: BadRequest) -> Response:
        return api_error(400, "invalid_request_error", str(error))

    @app.errorhandler(HTTPException)
    def other(error: HTTPException) -> Response:
        kinds = {404: "not_found_error", 413: "request_too_large"}
        return api_error(error.code or 500, kinds.get(error.code or 0, "invalid_request_error"), error.name)


def _admitted(ledger: Ledger) -> Admitted:
    """Apply the faults, then the rules of admission; raises Refusal."""
    conduct = ledger.conduct
    time.sleep(conduct.now().api_delay)
    entry: Entry = g.entry
    admitted = admit(request.headers, ledger, entry)
    if conduct.take("api_reject_next"):
        raise Refusal(401, "authentication_error", "Invalid bearer token")
    if conduct.take("api_fail_next"):
        raise Refusal(529, "overloaded_error", "Overloaded")
    if "anthropic-version" not in request.headers:
        raise BadRequest("anthropic-version: header is required")
    return admitted


def _add_messages(app: Flask, ledger: Ledger) -> None:
    @app.post("/v1/messages")
    def messages() -> Response:
        _admitted(ledger)
        question = question_from(request.get_data())
        if not question.stream:
            return _json(message(question))
        return Response(
            _streamed(question, ledger, g.entry, request.environ["werkzeug.socket"]),
            content_type="text/event-stream; charset=utf-8",
            headers={"Cache-Control": "no-cache"},
        )

    @app.post("/v1/messages/count_tokens")
    def count_tokens() -> Response:
        _admitted(ledger)
        return _json({"input_tokens": question_from(request.get_data(), counting=True).input_tokens})


def _streamed_here(question: Question, ledger: Ledger, entry: Entry) -> Iterator[bytes]:
    return _streamed(question, ledger, entry, request.environ["werkzeug.socket"])


def _streamed(question: Question, ledger: Ledger, entry: Entry, connection: socket.socket) -> Iterator[bytes]:
    delay = ledger.conduct.now().word_delay
    cut = ledger.conduct.take("api_cut_next")
    try:
        for event in stream_events(question):
            yield f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()
            if event["type"] == "content_block_delta":
                if cut:
                    entry.note(cut=True)
                    connection.shutdown(socket.SHUT_RDWR)
                time.sleep(delay)
    finally:
        entry.close()


def _add_models(app: Flask, ledger: Ledger) -> None:
    @app.get("/v1/models")
    def models() -> Response:
        _admitted(ledger)
        data = [model_listed(model) for model in MODELS]
        return _json({"data": data, "has_more": False, "first_id": MODELS[0], "last_id": MODELS[-1]})

    @app.get("/v1/models/<model>")
    def one_model(model: str) -> Response:
        _admitted(ledger)
        if model not in MODELS:
            raise Refusal(404, "not_found_error", f"model: {model}")
        return _json(model_listed(model))


def _add_redirect(app: Flask) -> None:
    """A redirect to anywhere, by which tests see whether a client gives its credential away."""

    def away() -> Response:
        target = request.args.get("to", "")
        if urlsplit(target).scheme not in ("http", "https"):
            raise BadRequest("to: an http or https address is required")
        return Response(status=307, headers={"Location": target})

    handler: Callable[[], Response] = away
    app.add_url_rule("/_sandbox/redirect", "redirect", handler, methods=["GET", "POST"])


def api_error(status: int, kind: str, text: str) -> Response:
    """Return an error in the API's own form."""
    body = {"type": "error", "error": {"type": kind, "message": text}, "request_id": g.get("request_id")}
    response = _json(body, status)
    if status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = 'Bearer realm="keyturn sandbox"'
    return response


def _json(body: object, status: int = 200) -> Response:
    return Response(json.dumps(body), status, mimetype="application/json")
