"""Logins for machines that no person logs in on: a token answer, or an API key, from standard input (L5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keyturn import jsontext
from keyturn.errors import AuthError, ConfigurationError, Refused, StoreCorrupt, UsageError, frameless
from keyturn.login import ENDS_AT, Login, fingerprint
from keyturn.oauth import protocol
from keyturn.oauth.authority import metadata_of
from keyturn.oauth.grant import api_of, check_store, checked_api, keep, login_from
from keyturn.oauth.logout import other_logins
from keyturn.stores import login_of
from keyturn.values import Secret
from keyturn.variables import checked_text
from keyturn.wire import Response

if TYPE_CHECKING:
    from keyturn.login import Authority
    from keyturn.oauth.grant import Person
    from keyturn.settings.config import Profile
    from keyturn.stores import LoginStore
    from keyturn.world import World

_SHAPE = (
    '{"access_token": "…", "expires_in": 3600, "refresh_token": "…"}; '
    'in place of expires_in, "expires_at": 1800000000'
)
# more of them are no time in seconds
_DIGITS = 12


@frameless
def from_json(
    text: str, world: World, profile: Profile, store: LoginStore, person: Person, *, yes: bool
) -> Login | None:
    """Store the login in a token answer; None when it is the one that is stored already.

    Containers run this at every start, so a refresh token that is, or was, this login's changes nothing,
    needs no network and writes nothing.
    Raises: UsageError, ConfigurationError, Refused (another profile holds it), LoginRefused (it would replace
    another account's), Unavailable, StoreError.
    """
    found = _read(text)
    granted = protocol.read_token(
        Response(status=200, headers={"content-type": "application/json"}, body=text.encode())
    )
    if not isinstance(granted, protocol.Granted):
        raise _not_an_answer(granted.why if isinstance(granted, protocol.Unreadable) else "it is an error")
    if granted.odd_life:
        raise _not_an_answer("its expires_in is not a number of seconds")
    expires_at = _expires_at(found)
    if granted.refresh_token is not None:
        mark = fingerprint(granted.refresh_token)
        current = _stored(store)
        if current is not None and _descends(current, mark):
            return None
        _check_other_profiles(world, profile, mark)
    elif expires_at is not None and expires_at <= world.now():
        raise _not_an_answer("its token has expired already, and it holds no refresh_token")
    authority, api_base_url, beta = _authority(world, profile, needed=granted.refresh_token is not None)
    check_store(store)
    login = login_from(
        granted,
        world,
        profile,
        authority=authority,
        api_base_url=api_base_url,
        oauth_beta=beta,
        expires_at=expires_at,
    )
    return keep(store, world, login, person, yes=yes)


@frameless
def from_api_key(
    text: str,
    world: World,
    profile: Profile,
    store: LoginStore,
    person: Person,
    *,
    yes: bool,
    ends_at: float | None = None,
) -> Login:
    """Store an API key; `ends_at` is when it stops working, in Unix seconds, if the person knows that.

    Raises: UsageError when there is none, ConfigurationError for what no header can carry, Refused,
    LoginRefused (it would replace a login), StoreError.
    """
    key = checked_text(text, "the API key")
    if key is None:
        raise UsageError(
            "no API key came", hint="pipe it in: keyturn login --with-api-key < key.txt", code="no_key"
        )
    login = Login(
        login_id=world.random_text(16),
        generation=0,
        profile=profile.name,
        api_key=Secret(key),
        api_base_url=profile.api_base_url and checked_api(profile.api_base_url),
        issued_at=world.now(),
        billing="metered",
        oauth_beta=False,
        scopes=(),
        ancestors=(),
        extra={} if ends_at is None else {ENDS_AT: ends_at},
    )
    check_store(store)
    return keep(store, world, login, person, yes=yes)


def _read(text: str) -> dict[str, Any]:
    if not text.strip():
        raise _not_an_answer("it is empty")
    try:
        return jsontext.parse_object(text)
    except jsontext.NotJson as error:
        raise _not_an_answer(str(error)) from None


def _not_an_answer(why: str) -> UsageError:
    return UsageError(
        f"standard input is not a token answer: {why}",
        hint=f"it looks like this: {_SHAPE}",
        code="bad_token_answer",
    )


def _expires_at(found: dict[str, Any]) -> float | None:
    value = found.get("expires_at")
    if value is None:
        return None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < _DIGITS:
        value = int(value)  # as in expires_in, which some servers write so (L21)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e11:  # noqa: PLR2004 - seconds, not milliseconds
        raise _not_an_answer("its expires_at is not a time in Unix seconds")
    return float(value)


def _authority(world: World, profile: Profile, *, needed: bool) -> tuple[Authority | None, str, bool]:
    """Where the login is renewed and used. A login without refresh token needs no authority."""
    metadata = None
    if profile.issuer or profile.token_url:
        # nobody is sent to a browser here, so an authorize_url may be missing
        whole = (
            profile
            if profile.issuer or profile.authorize_url
            else profile.replace(authorize_url=profile.token_url)
        )
        metadata = metadata_of(world, whole)
    if needed and (metadata is None or not profile.client_id):
        raise ConfigurationError(
            "the token answer has a refresh token, and it is not known where and as whom to use it",
            hint="name both: keyturn login --from-json - --issuer https://… --client-id ID",
            code="no_authority",
        )
    api_base_url = api_of(profile, metadata)
    authority = None
    if metadata is not None and profile.client_id:
        authority = metadata.authority(profile.client_id, profile.client_secret, profile)
    beta = metadata.oauth_beta if metadata is not None else False
    return authority, api_base_url, beta if profile.oauth_beta is None else profile.oauth_beta


def _stored(store: LoginStore) -> Login | None:
    try:
        return login_of(store.load())
    except StoreCorrupt:
        return None


def _descends(login: Login, mark: str) -> bool:
    return mark == login.identity.refresh_hash or mark in login.ancestors


def _check_other_profiles(world: World, profile: Profile, mark: str) -> None:
    """Two profiles with one refresh token would end each other's login at the first renewal."""
    for name, store in other_logins(world, profile.name):
        try:
            other = login_of(store.load())
        except AuthError:
            continue
        if other is not None and _descends(other, mark):
            raise Refused(
                f"profile {name} holds this login already, and two copies would end each other",
                hint=f"use that one: keyturn --profile {name} …; or make {profile.name} a login of its own",
                code="held_by_another_profile",
            )
