"""What a store holds for a profile: a login, or the tombstone of one. Text in, values out."""

from __future__ import annotations

from keyturn import jsontext
from keyturn.errors import ConfigurationError, StoreCorrupt
from keyturn.values import Secret, Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

VERSION = 1
# three thousand years: beyond that a number is no time in seconds
TIME_LIMIT = 1e11
# A rotating login has one ancestor per renewal; the newest are those somebody may still hold (L5).
ANCESTORS_KEPT = 64
# in a keychain's cache, which never holds the refresh token: whether the keychain has one that is alive
CACHED_RENEWABLE = "cached_renewable"


class Identity(Value):
    """What compare-and-swap compares (L2): which login, which write of it, which refresh token."""

    __slots__ = ("generation", "login_id", "refresh_hash")
    generation: int
    login_id: str
    refresh_hash: str


class Authority(Value):
    """An OAuth 2 server as it was at the grant; pinned, because renewal never rediscovers (L3)."""

    __slots__ = (
        "authorize_url",
        "client_id",
        "client_secret",
        "device_url",
        "issuer",
        "resource",
        "revoke_url",
        "token_request",
        "token_url",
    )
    client_id: str
    client_secret: Secret | None
    device_url: str | None
    issuer: str | None
    authorize_url: str | None
    resource: str | None
    revoke_url: str | None
    token_request: str
    token_url: str


class Quarantine(Value):
    """Why and when (Unix seconds) the refresh token was found dead (I4, L16)."""

    __slots__ = ("at", "reason")
    at: float
    reason: str


class Tombstone(Value):
    """A profile somebody logged out of, kept so that a late renewal stores nothing (L4)."""

    __slots__ = ("at", "generation")
    at: float
    generation: int

    @property
    def identity(self) -> Identity:
        """As of a login, without any token."""
        return Identity(login_id="", generation=self.generation, refresh_hash="")


class Login(Value):
    """The stored result of a grant, or an API key that was given to be kept.

    Times are Unix seconds. `expires_at` is None when the server named no life. `ancestors` are SHA-256
    hashes of earlier refresh tokens. `extra` are fields this version does not know; they survive (P25).
    """

    __slots__ = (
        "access_token",
        "account",
        "account_id",
        "ancestors",
        "api_base_url",
        "api_key",
        "authority",
        "billing",
        "expires_at",
        "extra",
        "generation",
        "issued_at",
        "login_id",
        "oauth_beta",
        "organization",
        "organization_id",
        "profile",
        "quarantine",
        "refresh_token",
        "scopes",
    )
    access_token: Secret | None
    account: str | None
    account_id: str | None
    ancestors: tuple[str, ...]
    api_base_url: str | None
    api_key: Secret | None
    authority: Authority | None
    billing: str
    expires_at: float | None
    extra: Mapping[str, Any] | None
    generation: int
    issued_at: float
    login_id: str
    oauth_beta: bool
    organization: str | None
    organization_id: str | None
    profile: str
    quarantine: Quarantine | None
    refresh_token: Secret | None
    scopes: tuple[str, ...]

    @property
    def kind(self) -> str:
        """`api_key` or `bearer`."""
        return "api_key" if self.api_key is not None else "bearer"

    @property
    def identity(self) -> Identity:
        """What compare-and-swap compares."""
        return Identity(
            login_id=self.login_id,
            generation=self.generation,
            refresh_hash=fingerprint(self.refresh_token) if self.refresh_token else "",
        )

    @property
    def renewable(self) -> bool:
        """Whether there is a refresh token that nobody has called dead."""
        has_token = self.refresh_token is not None or (self.extra or {}).get(CACHED_RENEWABLE) is True
        return has_token and self.quarantine is None and self.authority is not None

    @property
    def who(self) -> str | None:
        """Account and organisation, for people."""
        if self.account and self.organization:
            return f"{self.account} ({self.organization})"
        return self.account or self.organization

    def same_person(self, other: Login) -> bool:
        """Whether issuer, account and organisation are the same, as far as both are known (L18)."""
        mine, theirs = _person(self), _person(other)
        return all(a is None or b is None or a == b for a, b in zip(mine, theirs, strict=True))


Record = Login | Tombstone


def fingerprint(secret: Secret) -> str:
    """SHA-256 of a refresh token: what records and journals say instead of it."""
    from hashlib import sha256

    return sha256(secret.reveal().encode()).hexdigest()


def read_record(text: str, where: str) -> Record:
    """The record of a store.

    Raises: StoreCorrupt naming `where`; ConfigurationError when a newer keyturn wrote it.
    """
    try:
        found = jsontext.parse_object(text) if text.strip() else None
    except jsontext.NotJson as error:
        raise _damaged(where, str(error)) from None
    if found is None:
        raise _damaged(where, "it is empty")
    version = found.get("version")
    if type(version) is not int:
        raise _damaged(where, "it has no version")
    if version > VERSION:
        raise ConfigurationError(
            f"{where} was written by a newer keyturn (format {version}, this one knows {VERSION})",
            hint="upgrade: pip install --upgrade keyturn",
        )
    try:
        return _Reader(found).record()
    except _WrongField as error:
        raise _damaged(where, str(error)) from None


