"""The one HTTP transport: system trust, extra authorities, client certificate, proxies, limits (T13, T18)."""

from __future__ import annotations

import socket
import ssl
import threading
from typing import TYPE_CHECKING, Any, Self

from keyturn.errors import AuthError, ConfigurationError, Unavailable, frameless
from keyturn.wire import Response, origin
from keyturn.world.tls import TlsContext

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx2

    from keyturn.wire import Request

ANSWER_LIMIT = 1024 * 1024


class Transport:
    """Sends values; holds nothing but a TLS context, which is made anew when its files change."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self._tls = TlsContext(env)
        self._trusts_nobody: ssl.SSLContext | None = None

    def prepare(self, url: str) -> None:
        """Do what `send` begins with, and fail now where that would: HTTP stack, trust store, proxy.

        Raises: ConfigurationError.
        """
        self.settings(url)

    def tls(self) -> ssl.SSLContext:
        """The verifying context; made by hand, because the default one would honour SSLKEYLOGFILE (T17).

        Raises: ConfigurationError naming the variable whose file cannot be used.
        """
        return self._tls.context()

    @frameless
    def proxy_for(self, url: str) -> str | None:
        """The proxy of a URL; loopback never has one. Raises: ConfigurationError naming the variable."""
        target = origin(url)
        exceptions = self._env.get("no_proxy") or self._env.get("NO_PROXY") or ""
        if target.loopback or _excluded(target.host, target.port, exceptions):
            return None
        names = ("https_proxy", "HTTPS_PROXY") if target.scheme == "https" else ()
        for name in (*names, "http_proxy", "HTTP_PROXY"):
            if text := (self._env.get(name) or "").strip():
                return _checked_proxy(text, name)
        return None

    @frameless
    def settings(self, url: str) -> tuple[ssl.SSLContext, httpx2.Proxy | None]:
        """TLS context and proxy for requests to a URL, for those who build clients of their own.

        Raises: ConfigurationError.
        """
        import httpx2

        proxy = self.proxy_for(url)
        if not url.startswith("https:") and not (proxy or "").startswith("https:"):
            # no certificate is ever looked at on this way; a context that trusts nobody is soon made
            context = self._trusts_nobody = self._trusts_nobody or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        else:
            context = self.tls()
        if proxy is None:
            return context, None
        # without a context of its own, a proxy that speaks TLS would be checked against other authorities
        return context, httpx2.Proxy(proxy, ssl_context=context if proxy.startswith("https:") else None)

    def send(self, request: Request, *, seconds: float) -> Response:
        """One exchange over a connection of its own.

        Raises: Unavailable, with the facts `sent` (False: nothing can have arrived) and `host`;
        ConfigurationError, and then nothing was sent. No other error comes out of it.
        """
        deadline = _Deadline(seconds)
        failure: Unavailable
        try:
            return self._send(request, deadline)
        except AuthError:
            raise
        # Raised outside the handler: httpx's errors carry the request, and with it the refresh token (T15).
        except Exception as error:  # noqa: BLE001 - whatever it is: whether the token is spent must be known
            failure = _failure(error, request.url, deadline)
        raise failure

    def _send(self, request: Request, deadline: _Deadline) -> Response:
        import httpx2

        context, proxy = self.settings(request.url)
        deadline.through_proxy = proxy is not None
        client = httpx2.Client(
            verify=context,
            proxy=proxy,
            trust_env=False,
            timeout=deadline.seconds,
            follow_redirects=False,
        )
        with client, deadline:
            return _exchange(client, request, deadline)


class _Deadline:
    """Cuts the connection when the time for the whole exchange is over.

    The timeouts of httpx run anew with every piece that arrives, so a server that sends a byte now and then
    would never meet one. It also knows how far the exchange has come: until `begun`, nothing of the request
    has left.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.passed = False
        self.begun = False
        self.through_proxy = False
        self._stream: Any = None
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def trace(self, event: str, info: dict[str, Any]) -> None:
        """Called by httpx at every step; the last stream that was made is the one to cut."""
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            self._stream = info["return_value"]
            if self.passed:  # while connecting, when there was nothing to cut
                self._cut()
        elif event.endswith("send_request_headers.started") and info["request"].method != b"CONNECT":
            if self.passed:
                import httpx2

                raise httpx2.ConnectTimeout("the time was over before anything was sent")
            self.begun = True

    def _cut(self) -> None:
        self.passed = True
        if self._stream is None:
            return  # still connecting: cut by the next step
        connection = self._stream.get_extra_info("socket")
        try:  # noqa: SIM105 - a reason stands in each branch
            # the method of plain sockets: that of a TLS socket would take it apart under the reader's hands
            socket.socket.shutdown(connection, socket.SHUT_RDWR)
        except OSError:
            pass  # closed meanwhile


