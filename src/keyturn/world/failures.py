"""Why a request could not be made: of all that can stand between here and a server, which one (T18)."""

from __future__ import annotations

import os
import re
import socket
import ssl
from shlex import quote
from typing import TYPE_CHECKING

from keyturn.clean import clean
from keyturn.errors import Unavailable
from keyturn.world import distrust

if TYPE_CHECKING:
    from collections.abc import Mapping

    from keyturn.world.proxies import Proxy

__all__ = ["Way", "proxy_wants_password", "refused_client", "unsent"]

_STATUS = re.compile(r"(\d{3})\b *(.*)", re.DOTALL)
_PROXY_AUTHENTICATION = 407
_FORBIDDEN = (401, 403, 405, 451)

# What a server says about our certificate, in OpenSSL's words. It says so while it makes the connection, so
# that it has read nothing of the request (RFC 8446 section 4.4.2.4).
_CLIENT_ALERTS = {
    "CERTIFICATE_REQUIRED": "asks for a client certificate",
    "BAD_CERTIFICATE": "does not take the client certificate",
    "UNSUPPORTED_CERTIFICATE": "does not take the client certificate",
    "CERTIFICATE_REVOKED": "says that the client certificate is revoked",
    "CERTIFICATE_EXPIRED": "says that the client certificate has expired",
    "CERTIFICATE_UNKNOWN": "does not take the client certificate",
    "UNKNOWN_CA": "does not know the authority of the client certificate",
    "ACCESS_DENIED": "does not take the client certificate",
}
CLIENT_VARIABLE = "CLAUDE_CODE_CLIENT_CERT"


class Way:
    """The way to a server: its address as `host` says it, the proxy, and whom this side trusts and shows."""

    def __init__(
        self,
        url: str,
        host: str,
        proxy: Proxy | None,
        trusted: ssl.SSLContext,
        files: Mapping[str, str],
    ) -> None:
        self.url, self.host, self.proxy, self.trusted, self.files = url, host, proxy, trusted, files

    @property
    def through(self) -> str:
        """Words for a message; empty without a proxy."""
        return f" through the proxy {self.proxy.place}" if self.proxy is not None else ""

    def error(self, what: str, code: str, hint: str) -> Unavailable:
        """An error of a request of which nothing has reached the server."""
        place = self.proxy.place if self.proxy is not None else None
        return Unavailable(what, hint=hint, code=code, sent=False, host=self.host, proxy=place)


def unsent(error: Exception, way: Way, *, seconds: float) -> Unavailable:
    """The reason for an error of the HTTP stack before anything was sent.

    A certificate that cannot be verified is looked at once more, for at most `seconds`.
    """
    import httpx2

    causes = chain(error)
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return distrust.explain(cause, way, seconds=seconds)
    if isinstance(error, httpx2.ProxyError) and way.proxy is not None:
        return _refused_by_proxy(str(error), way)
    for cause in causes:
        if isinstance(cause, ssl.SSLError):
            return refused_client(error, way) or _no_tls(cause, way)
    return _unconnected(causes, way)


def chain(error: BaseException | None) -> list[BaseException]:
    """An error and its causes, the last first."""
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found


def proxy_wants_password(way: Way) -> Unavailable:
    """The error for a 407, which only a proxy says."""
    proxy = way.proxy
    place = proxy.place if proxy is not None else "before it"
    scheme, _, address = (proxy.place if proxy is not None else "http://host:port").partition("://")
    hint = (
        f"export {proxy.variable if proxy is not None else 'HTTPS_PROXY'}={scheme}://USER:PASSWORD@{address}"
    )
    if proxy is not None and proxy.has_credentials:
        what = f"the proxy {place} does not take the user name and password of {proxy.variable}"
        hint = f"correct them (a sign such as @ is written as %40 there): {hint}"
    else:
        what = f"the proxy {place} wants a user name and a password"
    return way.error(f"{what} (407), so {way.host} was not asked", "proxy_password", hint)


