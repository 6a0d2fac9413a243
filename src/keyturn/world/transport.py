"""The one HTTP transport: system trust, extra authorities, client certificate, proxies, limits (T13, T18)."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from typing import TYPE_CHECKING, Any, Self

from keyturn.errors import AuthError, Unavailable, frameless
from keyturn.wire import Response, origin
from keyturn.world import failures, proxies
from keyturn.world.failures import Way
from keyturn.world.tls import CERTIFICATE, KEY, PASSPHRASE, TlsContext

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import httpx2

    from keyturn.wire import Request
    from keyturn.world.chains import Chain
    from keyturn.world.proxies import Proxy

ANSWER_LIMIT = 1024 * 1024
# for a second look at a certificate that was not believed, of the time that the request has left
LOOK_SECONDS = 5.0
_PROXY_AUTHENTICATION = 407


class Transport:
    """Sends values; holds nothing but a TLS context, which is made anew when its files change."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self.variable: Callable[[str], str | None] = env.get
        self._tls = TlsContext(self._look_up)
        self._trusts_nobody: ssl.SSLContext | None = None

    def _look_up(self, name: str) -> str | None:
        return self.variable(name)

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

    def proxy(self, url: str) -> Proxy | None:
        """The proxy of a URL; loopback never has one. Raises: ConfigurationError naming the variable."""
        return proxies.choose(self.variable, url)

    @frameless
    def settings(self, url: str) -> tuple[ssl.SSLContext, httpx2.Proxy | None]:
        """TLS context and proxy for requests to a URL, for those who build clients of their own.

        Raises: ConfigurationError.
        """
        return self._settings(url, self.proxy(url))

    def _settings(self, url: str, proxy: Proxy | None) -> tuple[ssl.SSLContext, httpx2.Proxy | None]:
        import httpx2

        if not url.startswith("https:") and not (proxy is not None and proxy.encrypted):
            # no certificate is ever looked at on this way; a context that trusts nobody is soon made
            context = self._trusts_nobody = self._trusts_nobody or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        else:
            context = self.tls()
        if proxy is None:
            return context, None
        # without a context of its own, a proxy that speaks TLS would be checked against other authorities
        return context, httpx2.Proxy(proxy.url, ssl_context=context if proxy.encrypted else None)

    def way(self, url: str) -> Way:
        """What lies between here and a URL, for those who say why a request failed.

        Raises: ConfigurationError.
        """
        proxy = self.proxy(url)
        context, _ = self._settings(url, proxy)
        return Way(url, str(origin(url)), proxy, context, self._tls.files())

    def chain(self, url: str, *, seconds: float) -> Chain:
        """The certificates that stand behind an https URL, its own first; () for any other URL.

        They are shown and not believed: whether they are to be is what `send` says. Raises: as `send`.
        """
        if not url.startswith("https:"):
            return ()
        from keyturn.world.chains import presented

        way = self.way(url)
        failure: Unavailable
        try:
            return presented(url, way.proxy, way.trusted, seconds=seconds)
        except Exception as error:  # noqa: BLE001 - as in `send`
            failure = failures.unsent(error, way, seconds=0.0)
        raise failure

    def send(self, request: Request, *, seconds: float) -> Response:
        """One exchange over a connection of its own.

        Raises: Unavailable, with the facts `sent` (False: nothing can have arrived) and `host`;
        ConfigurationError, and then nothing was sent. No other error comes out of it.
        """
        deadline = _Deadline(seconds, connect=request.connect_seconds)
        failure: Unavailable
        try:
            return self._send(request, deadline)
        except AuthError:
            raise
        # Raised outside the handler: httpx's errors carry the request, and with it the refresh token (T15).
        except Exception as error:  # noqa: BLE001 - whatever it is: whether the token is spent must be known
            failure = _failure(error, request.url, deadline, lambda: self.way(request.url))
        raise failure

    def _send(self, request: Request, deadline: _Deadline) -> Response:
        import httpx2

        from keyturn.world.reach import Reaching

        deadline.proxy = self.proxy(request.url)
        context, proxy = self._settings(request.url, deadline.proxy)
        transport = httpx2.HTTPTransport(verify=context, proxy=proxy, trust_env=False)
        # its own limit begins anew with each address of a name; httpx offers no other place to say so
        transport._pool._network_backend = Reaching(deadline.left_to_connect)  # noqa: SLF001
        client = httpx2.Client(
            transport=transport, trust_env=False, timeout=deadline.seconds, follow_redirects=False
        )
        with client, deadline:
            answer = _exchange(client, request, deadline)
        if answer.status == _PROXY_AUTHENTICATION:
            raise failures.proxy_wants_password(self.way(request.url))
        return answer


def presenting(variable: Callable[[str], str | None], certificate: str, key: str) -> Transport:
    """A transport like the others, with this client certificate in place of the configured one."""
    own = {CERTIFICATE: certificate, KEY: key, PASSPHRASE: None}
    transport = Transport({})
    transport.variable = lambda name: own[name] if name in own else variable(name)
    return transport


class _Deadline:
    """Cuts the connection when the time for the whole exchange is over.

    The timeouts of httpx run anew with every piece that arrives, so a server that sends a byte now and then
    would never meet one. It also knows how far the exchange has come: until `begun`, nothing of the request
    has left.
    """

    def __init__(self, seconds: float, *, connect: float | None = None) -> None:
        self.seconds = seconds
        self.passed = False
        self.begun = False
        self.proxy: Proxy | None = None
        self._until = time.monotonic() + seconds
        self._connected_by = self._until if connect is None else min(self._until, time.monotonic() + connect)
        self._stream: Any = None
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def left(self) -> float:
        """How much of the time is left; seconds, never negative."""
        return max(0.0, self._until - time.monotonic())

    def left_to_connect(self) -> float:
        """How much of the time is left in which a connection may come about; seconds, never negative."""
        return max(0.0, self._connected_by - time.monotonic())

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
        framed = "content-length" in answer.headers or "transfer-encoding" in answer.headers
        if deadline.passed and not framed:  # to a body without a length the cut looks like its end
            raise httpx2.ReadTimeout("the answer came too slowly")
    finally:
        answer.close()
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return Response(status=answer.status_code, headers=headers, body=bytes(body))


def _failure(error: Exception, url: str, deadline: _Deadline, way: Callable[[], Way]) -> Unavailable:
    import httpx2

    try:
        host = str(origin(url))
    except ValueError as reason:
        return Unavailable(f"an address of the authority is none: {reason}", code="address", sent=False)
    late = deadline.passed or isinstance(error, httpx2.TimeoutException)
    if not deadline.passed and isinstance(error, httpx2.TransportError):
        try:
            if not deadline.begun and not late:
                return failures.unsent(error, way(), seconds=min(LOOK_SECONDS, deadline.left()))
            refused = failures.refused_client(error, way())
        except Exception:  # noqa: BLE001 - what fails while a failure is explained must not take its place
            refused = None
        if refused is not None:
            return refused
    proxy = deadline.proxy if not deadline.begun else None
    who = f"the proxy {proxy.place}, on the way to {host}," if proxy is not None else host
    what = f"{who} did not answer within {deadline.seconds:g} s"
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
