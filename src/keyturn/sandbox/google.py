"""Google's side in the sandbox: one project, one service account, one user login, and the tokens they get.

Assertions are verified as Google does it: RS256 by the account's key, its address, a known audience, times.
"""

from __future__ import annotations

import math
import secrets
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from joserfc.jwk import RSAKey

    from .conduct import Conduct

PROJECT = "sandbox-project"
ACCOUNT = f"sandbox@{PROJECT}.iam.gserviceaccount.com"
# whoever only goes on to act as another account asks for the second one
SCOPES = {f"https://www.googleapis.com/auth/{name}" for name in ("cloud-platform", "iam")}
# what google-auth writes into every assertion, wherever that is sent
GOOGLE_AUDIENCE = "https://oauth2.googleapis.com/token"
POOL = f"//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/{PROJECT}/providers/sandbox"
LONGEST_ASSERTION = 3600.0
SKEW = 300.0


class GoogleRefusal(Exception):
    """An answer of a token endpoint in OAuth's form; `subtype` is Google's own addition."""

    def __init__(self, error: str, description: str, *, status: int = 400, subtype: str = "") -> None:
        super().__init__(description)
        self.error = error
        self.description = description
        self.status = status
        self.subtype = subtype


@dataclass(slots=True, eq=False)
class GoogleAccess:
    """An access token and how it was come by."""

    expires_at: float
    grant: str


class Google:
    """All that Google's side remembers. Take nothing out of it but through its methods."""

    def __init__(
        self, conduct: Conduct, now: Callable[[], float], on_secret: Callable[[str, str], object]
    ) -> None:
        self._conduct = conduct
        self._now = now
        self._on_secret = on_secret
        self._lock = threading.Lock()
        self._tokens: dict[str, GoogleAccess] = {}
        self._key: RSAKey | None = None
        self._users: dict[str, str] = {}
        self._subjects: set[str] = set()
        self._ended: tuple[str, str] | None = None

    # -- what people are given

    def key_file(self, origin: str) -> dict[str, Any]:
        """The content of a service account's key file that points to this sandbox."""
        private: bytes = self._signing_key().as_pem(private=True)
        self._on_secret("google-key", private.decode())
        return {
            "type": "service_account",
            "project_id": PROJECT,
            "private_key_id": "sandbox-key",
            "private_key": private.decode(),
            "client_email": ACCOUNT,
            "token_uri": f"{origin}/google/token",
        }

    def user_file(self) -> dict[str, Any]:
        """What gcloud would write for a new user login; google-auth asks Google's own host for its tokens."""
        refresh, secret = self._made("google-refresh"), self._made("google-client")
        with self._lock:
            self._users[refresh] = secret
        return {
            "type": "authorized_user",
            "client_id": "sandbox.apps.example.com",
            "client_secret": secret,
            "refresh_token": refresh,
        }

    def subject_token(self) -> str:
        """A token of another identity provider, which the exchange takes."""
        subject = self._made("google-subject")
        with self._lock:
            self._subjects.add(subject)
        return subject

    # -- grants

    def issue(self, grant: str) -> dict[str, object]:
        """A token answer."""
        lifetime = self._conduct.now().lifetime
        token = self._made("google-access")
        with self._lock:
            self._tokens[token] = GoogleAccess(self._now() + lifetime, grant)
        return {"access_token": token, "expires_in": math.ceil(lifetime), "token_type": "Bearer"}

    def by_assertion(self, assertion: str, origin: str) -> dict[str, object]:
        """The grant of a service account's key (RFC 7523). Raises: GoogleRefusal."""
        from joserfc import jwt
        from joserfc.errors import JoseError

        self._check_ended()
        try:
            claims = jwt.decode(assertion, self._signing_key(), algorithms=["RS256"]).claims
        except (JoseError, ValueError):
            raise GoogleRefusal("invalid_grant", "Invalid JWT Signature.") from None
        if claims.get("iss") != ACCOUNT:
            raise GoogleRefusal("invalid_grant", "Invalid grant: account not found")
        if claims.get("aud") not in (GOOGLE_AUDIENCE, f"{origin}/google/token"):
            raise GoogleRefusal("invalid_grant", "Invalid JWT: Failed audience check.")
        if not SCOPES & set(str(claims.get("scope", "")).split()):
            raise GoogleRefusal("invalid_scope", "Invalid OAuth scope or ID token audience provided.")
        made, ends = float(claims.get("iat", 0)), float(claims.get("exp", 0))
        if abs(made - self._now()) > SKEW or not 0 < ends - made <= LONGEST_ASSERTION + SKEW:
            raise GoogleRefusal(
                "invalid_grant",
                "Invalid JWT: Token must be a short-lived token and in a reasonable timeframe.",
            )
        return self.issue("assertion")

    def by_refresh(self, refresh: str, client_secret: str) -> dict[str, object]:
        """The grant of a user login, whose refresh token stays as it is. Raises: GoogleRefusal."""
        with self._lock:
            known = self._users.get(refresh)
        if known is None:
            raise GoogleRefusal("invalid_grant", "Bad Request")
        if known != client_secret:
            raise GoogleRefusal("invalid_client", "The provided client secret is invalid.", status=401)
        self._check_ended()
        return self.issue("refresh")

    def by_exchange(self, subject: str, audience: str) -> dict[str, object]:
        """The grant of an external account (RFC 8693). Raises: GoogleRefusal."""
        if audience != POOL:
            raise GoogleRefusal("invalid_target", "The target service indicated by the audience is invalid.")
        with self._lock:
            known = subject in self._subjects
        if not known:
            raise GoogleRefusal(
                "invalid_grant", "The given credential is rejected by the attribute condition."
            )
        self._check_ended()
        answer = self.issue("exchange")
        return {**answer, "issued_token_type": "urn:ietf:params:oauth:token-type:access_token"}

    # -- what becomes of them

    def trouble_of(self, token: str) -> str | None:
        """Why a token is not taken: unknown or expired; None for one that is."""
        with self._lock:
            known = self._tokens.get(token)
        if known is None:
            return "unknown"
        return "expired" if self._now() >= known.expires_at else None

    def expire(self) -> int:
        """Let every token of so far be expired; how many there were."""
        with self._lock:
            for token in self._tokens.values():
                token.expires_at = self._now()
            return len(self._tokens)

    def end(self, *, reauth: bool = False) -> None:
        """Refuse every grant from now on: revoked, or until the person signs in again."""
        description = (
            "reauth related error (invalid_rapt)" if reauth else "Token has been expired or revoked."
        )
        with self._lock:
            self._ended = ("invalid_rapt" if reauth else "", description)

    def restore(self) -> None:
        """Grant again, as after a new sign-in."""
        with self._lock:
            self._ended = None

    def _check_ended(self) -> None:
        with self._lock:
            ended = self._ended
        if ended is not None:
            raise GoogleRefusal("invalid_grant", ended[1], subtype=ended[0])

    def _signing_key(self) -> RSAKey:
        from joserfc.jwk import RSAKey

        with self._lock:
            if self._key is None:
                self._key = RSAKey.generate_key(2048, private=True)
            return self._key

    def _made(self, kind: str) -> str:
        secret = f"sandbox-{kind}-{secrets.token_urlsafe(24)}"
        self._on_secret(kind, secret)
        return secret
