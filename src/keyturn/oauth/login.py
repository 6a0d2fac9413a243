"""A login in the browser: PKCE, a loopback listener, and pasting beside it (RFC 8252, 7636, 9207).

Nothing is changed by a login that fails or is cancelled; the browser is told the truth last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keyturn.clean import clean
from keyturn.errors import AuthError, ConfigurationError, LoginRefused, Rejected, Unavailable
from keyturn.oauth import page, protocol
from keyturn.oauth.asking import Asking, Attempt
from keyturn.oauth.authority import client_of, metadata_of
from keyturn.oauth.grant import api_of, check_store, keep, login_from
from keyturn.world.listener import Listener

if TYPE_CHECKING:
    from keyturn.login import Authority, Login
    from keyturn.oauth.asking import Wish
    from keyturn.oauth.authority import Metadata
    from keyturn.oauth.grant import Person
    from keyturn.settings.config import Profile
    from keyturn.stores import LoginStore
    from keyturn.world import World
    from keyturn.world.listener import Outcome

# a login that was refused in the browser, and one that the person stopped here, are told apart by code
_OUTCOMES: dict[str, Outcome] = {"login_timeout": "expired", "login_refused": "refused"}


def log_in(
    world: World,
    profile: Profile,
    store: LoginStore,
    person: Person,
    wish: Wish,
    metadata: Metadata | None = None,
) -> Login:
    """Log a person in and store the result; `metadata` is the authority's, if it was asked already.

    Raises: ConfigurationError, Refused, Unavailable, LoginRefused, Rejected, StoreError, UsageError.
    """
    metadata = metadata or metadata_of(world, profile)
    api_base_url = api_of(profile, metadata)
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
            _show_account(login, metadata.issuer or authority.token_url, person, wish, bare=found.bare)
            stored = keep(store, world, login, person, yes=wish.yes)
        except AuthError as error:
            listener.conclude(_OUTCOMES.get(error.code, "failed"), error.message)
            raise
        listener.conclude("success", stored.who or "")
        return stored


def _show_account(login: Login, place: str, person: Person, wish: Wish, *, bare: bool) -> None:
    """Say whose login it is before it is stored (T11); a code without its state could be anybody's."""
    who = login.who or "an account that it does not name"
    person.say(f"{place} has logged in {who}")
    if bare and not (wish.yes or person.confirm(f"the code came without its state; is that you: {who}?")):
        raise LoginRefused(
            f"nobody confirmed that {who} is the right account; nothing was stored",
            hint="run keyturn login again, and paste the code with the # and what follows it; "
            "or agree to the account: keyturn login --yes",
            code="not_confirmed",
        )


def _listen(profile: Profile, state: str, wish: Wish) -> Listener:
    if profile.redirect_uri is None:
        return Listener(state, page=page.render, port=wish.callback_port)
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(profile.redirect_uri)
        host, port = parts.hostname, parts.port or 0
    except ValueError:
        parts, host, port = urlsplit(""), None, 0
    if parts.scheme != "http" or host not in ("127.0.0.1", "localhost") or parts.query or parts.fragment:
        raise ConfigurationError(
            f"the redirect_uri of profile {profile.name} is not one that keyturn can answer on",
            hint="use http://127.0.0.1:PORT/PATH or http://localhost:PORT/PATH; without a port any is taken",
            code="bad_redirect_uri",
        )
    return Listener(
        state,
        page=page.render,
        host="localhost" if host == "localhost" else "127.0.0.1",
        port=wish.callback_port or port,
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
        error.hint = error.hint or "check the network, then run keyturn login again"
        if error.facts.get("sent") is not False:
            raise  # the code may be spent; sending it twice would revoke what it gave
        response = world.send(request)
    answer = protocol.read_token(response)
    host = authority.token_url
    if isinstance(answer, protocol.Denied):
        said = clean(f"{answer.error}: {answer.description}" if answer.description else answer.error)
        if answer.error in protocol.MISCONFIGURED:
            raise ConfigurationError(
                f"{host} refuses this client ({said})",
                hint="check the client id and the scopes with its operator: keyturn login --client-id ID",
                code=answer.error,
            )
        raise Rejected(
            f"{host} did not accept the code of this login ({said})",
            hint="run keyturn login again; a code works once and for a few minutes",
            code="code_rejected",
        )
    if isinstance(answer, protocol.Unreadable):
        raise _unusable(host, answer.why)
    if answer.odd_life:
        raise _unusable(host, "its expires_in is not a number of seconds")
    return answer


def _unusable(host: str, why: str) -> Unavailable:
    return Unavailable(
        f"{host} gave no usable token: {why}",
        hint="run keyturn login again; if it stays, tell the authority's operator",
        code="unreadable_answer",
    )
