"""Learning about an authorization server: discovery (RFC 8414, then OpenID) and registration (RFC 7591)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keyturn import jsontext
from keyturn.clean import clean
from keyturn.errors import AuthError, ConfigurationError, Refused, Unavailable
from keyturn.login import Authority
from keyturn.oauth import protocol
from keyturn.values import Secret, Value
from keyturn.wire import Request, origin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keyturn.settings.config import Profile
    from keyturn.wire import Origin, Response
    from keyturn.world import World

_OK, _CREATED, _NOT_FOUND, _SERVER_FAULT, _TOO_MANY = 200, 201, 404, 500, 429
_REDIRECTS = (301, 302, 303, 307, 308)
_ENDPOINTS = ("authorize_url", "token_url", "revoke_url", "device_url")
_SAID = ("error", "error_description")
_CORRECT = "correct it and try again: keyturn login --issuer https://…"


class Metadata(Value):
    """What an authority says of itself, or a person said for it; checked, and frozen for one attempt (T10).

    `authorize_url` is None where logins are by device code alone.
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
    authorize_url: str | None
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
    named = {name: value for name in _ENDPOINTS if (value := getattr(profile, name))}
    for name, value in named.items():
        loopback = profile.issuer is None or _origin(profile.issuer, "the issuer").loopback
        _check_address(value, f"--{name.replace('_', '-')}", allow_loopback=loopback)
    if profile.issuer:
        return _discover(world, profile.issuer).replace(**named)
    if profile.token_url and (profile.authorize_url or profile.device_url):
        return Metadata(names_issuer=False, oauth_beta=False, s256=False, **named)
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
    url = metadata.registration_url
    response = _send(world, protocol.registration(url, redirect_uris=redirect_uris, scopes=profile.scopes))
    _raise_if_unavailable(response, url)
    found = _object(response) or {}
    client_id, secret = found.get("client_id"), found.get("client_secret")
    if response.status in (_OK, _CREATED) and protocol.is_token(client_id):
        return str(client_id), Secret(str(secret)) if protocol.is_token(secret) else None
    said = " ".join(clean(text) for name in _SAID if isinstance(text := found.get(name), str))
    why = said or f"it answers with status {response.status} and names no client id"
    raise ConfigurationError(
        f"{url} did not register keyturn: {why}",
        hint="ask its operator for a client id, then: keyturn login --client-id ID",
        code="registration_refused",
    )


def _discover(world: World, issuer: str) -> Metadata:
    place = _check_address(issuer, "the issuer", allow_loopback=True)
    if "?" in issuer:
        raise _no_authority(issuer, "an issuer holds no question mark")
    path = issuer.split("://", 1)[1].partition("/")[2].rstrip("/")
    addresses = (
        f"{place}/.well-known/oauth-authorization-server{f'/{path}' if path else ''}",
        f"{issuer.rstrip('/')}/.well-known/openid-configuration",
    )
    for address in addresses:
        asked = Request(method="GET", url=address, headers={"Accept": "application/json"}, body=b"")
        response = _send(world, asked)
        if response.status != _NOT_FOUND:
            return _read(response, issuer, address, loopback=place.loopback)
    raise _no_authority(issuer, "it has no metadata (404 for both well-known addresses)")


def _read(response: Response, issuer: str, address: str, *, loopback: bool) -> Metadata:
    found = _document(response, issuer, address)
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
            _check_address(value, f"the {key} of {issuer}", allow_loopback=loopback)
        texts[name] = value or None
    if not texts["token_url"] or not (texts["authorize_url"] or texts["device_url"]):
        missing = "authorization_endpoint" if texts["token_url"] else "token_endpoint"
        raise _no_authority(issuer, f"its metadata names no {missing}")
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


def _document(response: Response, issuer: str, address: str) -> dict[str, Any]:
    _raise_if_unavailable(response, address)
    if response.status in _REDIRECTS:
        # following it would let whoever answers there decide where the person logs in (T10)
        raise _no_authority(issuer, f"{address} redirects, which is not followed")
    if response.status != _OK:
        raise _no_authority(issuer, f"{address} answers with status {response.status}")
    found = _object(response)
    if found is None:
        raise _no_authority(issuer, f"{address} does not answer with JSON")
    if str(found.get("issuer")).rstrip("/") != issuer.rstrip("/"):
        raise _no_authority(issuer, f"{address} names another issuer than the one that was asked for")
    return found


def _send(world: World, request: Request) -> Response:
    """As `World.send`; what the network does gets a next command."""
    try:
        return world.send(request)
    except Unavailable as error:
        error.hint = error.hint or "check the address and the network, then run keyturn login again"
        raise


def _check_address(url: str, what: str, *, allow_loopback: bool) -> Origin:
    """The origin of an endpoint. Raises: ConfigurationError, Refused."""
    place = _origin(url, what)
    if "#" in url:
        raise ConfigurationError(f"{what} is not a usable address: it holds a #", hint=_CORRECT)
    if place.scheme != "https" and not place.loopback:
        raise Refused(
            f"{what} is plain http on another machine: {place}",
            hint="use https; plain http is for an authority on this machine only",
            code="plain_http",
        )
    if place.scheme != "https" and not allow_loopback:
        raise Refused(
            f"{what} is {place}, which an authority on another machine cannot mean",
            hint="ask its operator, whose metadata or whose server is wrong",
            code="plain_http",
        )
    return place


def _origin(url: str, what: str) -> Origin:
    try:
        return origin(url)
    except ValueError as error:
        raise ConfigurationError(f"{what} is not a usable address: {error}", hint=_CORRECT) from None


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
        hint="check the address with its operator, then: keyturn login --issuer https://…",
        code="bad_authority",
    )


def _loopback_text(value: object) -> str | None:
    if not isinstance(value, str):
        return None
    try:
        return value if origin(value).loopback else None
    except ValueError:
        return None
