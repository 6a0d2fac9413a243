"""What AWS says when it takes no credential, sorted by what can be done about it."""

from __future__ import annotations

from keyturn import jsontext
from keyturn.errors import Rejected

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from keyturn.values import AwsKeys

# The credential has ended or is not known: new ones may help. Codes with and without their `Exception`.
EXPIRED = (
    "ExpiredToken",
    "RequestExpired",
    "TokenRefreshRequired",
)
UNKNOWN = (
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidToken",
    "NotAuthorized",
    "UnrecognizedClient",
)
# The signature does not fit: a wrong secret, or a clock that is wrong.
SIGNATURE = ("InvalidSignature", "RequestTimeTooSkewed", "SignatureDoesNotMatch")
MISSING = ("IncompleteSignature", "MissingAuthenticationToken")
SKEW_SECONDS = 300.0  # what AWS lets a clock be wrong by


def code_of(headers: Mapping[str, str], body: str) -> str:
    """The error code of an answer, without `Exception` and what AWS puts around it; empty for none."""
    code = headers.get("x-amzn-errortype") or ""
    if not code and body.lstrip().startswith("{"):
        try:
            found = jsontext.parse_object(body)
        except jsontext.NotJson:
            found = {}
        code = str(found.get("__type") or found.get("code") or "")
    if not code and "<Code>" in body:
        code = body.partition("<Code>")[2].partition("<")[0]
    return code.partition(":")[0].rpartition("#")[2].strip().removesuffix("Exception")


def is_rejection(status: int, headers: Mapping[str, str], body: str) -> bool:
    """Whether the answer is about the credential, and another one might be taken."""
    if status not in (400, 401, 403):
        return False
    code = code_of(headers, body)
    return code in (*EXPIRED, *UNKNOWN, *SIGNATURE, *MISSING) or (status == 401 and not code)  # noqa: PLR2004 - unauthorized


def check_clock(keys: AwsKeys, headers: Mapping[str, str], body: str, now: float) -> None:
    """Raises: Rejected with the measured skew when a signature is refused and the clocks disagree."""
    if code_of(headers, body) not in (*SIGNATURE, "RequestExpired"):
        return
    ahead = skew(headers, now)
    if ahead is None or abs(ahead) <= SKEW_SECONDS:
        return
    way = "ahead of" if ahead > 0 else "behind"
    raise Rejected(
        f"this machine's clock is {abs(ahead) / 60:.0f} min {way} that of {keys.audience}, and AWS takes "
        f"signatures of {SKEW_SECONDS / 60:.0f} min at most",
        hint="set the clock, then try again; look at it: date -u",
        code="clock_skew",
        skew=round(ahead),
        source=keys.source,
    )


def skew(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds by which this machine's clock is ahead of the server's; None when the server names no time."""
    from email.utils import parsedate_to_datetime

    try:
        return now - parsedate_to_datetime(headers.get("date") or "").timestamp()
    except (TypeError, ValueError, OverflowError):
        return None
