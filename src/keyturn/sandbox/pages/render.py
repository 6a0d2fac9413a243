"""One page: its template, its inline style and script, and the policy that allows just these."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from flask import Response, render_template, request, session

from keyturn.sandbox.accounts import ACCOUNTS, Account, account_named
from keyturn.sandbox.guard import asset, csrf_matches, page_policy

if TYPE_CHECKING:
    from keyturn.sandbox.events import Log

STYLE = asset("style.css")
COPY_SCRIPT = asset("copy.js")
EXAMPLE_PASSWORD = "sandbox"  # noqa: S105 - shown on the page; any other does as well


def page(
    template: str, *, status: int = 200, form_target: str | None = None, script: str = "", **values: object
) -> Response:
    """Render a template; `form_target` is where its form may lead besides this server."""
    if "csrf" not in session:
        session["csrf"] = secrets.token_urlsafe(24)
    text = render_template(template, style=STYLE, script=script, csrf=session["csrf"], **values)
    response = Response(text, status, mimetype="text/html")
    response.headers["Content-Security-Policy"] = page_policy(STYLE, script, form_target)
    response.headers["X-Frame-Options"] = "DENY"
    return response


def problem(title: str, what: str, advice: str, *, status: int = 400, code: str = "") -> Response:
    """Render a page that says in plain words what is wrong; never a redirect."""
    return page("problem.html", status=status, title=title, what=what, advice=advice, code=code)


def stale_form() -> Response | None:
    """Return an error page when a form did not come from our page in this browser."""
    if csrf_matches():
        return None
    return problem(
        "This page is out of date",
        "The form was not made for this browser, or the sandbox was started anew since.",
        "Go back, reload the page and try again.",
        status=403,
        code="csrf",
    )


def signed_in() -> Account | None:
    """Return who is signed in with this browser."""
    return account_named(str(session.get("account", "")))


def ask_to_sign_in(reason: str, *, error: str = "") -> Response:
    """Show the sign-in page; its form comes back to the same address."""
    hint = request.args.get("login_hint", "")
    chosen = request.form.get("account") or (hint if account_named(hint) else ACCOUNTS[0].email)
    return page(
        "sign_in.html",
        status=400 if error else 200,
        reason=reason,
        accounts=ACCOUNTS,
        chosen=chosen,
        password=EXAMPLE_PASSWORD,
        error=error,
    )


def sign_in(reason: str, log: Log) -> Response:
    """Take the sign-in form: remember who it is and show the address again."""
    account = account_named(request.form.get("account", ""))
    if account is None:
        return ask_to_sign_in(reason, error="Choose one of the accounts.")
    if not request.form.get("password"):
        return ask_to_sign_in(reason, error="Enter a password. Any will do here.")
    session.clear()
    session["account"] = account.email
    log.add("sign-in", account=account.email)
    return again()


def sign_out() -> Response:
    """Forget who is signed in with this browser and show the address again."""
    session.clear()
    return again()


def again() -> Response:
    """Send the browser to the same address with GET."""
    query = request.query_string.decode("ascii", "replace")
    return Response(status=303, headers={"Location": f"{request.path}?{query}" if query else request.path})
