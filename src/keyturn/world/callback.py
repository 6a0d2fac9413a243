"""What one request to the loopback listener means: bytes in, an answer or a refusal out, no I/O.

Any page in any browser of the machine can send requests here, so a request counts only when it names this
listener as its host and carries this attempt's state (T11).
"""

from __future__ import annotations

import hmac
from urllib.parse import parse_qsl

from keyturn.values import Value

__all__ = ["Answer", "Follow", "Refusal", "read_request"]

MAX_CODE = 4096
_MAX_TEXT = 1000
_ONCE = ("state", "code", "error", "error_description", "iss")


class Answer(Value):
    """The authorization server's answer: `code` or `error` is set (RFC 6749 section 4.1.2)."""

    __slots__ = ("code", "error", "error_description", "iss")
    code: str | None
    error: str | None
    error_description: str | None
    iss: str | None

    def __repr__(self) -> str:
        shown = "None" if self.code is None else "[redacted]"
        said = f"error={self.error!r}, error_description={self.error_description!r}, iss={self.iss!r}"
        return f"Answer(code={shown}, {said})"


class Refusal(Value):
    """A request that does not count: its status, and the kind of page a person should see, or None."""

    __slots__ = ("detail", "page", "status")
    detail: str | None
    page: str | None
    status: int


class Follow(Value):
    """A request for the short address, which leads to the authority's long one."""

    __slots__ = ()


def read_request(  # noqa: PLR0911 - one return, one rule
    head: bytes, *, hosts: frozenset[str], path: str, state: str, short: str | None = None
) -> Answer | Follow | Refusal:
    """Judge a request head (up to and with its empty line) for the attempt that `state` belongs to.

    `short` is the path of the short address, which nobody can guess.
    """
    request_line, *fields = head.decode("latin-1").split("\r\n")
    words = request_line.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):  # noqa: PLR2004 - method, target, version
        return Refusal(status=400)
    pairs = (field.partition(":") for field in fields)
    named = [value.strip().lower() for name, _, value in pairs if name.lower() == "host"]
    if len(named) != 1:
        return Refusal(status=400)
    # A name that an attacker's DNS points here (rebinding) is another host, and gets nothing.
    if named[0] not in hosts:
        return Refusal(status=421)
    # Link checkers ask with HEAD first: only GET, which a browser sends once, may bring the code.
    if words[0] != "GET":
        return Refusal(status=405)
    target, _, query = words[1].partition("?")
    if short is not None and hmac.compare_digest(target.encode(), short.encode()):
        return Follow()
    if target != path:
        return Refusal(status=404)
    return _read_query(query, state)


def _read_query(query: str, state: str) -> Answer | Refusal:  # noqa: PLR0911 - one return, one rule
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=50, errors="replace")
    except ValueError:
        return Refusal(status=400, page="wrong-state")
    seen: dict[str, str] = {}
    doubled = False
    for name, value in pairs:
        doubled = doubled or (name in _ONCE and name in seen)
        seen[name] = value
    if not hmac.compare_digest(seen.get("state", "").encode(), state.encode()) or not state:
        return Refusal(status=400, page="wrong-state")
    if doubled:
        return Refusal(status=400, page="failed", detail="the answer names one of its values twice")
    iss = seen.get("iss")
    if iss is not None and len(iss) > _MAX_TEXT:
        return Refusal(status=400, page="failed", detail="the answer names an issuer that is too long")
    if seen.get("error"):
        said = seen.get("error_description", "")[:_MAX_TEXT]
        return Answer(error=seen["error"][:_MAX_TEXT], error_description=said or None, iss=iss)
    code = seen.get("code", "")
    # RFC 6749 appendix A.11: printable ASCII.
    if not (0 < len(code) <= MAX_CODE and code.isascii() and code.isprintable()):
        return Refusal(status=400, page="failed", detail="the answer carries no usable code")
    return Answer(code=code, iss=iss)