def refused_client(error: Exception, way: Way) -> Unavailable | None:
    """The error for a server that refuses who we are, or None: it has then read nothing of the request."""
    for cause in chain(error):
        reason = (getattr(cause, "reason", None) or "") if isinstance(cause, ssl.SSLError) else ""
        for alert, says in _CLIENT_ALERTS.items():
            if reason.endswith(f"ALERT_{alert}"):
                return _refused_client(says, way)
    return None


def _refused_client(says: str, way: Way) -> Unavailable:
    file = way.files.get(CLIENT_VARIABLE)
    if not file:
        hint = (
            f"name yours: export {CLIENT_VARIABLE}=/path/to/cert.pem CLAUDE_CODE_CLIENT_KEY=/path/to/key.pem"
        )
    else:
        says += f" of {CLIENT_VARIABLE}" if "client certificate" in says else ""
        hint = f"look at it: openssl x509 -noout -subject -issuer -dates -in {quote(file)}"
    return way.error(f"{way.host} {says}", "tls_client", hint)


def _refused_by_proxy(said: str, way: Way) -> Unavailable:
    proxy, host = way.proxy, way.host
    assert proxy is not None  # noqa: S101 - the caller has looked
    found = _STATUS.match(said)
    status, reason = (int(found[1]), clean(found[2], 60)) if found else (0, "")
    if status == _PROXY_AUTHENTICATION:
        return proxy_wants_password(way)
    answer = f"{status} {reason}".strip() if status else "no answer that it could mean"
    name = host.partition("://")[2]
    if status in _FORBIDDEN:
        hint = (
            "ask those who run it to let it through; where it can be reached without: "
            f'export NO_PROXY="$NO_PROXY,{name}"'
        )
        return way.error(
            f"the proxy {proxy.place} refuses to connect to {host} ({answer})", "proxy_refused", hint
        )
    hint = f"check the address, then see what the proxy says: curl -sv -o /dev/null {host}/"
    return way.error(f"the proxy {proxy.place} cannot reach {host} ({answer})", "proxy_unreachable", hint)


def _no_tls(cause: ssl.SSLError, way: Way) -> Unavailable:
    reason = cause.reason or ""
    plain = reason in {
        "WRONG_VERSION_NUMBER",
        "HTTP_REQUEST",
        "RECORD_LAYER_FAILURE",
        "PACKET_LENGTH_TOO_LONG",
    }
    proxy = way.proxy
    if plain and proxy is not None and proxy.encrypted:
        address = proxy.place.partition("://")[2]
        return way.error(
            f"the proxy {proxy.place} does not speak TLS",
            "tls",
            f"write it with http, the connection to {way.host} is encrypted all the same: "
            f"export {proxy.variable}=http://{address}",
        )
    if plain:
        what = f"{way.host} does not speak TLS{way.through}"
        return way.error(what, "tls", "check scheme and port of the address: keyturn explain")
    words = clean(reason.replace("_", " ").lower(), 60) or "it broke off"
    return way.error(
        f"no TLS connection to {way.host}{way.through}: {words}",
        "tls",
        f"see what happens: curl -sv -o /dev/null {way.host}/",
    )


def _unconnected(causes: list[BaseException], way: Way) -> Unavailable:
    proxy = way.proxy
    unnamed = any(isinstance(cause, socket.gaierror) for cause in causes)
    if proxy is not None:
        what = f"the name of the proxy {proxy.place} cannot be resolved"
        if not unnamed:
            what = f"cannot connect to the proxy {proxy.place}{_reason(causes)}"
        code = "dns" if unnamed else "connect"
        hint = f"correct it, or go without: env -u {proxy.variable} keyturn …"
        return way.error(f"{what}, so {way.host} was not asked", code, hint)
    if unnamed:
        hint = "check the network and the address"
        return way.error(f"the name of {way.host} cannot be resolved", "dns", hint)
    hint = "check the network and the address"
    return way.error(f"cannot connect to {way.host}{_reason(causes)}", "connect", hint)


def _reason(causes: list[BaseException]) -> str:
    """What the system calls it, where it has a word for it; asyncio has words of its own."""
    for cause in reversed(causes):
        if isinstance(cause, OSError) and cause.errno is not None and cause.errno > 0:
            return f": {os.strerror(cause.errno).lower()}"
    return ""
