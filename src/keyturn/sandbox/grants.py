# mypy: disallow-subclassing-any=False, disallow-untyped-calls=False
# ruff: noqa: ANN401
# Authlib ships no types: what is derived from it is derived from Any, and its requests are Any.
"""The OAuth rules of the authority: PKCE with S256 only, codes that work once, rotation, reuse detection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidRequestError
from authlib.oauth2.rfc6749.grants import (
    AuthorizationCodeGrant,
    RefreshTokenGrant,
)
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7636 import CodeChallenge
from flask import g

from .clients import AUTH_METHODS, Client
from .ledger import CODE_LIFETIME, AccessToken, Code, Ledger, RefreshToken

if TYPE_CHECKING:
    from .accounts import Account
    from .oauth_server import Parsed


class S256(CodeChallenge):
    """Proof Key for Code Exchange with S256 alone (RFC 7636), for every client."""

    SUPPORTED_CODE_CHALLENGE_METHOD: ClassVar[list[str]] = ["S256"]

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        """Refuse what Authlib would take: no challenge, and "plain" when no method is named."""
        data = grant.request.payload.data
        if "code_challenge" not in data:
            raise InvalidRequestError("code_challenge is missing: this server requires PKCE with S256")
        if data.get("code_challenge_method") != "S256":
            raise InvalidRequestError("code_challenge_method must be S256")
        super().validate_code_challenge(grant, redirect_uri)


class CodeGrant(AuthorizationCodeGrant):
    """The authorization code: bound to its program and address, for one use."""

    TOKEN_ENDPOINT_AUTH_METHODS: ClassVar[list[str]] = list(AUTH_METHODS)

    def save_authorization_code(self, code: str, request: Parsed) -> None:
        """Remember a code together with all it is bound to."""
        ledger: Ledger = self.server.ledger
        ledger.keep_code(
            Code(
                code,
                request.client,
                request.user,
                request.payload.redirect_uri,
                request.scope,
                request.payload.data["code_challenge"],
                ledger.now() + CODE_LIFETIME,
            )
        )

    def query_authorization_code(self, code: str, client: Client) -> Code:
        """Return a code that may be used now; a second use revokes what the first one gave."""
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
        """Return who consented."""
        return authorization_code.account


class RefreshGrant(RefreshTokenGrant):
    """Renewal: each refresh token works once, and reuse ends the login."""

    TOKEN_ENDPOINT_AUTH_METHODS: ClassVar[list[str]] = list(AUTH_METHODS)
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> RefreshToken:
        """Return a refresh token that may be answered: unspent, or spent within the grace time."""
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
        """Renew, or repeat the answer of a token that was spent a moment ago."""
        token: RefreshToken = self.request.refresh_token
        if token.answer is not None:
            g.outcome, g.answer = "repeated", token.answer
            return 200, token.answer, self.TOKEN_RESPONSE_HEADER
        answered: tuple[int, Any, Any] = super().create_token_response()
        return answered

    def authenticate_user(self, refresh_token: RefreshToken) -> Account:
        """Return whose login it is."""
        return refresh_token.login.account

    def revoke_old_credential(self, refresh_token: RefreshToken) -> None:
        """Mark the presented token as spent, with the answer that replaced it."""
        self.server.ledger.spend(refresh_token, g.answer)


class Revocation(RevocationEndpoint):
    """Revocation (RFC 7009): a refresh token ends its whole login, an access token only itself."""

    CLIENT_AUTH_METHODS: ClassVar[list[str]] = list(AUTH_METHODS)

    def query_token(self, token_string: str, _hint: str | None) -> AccessToken | RefreshToken | None:
        """Return a token of either kind, whatever the hint says; None answers 200 as well."""
        ledger: Ledger = self.server.ledger
        return ledger.refresh_tokens.get(token_string) or ledger.access_tokens.get(token_string)

    def revoke_token(self, token: AccessToken | RefreshToken, _request: Parsed) -> None:
        """End what the token stands for."""
        if isinstance(token, RefreshToken):
            self.server.ledger.end(token.login, "its program logged out")
        else:
            token.revoked = True