def write_record(record: Record) -> str:
    """The text of a record, readable by a person, with every field it came with."""
    if isinstance(record, Tombstone):
        fields: dict[str, Any] = {
            "version": VERSION,
            "state": "logged_out",
            "generation": record.generation,
            "at": record.at,
        }
        return jsontext.dump(fields, indent=1) + "\n"
    fields = {**(record.extra or {}), "version": VERSION, "state": "login"}
    for name in Login.__slots__:
        if name == "extra":
            continue
        value = getattr(record, name)
        if isinstance(value, Secret):
            value = value.reveal()
        elif isinstance(value, Value):
            value = {
                key: item.reveal() if isinstance(item := getattr(value, key), Secret) else item
                for key in value.fields
            }
        fields[name] = value
    return jsontext.dump(fields, indent=1) + "\n"


class _WrongField(ValueError):
    pass


class _Reader:
    """Takes typed fields out of a JSON object and says which one is wrong, never what it held."""

    def __init__(self, found: dict[str, Any]) -> None:
        self._found = found

    def record(self) -> Record:
        state = self._found.get("state", "login")
        if state == "logged_out":
            return Tombstone(generation=self.integer("generation"), at=self.number("at") or 0.0)
        if state != "login":
            raise _WrongField("its state is unknown")
        key, token = self.secret("api_key"), self.secret("access_token")
        refresh = self.secret("refresh_token")
        if key is None and token is None and refresh is None:
            raise _WrongField("it holds neither a token nor a key")
        known = {*Login.__slots__, "version", "state"}
        return Login(
            access_token=token,
            account=self.text("account"),
            account_id=self.text("account_id"),
            ancestors=self.texts("ancestors"),
            api_base_url=self.text("api_base_url"),
            api_key=key,
            authority=self.authority(),
            billing=self.text("billing") or "unknown",
            expires_at=self.number("expires_at"),
            extra={name: value for name, value in self._found.items() if name not in known},
            generation=self.integer("generation"),
            issued_at=self.number("issued_at") or 0.0,
            login_id=self.text("login_id") or "",
            oauth_beta=self._found.get("oauth_beta") is True,
            organization=self.text("organization"),
            organization_id=self.text("organization_id"),
            profile=self.text("profile") or "",
            quarantine=self.quarantine(),
            refresh_token=refresh,
            scopes=self.texts("scopes"),
        )

    def authority(self) -> Authority | None:
        inner = self.inner("authority")
        if inner is None:
            return None
        token_url, client_id = inner.text("token_url"), inner.text("client_id")
        if not token_url or not client_id:
            raise _WrongField("its authority names no token_url or no client_id")
        return Authority(
            client_id=client_id,
            client_secret=inner.secret("client_secret"),
            device_url=inner.text("device_url"),
            issuer=inner.text("issuer"),
            authorize_url=inner.text("authorize_url"),
            resource=inner.text("resource"),
            revoke_url=inner.text("revoke_url"),
            token_request=inner.text("token_request") or "form",
            token_url=token_url,
        )

    def quarantine(self) -> Quarantine | None:
        inner = self.inner("quarantine")
        if inner is None:
            return None
        return Quarantine(at=inner.number("at") or 0.0, reason=inner.text("reason") or "it was rejected")

    def inner(self, name: str) -> _Reader | None:
        value = self._found.get(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise _WrongField(f"its field {name} is not an object")
        return _Reader(value)

    def text(self, name: str) -> str | None:
        value = self._found.get(name)
        if value is not None and not isinstance(value, str):
            raise _WrongField(f"its field {name} is not a text")
        return value or None

    def secret(self, name: str) -> Secret | None:
        value = self.text(name)
        if value is None:
            return None
        if not value.isascii() or not value.isprintable() or " " in value:
            raise _WrongField(f"its field {name} holds a character no header can carry")
        return Secret(value)

    def texts(self, name: str) -> tuple[str, ...]:
        value = self._found.get(name)
        # a login is worth more than its list of scopes: anything but a list of texts counts as none
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            return ()
        return tuple(value)

    def number(self, name: str) -> float | None:
        value = self._found.get(name)
        if value is None:
            return None
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not -TIME_LIMIT < value < TIME_LIMIT
        ):
            raise _WrongField(f"its field {name} is not a time in seconds")
        return float(value)

    def integer(self, name: str) -> int:
        value = self._found.get(name, 0)
        if type(value) is not int or value < 0:
            raise _WrongField(f"its field {name} is not a counting number")
        return value


def _person(login: Login) -> tuple[str | None, str | None, str | None]:
    issuer = login.authority.issuer or login.authority.token_url if login.authority else None
    return (issuer, login.account_id or login.account, login.organization_id or login.organization)


def _damaged(where: str, why: str) -> StoreCorrupt:
    return StoreCorrupt(
        f"{where} is damaged: {why}",
        hint="log in again: keyturn login (the damaged record is then moved aside, not deleted)",
        where=where,
    )
