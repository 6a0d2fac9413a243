"""Frozen, redacted values without I/O: secrets and the credentials made of them.

Plain slotted classes and no dataclasses: these modules are on the way of every `keyturn token`, and
importing `dataclasses` alone costs more than the whole rest of that way.
"""

from __future__ import annotations

from _operator import _compare_digest as equal_in_constant_time  # what hmac re-exports, without its import

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import ClassVar, NoReturn, Self

API_ORIGIN = "https://api.anthropic.com"
OAUTH_BETA = "oauth-2025-04-20"
BILLING = ("subscription", "metered", "cloud", "gateway", "unknown")


class Value:
    """A value: its slots are set once, by keyword, and compared field by field."""

    __slots__ = ()
    fields: tuple[str, ...] = ()

    def __init_subclass__(cls) -> None:
        cls.fields = (*cls.fields, *cls.__dict__.get("__slots__", ()))

    def __init__(self, **values: object) -> None:
        for name in values:
            if name not in self.fields:
                raise TypeError(f"{type(self).__name__} has no field {name!r}")
        for name in self.fields:
            object.__setattr__(self, name, values.get(name))

    def replace(self, **values: object) -> Self:
        """The same value with some fields changed."""
        return type(self)(**{**{name: getattr(self, name) for name in self.fields}, **values})

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is frozen: {name} cannot be set")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is frozen: {name} cannot be deleted")

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.fields)

    def __hash__(self) -> int:
        return hash((type(self), *(getattr(self, name) for name in self.fields)))

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.fields)
        return f"{type(self).__name__}({fields})"


class Secret:
    """A string that does not show itself: not in repr, str, format, pickle or a copied traceback (T15)."""

    __slots__ = ("_text",)
    _text: str
    heard: ClassVar[Callable[[str], None] | None] = None  # gets each new one; `logs` masks them so

    def __init__(self, text: str) -> None:
        object.__setattr__(self, "_text", text)
        if Secret.heard is not None:
            Secret.heard(text)

    def reveal(self) -> str:
        """The text; every call is a place where a secret leaves keyturn's hands."""
        return self._text

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a Secret is frozen")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return equal_in_constant_time(self.reveal().encode(), other.reveal().encode())

    def __hash__(self) -> int:
        return hash(self._text)

    def __bool__(self) -> bool:
        return bool(self._text)

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret cannot be pickled or copied by reduction")


class Credential(Value):
    """What a program needs for its requests.

    `source` is the id of the source, `where` says where that found it, `audience` is the origin it may be
    sent to and `base_url` the address below it, `expires_at` is Unix seconds or None when unknown. From
    `stale_at` on, by the clock of the World, its source is asked again before it is used; None: as ever.
    """

    __slots__ = (
        "account",
        "audience",
        "base_url",
        "billing",
        "expires_at",
        "secret",
        "source",
        "stale_at",
        "where",
    )

    kind: str = "none"
    # variables beside `environment` that would make a child take another credential than this one
    displaces: tuple[str, ...] = ()
    source: str
    where: str
    secret: Secret
    audience: str
    base_url: str
    billing: str
    expires_at: float | None
    account: str | None
    stale_at: float | None

    def headers(self) -> dict[str, str]:
        """The headers of one request with this credential."""
        raise NotImplementedError

    def serves(self, place: str) -> bool:
        """Whether it may be sent to an origin (T13)."""
        return place == self.audience

    def environment(self) -> Mapping[str, str]:
        """The variables that hand this credential, and where it goes, to a child process of `keyturn run`."""
        raise NotImplementedError


class ApiKey(Credential):
    """A long-lived key, sent as `x-api-key`."""

    __slots__ = ()
    kind = "api_key"

    def headers(self) -> dict[str, str]:
        """`x-api-key`."""
        return {"x-api-key": self.secret.reveal()}

    def environment(self) -> Mapping[str, str]:
        """ANTHROPIC_API_KEY."""
        return {"ANTHROPIC_API_KEY": self.secret.reveal(), "ANTHROPIC_BASE_URL": self.base_url}


class HelperKey(ApiKey):
    """What a helper printed, be it a key or a token: sent as both, for nobody says which (R56)."""

    __slots__ = ()

    def headers(self) -> dict[str, str]:
        """`x-api-key` and `Authorization`."""
        secret = self.secret.reveal()
        return {"x-api-key": secret, "Authorization": f"Bearer {secret}"}

    def environment(self) -> Mapping[str, str]:
        """ANTHROPIC_API_KEY and ANTHROPIC_AUTH_TOKEN, from which the official SDKs make the same headers."""
        return {**super().environment(), "ANTHROPIC_AUTH_TOKEN": self.secret.reveal()}

    @staticmethod
    def is_refused_in(text: str) -> bool:
        """Whether the body of a 403 says that the credential itself is no longer good (P21)."""
        said, what = text.lower(), ("token", "key", "credential", "authentication")
        ended = "invalid" in said or "revoked" in said
        return "expired" in said or (ended and any(word in said for word in what))


