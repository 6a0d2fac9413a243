# mypy: disallow-subclassing-any=False, disallow-untyped-calls=False
# ruff: noqa: ANN401
# Authlib ships no types: what is derived from it is derived from Any, and its requests are Any.
"""The OAuth rules of the authority, as Authlib's server runs them: S256 only, rotation, reuse detection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from authlib.integrations.flask_oauth2 import AuthorizationServer  # type: ignore[import-untyped]
from authlib.oauth2.rfc6749 import (  # type: ignore[import-untyped]
    InvalidGrantError,
    InvalidRequestError,
    OAuth2Error,
    OAuth2Payload,
    OAuth2Request,
)
from authlib.oauth2.rfc6749.grants import (  # type: ignore[import-untyped]
    AuthorizationCodeGrant,
    RefreshTokenGrant,
)
from authlib.oauth2.rfc7009 import RevocationEndpoint  # type: ignore[import-untyped]
from authlib.oauth2.rfc7591 import (  # type: ignore[import-untyped]
    ClientRegistrationEndpoint,
    InvalidClientMetadataError,
)
from authlib.oauth2.rfc7591.errors import InvalidRedirectURIError  # type: ignore[import-untyped]
from authlib.oauth2.rfc7636 import CodeChallenge  # type: ignore[import-untyped]
from flask import Response, g

from .clients import AUTH_METHODS, SCOPES, Client, new_client_id, safe_redirect
from .ledger import CODE_LIFETIME, AccessToken, Answer, Code, Ledger, RefreshToken

if TYPE_CHECKING:
    from werkzeug.datastructures import Headers

    from .accounts import Account

Parameters = Mapping[str, list[str]]


class Parsed(OAuth2Request):
    """An OAuth request from parameters that were already read, from a form, a query or JSON."""

    def __init__(self, method: str, uri: str, headers: Headers, parameters: Parameters) -> None:
        super().__init__(method, uri, headers=headers)
        self.payload = _Payload(parameters)

    @property
    def form(self) -> dict[str, str]:
        """The parameters, one value each."""
        return dict(self.payload.data)

    @property
    def args(self) -> dict[str, str]:
        """The same parameters: which part of the request they came from was settled before."""
        return self.form


class _Payload(OAuth2Payload):
    def __init__(self, parameters: Parameters) -> None:
        # RFC 6749 section 3.1: a parameter without a value is as one that was left out.
        self._all = {name: values for name, values in parameters.items() if any(values)}

    @property
    def data(self) -> dict[str, str]:
        return {name: values[0] for name, values in self._all.items()}

    @property
    def datalist(self) -> dict[str, list[str]]:
        return self._all


class Server(AuthorizationServer):
    """Authlib's server over our ledger; `g.outcome` says how a request ended, for the log."""

    def __init__(self, ledger: Ledger, issuer: str) -> None:
        super().__init__()
        self.scopes_supported = list(SCOPES)
        self.ledger = ledger
        self.issuer = issuer
        self.register_token_generator("default", self._generate)
        self.register_grant(_CodeGrant, [_S256(required=True)])
        self.register_grant(_RefreshGrant)
        self.register_endpoint(_Revocation)
        self.register_endpoint(_Registration)

    def query_client(self, client_id: str) -> Client | None:
        """Return a registered client."""
        return self.ledger.clients.get(client_id)

    def create_oauth2_request(self, request: Parsed) -> Parsed:
        """Return the request, which the pages and the token endpoint have read already."""
        return request

    def save_token(self, token: Answer, request: Parsed) -> None:
        """Make the tokens of an answer valid: of a new login, or of the one that is renewed."""
        spent: RefreshToken | None = request.refresh_token
        if spent is None:
            code: Code = request.authorization_code
            code.login = self.ledger.new_login(code.account, code.client, code.scope)
            self.ledger.keep(token, code.login)
        else:
            self.ledger.keep(token, spent.login)
        g.outcome, g.answer = "granted", token

    def handle_error_response(self, request: Parsed, error: OAuth2Error) -> Response:
        """Answer with an error and keep its name for the log."""
        g.outcome = error.error
        response: Response = super().handle_error_response(request, error)
        return response

    def handle_response(self, status_code: int, payload: object, headers: list[tuple[str, str]]) -> Response:
        """Answer; a redirect back to a program says who answers (RFC 9207)."""
        response: Response = super().handle_response(status_code, payload, headers)
        if response.location:
            response.location = with_parameters(response.location, iss=self.issuer)
        return response

    def _generate(self, *, user: Account, scope: str, **_: object) -> Answer:
        return self.ledger.new_answer(user, scope)


def with_parameters(uri: str, **parameters: str) -> str:
    """Return an address with parameters added to its query."""
    from authlib.common.urls import add_params_to_uri  # type: ignore[import-untyped]

    added: str = add_params_to_uri(uri, list(parameters.items()))
    return added


class _S256(CodeChallenge):
    SUPPORTED_CODE_CHALLENGE_METHOD: ClassVar[list[str]] = ["S256"]

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        data = grant.request.payload.data
        # Authlib takes a request without a challenge, and "plain" when no method is named; we take neither.
        if "code_challenge" not in data:
            raise InvalidRequestError("code_challenge is missing: this server requires PKCE with S256")
        if data.get("code_challenge_method") != "S256":
            raise InvalidRequestError("code_challenge_method must be S256")
        super().validate_code_challenge(grant, redirect_uri)


