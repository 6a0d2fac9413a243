"""Credentials for any httpx2 client: expiry check, one retry after a 401, never another audience (T13)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx2

from keyturn.errors import AuthError, Refused
from keyturn.values import AwsKeys, BearerToken, HelperKey
from keyturn.wire import origin

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator

    from keyturn.auth import Auth
    from keyturn.values import Credential

_SECRET_HEADERS = ("authorization", "x-api-key", "x-amz-security-token")
# httpx2 itself takes the other one off where a redirect leads elsewhere
_LATE = "x-api-key"
_UNAUTHORIZED, _FORBIDDEN = 401, 403
# where the body says what it is about: AWS answers an ended token with the first of them, too
_MAY_TELL_WHY = (400, _FORBIDDEN)


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
        if credential.kind == "aws":
            request.read()  # what is signed is the whole request, and a piece at a time cannot be
        now = self._auth.world.now
        told = sign(request, credential, now=now())
        replayable = _is_replayable(request)
        response = yield request
        told.check(response)
        if response.status_code in _MAY_TELL_WHY:
            response.read()
        if not _is_rejection(response, credential, now()):
            return
        try:
            renewed = self._auth.credential(rejected=credential)
        except AuthError:
            if replayable:
                raise
            return  # the 401 is the caller's; the next request says what is wrong
        if replayable:
            sign(request, renewed, now=now())
            yield request

    async def async_auth_flow(
        self, request: httpx2.Request
    ) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        """As `sync_auth_flow`."""
        credential = await self._auth.acredential()
        if credential.kind == "aws":
            await request.aread()  # as above
            await _prepared_signer()
        now = self._auth.world.now
        told = sign(request, credential, now=now(), asynchronous=True)
        replayable = _is_replayable(request)
        response = yield request
        told.check(response)
        if response.status_code in _MAY_TELL_WHY:
            await response.aread()
        if not _is_rejection(response, credential, now()):
            return
        try:
            renewed = await self._auth.acredential(rejected=credential)
        except AuthError:
            if replayable:
                raise
            return  # as in `sync_auth_flow`
        if replayable:
            sign(request, renewed, now=now(), asynchronous=True)
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


def sign(request: httpx2.Request, credential: Credential, *, now: float, asynchronous: bool = False) -> Told:
    """Put a credential on a request for its audience, and on no other; `now` is Unix seconds.

    Raises: Refused naming both origins.
    """
    place = str(origin(str(request.url)))
    if not credential.serves(place):
        raise Refused(
            f"the credential of {credential.where} is for {credential.audience}, "
            f"and the request goes to {place}",
            hint="use another profile or source for that address; see: keyturn explain",
            code="audience",
        )
    told = Told(waits=False)
    if credential.kind == "none":
        return told  # what the caller put there himself is for the gateway that signs
    for name in _SECRET_HEADERS:
        request.headers.pop(name, None)
    late: str | None = None
    for name, value in _headers(request, credential, now).items():
        if name == _LATE:
            told.waits, late = True, value
            continue
        if name == "anthropic-beta":
            value = _merged(request.headers.get(name), value)  # noqa: PLW2901 - the same header, completed
        request.headers[name] = value
    _bind(request, credential, told, late, asynchronous=asynchronous)
    return told


def _headers(request: httpx2.Request, credential: Credential, now: float) -> dict[str, str]:
    """What goes on this one request: the same for all of them, or a signature."""
    if not isinstance(credential, AwsKeys):
        return credential.headers()
    from keyturn.bedrock.sigv4 import query_to_sign, signature_headers

    if request.url.query:
        request.url = request.url.copy_with(query=query_to_sign(request.url.query))
    sent: dict[str, str] = {}
    for name, value in request.headers.multi_items():
        # a header that is sent twice is signed once, with both values
        sent[name] = f"{sent[name]},{value.strip()}" if name in sent else value.strip()
    return signature_headers(credential, request.method, str(request.url), sent, request.content, now=now)


async def _prepared_signer() -> None:
    """The first signature imports a good deal, and nobody on the event loop should wait for that."""
    import sys

    if "botocore.auth" not in sys.modules:
        import asyncio

        from keyturn.bedrock.sigv4 import prepare

        await asyncio.to_thread(prepare)


def _merged(there: str | None, value: str) -> str:
    listed = [item.strip() for item in (there or "").split(",") if item.strip()]
    return ",".join(listed if value in listed else [*listed, value])


def _is_rejection(response: httpx2.Response, credential: Credential, now: float) -> bool:
    """A 401 from the credential's own origin, or its 403 on a revoked or expired OAuth token (L19).

    Raises: Rejected where a wrong clock is what is wrong, as no other credential would be taken either.
    """
    if not credential.serves(str(origin(str(response.request.url)))) or credential.kind == "none":
        return False  # a redirect led away, and the credential did not go along; or there is none
    if isinstance(credential, AwsKeys):
        return response.status_code >= 400 and _is_aws_rejection(response, credential, now)  # noqa: PLR2004 - an error
    if response.status_code == _UNAUTHORIZED:
        return True
    if response.status_code == _FORBIDDEN and isinstance(credential, HelperKey):
        return credential.is_refused_in(response.text)
    if response.status_code != _FORBIDDEN or not isinstance(credential, BearerToken):
        return False
    text = response.text.lower()
    return "token" in text and ("revoked" in text or "expired" in text)


def _is_aws_rejection(response: httpx2.Response, credential: AwsKeys, now: float) -> bool:
    from keyturn.bedrock.answers import check_clock, is_rejection

    body = response.text if response.is_closed else ""
    if not is_rejection(response.status_code, response.headers, body):
        return False
    check_clock(credential, response.headers, body, now)
    return True


def _is_replayable(request: httpx2.Request) -> bool:
    """Whether the body is at hand: then httpx2 has it as bytes."""
    try:
        request.content  # noqa: B018 - raises RequestNotRead for a stream
    except httpx2.RequestNotRead:
        return False
    return True


def _bind(
    request: httpx2.Request, credential: Credential, told: Told, late: str | None, *, asynchronous: bool
) -> None:
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
        if credential.serves(_hop_origin(hop) or ""):
            told.hops += 1
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