def _exchange(client: httpx2.Client, request: Request, deadline: _Deadline) -> Response:
    import httpx2

    body = bytearray()
    message = client.build_request(
        request.method,
        request.url,
        headers={"Accept-Encoding": "identity", **request.headers},
        content=request.body,
        extensions={"trace": deadline.trace},
    )
    answer = client.send(message, stream=True)
    try:
        for piece in answer.iter_bytes():
            body += piece
            if len(body) > ANSWER_LIMIT:
                raise Unavailable(
                    f"{origin(request.url)} answered with more than 1 MiB",
                    hint="check the address: something else may answer there",
                    code="too_long",
                    sent=None,
                    host=str(origin(request.url)),
                )
        if deadline.passed:  # to a body without a length the cut looks like its end
            raise httpx2.ReadTimeout("the answer came too slowly")
    finally:
        answer.close()
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return Response(status=answer.status_code, headers=headers, body=bytes(body))


def _failure(error: Exception, url: str, deadline: _Deadline) -> Unavailable:
    import httpx2

    try:
        host = str(origin(url))
    except ValueError as reason:
        return Unavailable(f"an address of the authority is none: {reason}", code="address", sent=False)
    late = deadline.passed or isinstance(error, httpx2.TimeoutException)
    if not deadline.begun and not deadline.passed and isinstance(error, httpx2.TransportError):
        return _not_sent(error, host, through_proxy=deadline.through_proxy)
    what = f"{host} did not answer within {deadline.seconds:g} s"
    if not late:
        broke = "broke" if deadline.begun else "could not be made"
        what = f"the connection to {host} {broke} ({type(error).__name__})"
    return Unavailable(
        what,
        hint="try again in a moment",
        code="timeout" if late else "broken",
        sent=None if deadline.begun else False,
        host=host,
    )


def _not_sent(error: Exception, host: str, *, through_proxy: bool) -> Unavailable:
    text = str(error).lower()
    through = " through the proxy" if through_proxy else ""
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
        what, code = f"the name of {host} cannot be resolved{through}", "dns"
    else:
        what, code = f"cannot connect to {host}{through}", "connect"
    return Unavailable(what, hint="check the network and the address", code=code, sent=False, host=host)


def _checked_proxy(text: str, name: str) -> str:
    url = text if "://" in text else f"http://{text}"  # as curl and its kin read it
    if url.lower().startswith(("http://", "https://")):
        place = (
            url.partition("://")[2].partition("/")[0].rpartition("@")[2]
        )  # what is before the @ stays secret
        try:
            origin(f"http://{place}")
        except ValueError:
            pass
        else:
            return url
    raise ConfigurationError(
        f"{name} names no proxy that keyturn can use",
        hint=f"set it as http://host:port or https://host:port, or unset it: env -u {name} keyturn …",
        variable=name,
    )


def _excluded(host: str, port: int, rules: str) -> bool:
    for rule in rules.replace(",", " ").split():
        name, _, wanted_port = rule.rpartition(":") if rule.count(":") == 1 else (rule, "", "")
        if wanted_port and wanted_port != str(port):
            continue
        name = name.lower().removeprefix("*").lstrip(".")
        if not name or host == name or host.endswith(f".{name}"):
            return True
    return False
