"""AWS's token service: whose keys these are, and short-lived keys in place of lasting ones."""

from __future__ import annotations

from keyturn.bedrock.answers import EXPIRED, MISSING, UNKNOWN, check_clock, code_of
from keyturn.bedrock.keys import Found, moment
from keyturn.bedrock.region import address, host
from keyturn.clean import clean
from keyturn.errors import Rejected, Unavailable, frameless
from keyturn.redact import redact
from keyturn.values import Secret, Value
from keyturn.wire import Request, origin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from keyturn.scene import Scene
    from keyturn.values import AwsKeys
    from keyturn.wire import Response

SECONDS = 10.0
_VERSION = "2011-06-15"
_ENDPOINTS = ("AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL")
_OK, _SERVER_ERROR, _TOO_MANY = 200, 500, 429


class Identity(Value):
    """Who the keys are, as AWS says: `arn` names the user or the role and its session."""

    __slots__ = ("account", "arn")
    account: str
    arn: str


def caller_identity(scene: Scene, keys: AwsKeys, *, seconds: float = SECONDS) -> Identity:
    """Ask GetCallerIdentity, which every valid key may.

    Raises: Rejected, with the fact `renewable` true where the keys have expired or are not known; Unavailable
    when nothing was learnt about them; ConfigurationError, Refused.
    """
    said = _ask(scene, keys, {"Action": "GetCallerIdentity"}, seconds)
    return Identity(account=clean(_member(said, "Account"), 64), arn=clean(_member(said, "Arn"), 300))


@frameless
def session_of(scene: Scene, keys: AwsKeys, *, seconds: float = SECONDS) -> Found:
    """Keys of 12 hours for the lasting keys of a user (GetSessionToken). Raises: as `caller_identity`."""
    said = _ask(scene, keys, {"Action": "GetSessionToken"}, seconds)
    ends = moment(_member(said, "Expiration"))
    if ends is None:
        raise _no_member("Expiration")
    return Found(
        access_key_id=Secret(_member(said, "AccessKeyId")),
        account=keys.account,
        expires_at=ends,
        method=f"{keys.method}, session",
        secret=Secret(_member(said, "SecretAccessKey")),
        session_token=Secret(_member(said, "SessionToken")),
    )


def endpoint(scene: Scene, region: str) -> str:
    """Where the token service is asked. Raises: ConfigurationError, Refused for plain http."""
    for name in _ENDPOINTS:
        url = address(scene, name)
        if url is not None:
            return scene.confidential(url)
    return f"https://{host('sts', region)}"


def _ask(scene: Scene, keys: AwsKeys, fields: Mapping[str, str], seconds: float) -> str:
    from urllib.parse import urlencode

    from keyturn.bedrock.sigv4 import signature_headers

    url = f"{endpoint(scene, keys.region).rstrip('/')}/"
    body = urlencode({**fields, "Version": _VERSION}).encode()
    plain = {"content-type": "application/x-www-form-urlencoded", "host": _host(url)}
    now = scene.world.now()
    signature = signature_headers(keys, "POST", url, plain, body, now=now, service="sts")
    headers = {"content-type": plain["content-type"], "accept": "text/xml", **signature}
    response = scene.world.send(Request(method="POST", url=url, headers=headers, body=body), seconds=seconds)
    text = response.body.decode("utf-8", "replace")
    if response.status != _OK:
        check_clock(keys, response.headers, text, now)
        raise _refusal(keys, response, text, url)
    return text


def _refusal(keys: AwsKeys, response: Response, text: str, url: str) -> Rejected | Unavailable:
    code = code_of(response.headers, text)
    said = redact(clean(text.partition("<Message>")[2].partition("<")[0], 300))
    place = origin(url)
    if response.status >= _SERVER_ERROR or response.status == _TOO_MANY or not code:
        return Unavailable(
            f"{place} answered with status {response.status}, which says nothing about the keys",
            hint="try again in a moment",
            code="sts_unavailable",
            sent=True,
        )
    ended = code in (*EXPIRED, *UNKNOWN, *MISSING)
    return Rejected(
        f"{place} does not take the keys of {keys.where}: {code}" + (f" ({said})" if said else ""),
        hint="renew them where they come from; see: keyturn explain",
        code="aws_expired" if ended else "aws_denied",
        renewable=ended,
        said=code,
    )


def _member(text: str, name: str) -> str:
    """The text of one element of an answer: they are flat, and hold no element of that name twice."""
    from xml.sax.saxutils import unescape

    found = text.partition(f"<{name}>")[2].partition(f"</{name}>")[0].strip()
    if not found:
        raise _no_member(name)
    return unescape(found)


def _no_member(name: str) -> Unavailable:
    return Unavailable(
        f"the token service's answer holds no {name}",
        hint="check the address: something else may answer there",
        code="sts_answer",
        sent=True,
    )


def _host(url: str) -> str:
    return url.partition("://")[2].partition("/")[0]
