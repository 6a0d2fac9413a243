"""The authority's endpoints for programs: metadata, token, revocation, registration."""

from __future__ import annotations

import json
import secrets
import socket
import time
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from flask import Flask, Response, g, request

from .clients import AUTH_METHODS, DEVICE_CODE, SCOPES
from .control import add_control
from .events import Entry, Log, fingerprint
from .guard import MOST_BODY, guard
from .oauth_server import Parameters, Parsed, Server
from .pages import add_pages

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .conduct import Conduct
    from .ledger import Ledger

JSON_DEPTH_ERROR = (RecursionError, ValueError, UnicodeDecodeError)


def authority_app(issuer: str, api_base_url: str, ledger: Ledger, log: Log) -> Flask:
    """Build the authority, which answers to exactly its issuer's host."""
    app = Flask(__package__, template_folder="pages/templates", static_folder=None)
    app.secret_key = secrets.token_bytes(32)
    app.config.update(
        MAX_CONTENT_LENGTH=MOST_BODY,
        # Cookies do not know ports: two sandboxes in one browser need two names.
        SESSION_COOKIE_NAME=f"keyturn_sandbox_{urlsplit(issuer).port}",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
    )
    server = Server(ledger, issuer)
    guard(app, issuer)
    add_pages(app, server, log)
    add_control(app, ledger, log)
    _add_metadata(app, issuer, api_base_url, ledger.conduct)
    _add_token(app, server, log)
    _add_revocation_and_registration(app, server, log)
    _add_device_authorization(app, server, log)
    return app


