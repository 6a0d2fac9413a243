"""OAuth 2 as values: requests to build, responses to read; no I/O.

RFC 6749, 7009 (revocation), 7591 (registration), 7636 (PKCE), 8707 (resource).
"""

from __future__ import annotations

from keyturn import jsontext
from keyturn.oauth.account import named
from keyturn.values import Secret, Value
from keyturn.wire import Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from keyturn.login import Authority
    from keyturn.wire import Response

# From these the server says that the client is set up wrongly; the login itself is not touched by them.
MISCONFIGURED = ("invalid_client", "unauthorized_client", "unsupported_grant_type", "invalid_scope")
NOT_JSON = "its answer is not JSON"
# the grant's name, and no secret (RFC 8628 section 3.4)
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
_FORM = "application/x-www-form-urlencoded"


class Granted(Value):
    """A token answer (RFC 6749 section 5.1).

    `life` is in seconds, None when unknown; `odd_life` says that it was malformed. `login_life` is that of
    the login itself, in seconds, which some servers name.
    """

    __slots__ = (
        "access_token",
        "account",
        "account_id",
        "life",
        "login_life",
        "odd_life",
        "organization",
        "organization_id",
        "refresh_token",
        "scopes",
    )
    access_token: Secret
    account: str | None
    account_id: str | None
    life: float | None
    login_life: float | None
    odd_life: bool
    organization: str | None
    organization_id: str | None
    refresh_token: Secret | None
    scopes: tuple[str, ...] | None


class Denied(Value):
    """An error answer in the protocol's own form (section 5.2)."""

    __slots__ = ("description", "error", "status")
    description: str
    error: str
    status: int


class Unreadable(Value):
    """Anything else: what the server did is unknown. `retry_after` in seconds, if it asked for patience."""

    __slots__ = ("retry_after", "status", "why")
    retry_after: float | None
    status: int
    why: str


def challenge(verifier: str) -> str:
    """The S256 code challenge of a verifier (RFC 7636 section 4.2)."""
    from base64 import urlsafe_b64encode
    from hashlib import sha256

    return urlsafe_b64encode(sha256(verifier.encode("ascii")).digest()).rstrip(b"=").decode("ascii")


def authorization_url(
    authority: Authority, *, redirect_uri: str, scopes: Sequence[str], state: str, verifier: str
) -> str:
    """Where the person's browser is sent."""
    from urllib.parse import urlencode

    parameters = {
        "response_type": "code",
        "client_id": authority.client_id,
        "redirect_uri": redirect_uri,
        "state": state,
        "code_challenge": challenge(verifier),
        "code_challenge_method": "S256",
    }
    if scopes:
        parameters["scope"] = " ".join(scopes)
    if "openid" in scopes:
        # some servers insist on one; what it would prove of an ID token, PKCE proves of the code
        parameters["nonce"] = challenge(f"nonce {verifier}")
    if "offline_access" in scopes:
        parameters["prompt"] = "consent"  # OpenID Connect Core 11: without it the scope is dropped
    if authority.resource:
        parameters["resource"] = authority.resource
    url = authority.authorize_url or ""
    return f"{url}{'&' if '?' in url else '?'}{urlencode(parameters)}"


def code_grant(
    authority: Authority, *, code: str, verifier: str, redirect_uri: str, state: str | None
) -> Request:
    """Exchange an authorization code."""
    fields = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri,
        "code_verifier": verifier,
    }
    if state is not None and authority.token_request == "json":  # noqa: S105 - a format, not a password
        fields["state"] = state  # servers of that kind want to see it again
    return token_grant(authority, fields)


def refresh_grant(authority: Authority, refresh_token: Secret) -> Request:
    """Spend a refresh token. No `scope`: what was granted is asked for again (L14)."""
    return token_grant(authority, {"grant_type": "refresh_token", "refresh_token": refresh_token.reveal()})


def revocation(authority: Authority, token: Secret, hint: str) -> Request:
    """Revoke a token (RFC 7009); `hint` is `refresh_token` or `access_token`."""
    fields = {"token": token.reveal(), "token_type_hint": hint, "client_id": authority.client_id}
    return post(authority.revoke_url or "", fields, form=True, authority=authority)


def registration(url: str, *, redirect_uris: Sequence[str], scopes: Sequence[str]) -> Request:
    """Register a public native client (RFC 7591); one without redirect addresses logs in by device code."""
    fields: dict[str, Any] = {
        "client_name": "keyturn",
        "application_type": "native",
        "redirect_uris": list(redirect_uris),
        "grant_types": ["authorization_code" if redirect_uris else DEVICE_CODE, "refresh_token"],
        "response_types": ["code"] if redirect_uris else [],
        "token_endpoint_auth_method": "none",
    }
    if scopes:
        fields["scope"] = " ".join(scopes)
    return Request(
        method="POST",
        url=url,
        headers={"Content-Type": "application/json", "Accept": "application/json"},
        body=jsontext.dump(fields).encode(),
    )


