"""What stands before every route: the exact Host, and headers that keep pages to themselves."""

from __future__ import annotations

import base64
import hashlib
import hmac
from importlib import resources
from urllib.parse import urlsplit

from flask import Flask, Response, request, session
from markupsafe import Markup

MOST_BODY = 1 << 20


def asset(name: str) -> Markup:
    """Return a style sheet or script of ours, to stand inside a page."""
    text = resources.files(__package__).joinpath("pages", "templates", name).read_text(encoding="utf-8")
    return Markup(text.strip())  # noqa: S704 - a file of ours


def source_hash(text: str) -> str:
    """Return the Content-Security-Policy source for one inline text."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def guard(app: Flask, origin: str) -> None:
    """Refuse requests that name another host: a page elsewhere may have rebound its name to loopback."""
    host = urlsplit(origin).netloc

    @app.before_request
    def refuse_other_hosts() -> Response | None:
        if request.environ.get("HTTP_HOST") == host:
            return None
        return Response(f"this server is {origin} and answers to no other name\n", 421, mimetype="text/plain")

    @app.after_request
    def keep_private(response: Response) -> Response:
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
        return response


def page_policy(style: str, script: str = "", form_target: str | None = None) -> str:
    """Return the policy of one page; `form_target` is where its form may lead besides here.

    Chromium checks `form-action` along redirects too, so the consent page names the program's address.
    """
    parts = [
        "default-src 'none'",
        f"style-src {source_hash(style)}",
        f"form-action 'self'{_form_source(form_target)}",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
    if script:
        parts.append(f"script-src {source_hash(script)}")
    return "; ".join(parts)


def csrf_matches() -> bool:
    """Say whether a form was made by this page for this browser."""
    # A no-referrer page sends `Origin: null`, so the token and Sec-Fetch-Site decide, not the origin.
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        return False
    expected, given = str(session.get("csrf", "")), request.form.get("csrf", "")
    return bool(expected) and hmac.compare_digest(expected.encode(), given.encode())


def _form_source(target: str | None) -> str:
    if target is None:
        return ""
    parts = urlsplit(target)
    # The policy's grammar has no IPv6 hosts: only the scheme can be named.
    return f" {parts.scheme}:" if ":" in (parts.hostname or "") else f" {parts.scheme}://{parts.netloc}"