class _CodeGrant(AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS: ClassVar[list[str]] = list(AUTH_METHODS)

    def save_authorization_code(self, code: str, request: Parsed) -> None:
        ledger: Ledger = self.server.ledger
        ledger.codes[code] = Code(
            code,
            request.client,
            request.user,
            request.payload.redirect_uri,
            request.scope,
            request.payload.data["code_challenge"],
            ledger.now() + CODE_LIFETIME,
        )

    def query_authorization_code(self, code: str, client: Client) -> Code:
        ledger: Ledger = self.server.ledger
        found = ledger.codes.get(code)
        if found is None or found.client.client_id != client.client_id:
            raise InvalidGrantError("the code is not known here")
        if found.login is not None:
            # RFC 6749 section 4.1.2: a second use means that somebody else saw the code.
            ledger.end(found.login, "its code was used twice")
            raise InvalidGrantError("the code was used before; the login it gave is revoked")
        if ledger.now() >= found.expires_at:
            raise InvalidGrantError("the code has expired")
        return found

    def delete_authorization_code(self, authorization_code: Code) -> None:
        """Keep it: `save_token` has tied it to its login, so that a second use is noticed."""

    def authenticate_user(self, authorization_code: Code) -> Account:
        return authorization_code.account


class _RefreshGrant(RefreshTokenGrant):
    TOKEN_ENDPOINT_AUTH_METHODS: ClassVar[list[str]] = list(AUTH_METHODS)
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> RefreshToken:
        ledger: Ledger = self.server.ledger
        token = ledger.refresh_tokens.get(refresh_token)
        if token is None or not token.check_client(self.request.client):
            raise InvalidGrantError("the refresh token is not known here")
        if token.login.ended:
            raise InvalidGrantError(f"the login is revoked: {token.login.ended}")
        if token.spent_at is not None and not ledger.repeatable(token):
            ledger.end(token.login, "a refresh token was used twice")
            raise InvalidGrantError("the refresh token was used before; the whole login is revoked")
        return token

    def create_token_response(self) -> tuple[int, Any, Any]:
        token: RefreshToken = self.request.refresh_token
        if token.answer is not None:
            g.outcome, g.answer = "repeated", token.answer
            return 200, token.answer, self.TOKEN_RESPONSE_HEADER
        answered: tuple[int, Any, Any] = super().create_token_response()
        return answered

    def authenticate_user(self, refresh_token: RefreshToken) -> Account:
        return refresh_token.login.account

    def revoke_old_credential(self, refresh_token: RefreshToken) -> None:
        self.server.ledger.spend(refresh_token, g.answer)


class _Revocation(RevocationEndpoint):
    CLIENT_AUTH_METHODS: ClassVar[list[str]] = list(AUTH_METHODS)

    def query_token(self, token_string: str, _hint: str | None) -> AccessToken | RefreshToken | None:
        ledger: Ledger = self.server.ledger
        return ledger.refresh_tokens.get(token_string) or ledger.access_tokens.get(token_string)

    def revoke_token(self, token: AccessToken | RefreshToken, _request: Parsed) -> None:
        if isinstance(token, RefreshToken):
            self.server.ledger.end(token.login, "its program logged out")
        else:
            token.revoked = True


class _Registration(ClientRegistrationEndpoint):
    def authenticate_token(self, _request: object) -> str:
        return "anybody: registration is open"

    def get_server_metadata(self) -> dict[str, object]:
        return {
            "scopes_supported": list(SCOPES),
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "token_endpoint_auth_methods_supported": list(AUTH_METHODS),
        }

    def extract_client_metadata(self, request: Any) -> dict[str, Any]:
        asked = request.payload.data
        uris = asked.get("redirect_uris") if isinstance(asked, dict) else None
        if (
            not isinstance(uris, list)
            or not uris
            or not all(isinstance(u, str) and safe_redirect(u) for u in uris)
        ):
            raise InvalidRedirectURIError(
                "redirect_uris must be https, or http on loopback, without a fragment"
            )
        try:
            metadata: dict[str, Any] = super().extract_client_metadata(request)
        except (TypeError, ValueError, AttributeError) as error:
            raise InvalidClientMetadataError("a member of the client metadata has the wrong type") from error
        metadata.setdefault("grant_types", ["authorization_code"])
        return metadata

    def generate_client_info(self, request: Any) -> dict[str, Any]:
        info = {"client_id": new_client_id(), "client_id_issued_at": int(self.server.ledger.now())}
        if request.payload.data.get("token_endpoint_auth_method", "client_secret_basic") == "none":
            return info
        # RFC 7591 section 3.2.1: 0 means that the secret does not expire.
        return {**info, "client_secret": self.generate_client_secret(request), "client_secret_expires_at": 0}

    def save_client(self, info: dict[str, Any], metadata: dict[str, Any], _request: object) -> Client:
        # Not printable are control, bidirectional and zero-width characters: a name cannot disguise itself.
        name = "".join(c for c in str(metadata.get("client_name", "")) if c.isprintable())[:60].strip()
        client = Client(
            info["client_id"],
            name or info["client_id"],
            tuple(metadata["redirect_uris"]),
            metadata["token_endpoint_auth_method"],
            info.get("client_secret", ""),
            metadata.get("scope", ""),
            tuple(metadata["grant_types"]),
            registered_itself=True,
        )
        self.server.ledger.clients[client.client_id] = client
        return client
