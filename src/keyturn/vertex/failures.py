"""Why Google gave no token, in words that name the file, the reason and the command that helps."""

from __future__ import annotations

from keyturn import jsontext
from keyturn.clean import clean
from keyturn.errors import AuthError, ConfigurationError, Rejected, Unavailable
from keyturn.vertex.adc import LOGIN_COMMAND, NAMES, executable_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from keyturn.vertex.adc import Adc
    from keyturn.vertex.sender import Sender
    from keyturn.wire import Response
    from keyturn.world import World

# RFC 6749 section 5.2: the client is wrong, not the grant; nothing that a new login alone would mend
_CLIENT_ERRORS = ("invalid_client", "unauthorized_client", "unsupported_grant_type", "deleted_client")
_REAUTH = ("invalid_rapt", "rapt_required")
# Google refuses an assertion whose times are further off than this
_CLOCK_SECONDS = 300.0
_OK, _BAD_REQUEST, _SERVER_ERROR = 200, 400, 500


def meaning(error: Exception, adc: Adc, sender: Sender, world: World) -> AuthError:
    """An error of keyturn for what google-auth raised, read from the answer itself where there is one."""
    response = sender.last
    if response is None or response.status < _BAD_REQUEST:
        redirected = response is not None and response.status != _OK
        if redirected or (response is not None and _is_about_answer(error)):
            return no_token(sender)
        return _local(error, adc)
    fields = _fields(response)
    code, said = _said(fields)
    if code == "invalid_grant":
        return _ended(adc, fields, said, response, world)
    words = f": {said}" if said else ""
    if code in _CLIENT_ERRORS:
        return ConfigurationError(
            f"{sender.host} does not know the client of {adc.place.path} ({code}){words}",
            hint=_anew(adc),
            code="google_client",
            path=adc.place.path,
        )
    if response.status >= _SERVER_ERROR:
        return Unavailable(
            f"{sender.host} gives no Google token now ({response.status})",
            hint="try again in a moment",
            code="token_endpoint",
            status=response.status,
            host=sender.host,
        )
    reason = f" ({code})" if code else ""
    return Rejected(
        f"{sender.host} gives no token for {adc.place.path}: {response.status}{reason}{words}",
        hint=_check_access(adc),
        code="google_refused",
        status=response.status,
        path=adc.place.path,
    )


def no_token(sender: Sender) -> AuthError:
    """The error for an answer that is no refusal and holds no token: a captive portal, a wrong address."""
    return Unavailable(
        f"{sender.host} answered something that is no token",
        hint="check the network (a sign-in page may answer instead) and token_uri or token_url of the file",
        code="not_a_token",
        host=sender.host,
    )


def _ended(adc: Adc, fields: dict[str, Any], said: str, response: Response, world: World) -> AuthError:
    """`invalid_grant`, which Google says for a login, a key and an assertion alike."""
    path = adc.place.path
    if fields.get("error_subtype") in _REAUTH or "reauth" in said.lower() or "rapt" in said.lower():
        return Rejected(
            f"your organisation asks for a new sign-in before {path} gives another token (invalid_rapt)",
            hint=f"run: {LOGIN_COMMAND}",
            code="reauth_needed",
            path=path,
        )
    words = f": {said}" if said else ""
    if adc.person:
        return Rejected(
            f"the Google login in {path} has expired or was revoked (invalid_grant{words})",
            hint=f"log in again: {LOGIN_COMMAND}",
            code="google_login_ended",
            path=path,
        )
    off = _clock_off(response, world)
    if off is not None:
        return Rejected(
            f"Google refuses what {path} signs (invalid_grant{words}), "
            f"and this machine's clock is {abs(off):.0f} s {'ahead' if off > 0 else 'behind'}",
            hint="set the clock, then try again: date -u",
            code="clock",
            path=path,
        )
    return Rejected(
        f"Google refuses {NAMES[adc.kind]} in {path} (invalid_grant{words})",
        hint=_check_access(adc),
        code="google_login_ended",
        path=path,
    )


def _clock_off(response: Response, world: World) -> float | None:
    from email.utils import parsedate_to_datetime

    try:
        theirs = parsedate_to_datetime(response.headers.get("date", "")).timestamp()
    except (ValueError, TypeError):
        return None
    off = world.now() - theirs
    return off if abs(off) > _CLOCK_SECONDS else None


def _local(error: Exception, adc: Adc) -> AuthError:
    """What went wrong on this machine: a key that cannot be read, a token file that is missing, a program."""
    # google-auth goes on with what a program printed, and that may be a token (T15)
    said = _first(error).partition(". Error: ")[0] if executable_of(adc.info) is not None else _first(error)
    kind, words = type(error).__name__, clean(said, 300).rstrip(".")
    path = adc.place.path
    if kind == "TimeoutExpired":
        return Unavailable(
            f"the program that {path} names did not end in time",
            hint="run it by hand and look what it waits for",
            code="executable_timeout",
            path=path,
        )
    if isinstance(error, OSError) and error.filename is not None:
        words = f"{error.filename}: {(error.strerror or kind).lower()}"
    if adc.kind == "service_account" and kind not in ("RefreshError", "TransportError"):
        words = "its private_key cannot be used"  # what the library says may quote the key
    return Rejected(
        f"no token can be got from {path}: {words or kind}",
        hint=_check_access(adc) if adc.kind == "service_account" else f"correct what {path} names",
        code="google_source",
        path=path,
    )


def _is_about_answer(error: Exception) -> bool:
    return not isinstance(error, OSError) and type(error).__name__ != "TimeoutExpired"


def _first(error: Exception) -> str:
    return str(error.args[0]) if error.args else ""


def _fields(response: Response) -> dict[str, Any]:
    try:
        return jsontext.parse_object(response.body.decode("utf-8"))
    except ValueError:
        return {}


def _said(fields: dict[str, Any]) -> tuple[str, str]:
    """The error's name and text, of a token endpoint or of another API of Google's."""
    error = fields.get("error")
    if isinstance(error, dict):
        return clean(str(error.get("status") or ""), 60), clean(str(error.get("message") or "")).rstrip(".")
    return (
        clean(str(error or ""), 60),
        clean(str(fields.get("error_description") or "")).rstrip("."),
    )


def _anew(adc: Adc) -> str:
    return f"log in again: {LOGIN_COMMAND}" if adc.person else f"make {adc.place.path} anew"


def _check_access(adc: Adc) -> str:
    if adc.person and adc.kind != "impersonated_service_account":
        return f"log in again: {LOGIN_COMMAND}"
    if adc.kind == "service_account" and adc.account:
        from shlex import quote  # whoever wrote the file shall not write the command

        account = quote(clean(adc.account, 120))
        return (
            "see whether the key still exists: "
            f"gcloud iam service-accounts keys list --iam-account={account}; "
            "and that this machine's clock is right: date -u"
        )
    if adc.account:
        account = clean(adc.account, 120)
        return f"check that it may act as {account} (roles/iam.serviceAccountTokenCreator)"
    return "check the provider's audience and conditions, and the token it is given"
