"""Whether a request is signed as AWS asks for it (Signature Version 4), worked out anew from its bytes.

Written from the documentation, "Signature Version 4 for API requests" of the IAM user guide, and from nothing
that signs: what checks a signature must not share the mistakes of what makes it.
"""

from __future__ import annotations

import hashlib
import hmac
from calendar import timegm
from dataclasses import dataclass
from time import gmtime, strftime, strptime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ALGORITHM = "AWS4-HMAC-SHA256"
SKEW_SECONDS = 300
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_SCOPE_PARTS = 5


class SignatureRefusal(Exception):
    """Why a request is not let in; `code` is AWS's name for it."""

    def __init__(self, code: str, message: str, status: int = 403) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request as it arrived: `target` is path and query as sent, header names are lower case."""

    method: str
    target: str
    headers: Sequence[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str:
        """The values of a header, joined as AWS joins them; empty when there is none."""
        return ",".join(" ".join(value.split()) for given, value in self.headers if given == name)


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A key that may sign: `token` must come along where it has one."""

    access_key_id: str
    secret: str
    token: str | None
    expires_at: float | None
    arn: str


def verify(
    request: SignedRequest, find: Callable[[str], IssuedKey | None], *, service: str, now: float
) -> IssuedKey:
    """Return the key that signed. Raises: SignatureRefusal."""
    key_id, scope, names, signature = _parts(request.header("authorization"))
    day, region, named_service = scope[0], scope[1], scope[2]
    moment = request.header("x-amz-date")
    _check_time(moment, day, now)
    if named_service != service:
        raise SignatureRefusal(
            "InvalidSignatureException", f"Credential should be scoped to correct service: '{service}'."
        )
    _check_names(request, names)
    key = find(key_id)
    if key is None:
        raise SignatureRefusal(
            "UnrecognizedClientException", "The security token included in the request is invalid."
        )
    if (request.header("x-amz-security-token") or None) != key.token:
        raise SignatureRefusal(
            "UnrecognizedClientException", "The security token included in the request is invalid."
        )
    to_sign = "\n".join(
        (ALGORITHM, moment, "/".join(scope), hashlib.sha256(_canonical(request, names).encode()).hexdigest())
    )
    signing = f"AWS4{key.secret}".encode()
    for part in (day, region, named_service, "aws4_request"):
        signing = hmac.digest(signing, part.encode(), "sha256")
    if not hmac.compare_digest(hmac.new(signing, to_sign.encode(), "sha256").hexdigest(), signature):
        raise SignatureRefusal(
            "InvalidSignatureException",
            "The request signature we calculated does not match the signature you provided. "
            "Check your AWS Secret Access Key and signing method.",
        )
    if key.expires_at is not None and now >= key.expires_at:
        raise SignatureRefusal(
            "ExpiredTokenException", "The security token included in the request is expired"
        )
    return key


def _parts(header: str) -> tuple[str, list[str], list[str], str]:
    if not header:
        raise SignatureRefusal("MissingAuthenticationTokenException", "Missing Authentication Token")
    algorithm, _, rest = header.partition(" ")
    found = dict(part.strip().partition("=")[::2] for part in rest.split(","))
    scope = found.get("Credential", "").split("/")
    if algorithm != ALGORITHM or len(scope) != _SCOPE_PARTS or scope[-1] != "aws4_request":
        raise SignatureRefusal("IncompleteSignatureException", "The Authorization header is malformed.")
    names = found.get("SignedHeaders", "").split(";")
    signature = found.get("Signature", "")
    if not signature or names != sorted(names):
        raise SignatureRefusal("IncompleteSignatureException", "The Authorization header is malformed.")
    return scope[0], scope[1:], names, signature


def _check_time(moment: str, day: str, now: float) -> None:
    try:
        signed_at = timegm(strptime(moment, "%Y%m%dT%H%M%SZ"))
    except ValueError:
        raise SignatureRefusal(
            "IncompleteSignatureException", "Authorization header requires existence of a X-Amz-Date header."
        ) from None
    if not moment.startswith(day):
        raise SignatureRefusal(
            "InvalidSignatureException", "Date in Credential scope does not match the date of the request."
        )
    here = strftime("%Y%m%dT%H%M%SZ", gmtime(now))
    if signed_at < now - SKEW_SECONDS:
        earliest = strftime("%Y%m%dT%H%M%SZ", gmtime(now - SKEW_SECONDS))
        raise SignatureRefusal(
            "InvalidSignatureException",
            f"Signature expired: {moment} is now earlier than {earliest} ({here} - 5 min.)",
        )
    if signed_at > now + SKEW_SECONDS:
        raise SignatureRefusal(
            "InvalidSignatureException", f"Signature not yet current: {moment} is still later than {here}"
        )


def _check_names(request: SignedRequest, names: list[str]) -> None:
    """AWS wants the host, the content type if there is one, and everything of its own to be signed."""
    wanted = {"host"} | {name for name, _ in request.headers if name.startswith("x-amz-")}
    missing = sorted(wanted - set(names))
    if missing:
        raise SignatureRefusal(
            "InvalidSignatureException", f"'{missing[0]}' must be a 'SignedHeader' in the AWS Authorization."
        )


def _canonical(request: SignedRequest, names: list[str]) -> str:
    path, _, query = request.target.partition("?")
    headers = "".join(f"{name}:{request.header(name)}\n" for name in names)
    return "\n".join(
        (
            request.method,
            _encoded(_resolved(path), keep="/"),
            _canonical_query(query),
            headers,
            ";".join(names),
            hashlib.sha256(request.body).hexdigest(),
        )
    )


def _resolved(path: str) -> str:
    """The path without empty and dot segments (RFC 3986 section 5.2.4)."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            kept[-1:] = []
        elif segment not in ("", "."):
            kept.append(segment)
    ends = "/" if kept and path.endswith("/") else ""
    return f"/{'/'.join(kept)}{ends}"


def _canonical_query(query: str) -> str:
    pairs = [pair.partition("=")[::2] for pair in query.split("&") if pair]
    encoded = sorted((_encoded(_decoded(name)), _encoded(_decoded(value))) for name, value in pairs)
    return "&".join(f"{name}={value}" for name, value in encoded)


def _decoded(text: str) -> bytes:
    found, data = bytearray(), text.encode()
    at = 0
    while at < len(data):
        if data[at : at + 1] == b"%" and len(data) > at + 2:
            found += bytes.fromhex(data[at + 1 : at + 3].decode())
            at += 3
        else:
            found += data[at : at + 1]
            at += 1
    return bytes(found)


def _encoded(text: str | bytes, keep: str = "") -> str:
    data = text.encode() if isinstance(text, str) else text
    free = _UNRESERVED | frozenset(keep.encode())
    return "".join(chr(byte) if byte in free else f"%{byte:02X}" for byte in data)
