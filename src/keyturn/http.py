"""Credentials for any httpx2 client: expiry check, one retry after a 401, never another audience (T13)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx2

from keyturn.errors import AuthError, Refused
from keyturn.values import BearerToken
from keyturn.wire import origin

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator

    from keyturn.auth import Auth
    from keyturn.values import Credential

_SECRET_HEADERS = ("authorization", "x-api-key")
# httpx2 itself takes the other one off where a redirect leads elsewhere
_LATE = "x-api-key"
_UNAUTHORIZED, _FORBIDDEN = 401, 403


class RequestAuth(httpx2.Auth):
    """`httpx2.Client(auth=RequestAuth(auth))`, and the same for AsyncClient.

    Raises in place of the request: what `Auth.credential` raises, and Refused when the request is not for
    the credential's audience. A body that is a generator is sent once and not again after a 401.

    A key is put on the request only when it is about to leave, hop by hop, so that no redirect takes it
    elsewhere. That needs a transport that calls the `trace` extension of its request, as those of httpx2 do,
    also behind a transport of your own that hands the request on as it is. One that makes another request of
    it sends no key, and a 401 is then an error that says so.
    """

    def __init__(self, auth: Auth) -> None:
        self._auth = auth

    def sync_auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        """httpx2's own hook: the request, and after a 401 the request once more."""
        credential = self._auth.credential()
        told = sign(request, credential)
        replayable = _is_replayable(request)
        response = yield request
        told.check(response)
        if response.status_code == _FORBIDDEN:
            response.read()
        if not _is_rejection(response, credential):
            return
        try:
            renewed = self._auth.credential(rejected=credential)
        except AuthError:
            if replayable:
                raise
            return  # the 401 is the caller's; the next request says what is wrong
        if replayable:
            sign(request, renewed)
            yield request

    async def async_auth_flow(
        self, request: httpx2.Request
    ) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        """As `sync_auth_flow`."""
        credential = await self._auth.acredential()
        told = sign(request, credential, asynchronous=True)
        replayable = _is_replayable(request)
        response = yield request
        told.check(response)
        if response.status_code == _FORBIDDEN:
            await response.aread()
        if not _is_rejection(response, credential):
            return
        try:
            renewed = await self._auth.acredential(rejected=credential)
        except AuthError:
            if replayable:
                raise
            return  # as in `sync_auth_flow`
        if replayable:
            sign(request, renewed, asynchronous=True)
            yield request


class Told:
    """Whether the transport has told where a request goes; for a credential that waits for that."""

    def __init__(self, *, waits: bool) -> None:
        self.waits = waits
        self.hops = 0

    def check(self, response: httpx2.Response) -> None:
        """Raises: Refused when the credential was left out and the server misses it."""
        if self.waits and self.hops == 0 and response.status_code in (_UNAUTHORIZED, _FORBIDDEN):
            raise Refused(
                "the key was not sent: this client's transport does not tell where its requests go",
                hint="use httpx2.HTTPTransport, or hand the request on to it as it is, with its extensions",
                code="transport",
            )


def sign(request: httpx2.Request, credential: Credential, *, asynchronous: bool = False) -> Told:
    """Put a credential on a request for its audience, and on no other.

    Raises: Refused naming both origins.
    """
    place = str(origin(str(request.url)))
    if place != credential.audience:
        raise Refused(
            f"the credential of {credential.where} is for {credential.audience}, "
            f"and the request goes to {place}",
            hint="use another profile or source for that address; see: keyturn explain",
            code="audience",
        )
    for name in _SECRET_HEADERS:
        request.headers.pop(name, None)
    told = Told(waits=False)
    for name, value in credential.headers().items():
        if name == _LATE:
            told.waits = True
            continue
        if name == "anthropic-beta":
            value = _merged(request.headers.get(name), value)  # noqa: PLW2901 - the same header, completed
        request.headers[name] = value
    _bind(request, credential, told, asynchronous=asynchronous)
    return told


def _merged(there: str | None, value: str) -> str:
    listed = [item.strip() for item in (there or "").split(",") if item.strip()]
    return ",".join(listed if value in listed else [*listed, value])


def _is_rejection(response: httpx2.Response, credential: Credential) -> bool:
    """A 401 from the credential's own origin, or its 403 on a revoked or expired OAuth token (L19)."""
    if str(origin(str(response.request.url))) != credential.audience:
        return False  # a redirect led away, and the credential did not go along
    if response.status_code == _UNAUTHORIZED:
        return True
    if response.status_code != _FORBIDDEN or not isinstance(credential, BearerToken):
        return False
    text = response.text.lower()
    return "token" in text and ("revoked" in text or "expired" in text)


def _is_replayable(request: httpx2.Request) -> bool:
    """Whether the body is at hand: then httpx2 has it as bytes."""
    try:
        request.content  # noqa: B018 - raises RequestNotRead for a stream
    except httpx2.RequestNotRead:
        return False
    return True


def _bind(request: httpx2.Request, credential: Credential, told: Told, *, asynchronous: bool) -> None:
    """Put the key on each hop to the audience, and take everything off those to another origin.

    httpx2 follows redirects below the auth flow and drops only `Authorization` there, not `x-api-key`; so
    that is not on the request at all. The `trace` extension travels with every hop and is called before a
    hop's headers are sent.
    """
    earlier: Callable[[str, dict[str, Any]], Any] | None = request.extensions.get("trace")
    earlier = getattr(earlier, "keyturn_earlier", earlier)  # not ours of the first try, but what that called

    def settle(event: str, info: dict[str, Any]) -> None:
        if not event.endswith("send_request_headers.started"):
            return
        hop = info["request"]
        if _hop_origin(hop) == credential.audience:
            told.hops += 1
            late = credential.headers().get(_LATE)
            there = [pair for pair in hop.headers if pair[0].lower() != _LATE.encode()]
            hop.headers[:] = there if late is None else [*there, (_LATE.encode(), late.encode())]
        else:
            hop.headers[:] = [
                pair for pair in hop.headers if pair[0].decode("latin-1").lower() not in _SECRET_HEADERS
            ]

    def trace(event: str, info: dict[str, Any]) -> None:
        settle(event, info)
        if earlier is not None:
            earlier(event, info)

    async def atrace(event: str, info: dict[str, Any]) -> None:
        settle(event, info)
        if earlier is not None:
            await earlier(event, info)

    hook: Any = atrace if asynchronous else trace
    hook.keyturn_earlier = earlier
    request.extensions = {**request.extensions, "trace": hook}


def _hop_origin(hop: Any) -> str | None:  # noqa: ANN401 - httpcore2's Request, which is not ours to import
    target = hop.url.target.decode("ascii", "replace")
    if not target.startswith("/"):
        url = target  # a plain http proxy is asked with the whole address
    else:
        host = hop.url.host.decode("ascii", "replace")
        host = f"[{host}]" if ":" in host else host
        port = f":{hop.url.port}" if hop.url.port is not None else ""
        url = f"{hop.url.scheme.decode('ascii')}://{host}{port}/"
    try:
        return str(origin(url))
    except ValueError:
        return None
