"""What a store holds for a profile: a login, or the tombstone of one. Text in, values out."""

from __future__ import annotations

from keyturn.values import Secret, Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


# A rotating login has one ancestor per renewal; the newest are those somebody may still hold (L5).
ANCESTORS_KEPT = 64
# in a keychain's cache, which never holds the refresh token: whether the keychain has one that is alive
CACHED_RENEWABLE = "cached_renewable"
# until the next renewal: the kind of the store that the login was moved out of
MOVED_FROM = "moved_from"
# in `extra`: what a renewal took away of what was granted, for `status` to say
SCOPES_LOST = "scopes_lost"
# when the login itself ends, in Unix seconds, where its authority or the person who entered it said so
ENDS_AT = "ends_at"
# before an id: what the server called it, unless that was `uuid`
ID_KINDS = ("id", "sub")


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


class Moved(Value):
    """What a login leaves in the store that it was moved out of: running programs follow it `to` another."""

    __slots__ = ("at", "generation", "to")
    at: float
    generation: int
    to: str

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
    def ends_at(self) -> float | None:
        """When the login itself ends, whatever its access token does; None where nobody said so."""
        value = (self.extra or {}).get(ENDS_AT)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        return float(value) if 0 < value < 1e11 else None  # noqa: PLR2004 - seconds, not milliseconds

    def follows(self, other: Login) -> bool:
        """Whether this is the very next record of the same login: what was made of `other` by renewal."""
        mine, before = self.identity, other.identity
        if (mine.login_id, mine.generation) != (before.login_id, before.generation + 1):
            return False
        return before.refresh_hash == mine.refresh_hash or self.ancestors[-1:] == (before.refresh_hash,)

    @property
    def who(self) -> str | None:
        """Account and organisation, for people."""
        if self.account and self.organization:
            return f"{self.account} ({self.organization})"
        return self.account or self.organization

    def same_person(self, other: Login) -> bool:
        """Whether kind, issuer, account and organisation are the same, as far as both are known (L18).

        Of one grant (one `login_id`) an id decides, and never a name: people change their e-mail address.
        """
        named = self.login_id != other.login_id
        return self.kind == other.kind and all(
            _agree(mine, theirs, named=named)
            for mine, theirs in zip(_person(self), _person(other), strict=True)
        )


Record = Login | Tombstone | Moved


def fingerprint(secret: Secret) -> str:
    """SHA-256 of a refresh token: what records and journals say instead of it."""
    from hashlib import sha256

    return sha256(secret.reveal().encode()).hexdigest()


def _person(login: Login) -> tuple[tuple[str | None, str | None], ...]:
    issuer = login.authority.issuer or login.authority.token_url if login.authority else None
    return (
        (issuer, None),
        (login.account_id, login.account),
        (login.organization_id, login.organization),
    )


def _agree(
    mine: tuple[str | None, str | None], theirs: tuple[str | None, str | None], *, named: bool
) -> bool:
    """By id where both have one of the same kind, else by name, if names count."""
    (one, one_name), (other, other_name) = mine, theirs
    if one is not None and other is not None and _id_kind(one) == _id_kind(other):
        return one == other
    return not named or one_name is None or other_name is None or one_name == other_name


def _id_kind(text: str) -> str:
    kind, mark, _ = text.partition(":")
    return kind if mark and kind in ID_KINDS else ""
