"""Whose certificates a server presents: one more handshake, over which nothing is sent.

A connection that failed for its certificate is of no use to whoever must repair it without the name of the
authority that signed it, and Python does not keep that. So the way is gone once more, with a context that
takes any certificate, has no client certificate, and writes no keys down; at the end of the handshake the
chain is read and the connection is cut. A proxy on the way is verified as always before it gets its password.
"""

from __future__ import annotations

import contextlib
import ssl
from typing import TYPE_CHECKING, Any

from keyturn.world.certificates import Certificate, read

if TYPE_CHECKING:
    from keyturn.world.proxies import Proxy

__all__ = ["Chain", "presented"]

Chain = tuple[Certificate, ...]
_DER = 2  # ssl's own name of it is not public


class _SeenError(Exception):
    """The handshake has happened; nothing else shall."""


def presented(url: str, proxy: Proxy | None, trusted: ssl.SSLContext, *, seconds: float) -> Chain:
    """The certificates that the server of an https URL presents, its own first; () when it shows none.

    Raises: what the HTTP stack raises on the way to it; ssl.SSLCertVerificationError among its causes is
    then the proxy's.
    """
    import httpx2

    chain: list[Certificate] = []

    def look(event: str, info: dict[str, Any]) -> None:
        # the tunnel's handshake, or without a proxy the only one
        if event == ("connection.start_tls.complete" if proxy is None else "proxy.start_tls.complete"):
            stream = info["return_value"]
            chain.extend(_chain(stream.get_extra_info("ssl_object")))
            stream.close()
            raise _SeenError
        if event.endswith("send_request_headers.started") and info["request"].method != b"CONNECT":
            raise _SeenError  # and so nothing is ever sent over a connection that was not verified

    way = None
    if proxy is not None:
        way = httpx2.Proxy(proxy.url, ssl_context=trusted if proxy.encrypted else None)
    client = httpx2.Client(verify=_anybody(), proxy=way, trust_env=False, timeout=seconds)
    with client, contextlib.suppress(_SeenError):
        client.get(url, extensions={"trace": look})
    return tuple(chain)


def _anybody() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # what comes over it is shown to a person and believed by nobody
    return context


def _chain(connection: Any) -> list[Certificate]:  # noqa: ANN401 - an SSLObject, or what is inside of one
    inside = getattr(connection, "_sslobj", connection)
    # Public only since 3.13, and there of another type; the method below both is the same in all of them.
    whole = getattr(inside, "get_unverified_chain", None)
    found = [one.public_bytes(_DER) for one in whole() or []] if whole else [inside.getpeercert(True)]  # noqa: FBT003 - its own call
    return [one for one in map(read, found) if one is not None]
