"""Logins for machines that no person logs in on: a token answer, or an API key, from standard input (L5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keyturn import jsontext
from keyturn.errors import ConfigurationError, Refused, StoreError, UsageError
from keyturn.login import Login, fingerprint
from keyturn.oauth import protocol
from keyturn.oauth.authority import metadata_of
from keyturn.oauth.grant import check_store, keep, login_from
from keyturn.stores import login_of, open_store
from keyturn.values import Secret
from keyturn.variables import checked_text
from keyturn.wire import origin
from keyturn.world import files

if TYPE_CHECKING:
    from keyturn.login import Authority
    from keyturn.oauth.grant import Person
    from keyturn.settings.config import Profile
    from keyturn.stores import LoginStore
    from keyturn.world import World

_SHAPE = '{"access_token": "…", "expires_in": 3600, "refresh_token": "…"}'


def from_json(
    text: str, world: World, profile: Profile, store: LoginStore, person: Person, *, yes: bool
) -> Login | None:
    """Store the login in a token answer; None when it is the one that is stored already.

    Containers run this at every start, so a refresh token that is, or was, this login's changes nothing.
    Raises: UsageError, ConfigurationError, Refused (another profile holds it), Unavailable, StoreError.
    """
    found = _read(text)
    granted = protocol.read_grant(found)
    if granted is None or granted.odd_life:
        raise _not_an_answer(
            "it holds no usable access_token" if granted is None else "its expires_in is no number"
        )
    current = login_of(check_store(store))
    if granted.refresh_token is not None:
        mark = fingerprint(granted.refresh_token)
        if current is not None and (mark == current.identity.refresh_hash or mark in current.ancestors):
            return None
        _check_other_profiles(world, profile, mark)
    authority, api_base_url, beta = _authority(world, profile, needed=granted.refresh_token is not None)
    login = login_from(
        granted,
        world,
        profile,
        authority=authority,
        api_base_url=api_base_url,
        oauth_beta=beta,
        expires_at=_expires_at(found),
    )
    return keep(store, world, login, person, yes=yes or not person.present)


def from_api_key(
    text: str, world: World, profile: Profile, store: LoginStore, person: Person, *, yes: bool
) -> Login:
    """Store an API key.

    Raises: UsageError when there is none, ConfigurationError for what no header can carry, StoreError.
    """
    key = checked_text(text, "the API key")
    if key is None:
        raise UsageError(
            "no API key came", hint="pipe it in: keyturn login --with-api-key < key.txt", code="no_key"
        )
    check_store(store)
    login = Login(
        login_id=world.random_text(16),
        generation=0,
        profile=profile.name,
        api_key=Secret(key),
        api_base_url=profile.api_base_url,
        issued_at=world.now(),
        billing="metered",
        oauth_beta=False,
        scopes=(),
        ancestors=(),
        extra={},
    )
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
    api_base_url = profile.api_base_url or (metadata.api_base_url if metadata is not None else None)
    if api_base_url is None:
        raise ConfigurationError(
            f"profile {profile.name} does not name the API that the login is for",
            hint="name it: keyturn login --from-json - --api-base-url https://…",
            code="no_api_base_url",
        )
    place = origin(api_base_url)
    if not place.confidential:
        raise Refused(f"a token would go to {place} without encryption", hint="use https", code="plain_http")
    authority = None
    if metadata is not None and profile.client_id:
        authority = metadata.authority(profile.client_id, profile.client_secret, profile)
    beta = metadata.oauth_beta if metadata is not None else False
    return authority, api_base_url, beta if profile.oauth_beta is None else profile.oauth_beta


def _check_other_profiles(world: World, profile: Profile, mark: str) -> None:
    """Two profiles with one refresh token would end each other's login at the first renewal."""
    for name in files.names(f"{world.state_dir()}/logins", ".json"):
        if name == profile.name:
            continue
        try:
            other = login_of(open_store(world, name, "file").load())
        except StoreError:
            continue
        if other is not None and (mark == other.identity.refresh_hash or mark in other.ancestors):
            raise Refused(
                f"profile {name} holds this login already, and two copies would end each other",
                hint=f"use that one: keyturn --profile {name} …; or make {profile.name} a login of its own",
                code="held_by_another_profile",
            )