def read_token(response: Response) -> Granted | Denied | Unreadable:
    """What a token endpoint said."""
    found = object_of(response)
    if response.status in (400, 401) and found is not None and isinstance(found.get("error"), str):
        description = found.get("error_description")
        return Denied(
            error=found["error"],
            description=description if isinstance(description, str) else "",
            status=response.status,
        )
    if response.status != 200:  # noqa: PLR2004 - HTTP's own numbers
        return unreadable(response, f"it answered with status {response.status}")
    if found is None:
        return unreadable(response, NOT_JSON)
    return read_grant(found) or unreadable(response, _fault(found))


def read_grant(found: Mapping[str, Any]) -> Granted | None:
    """The token answer in a JSON object; None when it is none (`error` in it, no or a malformed token)."""
    if "error" in found or _fault(found) != _NO_FAULT:
        return None
    refresh = found.get("refresh_token")
    scope = found.get("scope")
    account, account_id, organization, organization_id = named(found)
    life, odd = _life(found.get("expires_in"))
    return Granted(
        access_token=Secret(found["access_token"]),
        refresh_token=Secret(refresh) if refresh else None,
        life=life,
        login_life=_login_life(found),
        odd_life=odd,
        scopes=tuple(scope.split()) if isinstance(scope, str) else None,
        account=account,
        account_id=account_id,
        organization=organization,
        organization_id=organization_id,
    )


def is_token(text: object) -> bool:
    """Whether a text can travel in a header: visible ASCII, not empty."""
    return isinstance(text, str) and bool(text) and all("!" <= character <= "~" for character in text)


_NO_FAULT = "nothing is wrong with it"


def _fault(found: Mapping[str, Any]) -> str:
    if "error" in found:
        return "it answered with an error in an answer of success"
    if "access_token" not in found:
        return "its answer holds no access_token"
    if not is_token(found["access_token"]):
        return "its access_token is no token"
    kind = found.get("token_type", "bearer")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        return "its token is not of the type Bearer"
    if found.get("refresh_token") not in (None, "") and not is_token(found["refresh_token"]):
        return "its refresh_token is no token"
    return _NO_FAULT


def token_grant(authority: Authority, fields: dict[str, str]) -> Request:
    """A request to the token endpoint, in the form that this authority wants."""
    fields = {**fields, "client_id": authority.client_id}
    if authority.resource:
        fields["resource"] = authority.resource
    return post(authority.token_url, fields, form=authority.token_request != "json", authority=authority)  # noqa: S105 - a format


def post(url: str, fields: dict[str, str], *, form: bool, authority: Authority) -> Request:
    """Fields sent to an endpoint as this client, by its secret where it has one."""
    headers = {"Accept": "application/json", "Content-Type": _FORM if form else "application/json"}
    if authority.client_secret is not None:
        # RFC 6749 section 2.3.1: the form every server must support
        from base64 import b64encode
        from urllib.parse import quote_plus

        pair = f"{quote_plus(authority.client_id)}:{quote_plus(authority.client_secret.reveal())}"
        headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
    if form:
        from urllib.parse import urlencode

        return Request(method="POST", url=url, headers=headers, body=urlencode(fields).encode())
    return Request(method="POST", url=url, headers=headers, body=jsontext.dump(fields).encode())


def object_of(response: Response) -> dict[str, Any] | None:
    """The JSON object in an answer that says it is JSON; else None."""
    kind = response.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        return None
    try:
        return jsontext.parse_object(response.body.decode("utf-8"))
    except ValueError:  # NotJson and UnicodeDecodeError
        return None


def unreadable(response: Response, why: str) -> Unreadable:
    """An answer of which only the status and the wish for patience can be read."""
    wait = response.headers.get("retry-after", "").strip()
    return Unreadable(
        retry_after=float(wait[:9]) if wait.isascii() and wait.isdigit() else None,
        status=response.status,
        why=why,
    )


def _login_life(found: Mapping[str, Any]) -> float | None:
    """No standard names it; servers call it one or the other. A malformed one counts as none."""
    return _life(found.get("refresh_token_expires_in", found.get("refresh_expires_in")))[0]


def _life(value: object) -> tuple[float | None, bool]:
    """Seconds, and whether it was malformed; zero, negative and endless lives are unknown ones (L21)."""
    if value is None:
        return None, False
    if isinstance(value, str) and value.isdigit() and value.isascii():
        value = int(value[:16])
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None, True
    return (float(value), False) if 0 < value < 1e11 else (None, False)  # noqa: PLR2004 - three thousand years
