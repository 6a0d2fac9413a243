"""A login in the browser: PKCE, a loopback listener, and pasting beside it (RFC 8252, 7636, 9207).

Nothing is changed by a login that fails or is cancelled; the browser is told the truth last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keyturn.errors import AuthError, ConfigurationError, LoginRefused, Rejected, Unavailable
from keyturn.oauth import page, protocol
from keyturn.oauth.asking import Asking, Attempt
from keyturn.oauth.authority import client_of, metadata_of
from keyturn.oauth.grant import check_store, keep, login_from
from keyturn.world.listener import Listener

if TYPE_CHECKING:
    from keyturn.login import Authority, Login
    from keyturn.oauth.asking import Wish
    from keyturn.oauth.grant import Person
    from keyturn.settings.config import Profile
    from keyturn.stores import LoginStore
    from keyturn.world import World
    from keyturn.world.listener import Outcome

_OUTCOMES: dict[str, Outcome] = {"login_timeout": "expired", "login_refused": "refused"}


def log_in(world: World, profile: Profile, store: LoginStore, person: Person, wish: Wish) -> Login:
    """Log a person in and store the result.

    Raises: ConfigurationError, Refused, Unavailable, LoginRefused, Rejected, StoreError, UsageError.
    """
    metadata = metadata_of(world, profile)
    api_base_url = profile.api_base_url or metadata.api_base_url
    if api_base_url is None:
        raise ConfigurationError(
            f"profile {profile.name} does not name the API that the login is for",
            hint="name it: keyturn login --api-base-url https://…",
            code="no_api_base_url",
        )
    check_store(store)
    state = world.random_text()
    with _listen(profile, state, wish) as listener:
        paste_uri = profile.paste_redirect_uri or metadata.paste_redirect_uri
        uris = [listener.redirect_uri, *([paste_uri] if paste_uri else [])]
        authority = metadata.authority(*client_of(world, profile, metadata, uris), profile)
        direct = _attempt(world, authority, profile, listener.redirect_uri, state)
        by_paste = _attempt(world, authority, profile, paste_uri, world.random_text()) if paste_uri else None
        try:
            found = Asking(world, person, wish, listener, metadata, direct, by_paste).answer()
            granted = _exchange(world, authority, found.code, found.attempt)
            login = login_from(
                granted,
                world,
                profile,
                authority=authority,
                api_base_url=api_base_url,
                oauth_beta=metadata.oauth_beta if profile.oauth_beta is None else profile.oauth_beta,
            )
            who = login.who or "an account it does not name"
            person.say(f"{metadata.issuer or authority.token_url} has logged in {who}")
            if found.bare and not (wish.yes or person.confirm(f"is that you: {who}?")):
                raise LoginRefused(
                    "the account was not confirmed; nothing was stored", hint="run: keyturn login"
                )
            stored = keep(store, world, login, person, yes=wish.yes)
        except AuthError as error:
            listener.conclude(_OUTCOMES.get(error.code, "failed"), error.message)
            raise
        listener.conclude("success", stored.who or "")
        return stored


def _listen(profile: Profile, state: str, wish: Wish) -> Listener:
    if profile.redirect_uri is None:
        return Listener(state, page=page.render, port=wish.callback_port)
    from urllib.parse import urlsplit

    parts = urlsplit(profile.redirect_uri)
    host = parts.hostname
    if parts.scheme != "http" or host not in ("127.0.0.1", "localhost"):
        raise ConfigurationError(
            f"the redirect_uri of profile {profile.name} is not an address on this machine",
            hint="use http://127.0.0.1:PORT/PATH or http://localhost:PORT/PATH",
        )
    return Listener(
        state,
        page=page.render,
        host="localhost" if host == "localhost" else "127.0.0.1",
        port=wish.callback_port or parts.port or 0,
        path=parts.path or "/",
    )


def _attempt(world: World, authority: Authority, profile: Profile, redirect_uri: str, state: str) -> Attempt:
    verifier = world.random_text(48)
    url = protocol.authorization_url(
        authority, redirect_uri=redirect_uri, scopes=profile.scopes, state=state, verifier=verifier
    )
    return Attempt(redirect_uri=redirect_uri, state=state, url=url, verifier=verifier)


def _exchange(world: World, authority: Authority, code: str, attempt: Attempt) -> protocol.Granted:
    request = protocol.code_grant(
        authority,
        code=code,
        verifier=attempt.verifier,
        redirect_uri=attempt.redirect_uri,
        state=attempt.state,
    )
    try:
        response = world.send(request)
    except Unavailable as error:
        if error.facts.get("sent") is not False:
            raise  # the code may be spent; sending it twice would revoke what it gave
        response = world.send(request)
    answer = protocol.read_token(response)
    host = authority.token_url
    if isinstance(answer, protocol.Denied):
        if answer.error in protocol.MISCONFIGURED:
            raise ConfigurationError(
                f"{host} refuses this client ({answer.error})",
                hint="check the client id and the scopes with its operator",
                code=answer.error,
            )
        raise Rejected(
            f"{host} did not accept the code of this login",
            hint="run keyturn login again",
            code="code_rejected",
        )
    if isinstance(answer, protocol.Unreadable) or answer.odd_life:
        why = (
            answer.why
            if isinstance(answer, protocol.Unreadable)
            else "its expires_in is not a number of seconds"
        )
        raise Unavailable(
            f"{host} gave no usable token: {why}",
            hint="run keyturn login again; if it stays, tell the authority's operator",
            code="unreadable_answer",
        )
    return answer