def _add_metadata(app: Flask, issuer: str, api_base_url: str, conduct: Conduct) -> None:
    document: dict[str, object] = {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "revocation_endpoint": f"{issuer}/revoke",
        "registration_endpoint": f"{issuer}/register",
        "device_authorization_endpoint": f"{issuer}/device_authorization",
        "scopes_supported": list(SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token", DEVICE_CODE],
        "token_endpoint_auth_methods_supported": list(AUTH_METHODS),
        "revocation_endpoint_auth_methods_supported": list(AUTH_METHODS),
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "service_documentation": f"{issuer}/",
        "keyturn_api_base_url": api_base_url,
        "keyturn_paste_redirect_uri": f"{issuer}/paste",
        "keyturn_oauth_beta": True,
    }

    @app.get("/.well-known/oauth-authorization-server")
    @app.get("/.well-known/openid-configuration")
    def metadata() -> Response:
        return _json(patched(document, conduct.now().metadata_patch))


def _add_token(app: Flask, server: Server, log: Log) -> None:
    @app.post("/token")
    def token() -> Response:
        parameters = _parameters()
        one = {name: values[0] for name, values in (parameters or {}).items()}
        presented = one.get("refresh_token") or one.get("code") or one.get("device_code") or ""
        with log.open(
            "token",
            grant=one.get("grant_type", ""),
            client=one.get("client_id", ""),
            presented=fingerprint(presented) if presented else "",
            user_agent=request.user_agent.string,
        ) as entry:
            return _answer_token(server, parameters, entry)


def _answer_token(server: Server, parameters: Parameters | None, entry: Entry) -> Response:
    ledger, conduct = server.ledger, server.ledger.conduct
    settings = conduct.now()
    time.sleep(settings.token_delay)
    if conduct.take("token_drop_before"):
        entry.note(result="cut before", status=None)
        return _cut()
    if conduct.take("token_html_next"):
        entry.note(result="html", status=200)
        return Response("<!doctype html><title>Welcome</title><p>Accept the terms of this network.</p>")
    if conduct.take("token_fail_next"):
        entry.note(result="failed", status=settings.token_fail_status)
        failed = Response("the sandbox was told to fail\n", settings.token_fail_status, mimetype="text/plain")
        if settings.token_retry_after:
            failed.headers["Retry-After"] = str(settings.token_retry_after)
        return failed
    if parameters is None or any(len(values) > 1 for values in parameters.values()):
        entry.note(result="invalid_request", status=400)
        return oauth_error("invalid_request", "the body must be a form or a JSON object, each parameter once")
    with ledger.lock:
        parsed = Parsed("POST", request.base_url, request.headers, parameters)
        response: Response = server.create_token_response(parsed)
    answer: Mapping[str, object] = g.get("answer") or {}
    entry.note(
        result=g.get("outcome", ""),
        status=response.status_code,
        access_token=fingerprint(str(answer["access_token"])) if answer else "",
        refresh_token=fingerprint(str(answer["refresh_token"])) if answer else "",
    )
    time.sleep(settings.token_answer_delay)
    if answer and conduct.take("token_drop_after"):
        entry.note(cut=True)
        return _cut()
    return _disfigured(response, answer, conduct) if answer else response


def _disfigured(response: Response, answer: Mapping[str, object], conduct: Conduct) -> Response:
    settings = conduct.now()
    if settings.token_patch is None and not settings.token_pad:
        return response
    body = patched(answer, settings.token_patch)
    if settings.token_pad:
        body["padding"] = "x" * settings.token_pad
    return _json(body)


def _add_revocation_and_registration(app: Flask, server: Server, log: Log) -> None:
    @app.post("/revoke")
    def revoke() -> Response:
        parameters = _parameters() or {}
        presented = parameters.get("token", [""])[0]
        with log.open("revoke", presented=fingerprint(presented) if presented else "") as entry:
            parsed = Parsed("POST", request.base_url, request.headers, parameters)
            with server.ledger.lock:
                response: Response = server.create_endpoint_response("revocation", parsed)
            entry.note(status=response.status_code)
            return response

    @app.post("/register")
    def register() -> Response:
        with log.open("register") as entry:
            if server.ledger.conduct.now().register_refuse:
                response = oauth_error("access_denied", "this server registers no more programs", 403)
            elif not isinstance(request.get_json(silent=True), dict):
                response = oauth_error("invalid_client_metadata", "the body must be a JSON object")
            else:
                with server.ledger.lock:
                    response = server.create_endpoint_response("client_registration")
            entry.note(status=response.status_code)
            return response


def _add_device_authorization(app: Flask, server: Server, log: Log) -> None:
    @app.post("/device_authorization")
    def device_authorization() -> Response:
        parameters = _parameters() or {}
        with log.open("device-code", client=parameters.get("client_id", [""])[0]) as entry:
            parsed = Parsed("POST", request.base_url, request.headers, parameters)
            with server.ledger.lock:
                response: Response = server.create_endpoint_response("device_authorization", parsed)
            entry.note(status=response.status_code)
            return response


def _parameters() -> Parameters | None:
    """Read a form or a JSON object of strings; None when it is neither."""
    try:
        text = request.get_data().decode()
        if request.mimetype == "application/json":
            body = json.loads(text)
            if not isinstance(body, dict):
                return None
            return {name: [value] for name, value in body.items() if isinstance(value, str)}
        return parse_qs(text, keep_blank_values=True)
    except JSON_DEPTH_ERROR:
        return None


def patched(document: Mapping[str, object], patch: Mapping[str, object] | None) -> dict[str, object]:
    """Return a document with members put over it; None takes one out."""
    merged = {**document, **(patch or {})}
    return {name: value for name, value in merged.items() if value is not None}


def oauth_error(error: str, description: str, status: int = 400) -> Response:
    """Return an error in the form of RFC 6749 section 5.2."""
    return _json({"error": error, "error_description": description}, status)


def _json(body: Mapping[str, object], status: int = 200) -> Response:
    return Response(json.dumps(body), status, mimetype="application/json")


def _cut() -> Response:
    # The answer written after this meets a closed pipe, which werkzeug takes for a client that went away.
    connection: socket.socket = request.environ["werkzeug.socket"]
    connection.shutdown(socket.SHUT_RDWR)
    return Response(status=204)
