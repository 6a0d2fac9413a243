"""`/authorize`: who asks, what for, and the person's answer."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from authlib.oauth2 import OAuth2Error
from flask import Flask, Response, g, request

from keyturn.sandbox.clients import LOOPBACK, SCOPES, Client
from keyturn.sandbox.oauth_server import Parsed, Server, with_parameters

from .render import ask_to_sign_in, page, problem, sign_in, sign_out, signed_in, stale_form

if TYPE_CHECKING:
    from keyturn.sandbox.accounts import Account
    from keyturn.sandbox.events import Log


def add_consent(app: Flask, server: Server, log: Log) -> None:
    """Add the authorization endpoint; all of its request stays in the query, forms come back to it."""

    @app.get("/authorize")
    def authorize() -> Response:
        client = _checked(server)
        if isinstance(client, Response):
            return client
        account = signed_in()
        if account is None:
            return ask_to_sign_in(f"to continue to {client.name}")
        return _consent_page(server, client, account)

    @app.post("/authorize")
    def answer() -> Response:
        client = _checked(server)
        if isinstance(client, Response):
            return client
        stale = stale_form()
        if stale is not None:
            return stale
        step, account = request.form.get("step", ""), signed_in()
        if step == "sign-in":
            return sign_in(f"to continue to {client.name}", log)
        if step == "switch":
            return sign_out()
        if account is None or step not in ("allow", "refuse"):
            return ask_to_sign_in(f"to continue to {client.name}")
        log.add("consent", answer=step, account=account.email, client=client.client_id)
        return _decided(server, account if step == "allow" else None)


def _checked(server: Server) -> Client | Response:
    """Return the program that asks; or a page, when nothing may be sent to it; or its error answer."""
    asked = request.args
    client = server.query_client(asked.get("client_id", ""))
    if client is None:
        return problem(
            "This program is not known here",
            "It asked for a login with a client id that this server has not registered.",
            "Start the login again. If it happens again, remove the client id from the program's "
            "configuration: it then registers itself.",
            code="invalid_client",
        )
    target = asked.get("redirect_uri", "")
    if not client.check_redirect_uri(target) or len(asked.getlist("redirect_uri")) > 1:
        return problem(
            "The answer has nowhere safe to go",
            f"{client.name} asked to send the answer to an address that it has not registered.",
            "Nothing was given to anybody. If you did not start this login yourself, close this page.",
            code="invalid_request: redirect_uri",
        )
    if asked.get("response_type") != "code":
        return _refused(server, target, "unsupported_response_type", "response_type must be code")
    try:
        g.grant = server.get_consent_grant(_parsed())
    except OAuth2Error as error:
        return _refused(server, target, error.error, error.get_error_description())
    return client


def _parsed() -> Parsed:
    # From the query alone: the form of our own page must not be able to change what was asked.
    return Parsed("GET", request.base_url, request.headers, request.args.to_dict(flat=False))


def _refused(server: Server, target: str, error: str, description: str) -> Response:
    parameters = {"error": error, "error_description": description, "iss": server.issuer}
    if "state" in request.args:
        parameters["state"] = request.args["state"]
    return Response(status=302, headers={"Location": with_parameters(target, **parameters)})


def _decided(server: Server, account: Account | None) -> Response:
    with server.ledger.lock:
        response: Response = server.create_authorization_response(
            g.grant.request, grant_user=account, grant=g.grant
        )
    # After a POST, 303 says that the next request is a GET (RFC 9700 section 4.12).
    response.status_code = 303
    return response


def _consent_page(server: Server, client: Client, account: Account) -> Response:
    target = request.args["redirect_uri"]
    parts = urlsplit(target)
    lifetime = server.ledger.conduct.now().lifetime
    return page(
        "consent.html",
        form_target=target,
        client=client,
        account=account,
        scopes=[SCOPES[name] for name in g.grant.request.scope.split()],
        pasted=target == f"{server.issuer}/paste",
        local=parts.hostname in LOOPBACK,
        place=parts.netloc,
        lifetime=_span(lifetime),
    )


def _span(seconds: float) -> str:
    """Say a duration in the largest unit that fits."""
    for unit, size in (("hour", 3600), ("minute", 60)):
        if seconds >= size:
            count = math.floor(seconds / size)
            return f"{count} {unit}{'s' if count > 1 else ''}"
    count = math.ceil(seconds)
    return f"{count} second{'s' if count != 1 else ''}"
