"""The control plane: change settings, expire, revoke and read the log, by programs of this machine.

A web page cannot use it: its requests need a header that a browser sends elsewhere only after asking, and
nobody here answers that question; the Host check stops the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Flask, Response, jsonify, request

from .accounts import account_named

if TYPE_CHECKING:
    from .events import Log
    from .ledger import Ledger

HEADER = "X-Keyturn-Sandbox"


def add_control(app: Flask, ledger: Ledger, log: Log) -> None:
    """Add the routes under `/_sandbox/`."""
    app.before_request(_refuse_without_header)

    @app.post("/_sandbox/set")
    def control_set() -> Response:
        body = request.get_json(silent=True)
        if not isinstance(body, dict):
            return _refused(400, "send a JSON object of settings")
        try:
            ledger.conduct.set(**body)
        except ValueError as error:
            return _refused(400, str(error))
        log.add("set", changed=sorted(body))
        return jsonify(ok=True)

    @app.post("/_sandbox/expire")
    def control_expire() -> Response:
        expired = ledger.expire_access_tokens()
        log.add("expire", tokens=expired)
        return jsonify(expired=expired)

    @app.post("/_sandbox/revoke")
    def control_revoke() -> Response:
        revoked = ledger.end_all("the sandbox was told to revoke it")
        log.add("revoke-all", logins=revoked)
        return jsonify(revoked=revoked)

    @app.post("/_sandbox/issue")
    def control_issue() -> Response:
        body = request.get_json(silent=True) or {}
        account = account_named(str(body.get("account", "developer@example.com")))
        if account is None:
            return _refused(400, "no such account")
        return jsonify(ledger.issue(account))

    @app.get("/_sandbox/log")
    def control_log() -> Response:
        kind = request.args.get("kind")
        return jsonify(events=[event.as_json() for event in log.events(kind)])


def _refuse_without_header() -> Response | None:
    if request.path.startswith("/_sandbox/") and request.headers.get(HEADER) != "1":
        return _refused(403, f"send the header `{HEADER}: 1`")
    return None


def _refused(status: int, why: str) -> Response:
    answer = jsonify(error=why)
    answer.status_code = status
    return answer
