"""`/device`: a person types the code that a program shows, sees what that program wants, and decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Flask, Response, redirect, request, url_for

from keyturn.sandbox.clients import SCOPES

from .render import ask_to_sign_in, page, sign_in, sign_out, signed_in, stale_form

if TYPE_CHECKING:
    from keyturn.sandbox.accounts import Account
    from keyturn.sandbox.device import Device
    from keyturn.sandbox.events import Log
    from keyturn.sandbox.oauth_server import Server

REASON = "to connect a program on another device"


def add_device(app: Flask, server: Server, log: Log) -> None:
    """Add the page of device codes."""

    @app.get("/device")
    def device() -> Response:
        account = signed_in()
        if account is None:
            return ask_to_sign_in(REASON)
        typed = request.args.get("user_code", "")
        found = server.ledger.device_named(typed)
        return _confirm(found, account) if found is not None else _ask(account, typed)

    @app.post("/device")
    def decide() -> Response:
        stale = stale_form()
        if stale is not None:
            return stale
        step, account = request.form.get("step", ""), signed_in()
        if step == "sign-in":
            return sign_in(REASON, log)
        if step == "switch":
            return sign_out()
        if account is None:
            return ask_to_sign_in(REASON)
        code = request.form.get("user_code", "")
        if step == "enter":
            found = server.ledger.device_named(code)
            # shown again with GET, so that a reload asks nothing twice
            again: Response = redirect(url_for("device", user_code=code), 303)  # type: ignore[assignment] # werkzeug's
            return again if found is not None else _ask(account, code)
        return _decided(server, log, account, code, allowed=step == "allow")


def _ask(account: Account, typed: str) -> Response:
    return page("device.html", status=400 if typed else 200, account=account, wrong=bool(typed))


def _confirm(device: Device, account: Account) -> Response:
    scopes = [SCOPES[name] for name in device.scope.split()]
    return page("device_confirm.html", device=device, account=account, scopes=scopes, client=device.client)


def _decided(server: Server, log: Log, account: Account, code: str, *, allowed: bool) -> Response:
    with server.ledger.lock:
        device = server.ledger.device_named(code)
        if device is None:
            return _ask(account, code or "none")
        if allowed:
            device.account = account
        else:
            device.refused = True
    answer = "allow" if allowed else "refuse"
    log.add("device", answer=answer, account=account.email, client=device.client.client_id)
    return page("device_done.html", allowed=allowed, client=device.client)
