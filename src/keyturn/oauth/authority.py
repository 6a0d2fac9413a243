"""Learning about an authorization server: discovery (RFC 8414, then OpenID) and registration (RFC 7591)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keyturn import jsontext
from keyturn.errors import AuthError, ConfigurationError, Refused, Unavailable
from keyturn.login import Authority
from keyturn.oauth import protocol
from keyturn.values import Secret, Value
from keyturn.wire import Request, origin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keyturn.settings.config import Profile
    from keyturn.wire import Response
    from keyturn.world import World

_OK, _CREATED, _NOT_FOUND, _SERVER_FAULT, _TOO_MANY = 200, 201, 404, 500, 429


class Metadata(Value):
    """What an authority says of itself, or a person said for it; checked, and frozen for one attempt (T10).

    `s256` is whether it says that it supports PKCE S256, `names_issuer` whether it promises `iss` in answers.
    The last three are keyturn's own extensions, believed of a loopback authority only (the sandbox).
    """

    __slots__ = (
        "api_base_url",
        "authorize_url",
        "device_url",
        "issuer",
        "names_issuer",
        "oauth_beta",
        "paste_redirect_uri",
        "registration_url",
        "revoke_url",
        "s256",
        "token_url",
    )
    api_base_url: str | None
    authorize_url: str
    device_url: str | None
    issuer: str | None
    names_issuer: bool
    oauth_beta: bool
    paste_redirect_uri: str | None
    registration_url: str | None
    revoke_url: str | None
    s256: bool
    token_url: str

    def authority(self, client_id: str, client_secret: Secret | None, profile: Profile) -> Authority:
        """The authority as a login pins it (L3)."""
        return Authority(
            issuer=self.issuer,
            authorize_url=self.authorize_url,
            token_url=self.token_url,
            revoke_url=self.revoke_url,
            device_url=self.device_url,
            client_id=client_id,
            client_secret=client_secret,
            resource=profile.resource,
            token_request=profile.token_request,
        )


def metadata_of(world: World, profile: Profile) -> Metadata:
    """The authority of a profile: discovered from its issuer, or as its endpoints are named.

    Raises: ConfigurationError, Refused (an address no secret may go to), Unavailable.
    """
    if profile.issuer:
        found = _discover(world, profile.issuer)
        named = {
            name: value
            for name in ("authorize_url", "token_url", "revoke_url", "device_url")
            if (value := getattr(profile, name))
        }
        return found.replace(**named)
    if profile.authorize_url and profile.token_url:
        for name in ("authorize_url", "token_url", "revoke_url", "device_url"):
            if value := getattr(profile, name):
                _check_address(value, name, allow_loopback=True)
        return Metadata(
            authorize_url=profile.authorize_url,
            token_url=profile.token_url,
            revoke_url=profile.revoke_url,
            device_url=profile.device_url,
            names_issuer=False,
            oauth_beta=False,
            s256=False,
        )
    raise ConfigurationError(
        f"profile {profile.name} names no authority to log in to",
        hint="name one: keyturn login --issuer https://…; or its endpoints: --authorize-url … --token-url …; "
        "or keep an API key: keyturn login --with-api-key",
        code="no_authority",
    )


def client_of(
    world: World, profile: Profile, metadata: Metadata, redirect_uris: Sequence[str]
) -> tuple[str, Secret | None]:
    """The client id (and secret): as configured, else registered now for these redirect addresses.

    Raises: ConfigurationError, Unavailable.
    """
    if profile.client_id:
        return profile.client_id, profile.client_secret
    if metadata.registration_url is None:
        raise ConfigurationError(
            f"{metadata.issuer or metadata.token_url} does not register clients, and no client id is set",
            hint="ask its operator for one, then: keyturn login --client-id ID",
            code="no_client_id",
        )
    response = world.send(
        protocol.registration(metadata.registration_url, redirect_uris=redirect_uris, scopes=profile.scopes)
    )
    found = _object(response)
    client_id = found.get("client_id") if found else None
    if response.status not in (_OK, _CREATED) or not protocol.is_token(client_id):
        _raise_if_unavailable(response, metadata.registration_url)
        said = found.get("error") if found else None
        raise ConfigurationError(
            f"{metadata.registration_url} refused to register keyturn"
            f" ({said if protocol.is_token(said) else f'status {response.status}'})",
            hint="ask its operator for a client id, then: keyturn login --client-id ID",
            code="registration_refused",
        )
    secret = found.get("client_secret") if found else None
    return str(client_id), Secret(str(secret)) if protocol.is_token(secret) else None


def _discover(world: World, issuer: str) -> Metadata:
    place = _check_address(issuer, "the issuer", allow_loopback=True)
    path = issuer.split("://", 1)[1].partition("/")[2].rstrip("/")
    addresses = (
        f"{place}/.well-known/oauth-authorization-server{f'/{path}' if path else ''}",
        f"{issuer.rstrip('/')}/.well-known/openid-configuration",
    )
    response = None
    for address in addresses:
        response = world.send(
            Request(method="GET", url=address, headers={"Accept": "application/json"}, body=b"")
        )
        if response.status != _NOT_FOUND:
            return _read(response, issuer, address, loopback=origin(issuer).loopback)
    raise _no_authority(issuer, "it has no metadata (404 for both well-known addresses)")


def _read(response: Response, issuer: str, address: str, *, loopback: bool) -> Metadata:
    _raise_if_unavailable(response, address)
    if response.status != _OK:
        raise _no_authority(issuer, f"{address} answers with status {response.status}")
    found = _object(response)
    if found is None:
        raise _no_authority(issuer, f"{address} does not answer with JSON")
    if str(found.get("issuer")).rstrip("/") != issuer.rstrip("/"):
        raise _no_authority(issuer, f"{address} names another issuer than the one that was asked for")
    methods = found.get("code_challenge_methods_supported")
    if isinstance(methods, list) and "S256" not in methods:
        raise _no_authority(issuer, "it does not support PKCE with S256")
    texts: dict[str, str | None] = {}
    for name, key in (
        ("authorize_url", "authorization_endpoint"),
        ("token_url", "token_endpoint"),
        ("revoke_url", "revocation_endpoint"),
        ("device_url", "device_authorization_endpoint"),
        ("registration_url", "registration_endpoint"),
    ):
        value = found.get(key)
        if value is not None and not isinstance(value, str):
            raise _no_authority(issuer, f"its {key} is not an address")
        if value:
            _check_address(value, f"its {key}", allow_loopback=loopback)
        texts[name] = value or None
    if not texts["authorize_url"] or not texts["token_url"]:
        raise _no_authority(issuer, "its metadata names no authorization_endpoint or no token_endpoint")
    own = found if loopback else {}
    return Metadata(
        issuer=str(found["issuer"]),
        s256=isinstance(methods, list),
        names_issuer=found.get("authorization_response_iss_parameter_supported") is True,
        api_base_url=_loopback_text(own.get("keyturn_api_base_url")),
        paste_redirect_uri=_loopback_text(own.get("keyturn_paste_redirect_uri")),
        oauth_beta=own.get("keyturn_oauth_beta") is True,
        **texts,
    )


def _check_address(url: str, what: str, *, allow_loopback: bool) -> str:
    """The origin of an endpoint. Raises: ConfigurationError, Refused."""
    try:
        place = origin(url)
    except ValueError as error:
        raise ConfigurationError(
            f"{what} is not a usable address: {error}", hint="correct it and try again"
        ) from None
    if "#" in url:
        raise ConfigurationError(f"{what} holds a fragment (#)", hint="correct it and try again")
    if place.scheme != "https" and not (allow_loopback and place.loopback):
        raise Refused(
            f"{what} is plain http on another machine: {place}",
            hint="use https; plain http is for an authority on this machine only",
            code="plain_http",
        )
    return str(place)


def _object(response: Response) -> dict[str, Any] | None:
    try:
        return jsontext.parse_object(response.body.decode("utf-8"))
    except ValueError:
        return None


def _raise_if_unavailable(response: Response, address: str) -> None:
    if response.status >= _SERVER_FAULT or response.status == _TOO_MANY:
        raise Unavailable(
            f"{address} answers with status {response.status}",
            hint="the authority has trouble; try again in a few minutes",
            status=response.status,
        )


def _no_authority(issuer: str, why: str) -> AuthError:
    return ConfigurationError(
        f"{issuer} is not an authority that keyturn can log in to: {why}",
        hint="check the address with its operator: keyturn login --issuer https://…",
        code="bad_authority",
    )


def _loopback_text(value: object) -> str | None:
    if not isinstance(value, str):
        return None
    try:
        return value if origin(value).loopback else None
    except ValueError:
        return None
