"""A login in the browser: PKCE, a loopback listener, and pasting beside it (RFC 8252, 7636, 9207).

Nothing is changed by a login that fails or is cancelled; the browser is told the truth last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keyturn.errors import AuthError, ConfigurationError
from keyturn.oauth import page, protocol
from keyturn.oauth.asking import Asking
from keyturn.oauth.authority import client_of, metadata_of
from keyturn.oauth.grant import api_of, check_store, keep
from keyturn.oauth.granting import Attempt, Terms, exchange, login_of_grant, show_account
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
    check_browser(metadata)
    api_base_url = api_of(profile, metadata)
    check_store(store)
    state = world.random_text()
    with _listen(profile, state, wish) as listener:
        terms, direct, by_paste = attempts(
            world, profile, metadata, api_base_url, (listener.redirect_uri, state)
        )
        try:
            asking = Asking(world, person, wish, listener, metadata, direct, by_paste)
            try:
                if wish.pending is not None:
                    wish.pending.save(terms, metadata, by_paste or direct)
                found = asking.answer()
            finally:
                if wish.pending is not None:
                    wish.pending.remove()
            granted = exchange(world, terms.authority, found)
            login = login_of_grant(granted, world, profile, terms)
            show_account(login, terms, person, sure=wish.yes or not found.bare)
            stored = keep(store, world, login, person, yes=wish.yes)
        except AuthError as error:
            listener.conclude(_OUTCOMES.get(error.code, "failed"), error.message)
            raise
        listener.conclude("success", stored.who or "")
        return stored


def begin(
    world: World, profile: Profile, store: LoginStore, person: Person, wish: Wish, metadata: Metadata
) -> tuple[str, float]:
    """Begin a login that another terminal finishes; its address, and until when (Unix seconds).

    Raises: as `log_in`, before anybody is sent to a browser.
    """
    check_browser(metadata)
    api_base_url = api_of(profile, metadata)
    check_store(store)
    assert wish.pending is not None  # noqa: S101 - beginning is keeping
    state = world.random_text()
    with _listen(profile, state, wish) as listener:
        direct = (listener.redirect_uri, state)
        terms, here, by_paste = attempts(world, profile, metadata, api_base_url, direct)
    attempt = by_paste or here
    until = wish.pending.save(terms, metadata, attempt)
    person.say("open this address in a browser, on any machine, and log in:")
    person.show_url(attempt.url)
    person.hand_over(attempt.url, phone=attempt.url)
    last = "shows a code; give that" if by_paste else "may fail to load; give the address of that page"
    person.say(f"its last page {last} to: keyturn login --code-file FILE, or - for standard input")
    return attempt.url, until


def check_browser(metadata: Metadata) -> None:
    """Raises: ConfigurationError for an authority that has no page to log in on."""
    if metadata.authorize_url is None:
        raise ConfigurationError(
            f"{metadata.issuer or metadata.token_url} offers login by device code only",
            hint="log in with a code on any device: keyturn login --device",
            code="device_only",
        )


def attempts(
    world: World, profile: Profile, metadata: Metadata, api_base_url: str, direct: tuple[str, str]
) -> tuple[Terms, Attempt, Attempt | None]:
    """The terms, the attempt for `direct` (redirect address and state), and the one with a code to paste.

    Raises: ConfigurationError, Unavailable.
    """
    paste_uri = profile.paste_redirect_uri or metadata.paste_redirect_uri
    uris = [direct[0], *([paste_uri] if paste_uri else [])]
    authority = metadata.authority(*client_of(world, profile, metadata, uris), profile)
    terms = Terms.of(profile, metadata, authority, api_base_url)
    by_paste = _attempt(world, authority, profile, paste_uri, world.random_text()) if paste_uri else None
    return terms, _attempt(world, authority, profile, *direct), by_paste


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
        path=parts.path,
    )


def _attempt(world: World, authority: Authority, profile: Profile, redirect_uri: str, state: str) -> Attempt:
    verifier = world.random_text(48)
    url = protocol.authorization_url(
        authority, redirect_uri=redirect_uri, scopes=profile.scopes, state=state, verifier=verifier
    )
    return Attempt(redirect_uri=redirect_uri, state=state, url=url, verifier=verifier)
