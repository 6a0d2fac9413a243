"""The one HTTP transport: system trust, extra authorities, client certificate, proxies, limits (T13, T18)."""

from __future__ import annotations

import os
import ssl
from typing import TYPE_CHECKING

from keyturn.errors import ConfigurationError, Unavailable
from keyturn.wire import Response, origin

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx2

    from keyturn.wire import Request

ANSWER_LIMIT = 1024 * 1024
_TLS_VARIABLES = ("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "CLAUDE_CODE_CLIENT_CERT", "CLAUDE_CODE_CLIENT_KEY")


class Transport:
    """Sends values; holds nothing but a TLS context, which is made anew when its files change."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self._context: ssl.SSLContext | None = None
        self._context_of: object = None

    def prepare(self, url: str) -> None:
        """Import the HTTP stack and, for https, load the trust store."""
        import httpx2  # noqa: F401 - imported now so that it need not be under a lock

        if url.startswith("https:"):
            self.tls()

    def tls(self) -> ssl.SSLContext:
        """The verifying context; made by hand, because the default one would honour SSLKEYLOGFILE (T17).

        Raises: ConfigurationError naming the variable whose file cannot be used.
        """
        files = {name: self._env.get(name) or "" for name in _TLS_VARIABLES}
        state = tuple((name, path, _mark(path)) for name, path in files.items())
        if self._context is None or state != self._context_of:
            self._context, self._context_of = _make_context(files), state
        return self._context

    def proxy_for(self, url: str) -> str | None:
        """The proxy of a URL; loopback never has one."""
        target = origin(url)
        if target.loopback or _excluded(target.host, target.port, self._first("no_proxy", "NO_PROXY")):
            return None
        secure = ("https_proxy", "HTTPS_PROXY") if target.scheme == "https" else ()
        return self._first(*secure, "http_proxy", "HTTP_PROXY") or None

    def settings(self, url: str) -> tuple[ssl.SSLContext, str | None]:
        """TLS context and proxy for requests to a URL, for those who build clients of their own."""
        if not url.startswith("https:") and not (self.proxy_for(url) or "").startswith("https:"):
            # no certificate is ever looked at on this way; a context that trusts nobody costs nothing
            return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), self.proxy_for(url)
        return self.tls(), self.proxy_for(url)

    def send(self, request: Request, *, seconds: float) -> Response:
        """One exchange over a connection of its own.

        Raises: Unavailable, with the facts `sent` (False: nothing can have arrived) and `host`.
        """
        import httpx2

        host = str(origin(request.url))
        context, proxy = self.settings(request.url)
        failure: Unavailable
        try:
            with httpx2.Client(
                verify=context, proxy=proxy, trust_env=False, timeout=seconds, follow_redirects=False
            ) as client:
                return _exchange(client, request, seconds)
        # Raised outside the handler: httpx's errors carry the request, and with it the refresh token (T15).
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ProxyError, httpx2.PoolTimeout) as error:
            failure = _not_sent(error, host, proxy)
        except httpx2.TimeoutException:
            failure = Unavailable(
                f"{host} did not answer within {seconds:g} s", code="timeout", sent=None, host=host
            )
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            kind = type(error).__name__
            failure = Unavailable(
                f"the connection to {host} broke ({kind})", code="broken", sent=None, host=host
            )
        raise failure

    def _first(self, *names: str) -> str:
        return next((value for name in names if (value := (self._env.get(name) or "").strip())), "")


def _exchange(client: httpx2.Client, request: Request, seconds: float) -> Response:
    import time

    import httpx2

    deadline = time.monotonic() + seconds
    body = bytearray()
    message = client.build_request(
        request.method,
        request.url,
        headers={"Accept-Encoding": "identity", **request.headers},
        content=request.body,
    )
    answer = client.send(message, stream=True)
    try:
        for piece in answer.iter_bytes():
            body += piece
            if len(body) > ANSWER_LIMIT:
                raise httpx2.DecodingError("the answer is longer than 1 MiB")
            if time.monotonic() > deadline:
                raise httpx2.ReadTimeout("the answer came too slowly")
    finally:
        answer.close()
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return Response(status=answer.status_code, headers=headers, body=bytes(body))


def _not_sent(error: Exception, host: str, proxy: str | None) -> Unavailable:
    text = str(error).lower()
    through = " through the proxy" if proxy else ""
    if "certificate" in text or "ssl" in text or "tls" in text:
        return Unavailable(
            f"no trusted TLS connection to {host}{through}",
            hint="if a company proxy inspects TLS, name its certificate: "
            "export SSL_CERT_FILE=/path/to/ca.pem",
            code="tls",
            sent=False,
            host=host,
        )
    if "name or service" in text or "resolution" in text or "nodename" in text or "getaddrinfo" in text:
        return Unavailable(f"the name of {host} cannot be resolved", code="dns", sent=False, host=host)
    return Unavailable(f"cannot connect to {host}{through}", code="connect", sent=False, host=host)


def _make_context(files: Mapping[str, str]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_default_certs()
    for name in ("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"):
        if files[name]:
            try:
                context.load_verify_locations(cafile=files[name])
            except (OSError, ssl.SSLError):
                raise ConfigurationError(
                    f"{name} names a file that holds no readable certificates: {files[name]}",
                    hint=f"correct it, or unset it: env -u {name} keyturn …",
                    variable=name,
                ) from None
    if files["CLAUDE_CODE_CLIENT_CERT"]:
        try:
            context.load_cert_chain(files["CLAUDE_CODE_CLIENT_CERT"], files["CLAUDE_CODE_CLIENT_KEY"] or None)
        except (OSError, ssl.SSLError):
            raise ConfigurationError(
                "the client certificate of CLAUDE_CODE_CLIENT_CERT and CLAUDE_CODE_CLIENT_KEY "
                "cannot be loaded",
                hint="check that both files exist, are readable, belong together and have no passphrase",
                variable="CLAUDE_CODE_CLIENT_CERT",
            ) from None
    return context


def _mark(path: str) -> object:
    try:
        state = os.stat(path)
    except OSError:
        return None
    return (state.st_ino, state.st_mtime_ns, state.st_size)


def _excluded(host: str, port: int, rules: str) -> bool:
    for rule in rules.replace(",", " ").split():
        name, _, wanted_port = rule.rpartition(":") if rule.count(":") == 1 else (rule, "", "")
        if wanted_port and wanted_port != str(port):
            continue
        name = name.lower().removeprefix("*").lstrip(".")
        if not name or host == name or host.endswith(f".{name}"):
            return True
    return False
