"""The pages around a login: the code to paste, and the list from which a person revokes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Flask, Response, flash, get_flashed_messages, request

from .render import (
    COPY_SCRIPT,
    again,
    ask_to_sign_in,
    page,
    problem,
    sign_in,
    sign_out,
    signed_in,
    stale_form,
)

if TYPE_CHECKING:
    from keyturn.sandbox.events import Log
    from keyturn.sandbox.ledger import Login
    from keyturn.sandbox.oauth_server import Server

REASON = "to see your logins"


def add_logins(app: Flask, server: Server, log: Log) -> None:
    """Add the front page, the paste page and the list of logins."""

    @app.get("/")
    def home() -> Response:
        return page("home.html", logins=len(server.ledger.live()))

    @app.get("/favicon.ico")
    def no_icon() -> Response:
        return Response(status=204)

    @app.get("/paste")
    def paste() -> Response:
        return _paste_page(server)

    @app.get("/logins")
    def logins() -> Response:
        return _list_page(server)

    @app.post("/logins")
    def change_logins() -> Response:
        return stale_form() or _changed(server, log)


def _list_page(server: Server) -> Response:
    account = signed_in()
    if account is None:
        return ask_to_sign_in(REASON)
    now = server.ledger.now()
    rows = [
        {
            "id": login.id,
            "program": login.client.name,
            "created": _moment(login.created, now),
            "renewed": _moment(login.renewed, now),
            "used": _moment(login.used, now),
        }
        for login in server.ledger.live(account)
    ]
    return page("logins.html", account=account, logins=rows, notices=get_flashed_messages())


def _changed(server: Server, log: Log) -> Response:
    step, account = request.form.get("step", ""), signed_in()
    if step == "sign-in":
        return sign_in(REASON, log)
    if step == "switch":
        return sign_out()
    if account is not None:
        # Looked up among the person's own: an id from somewhere else revokes nothing.
        own, wanted = server.ledger.live(account), request.form.get("login", "")
        chosen = {"revoke": [one for one in own if one.id == wanted], "revoke-all": own}
        _revoke(server, chosen.get(step, []), log)
    return again()


def _revoke(server: Server, logins: list[Login], log: Log) -> None:
    for login in logins:
        server.ledger.end(login, "the person revoked it on the page of logins")
        log.add("revoke-page", account=login.account.email, client=login.client.client_id)
    if logins:
        what = f"The login of {logins[0].client.name} is" if len(logins) == 1 else f"{len(logins)} logins are"
        flash(f"{what} revoked. The next request with it is refused.")


def _paste_page(server: Server) -> Response:
    if request.args.get("error") == "access_denied":
        return problem(
            "You refused",
            "The program gets nothing. Nothing was stored.",
            "You can close this page and press Ctrl-C in the terminal.",
            status=200,
        )
    if "error" in request.args:
        return problem(
            "The login did not work",
            "The program asked in a way that this server does not accept.",
            "Close this page and start the login again.",
            code=request.args["error"][:60],
        )
    code = server.ledger.codes.get(request.args.get("code", ""))
    # Only a code from here is shown: a link with somebody else's code must not look like ours.
    if code is None or code.login is not None or server.ledger.now() >= code.expires_at:
        return problem(
            "This code does not work any more",
            "A code works once and for five minutes.",
            "Start the login again in the terminal.",
            code="invalid_grant",
        )
    pasted = f"{code.value}#{request.args.get('state', '')}"
    return page("paste.html", script=COPY_SCRIPT, pasted=pasted, client=code.client, account=code.account)


def _moment(when: float | None, now: float) -> str:
    if when is None:
        return "never"
    ago = max(0, int(now - when))
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if ago >= size:
            count = ago // size
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now" if ago == 0 else f"{ago} second{'s' if ago > 1 else ''} ago"
