"""AWS keys as they are found: of one place, complete, fit for a signature; else an error that says what."""

from __future__ import annotations

from keyturn import jsontext
from keyturn.errors import ConfigurationError, Rejected, frameless
from keyturn.values import AwsKeys, Secret, Value
from keyturn.variables import checked_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from keyturn.bedrock.target import Target
    from keyturn.scene import Scene
    from keyturn.settings.layers import Setting

ID, SECRET = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"
# today's name, and the older one that some tools still set, beside it or alone
TOKENS = ("AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN")
EXPIRATION = "AWS_CREDENTIAL_EXPIRATION"
_MEMBERS = ("AccessKeyId", "SecretAccessKey", "SessionToken")
_LONGEST = 16 * 1024


class Found(Value):
    """A set of keys; `method` says how they were come by, `expires_at` is Unix seconds or None."""

    __slots__ = ("access_key_id", "account", "expires_at", "method", "secret", "session_token")
    access_key_id: Secret
    account: str | None
    expires_at: float | None
    method: str
    secret: Secret
    session_token: Secret | None

    def credential(self, target: Target, source: str, where: str) -> AwsKeys:
        """The credential of a source."""
        return AwsKeys(
            access_key_id=self.access_key_id,
            account=self.account,
            audience=target.audience,
            base_url=target.base_url,
            billing="cloud",
            expires_at=self.expires_at,
            method=self.method,
            region=target.region,
            secret=self.secret,
            session_token=self.session_token,
            source=source,
            variables=target.variables,
            where=where,
        )


@frameless
def environment_keys(scene: Scene) -> Found | None:
    """The keys of the variables, all of one place: a session token of another place is not theirs.

    Raises: ConfigurationError for half a pair, for two halves of different places, for what cannot be a key.
    """
    key, secret = scene.variable(ID), scene.variable(SECRET)
    if key is None and secret is None:
        return None
    if key is None or secret is None:
        missing, there = (ID, secret) if key is None else (SECRET, key)
        assert there is not None  # noqa: S101 - one of the two is set
        raise ConfigurationError(
            f"{there.name} is set, and {missing} is not: half a pair of keys",
            hint=f"set both, or neither: {there.remedy} keyturn …",
            variable=missing,
        )
    if _place(key) != _place(secret):
        raise ConfigurationError(
            f"{key.where} and {secret.where} are of different places, and may not belong together",
            hint=f"set both in one place; or be rid of one pair: {secret.remedy} keyturn …",
            variable=SECRET,
        )
    token, expiration = _beside(scene, key, TOKENS), _beside(scene, key, (EXPIRATION,))
    return Found(
        access_key_id=_secret(key),
        account=None,
        expires_at=moment(expiration.value) if expiration is not None else None,
        method="env",
        secret=_secret(secret),
        session_token=_secret(token) if token is not None else None,
    )


def ambient_token(scene: Scene) -> str | None:
    """Where a session token lies that is not that of the keys in use; None when there is none."""
    key = scene.variable(ID)
    if key is None or _beside(scene, key, TOKENS) is not None:
        return None
    return next((found.where for name in TOKENS if (found := scene.variable(name)) is not None), None)


@frameless
def printed_keys(text: Secret, where: str, now: float) -> Found:
    """The keys that a command printed: nested in `Credentials`, flat, or as a credential_process prints them.

    Raises: Rejected naming what is wrong with them, never what they are.
    """
    try:
        found = jsontext.parse_object(text.reveal())
    except jsontext.NotJson as error:
        raise _unusable(
            where, f"what it printed is not JSON (line {error.line})", "export_not_json"
        ) from None
    nested = found.get("Credentials")
    if nested is not None:
        if not isinstance(nested, dict):
            raise _unusable(where, "its Credentials are no object", "export_shape")
        found = nested
    elif found.get("Version", 1) != 1:
        raise _unusable(where, "it printed a Version that is not 1", "export_shape")
    keys = {name: _member(found, name, where) for name in _MEMBERS}
    missing = [name for name in _MEMBERS[:2] if keys[name] is None]
    if missing:
        raise _unusable(where, f"it printed no {' and no '.join(missing)}", "export_incomplete")
    expires_at = moment(found.get("Expiration"))
    if expires_at is not None and expires_at <= now:
        raise _unusable(where, "the keys it printed have expired already", "export_expired")
    key, secret = keys["AccessKeyId"], keys["SecretAccessKey"]
    assert key is not None  # noqa: S101 - as checked above
    assert secret is not None  # noqa: S101 - as above
    return Found(
        access_key_id=key,
        account=None,
        expires_at=expires_at,
        method="export",
        secret=secret,
        session_token=keys["SessionToken"],
    )


def moment(value: object) -> float | None:
    """Unix seconds of an ISO 8601 time; None where it is none, as then nobody knows the end."""
    if not isinstance(value, str):
        return None
    from datetime import UTC, datetime

    try:
        moment = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()


def _beside(scene: Scene, key: Setting, names: tuple[str, ...]) -> Setting | None:
    """The first of these variables that is set in the same place as the key."""
    found = (scene.variable(name) for name in names)
    return next((other for other in found if other is not None and _place(other) == _place(key)), None)


def _place(setting: Setting) -> tuple[str, str | None]:
    return setting.scope, setting.path


def _secret(setting: Setting) -> Secret:
    text = checked_text(setting.value, setting.name)
    if text is None:
        raise ConfigurationError(
            f"{setting.name} holds nothing but spaces",
            hint=f"set it again, or be rid of it: {setting.remedy} keyturn …",
            variable=setting.key,
        )
    return Secret(text)


def _member(found: Mapping[str, Any], name: str, where: str) -> Secret | None:
    value = found.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > _LONGEST:
        raise _unusable(where, f"its {name} is no text of a key's length", "export_shape")
    try:
        text = checked_text(value, f"the {name} that {where} printed")
    except ConfigurationError as error:
        raise _unusable(where, error.message, "export_shape") from None
    return Secret(text) if text else None


def _unusable(where: str, what: str, code: str) -> Rejected:
    return Rejected(
        f"{where} gave no keys: {what}",
        hint="run that command by hand; it must print what `aws sts assume-role …` or "
        "`aws configure export-credentials` prints",
        code=code,
        where=where,
    )
