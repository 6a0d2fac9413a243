"""Whether AWS takes the credential, asked as cheaply as it can be: for keys, who they are.

A bearer key has no such question. It is asked for a list on Bedrock's own host, as the key goes nowhere else
(T13): `ListAsyncInvokes`, which costs nothing, and which needs no permission to tell a key from none.
"""

from __future__ import annotations

from keyturn.clean import clean
from keyturn.errors import Rejected, Unavailable
from keyturn.values import AwsKeys, BearerToken
from keyturn.wire import Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from keyturn.auth import Auth
    from keyturn.wire import Response

    Verdict = Literal["accepted", "rejected", "unreachable"]

_OK = 200
_REFUSED = (401, 403)
_LIST = "/async-invoke?maxResults=1"
# what AWS says of a key that it knows; one that may not be used at all lacks the second
_KNOWN, _NO_USE = "not authorized to perform", "bedrock:CallWithBearerToken"


def ask(auth: Auth, seconds: float) -> tuple[Verdict, str]:
    """A verdict and its reason, renewing once after a refusal. Raises: ConfigurationError, Refused."""
    from keyturn.bedrock.sts import caller_identity

    until = auth.world.clock() + seconds
    try:
        credential = auth.credential()
        if isinstance(credential, BearerToken):
            return _of_bearer(credential, _listed(auth, credential, seconds))
        if not isinstance(credential, AwsKeys):
            return "unreachable", (
                f"requests leave unsigned ({credential.where}), so there is no credential to ask about; "
                "a request can tell whether a gateway signs it: keyturn -p Hello"
            )
        try:
            who = caller_identity(auth.scene(), credential, seconds=seconds)
        except Rejected as error:
            if not error.facts.get("renewable"):
                raise
            renewed = auth.credential(rejected=credential)
            assert isinstance(renewed, AwsKeys)  # noqa: S101 - of the same source
            left = max(1.0, until - auth.world.clock())
            who = caller_identity(auth.scene(), renewed, seconds=left)
    except Rejected as error:
        return "rejected", clean(error.message)
    except Unavailable as error:
        return "unreachable", clean(error.message)
    return "accepted", f"AWS takes the keys of {who.arn}"


def _listed(auth: Auth, credential: BearerToken, seconds: float) -> Response:
    url = f"{credential.base_url.rstrip('/')}{_LIST}"
    headers = {**credential.headers(), "accept": "application/json"}
    return auth.world.send(Request(method="GET", url=url, headers=headers, body=b""), seconds=seconds)


def _of_bearer(credential: BearerToken, response: Response) -> tuple[Verdict, str]:
    from keyturn.bedrock.answers import is_rejection

    text, place = response.body.decode("utf-8", "replace"), credential.audience
    if response.status == _OK:
        return "accepted", f"{place} takes it"
    if is_rejection(response.status, response.headers, text) or response.status in _REFUSED:
        if _KNOWN in text and _NO_USE not in text:
            return "accepted", f"{place} takes it, and it may not list what was asked for"
        return "rejected", f"{place} refuses it with status {response.status}"
    return "unreachable", (
        f"{place} answered with status {response.status}, which says nothing about it; "
        "a request can tell: keyturn -p Hello"
    )
