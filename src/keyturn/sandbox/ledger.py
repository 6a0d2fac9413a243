"""What the authority remembers: clients, codes, logins and their tokens. In memory, behind one lock."""

from __future__ import annotations

import math
import secrets
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .aws import Aws
from .clients import CLIENT_ID, DEFAULT_SCOPE, Client, sandbox_client
from .google import Google

if TYPE_CHECKING:
    from collections.abc import Callable

    from .accounts import Account
    from .conduct import Conduct
    from .device import Device

CODE_LIFETIME = 300.0


@dataclass(slots=True, eq=False)
class Login:
    """One person's consent to one program: the family of all tokens that descend from it."""

    account: Account
    client: Client
    scope: str
    created: float
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    renewed: float | None = None
    used: float | None = None
    ended: str = ""


@dataclass(slots=True, eq=False)
class AccessToken:
    """A live, expired or revoked access token."""

    value: str
    login: Login
    expires_at: float
    scope: str
    revoked: bool = False

    def check_client(self, client: Client) -> bool:
        """Say whether this client got the token (asked by Authlib)."""
        return client.client_id == self.login.client.client_id


@dataclass(slots=True, eq=False)
class RefreshToken:
    """A refresh token; once spent it keeps the answer that replaced it, for the grace time."""

    value: str
    login: Login
    spent_at: float | None = None
    answer: dict[str, object] | None = None

    def check_client(self, client: Client) -> bool:
        """Say whether this client got the token (asked by Authlib)."""
        return client.client_id == self.login.client.client_id

    def get_scope(self) -> str:
        """Return the granted scopes (asked by Authlib)."""
        return self.login.scope


@dataclass(slots=True, eq=False)
class Code:
    """An authorization code, kept after use so that a second use is noticed."""

    value: str
    client: Client
    account: Account
    redirect_uri: str
    scope: str
    code_challenge: str
    expires_at: float
    code_challenge_method: str = "S256"
    login: Login | None = None

    def get_redirect_uri(self) -> str:
        """Return the address the code was sent to (asked by Authlib)."""
        return self.redirect_uri

    def get_scope(self) -> str:
        """Return the consented scopes (asked by Authlib)."""
        return self.scope


class Answer(dict[str, object]):
    """A token answer that does not show its tokens: Authlib logs answers at debug level."""

    def __repr__(self) -> str:
        return f"<token answer with {', '.join(sorted(self))}>"


class Ledger:
    """All of the authority's memory. Take `lock` around steps that belong together."""

    def __init__(
        self, conduct: Conduct, issuer: str, on_secret: Callable[[str, str], object] | None = None
    ) -> None:
        self._on_secret = on_secret or (lambda _kind, _secret: None)
        self.lock = threading.RLock()
        self.conduct = conduct
        self.google = Google(conduct, self.now, self._on_secret)
        self.aws = Aws(conduct, self.now, self._on_secret)
        own = sandbox_client(issuer)
        self.clients = {own.client_id: own}
        self.codes: dict[str, Code] = {}
        self.devices: dict[str, Device] = {}
        self.logins: list[Login] = []
        self.access_tokens: dict[str, AccessToken] = {}
        self.refresh_tokens: dict[str, RefreshToken] = {}
        self.api_key = f"sk-ant-test-api-{secrets.token_urlsafe(24)}"

    def now(self) -> float:
        """Return the server's clock in Unix seconds."""
        return time.time() + self.conduct.now().clock_offset

    def new_answer(self, account: Account, scope: str) -> Answer:
        """Make a token answer; `keep` makes its tokens valid."""
        return Answer(
            token_type="Bearer",  # noqa: S106 - the type of RFC 6750, no secret
            access_token=f"sk-ant-test-oat-{secrets.token_urlsafe(32)}",
            expires_in=max(1, math.ceil(self.conduct.now().lifetime)),
            refresh_token=f"sk-ant-test-ort-{secrets.token_urlsafe(32)}",
            scope=scope,
            **account.as_claims(),
        )

    def keep(self, answer: Answer, login: Login) -> None:
        """Make the tokens of an answer valid as the newest of a login."""
        access, refresh = str(answer["access_token"]), str(answer["refresh_token"])
        with self.lock:
            expires_at = self.now() + self.conduct.now().lifetime
            self.access_tokens[access] = AccessToken(access, login, expires_at, str(answer["scope"]))
            self.refresh_tokens[refresh] = RefreshToken(refresh, login)
        self._on_secret("access-token", access)
        self._on_secret("refresh-token", refresh)

    def keep_code(self, code: Code) -> None:
        """Make a code valid."""
        self.codes[code.value] = code
        self._on_secret("code", code.value)

    def keep_device(self, device: Device) -> None:
        """Make the two codes of a device valid."""
        with self.lock:
            self.devices[device.device_code] = device
        self._on_secret("code", device.device_code)

    def device_named(self, typed: str) -> Device | None:
        """Return the device whose code a person typed, in any case and with or without its dash."""
        wanted = "".join(c for c in typed.upper() if c.isalnum())
        with self.lock:
            now = self.now()
            for device in self.devices.values():
                fits = wanted and device.user_code.replace("-", "") == wanted
                if fits and device.login is None and device.expires_at > now:
                    return device
        return None

    def new_login(self, account: Account, client: Client, scope: str) -> Login:
        """Open a login."""
        login = Login(account, client, scope, self.now())
        with self.lock:
            self.logins.append(login)
        return login

    def issue(self, account: Account, client: Client | None = None, scope: str = DEFAULT_SCOPE) -> Answer:
        """Log somebody in without a browser and return the token answer a program would have got."""
        client = client or self.clients[CLIENT_ID]
        with self.lock:
            answer = self.new_answer(account, scope)
            self.keep(answer, self.new_login(account, client, scope))
        return answer

    def spend(self, token: RefreshToken, answer: Answer) -> None:
        """Mark a refresh token as replaced by an answer."""
        token.spent_at = self.now()
        token.answer = answer
        token.login.renewed = token.spent_at

    def repeatable(self, token: RefreshToken) -> bool:
        """Say whether a spent token gets its answer again: within the grace, its successor not yet used."""
        if token.spent_at is None or token.answer is None or token.login.ended:
            return False
        successor = self.refresh_tokens[str(token.answer["refresh_token"])]
        young = self.now() - token.spent_at < self.conduct.now().grace
        return young and successor.spent_at is None

    def end(self, login: Login, why: str) -> None:
        """Revoke a login: from now on none of its tokens works. The first reason stands."""
        with self.lock:
            login.ended = login.ended or why

    def end_all(self, why: str) -> int:
        """Revoke every live login and return how many there were."""
        with self.lock:
            live = self.live()
            for login in live:
                self.end(login, why)
        return len(live)

    def live(self, account: Account | None = None) -> list[Login]:
        """Return the logins that still work, newest first."""
        with self.lock:
            return [
                login
                for login in reversed(self.logins)
                if not login.ended and account in (None, login.account)
            ]

    def expire_access_tokens(self) -> int:
        """Let every access token expire now and return how many were live; refresh tokens still work."""
        with self.lock:
            now = self.now()
            live = [token for token in self.access_tokens.values() if token.expires_at > now]
            for token in live:
                token.expires_at = now
        return len(live)
