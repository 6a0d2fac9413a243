"""The device authorization grant as values (RFC 8628): requests to build, answers to read; no I/O."""

from __future__ import annotations

from keyturn.clean import clean
from keyturn.oauth import protocol
from keyturn.values import Secret, Value
from keyturn.wire import origin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, TypeGuard

    from keyturn.login import Authority
    from keyturn.wire import Request, Response

PENDING, SLOW_DOWN, EXPIRED = "authorization_pending", "slow_down", "expired_token"
# section 3.2: the interval that holds when none is named
INTERVAL_SECONDS = 5.0
_LONGEST_CODE = 64
# more than this is nothing to type on another device, and would fill the screen above the code
_LONGEST_ADDRESS = 2000
_LONGEST_PAUSE = 300.0
_SERVER_FAULT = 500


class DeviceCode(Value):
    """What the person is shown and what is polled with; times in seconds.

    `complete_uri` is the address with the code in it, where the server gives one.
    """

    __slots__ = ("complete_uri", "device_code", "interval", "life", "uri", "user_code")
    complete_uri: str | None
    device_code: Secret
    interval: float
    life: float
    uri: str
    user_code: str


def device_authorization(authority: Authority, *, scopes: Sequence[str]) -> Request:
    """Ask for a code (section 3.1); always a form, whatever the token endpoint wants."""
    fields = {"client_id": authority.client_id}
    if scopes:
        fields["scope"] = " ".join(scopes)
    if authority.resource:
        fields["resource"] = authority.resource
    return protocol.post(authority.device_url or "", fields, form=True, authority=authority)


def device_grant(authority: Authority, device_code: Secret) -> Request:
    """Ask whether the person has decided (section 3.4)."""
    fields = {"grant_type": protocol.DEVICE_CODE, "device_code": device_code.reveal()}
    return protocol.token_grant(authority, fields)


def read_device_code(response: Response) -> DeviceCode | protocol.Denied | protocol.Unreadable:
    """What the device authorization endpoint said."""
    found = protocol.object_of(response)
    denied = _denied(response, found)
    if denied is not None:
        return denied
    if response.status != 200:  # noqa: PLR2004 - HTTP's own number
        return protocol.unreadable(response, f"it answered with status {response.status}")
    if found is None:
        return protocol.unreadable(response, protocol.NOT_JSON)
    return _code_in(found) or protocol.unreadable(response, _fault(found))


def _code_in(found: Mapping[str, Any]) -> DeviceCode | None:
    uri, complete = _uri(found), found.get("verification_uri_complete")
    code, life, interval = found.get("user_code"), _seconds(found, "expires_in"), _interval(found)
    if not (protocol.is_token(found.get("device_code")) and _is_code(code) and _is_address(uri)):
        return None
    if life is None or interval is None:
        return None
    return DeviceCode(
        complete_uri=complete if _is_address(complete) and origin(complete) == origin(uri) else None,
        device_code=Secret(found["device_code"]),
        interval=interval,
        life=life,
        uri=uri,
        user_code=code,
    )


def _fault(found: Mapping[str, Any]) -> str:
    if not protocol.is_token(found.get("device_code")):
        return "its answer holds no device_code"
    if not _is_code(found.get("user_code")):
        return "its user_code is none that a person could type"
    if not _is_address(_uri(found)):
        return "its verification_uri is no address to open safely"
    return f"its {'interval' if _seconds(found, 'expires_in') else 'expires_in'} is not a number of seconds"


def _uri(found: Mapping[str, Any]) -> object:
    # the second is what it was called before the standard, and still is in places
    return found.get("verification_uri", found.get("verification_url"))


def _interval(found: Mapping[str, Any]) -> float | None:
    if found.get("interval") in (None, 0):
        return INTERVAL_SECONDS
    seconds = _seconds(found, "interval")
    return None if seconds is None else min(max(seconds, 1.0), _LONGEST_PAUSE)


def read_poll(response: Response) -> protocol.Granted | protocol.Denied | protocol.Unreadable:
    """What the token endpoint said to a poll: an error counts by its name, whatever its status.

    Servers answer "still waiting" with 400, and some with 403, 428 or 200.
    """
    return _denied(response, protocol.object_of(response)) or protocol.read_token(response)


def _denied(response: Response, found: Mapping[str, Any] | None) -> protocol.Denied | None:
    if found is None or response.status >= _SERVER_FAULT or not isinstance(found.get("error"), str):
        return None
    said = found.get("error_description")
    return protocol.Denied(
        error=found["error"], description=said if isinstance(said, str) else "", status=response.status
    )


def _seconds(found: Mapping[str, Any], name: str) -> float | None:
    value = found.get(name)
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:12])
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e9:  # noqa: PLR2004 - thirty years
        return None
    return float(value)


def _is_code(value: object) -> TypeGuard[str]:
    """Whether it can be shown as it is: nothing hidden in it, nothing that moves the cursor."""
    return isinstance(value, str) and 0 < len(value) <= _LONGEST_CODE and clean(value) == value


def _is_address(value: object) -> TypeGuard[str]:
    try:
        return isinstance(value, str) and len(value) <= _LONGEST_ADDRESS and origin(value).confidential
    except ValueError:
        return False
