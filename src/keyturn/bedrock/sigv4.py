"""Requests signed by botocore (SigV4); nothing of botocore is loaded before the first of them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from keyturn.values import AwsKeys

SERVICE = "bedrock"
# What AWS asks to be signed, beside the host. A proxy may change the rest, so the rest is left out.
_SIGNED = ("content-type", "host")
_PREFIX = "x-amz"


class Message:
    """One request as botocore's signer reads it: its own class copies everything twice on the way."""

    __slots__ = ("body", "context", "data", "headers", "method", "params", "url")

    def __init__(self, method: str, url: str, headers: dict[str, str], body: bytes) -> None:
        self.method, self.url, self.headers, self.body = method, url, headers, body
        self.context: dict[str, Any] = {}
        self.params: dict[str, str] = {}
        self.data = body


def signature_headers(
    keys: AwsKeys,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    now: float,
    service: str = SERVICE,
) -> dict[str, str]:
    """The headers that sign this one request; `now` is Unix seconds."""
    signed = {
        name: value
        for name, value in headers.items()
        if name.lower() in _SIGNED or name.lower().startswith(_PREFIX)
    }
    message = Message(method, url, signed, body)
    added: dict[str, str] = _signer_class()(keys, service).sign(message, now)
    return added


def query_to_sign(query: bytes) -> bytes:
    """A query in the one spelling that AWS computes its signature with, in the order it had.

    AWS reads the query and spells it anew; the signer takes it as it stands. So it is sent as AWS spells it:
    a space as `%20`, which clients write as `+`, and everything but letters, digits and `-._~` encoded.
    """
    from urllib.parse import quote, unquote_to_bytes

    def spelt(part: bytes) -> str:
        return quote(unquote_to_bytes(part.replace(b"+", b" ")), safe="-._~")

    pairs = (pair.partition(b"=") for pair in query.split(b"&") if pair)
    return "&".join(f"{spelt(name)}={spelt(value)}" for name, _, value in pairs).encode()


def prepare() -> None:
    """Load what signing needs; that takes a while the first time, so never on an event loop."""
    _signer_class()


@cache
def _signer_class() -> Any:  # noqa: ANN401 - a class made of one of botocore's, which has no types
    from datetime import UTC, datetime

    from botocore.auth import SigV4Auth
    from botocore.credentials import ReadOnlyCredentials

    derived: dict[tuple[str, str, str, str], bytes] = {}

    class Signer(SigV4Auth):  # type: ignore[misc] # botocore has no types
        """botocore's own canonical request and signature, without its log lines: they hold the session token.

        The key of the day is derived once; it is as secret as what it is derived from, and lives as long.
        """

        def __init__(self, keys: AwsKeys, service: str) -> None:
            token = keys.session_token.reveal() if keys.session_token is not None else None
            credentials = ReadOnlyCredentials(keys.access_key_id.reveal(), keys.secret.reveal(), token)
            super().__init__(credentials, service, keys.region)

        def sign(self, message: Message, now: float) -> dict[str, str]:
            message.context["timestamp"] = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
            for name in [name for name in message.headers if name.lower() in _OWN]:
                del message.headers[name]
            added = {"X-Amz-Date": message.context["timestamp"]}
            if self.credentials.token:
                added["X-Amz-Security-Token"] = self.credentials.token
            message.headers.update(added)
            to_sign = self.string_to_sign(message, self.canonical_request(message))
            names = self.signed_headers(self.headers_to_sign(message))
            return {
                **added,
                "Authorization": f"AWS4-HMAC-SHA256 Credential={self.scope(message)}, SignedHeaders={names}, "
                f"Signature={self.signature(to_sign, message)}",
            }

        def signature(self, string_to_sign: str, request: Message) -> str:
            day: str = request.context["timestamp"][:8]
            name = (self.credentials.secret_key, day, self._region_name, self._service_name)
            key = derived.get(name)
            if key is None:
                if len(derived) >= _MOST_KEYS:
                    derived.clear()
                key = f"AWS4{self.credentials.secret_key}".encode()
                for part in (day, self._region_name, self._service_name, "aws4_request"):
                    key = self._sign(key, part)
                derived[name] = key
            text: str = self._sign(key, string_to_sign, hex=True)
            return text

    return Signer


_OWN = ("x-amz-date", "x-amz-security-token", "authorization")
_MOST_KEYS = 32
