"""What a renewal that did not succeed means, in words: which error, and what the person does next."""

from __future__ import annotations

from keyturn.errors import AuthError, ConfigurationError, NoCredential, Rejected, Unavailable
from keyturn.login import Moved

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keyturn.login import Login, Record
    from keyturn.oauth.protocol import Denied, Unreadable
    from keyturn.stores import LoginStore
    from keyturn.values import Secret

LOGIN_HINT = "log in again: keyturn login (in a session: /login)"
LOGIN_ENDED = "login_ended"
MOVED = "login_moved"
REJECTED_AGAIN = "rejected_again"


def refused(answer: Denied | Unreadable, host: str) -> AuthError:
    """The error for an answer without a token; its code is LOGIN_ENDED for the one that ends a login (I4)."""
    from keyturn.oauth import protocol  # a fresh token needs none of it

    if isinstance(answer, protocol.Unreadable):
        return Unavailable(
            f"{host} did not renew the login: {answer.why}; the login is kept",
            hint="try again in a moment; run: keyturn status",
            code="authority_unavailable",
            status=answer.status,
            retry_after=answer.retry_after,
        )
    if answer.error in protocol.MISCONFIGURED:
        return ConfigurationError(
            f"{host} refuses this client ({answer.error}); the login is kept",
            hint="check the client id and scopes of the profile: keyturn profile list",
            code=answer.error,
        )
    if answer.error != "invalid_grant":
        return Unavailable(
            f"{host} refused the renewal ({_clean(answer.error)}); the login is kept",
            hint="try again in a moment; run: keyturn status",
            code="authority_refused",
            status=answer.status,
        )
    return Rejected(
        "the stored login has ended: the authority rejected its refresh token",
        hint=LOGIN_HINT,
        code=LOGIN_ENDED,
    )


def not_reached(error: Unavailable, login: Login) -> Unavailable:
    """The error of a network, saying what it kept from happening."""
    of_profile = f" in profile {login.profile}" if login.profile else ""
    return Unavailable(
        f"the login{of_profile} could not be renewed: {error.message}; it is kept",
        hint=error.hint,
        code=error.code,
        **error.facts,
    )


def ended(login: Login, store: LoginStore, rejected: Secret | None) -> Rejected:
    """The error for a login whose token is due and that has nothing to renew it with."""
    if login.kind == "api_key":
        return Rejected(
            f"the API key kept in {store.where} was rejected",
            hint="keep another one: keyturn login --with-api-key",
            code="key_rejected",
            where=store.where,
        )
    fact = "was rejected by the API" if rejected is not None else "has expired"
    if login.quarantine is not None:
        why = login.quarantine.reason
    elif store.read_only:
        why = "its record is provisioned and only read here"
    else:
        why = "it came without a refresh token"
    return Rejected(
        f"the stored login {fact} and cannot be renewed: {why} ({about(login)})",
        hint=LOGIN_HINT,
        code=LOGIN_ENDED,
        where=store.where,
    )


def nothing_stored(store: LoginStore, found: Record | None) -> NoCredential:
    """The error for a place without a login; `code` MOVED and the fact `to` when it lies elsewhere now."""
    if isinstance(found, Moved):
        return NoCredential(
            f"the login in {store.where} was moved to the {found.to} store",
            hint=f"use it there: keyturn login --store {found.to}",
            code=MOVED,
            to=found.to,
        )
    what = "nothing is stored" if found is None else "somebody logged out of it"
    return NoCredential(f"no login in {store.where}: {what}", hint="run: keyturn login", code="logged_out")


def _clean(text: str) -> str:
    return "".join(character for character in text if "!" <= character <= "~")[:80]


def over(reason: str, login: Login) -> Rejected:
    """The error for a login that has just ended."""
    return Rejected(
        f"the stored login has ended: {reason} ({about(login)})", hint=LOGIN_HINT, code=LOGIN_ENDED
    )


def about(login: Login) -> str:
    """Which login it is, and when it was last granted a token (P3)."""
    names = [f"profile {login.profile}"] if login.profile else []
    if login.who:
        names.append(login.who)
    return ", ".join([*names, f"last granted a token at {when(login.issued_at)}"])


def when(seconds: float) -> str:
    """A time for people and programs: RFC 3339, UTC."""
    from datetime import UTC, datetime

    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