class BearerToken(Credential):
    """A token sent as `Authorization: Bearer`; an OAuth token for the API also names its beta."""

    __slots__ = ("oauth_beta",)
    kind = "bearer"
    oauth_beta: bool

    def headers(self) -> dict[str, str]:
        """`Authorization`, and the beta of an OAuth token."""
        headers = {"Authorization": f"Bearer {self.secret.reveal()}"}
        if self.oauth_beta:
            headers["anthropic-beta"] = OAUTH_BETA
        return headers

    def environment(self) -> Mapping[str, str]:
        """CLAUDE_CODE_OAUTH_TOKEN for an OAuth token of the API, else ANTHROPIC_AUTH_TOKEN."""
        secret = self.secret.reveal()
        variables = {"ANTHROPIC_AUTH_TOKEN": secret, "ANTHROPIC_BASE_URL": self.base_url}
        if not self.oauth_beta:
            return variables
        # Command lines for Claude know the second name, the official SDKs the first one and the header.
        return {
            **variables,
            "CLAUDE_CODE_OAUTH_TOKEN": secret,
            "ANTHROPIC_CUSTOM_HEADERS": f"anthropic-beta: {OAUTH_BETA}",
        }


class Unsigned(Credential):
    """No credential at all: requests leave as the caller made them, and a gateway adds what it must.

    `variables` say so to a child; what the caller put into `Authorization` is his own and stays.
    """

    __slots__ = ("variables",)
    kind = "none"
    variables: Mapping[str, str]

    def headers(self) -> dict[str, str]:
        """None."""
        return {}

    def environment(self) -> Mapping[str, str]:
        """The variables that switch a child's signing off."""
        return self.variables


class CloudToken(BearerToken):
    """A bearer token of a cloud route: a child finds it in `variable`, and where it goes in `variables`."""

    __slots__ = ("variable", "variables")
    variable: str
    variables: Mapping[str, str]

    def environment(self) -> Mapping[str, str]:
        """The route's own variables, and none of the API's."""
        return {**self.variables, self.variable: self.secret.reveal()}


class AwsKeys(Credential):
    """AWS keys, which sign each request (SigV4) and are in no header; `secret` is the secret access key.

    `method` says how they were come by, in botocore's words; `variables` say where requests go.
    """

    __slots__ = ("access_key_id", "method", "region", "session_token", "variables")
    kind = "aws"
    displaces = (
        # the end, the account and the older token's name belong to the keys that were there
        *("AWS_ACCOUNT_ID", "AWS_CREDENTIAL_EXPIRATION", "AWS_SECURITY_TOKEN", "AWS_SESSION_TOKEN"),
        *("AWS_BEARER_TOKEN_BEDROCK", "AWS_DEFAULT_PROFILE", "AWS_PROFILE"),
        *("AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
        *("AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
        *("AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME", "AWS_WEB_IDENTITY_TOKEN_FILE"),
    )
    access_key_id: Secret
    method: str
    region: str
    session_token: Secret | None
    variables: Mapping[str, str]

    def headers(self) -> dict[str, str]:
        """Raises: UsageError, for a signature is made for one request and no other."""
        from keyturn.errors import UsageError

        raise UsageError(
            "AWS keys are in no header: they sign each request",
            hint="use keyturn.http.RequestAuth(auth), or keyturn.anthropic(auth)",
            code="no_header",
        )

    def environment(self) -> Mapping[str, str]:
        """The three AWS variables, and those of where requests go."""
        token = {"AWS_SESSION_TOKEN": self.session_token.reveal()} if self.session_token else {}
        return {
            **self.variables,
            "AWS_ACCESS_KEY_ID": self.access_key_id.reveal(),
            "AWS_SECRET_ACCESS_KEY": self.secret.reveal(),
            **token,
        }

    def as_process(self) -> dict[str, object]:
        """The object that a `credential_process` prints."""
        given: dict[str, object] = {
            "Version": 1,
            "AccessKeyId": self.access_key_id.reveal(),
            "SecretAccessKey": self.secret.reveal(),
        }
        if self.session_token is not None:
            given["SessionToken"] = self.session_token.reveal()
        return given
