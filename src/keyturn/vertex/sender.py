"""What google-auth sends through: keyturn's one transport, with its proxies, TLS and limits (T18)."""

from __future__ import annotations

from keyturn.errors import ConfigurationError, Refused, Unavailable
from keyturn.values import Value
from keyturn.wire import Request, origin
from keyturn.world import NETWORK_SECONDS
from keyturn.world.proxies import tells_of_this_machine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from keyturn.wire import Response
    from keyturn.world import World

# Google asks for a retry after these; two are made, and never beyond the time for the whole renewal
_TRANSIENT = (408, 429, 500, 502, 503, 504)
_PAUSES = (0.5, 1.5)


class Answer(Value):
    """An answer in the shape that google-auth reads."""

    __slots__ = ("data", "headers", "status")
    data: bytes
    headers: Mapping[str, str]
    status: int

    def __repr__(self) -> str:
        return f"Answer({self.status})"


class Sender:
    """Called by google-auth for each request; `last` is the last answer, and `host` who gave it.

    Raises: Unavailable (also for what is still wrong after two retries), Refused, ConfigurationError.
    """

    def __init__(self, world: World, seconds: float = NETWORK_SECONDS) -> None:
        self._world = world
        self._until = world.clock() + seconds
        self._seconds = seconds
        self.last: Response | None = None
        self.host = ""

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **more: object,
    ) -> Answer:
        """One exchange; `cert` is the client certificate and key of an X.509 account, by their paths."""
        request = Request(
            method=method,
            url=url,
            headers={name: _text(value) for name, value in (headers or {}).items()},
            body=body.encode() if isinstance(body, str) else body or b"",
        )
        self._check(request)
        cert = more.get("cert")
        paths = (str(cert[0]), str(cert[1])) if isinstance(cert, tuple) else None
        response = self._exchanged(request, timeout, paths)
        return Answer(status=response.status, headers=response.headers, data=response.body)

    def _check(self, request: Request) -> None:
        try:
            place = origin(request.url)
        except ValueError as error:
            raise ConfigurationError(
                f"an address in the Google credentials is none: {error}",
                hint="look at token_uri, token_url and the like in the file",
                code="address",
            ) from None
        self.host = str(place)
        says_a_secret = request.body or any(name.lower() == "authorization" for name in request.headers)
        if says_a_secret and not place.confidential and not tells_of_this_machine(place.host):
            raise Refused(
                f"the Google credentials send a secret to {place} without encryption",
                hint="let token_uri, token_url and the like begin with https://",
                code="plain_http",
            )

    def _exchanged(self, request: Request, timeout: float | None, cert: tuple[str, str] | None) -> Response:
        pauses = list(_PAUSES)
        while True:
            left = self._until - self._world.clock()
            if left <= 0:
                raise Unavailable(
                    f"{self.host} gave no Google token within {self._seconds:g} s",
                    hint="try again in a moment",
                    code="timeout",
                    host=self.host,
                )
            failure: Unavailable | None = None
            try:
                seconds = min(left, timeout or left)
                if cert is None:
                    response = self._world.send(request, seconds=seconds)
                else:
                    response = self._world.send_presenting(request, certificate=cert, seconds=seconds)
                self.last = response
                if response.status not in _TRANSIENT:
                    return response
            except Unavailable as error:
                failure = error
                if error.facts.get("sent") is not False:  # what may have arrived is not sent twice
                    raise
            if not pauses or self._world.clock() + pauses[0] >= self._until:
                raise failure or self._trouble()
            self._world.sleep(pauses.pop(0))

    def _trouble(self) -> Unavailable:
        assert self.last is not None  # noqa: S101 - there is a status to speak of
        return Unavailable(
            f"{self.host} gives no Google token now ({self.last.status})",
            hint="try again in a moment",
            code="token_endpoint",
            status=self.last.status,
            host=self.host,
        )


def _text(value: object) -> str:
    """A header's value; google-auth hands the session token of AWS's metadata on as the bytes it got."""
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
