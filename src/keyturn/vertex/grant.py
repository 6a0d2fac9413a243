"""A token for what was found: by google-auth for files, by the metadata server for this machine."""

from __future__ import annotations

from keyturn.clean import clean
from keyturn.errors import AuthError, Refused, frameless
from keyturn.values import Secret, Value
from keyturn.vertex import failures, metadata
from keyturn.vertex.adc import executable_of
from keyturn.vertex.sender import Sender
from keyturn.vertex.token import is_sendable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from keyturn.vertex.adc import Adc
    from keyturn.world import World

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_EXECUTABLES = "GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES"
_AWS_SUBJECT = "urn:ietf:params:aws:token-type:aws4_request"


class Token(Value):
    """An access token and its life: `lives` in seconds (None: nobody said), from `clock` on (World's).

    `expires_at` is the same in Unix seconds, for people.
    """

    __slots__ = ("clock", "expires_at", "lives", "secret")
    clock: float
    expires_at: float | None
    lives: float | None
    secret: Secret


@frameless
def fetch(world: World, adc: Adc, *, patient: bool = False) -> Token:
    """A new token; `patient` where there has been one before.

    Raises: Rejected, Unavailable, NoCredential, Refused, ConfigurationError.
    """
    if adc.place.host is not None:
        text, lives = metadata.token(world, adc.place.host, SCOPE, patient=patient)
        return _token(world, text, lives)
    _check_executable(world, adc)
    sender = Sender(world)
    failure: AuthError
    try:
        credentials = _credentials(adc)
        before = _utc()
        credentials.refresh(sender)
        text = credentials.token
        ends = credentials.expiry
        lives = round((ends - before).total_seconds(), 1) if ends is not None else None
    except AuthError:
        raise
    # Raised outside the handler: google-auth's errors carry answers and requests (T15).
    except Exception as error:  # noqa: BLE001 - whatever the library makes of a bad file or a bad answer
        failure = failures.meaning(error, adc, sender, world)
    else:
        if isinstance(text, str) and is_sendable(text):
            return _token(world, text, lives)
        failure = failures.no_token(sender)
    raise failure


def _token(world: World, text: str, lives: float | None) -> Token:
    # the lifetime counts, not the date of another clock: this machine's may be wrong
    known = lives if lives is not None and lives > 0 else None
    ends = world.now() + known if known is not None else None
    return Token(secret=Secret(text), clock=world.clock(), lives=known, expires_at=ends)


def _utc() -> Any:  # noqa: ANN401 - a naive time, as google-auth counts in
    from google.auth import _helpers

    return _helpers.utcnow()  # type: ignore[no-untyped-call]


def _credentials(adc: Adc) -> Any:  # noqa: ANN401 - google-auth's own classes
    """The class that reads this kind of file; not `load_credentials_from_dict`, which asks the network."""
    from importlib import import_module

    info, scopes = dict(adc.info), [SCOPE]
    if adc.kind == "authorized_user":
        module = import_module("google.oauth2.credentials")
        return module.Credentials.from_authorized_user_info(info)
    if adc.kind == "service_account":
        module = import_module("google.oauth2.service_account")
        return module.Credentials.from_service_account_info(info, scopes=scopes)
    if adc.kind == "external_account_authorized_user":
        module = import_module("google.auth.external_account_authorized_user")
        return module.Credentials.from_info(info)
    if adc.kind == "impersonated_service_account":
        module = import_module("google.auth.impersonated_credentials")
        return module.Credentials.from_impersonated_service_account_info(info, scopes=scopes)
    return import_module(_external_module(info)).Credentials.from_info(info, scopes=scopes)


def _external_module(info: dict[str, Any]) -> str:
    if info.get("subject_token_type") == _AWS_SUBJECT:
        return "google.auth.aws"
    return "google.auth.pluggable" if executable_of(info) is not None else "google.auth.identity_pool"


def _check_executable(world: World, adc: Adc) -> None:
    """A credentials file runs no program unless the person allowed that, by Google's own switch.

    Of the process environment alone: a settings file of a project must not be able to allow it.
    """
    executable = executable_of(adc.info)
    if executable is None or (world.variable(_EXECUTABLES) or "").strip() == "1":
        return
    command = executable.get("command") if isinstance(executable, dict) else None
    raise Refused(
        f"{adc.place.path} gets its token from a program, and that is not allowed: "
        f"{clean(str(command), 200)}",
        hint=f"look at the program, then allow it: export {_EXECUTABLES}=1",
        code="executable",
        path=adc.place.path,
    )
