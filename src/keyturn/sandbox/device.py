# mypy: disallow-subclassing-any=False, disallow-untyped-calls=False
# Authlib ships no types: what is derived from it is derived from Any, and its requests are Any.
"""Login by device code (RFC 8628): the codes, and what a program that polls is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from authlib.oauth2.rfc6749 import InvalidGrantError
from authlib.oauth2.rfc8628 import DeviceAuthorizationEndpoint, DeviceCodeGrant

from .clients import AUTH_METHODS, DEVICE_CODE

if TYPE_CHECKING:
    from .accounts import Account
    from .clients import Client
    from .ledger import Ledger, Login
    from .oauth_server import Parsed

LIFETIME = 600


@dataclass(slots=True, eq=False)
class Device:
    """A program somewhere that waits for a person; `refused` and `account` are that person's answer.

    The methods carry the names that Authlib asks for.
    """

    device_code: str
    user_code: str
    client: Client
    scope: str
    expires_at: float
    account: Account | None = None
    expired: bool = False
    login: Login | None = None
    polled_at: float | None = None
    refused: bool = False

    def get_client_id(self) -> str:
        """Return who asked for the code."""
        return self.client.client_id

    def get_scope(self) -> str:
        """Return what was asked for."""
        return self.scope

    def get_user_code(self) -> str:
        """Return what the person types."""
        return self.user_code

    def is_expired(self) -> bool:
        """Say whether it is too late, as `DeviceGrant` found."""
        return self.expired


class DeviceAuthorization(DeviceAuthorizationEndpoint):
    """Gives a program its two codes."""

    CLIENT_AUTH_METHODS: ClassVar[list[str]] = list(AUTH_METHODS)
    EXPIRES_IN = LIFETIME
    INTERVAL = 1  # a person at a sandbox is quick, and so are tests

    def get_verification_uri(self) -> str:
        """Return the page of the codes."""
        return f"{self.server.issuer}/device"

    def save_device_credential(self, client_id: str, scope: str | None, data: dict[str, str]) -> None:
        """Remember both codes."""
        ledger: Ledger = self.server.ledger
        client = ledger.clients[client_id]
        allowed = client.get_allowed_scope(scope)
        made = Device(data["device_code"], data["user_code"], client, allowed, ledger.now() + LIFETIME)
        ledger.keep_device(made)


class DeviceGrant(DeviceCodeGrant):
    """Tells a program that polls what its person has decided."""

    TOKEN_ENDPOINT_AUTH_METHODS: ClassVar[list[str]] = list(AUTH_METHODS)
    GRANT_TYPE = DEVICE_CODE

    def query_device_credential(self, device_code: str) -> Device:
        """Return a code that may be polled with; one that gave a login is not one any more."""
        ledger: Ledger = self.server.ledger
        found = ledger.devices.get(device_code)
        if found is None:
            raise InvalidGrantError("the device code is not known here")
        if found.login is not None:
            ledger.end(found.login, "its device code was used twice")
            raise InvalidGrantError("the device code was used before; the login it gave is revoked")
        found.expired = ledger.now() >= found.expires_at
        return found

    def query_user_grant(self, user_code: str) -> tuple[Account | None, bool] | None:
        """Return the person's decision; None while there is none."""
        found = self.server.ledger.device_named(user_code)
        if found is None or not (found.refused or found.account):
            return None
        return found.account, not found.refused

    def should_slow_down(self, credential: Device) -> bool:
        """Say whether the program asks more often than it was told to."""
        ledger: Ledger = self.server.ledger
        last, credential.polled_at = credential.polled_at, ledger.now()
        if ledger.conduct.take("device_slow_down"):
            return True
        return last is not None and ledger.now() - last < DeviceAuthorization.INTERVAL * 0.5


def keep_login(ledger: Ledger, request: Parsed) -> Login:
    """Open the login that a confirmed code gives."""
    device: Device = request.credential
    assert device.account is not None  # noqa: S101 - Authlib asked query_user_grant just before
    device.login = ledger.new_login(device.account, device.client, device.scope)
    return device.login
