"""Where Google's side is asked for tokens: token endpoint, token exchange, impersonation, metadata server."""

from __future__ import annotations

import json
import socket
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from flask import Flask, Response, request

from .google import ACCOUNT, PROJECT, GoogleRefusal

if TYPE_CHECKING:
    from .events import Log
    from .ledger import Ledger

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
METADATA = "/computeMetadata/v1"
_FLAVOR = "Metadata-Flavor"


def add_google(app: Flask, origin: str, ledger: Ledger, log: Log) -> None:
    """Add the four doors."""
    _add_tokens(app, origin, ledger, log)
    _add_impersonation(app, ledger, log)
    _add_metadata(app, ledger, log)


def _add_tokens(app: Flask, origin: str, ledger: Ledger, log: Log) -> None:
    google = ledger.google

    @app.post("/google/token")
    def google_token() -> Response:
        with log.open("google-token", grant=request.form.get("grant_type", "")) as entry:
            if (fault := _fault(ledger)) is not None:
                entry.note(status=fault.status_code, outcome="fault")
                return fault
            try:
                if request.form.get("grant_type") == JWT_BEARER:
                    answer = google.by_assertion(request.form.get("assertion", ""), origin)
                else:
                    refresh = request.form.get("refresh_token", "")
                    answer = google.by_refresh(refresh, request.form.get("client_secret", ""))
            except GoogleRefusal as refusal:
                entry.note(status=refusal.status, outcome=refusal.error)
                return _refused(refusal)
            entry.note(status=200, outcome="granted")
            return _answered(answer, ledger)

    @app.post("/google/sts")
    def google_sts() -> Response:
        with log.open("google-token", grant="exchange") as entry:
            if (fault := _fault(ledger)) is not None:
                entry.note(status=fault.status_code, outcome="fault")
                return fault
            try:
                answer = google.by_exchange(
                    request.form.get("subject_token", ""), request.form.get("audience", "")
                )
            except GoogleRefusal as refusal:
                entry.note(status=refusal.status, outcome=refusal.error)
                return _refused(refusal)
            entry.note(status=200, outcome="granted")
            return _answered(answer, ledger)


def _add_impersonation(app: Flask, ledger: Ledger, log: Log) -> None:
    @app.post("/google/iam/v1/projects/-/serviceAccounts/<account>:generateAccessToken")
    def generate_access_token(account: str) -> Response:
        with log.open("google-token", grant="impersonation") as entry:
            bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
            if ledger.google.trouble_of(bearer) is not None or account != ACCOUNT:
                entry.note(status=403, outcome="denied")
                said = "Permission 'iam.serviceAccounts.getAccessToken' denied on resource."
                return google_error(403, "PERMISSION_DENIED", said)
            answer = ledger.google.issue("impersonation")
            entry.note(status=200, outcome="granted")
            ends = datetime.fromtimestamp(ledger.now() + ledger.conduct.now().lifetime, UTC)
            return _json(
                {"accessToken": answer["access_token"], "expireTime": ends.strftime("%Y-%m-%dT%H:%M:%SZ")}
            )


def _add_metadata(app: Flask, ledger: Ledger, log: Log) -> None:
    @app.get(f"{METADATA}/<path:asked>")
    def metadata(asked: str) -> Response:
        with log.open("google-metadata", asked=asked) as entry:
            if request.headers.get(_FLAVOR) != "Google":
                entry.note(status=403)
                return Response("Missing Metadata-Flavor:Google header.\n", 403, mimetype="text/plain")
            if (fault := _fault(ledger)) is not None:
                entry.note(status=fault.status_code)
                return fault
            if asked == "project/project-id":
                response = Response(PROJECT, mimetype="application/text")
            elif asked == "instance/service-accounts/default/token":
                response = _json(ledger.google.issue("metadata"))
            else:
                response = Response("not here\n", 404, mimetype="text/plain")
            response.headers[_FLAVOR] = "Google"
            entry.note(status=response.status_code)
            return response


def google_error(status: int, name: str, text: str, reason: str = "") -> Response:
    """An error in the form of Google's APIs."""
    error: dict[str, object] = {"code": status, "message": text, "status": name}
    if reason:
        info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason}
        error["details"] = [{**info, "domain": "googleapis.com"}]
    return _json({"error": error}, status)


def _fault(ledger: Ledger) -> Response | None:
    """The faults of the authority's token endpoint, in the same settings."""
    conduct = ledger.conduct
    time.sleep(conduct.now().token_delay)
    if conduct.take("token_drop_before"):
        connection: socket.socket = request.environ["werkzeug.socket"]
        connection.shutdown(socket.SHUT_RDWR)
        return Response(status=500)
    if conduct.take("token_html_next"):
        return Response("<html><body>Please sign in to the network</body></html>", mimetype="text/html")
    if conduct.take("token_fail_next"):
        return _json({"error": "internal_failure"}, conduct.now().token_fail_status)
    return None


def _answered(answer: dict[str, object], ledger: Ledger) -> Response:
    patch = ledger.conduct.now().token_patch or {}
    merged = {**answer, **patch}
    return _json({name: value for name, value in merged.items() if value is not None})


def _refused(refusal: GoogleRefusal) -> Response:
    body = {"error": refusal.error, "error_description": refusal.description}
    if refusal.subtype:
        body["error_subtype"] = refusal.subtype
    return _json(body, refusal.status)


def _json(body: object, status: int = 200) -> Response:
    return Response(json.dumps(body), status, mimetype="application/json")
