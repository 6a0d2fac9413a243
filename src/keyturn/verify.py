"""Whether the server takes the credential: one small question to the API, with what a request would send."""

from __future__ import annotations

from keyturn.clean import clean
from keyturn.errors import Rejected, Unavailable
from keyturn.values import HelperKey, Value
from keyturn.wire import Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from keyturn.auth import Auth
    from keyturn.values import Credential
    from keyturn.wire import Response

    Verdict = Literal["accepted", "rejected", "unreachable"]

SECONDS = 10.0
API_VERSION = "2023-06-01"
_OK, _UNAUTHORIZED, _FORBIDDEN = 200, 401, 403


class Verified(Value):
    """The server's word; `unreachable` when it gave none that says anything about the credential."""

    __slots__ = ("detail", "verdict")
    detail: str
    verdict: Verdict


def verify(auth: Auth) -> Verified:
    """Ask `GET /v1/models` (on Bedrock: whose keys they are), renewing once after a refusal; 10 s in all.

    A renewal that has begun is not cut: it may take its own time, and then no further question is asked.
    Raises: StoreError, ConfigurationError, Refused. A login that cannot be renewed is a verdict.
    """
    if auth.route == "bedrock":
        from keyturn.bedrock.verifying import ask

        verdict, detail = ask(auth, SECONDS)
        return Verified(verdict=verdict, detail=detail)
    until = auth.world.clock() + SECONDS
    try:
        credential = auth.credential()
        response = _ask(auth, credential, until)
        if response.status == _UNAUTHORIZED or _is_refused(credential, response):
            response = _ask(auth, auth.credential(rejected=credential), until)
    except Rejected as error:
        return Verified(verdict="rejected", detail=clean(error.message))
    except Unavailable as error:
        return Verified(verdict="unreachable", detail=clean(error.message))
    return _verdict(credential, response)


def _ask(auth: Auth, credential: Credential, until: float) -> Response:
    left = until - auth.world.clock()
    if left <= 0:
        raise Unavailable(f"{credential.audience} was not asked: the {SECONDS:g} s for it were over")
    return auth.world.send(_question(auth, credential), seconds=left)


def _question(auth: Auth, credential: Credential) -> Request:
    if auth.route == "vertex":
        from keyturn.vertex.asking import counting

        return counting(auth.scene(), credential)
    url = f"{credential.base_url.rstrip('/')}/v1/models?limit=1"
    headers = {**credential.headers(), "anthropic-version": API_VERSION, "accept": "application/json"}
    return Request(method="GET", url=url, headers=headers, body=b"")


def _is_refused(credential: Credential, response: Response) -> bool:
    """Whether a 403 is one that a request would run the helper again for."""
    return (
        response.status == _FORBIDDEN
        and isinstance(credential, HelperKey)
        and credential.is_refused_in(response.body.decode("utf-8", "replace"))
    )


def _verdict(credential: Credential, response: Response) -> Verified:
    if response.status == _OK:
        return Verified(verdict="accepted", detail=f"{credential.audience} takes it")
    if response.status in (_UNAUTHORIZED, _FORBIDDEN):
        return Verified(
            verdict="rejected", detail=f"{credential.audience} refuses it with status {response.status}"
        )
    return Verified(
        verdict="unreachable",
        detail=f"{credential.audience} answered with status {response.status}, which says nothing about it",
    )
