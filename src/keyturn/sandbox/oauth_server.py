# mypy: disallow-subclassing-any=False, disallow-untyped-calls=False
# Authlib ships no types: what is derived from it is derived from Any, and its requests are Any.
"""Authlib's authorization server over our ledger, and requests in the form it takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from authlib.common.urls import add_params_to_uri
from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import OAuth2Error, OAuth2Payload, OAuth2Request
from flask import Response, g

from .clients import SCOPES, Client
from .device import DeviceAuthorization, DeviceGrant, keep_login
from .grants import S256, CodeGrant, RefreshGrant, Revocation
from .registration import Registration

if TYPE_CHECKING:
    from werkzeug.datastructures import Headers

    from .accounts import Account
    from .ledger import Answer, Code, Ledger, RefreshToken

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
        self.register_grant(CodeGrant, [S256(required=True)])
        self.register_grant(RefreshGrant)
        self.register_grant(DeviceGrant)
        self.register_endpoint(Revocation)
        self.register_endpoint(Registration)
        self.register_endpoint(DeviceAuthorization)

    def query_client(self, client_id: str) -> Client | None:
        """Return a registered client."""
        return self.ledger.clients.get(client_id)

    def create_oauth2_request(self, request: Parsed) -> Parsed:
        """Return the request, which the pages and the token endpoint have read already."""
        return request

    def save_token(self, token: Answer, request: Parsed) -> None:
        """Make the tokens of an answer valid: of a new login, or of the one that is renewed."""
        spent: RefreshToken | None = request.refresh_token
        if request.credential is not None:
            self.ledger.keep(token, keep_login(self.ledger, request))
        elif spent is None:
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
    added: str = add_params_to_uri(uri, list(parameters.items()))
    return added
