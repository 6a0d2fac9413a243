"""From a token answer to a stored login: told to the person, written, read back, and only then a success."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from keyturn.errors import (
    ConfigurationError,
    LoginRefused,
    Refused,
    StoreCorrupt,
    StoreDenied,
    Unavailable,
)
from keyturn.login import ANCESTORS_KEPT, ENDS_AT, Login, Tombstone
from keyturn.oauth.lifetime import made_now
from keyturn.settings.forced import check_login
from keyturn.stores import login_of
from keyturn.values import Value
from keyturn.wire import origin

if TYPE_CHECKING:
    from keyturn.login import Authority, Record
    from keyturn.oauth.authority import Metadata
    from keyturn.oauth.protocol import Granted
    from keyturn.settings.config import Profile
    from keyturn.stores import Held, LoginStore
    from keyturn.world import World

WAIT_SECONDS = 45.0


class Person(Protocol):
    """Whoever logs in, on a terminal or behind a pipe."""

    @property
    def present(self) -> bool:
        """Whether a question would be answered."""

    def say(self, text: str) -> None:
        """Tell something; never a secret."""

    def show_url(self, url: str) -> None:
        """Print a URL raw on one line, and flush."""

    def show_command(self, command: str) -> None:
        """Print a command raw on one line."""

    def show_code(self, code: str) -> None:
        """Print a code that is typed on another device: large, and once more raw on one line."""

    def hand_over(self, url: str, *, phone: str | None) -> None:
        """Give `url` on as the person wished: to a file, to the clipboard; `phone` as a picture."""

    def copy(self, url: str) -> None:
        """Put a URL into the terminal's clipboard."""

    def confirm(self, question: str) -> bool:
        """Ask yes or no; no without a person."""

    def pasted(self, descriptor: int | None, seconds: float) -> str | None:
        """Wait for a pasted text, or until `descriptor` is readable or time is up (None).

        Raises: EOFError when nothing will ever be pasted any more.
        """


class Forgotten(Value):
    """What a logout found: the login, or where a damaged record was moved to."""

    __slots__ = ("aside", "login")
    aside: str | None
    login: Login | None


def api_of(profile: Profile, metadata: Metadata | None) -> str:
    """The API that a login is for, as the profile names it, or the sandbox for itself.

    Raises: ConfigurationError when nobody names one or it is no address; Refused for plain http elsewhere.
    """
    url = profile.api_base_url or (metadata.api_base_url if metadata is not None else None)
    if url is None:
        raise ConfigurationError(
            f"profile {profile.name} does not name the API that the login is for",
            hint="name it: keyturn login --api-base-url https://…",
            code="no_api_base_url",
        )
    return checked_api(url)


def checked_api(url: str) -> str:
    """An address that a credential may go to. Raises: ConfigurationError, Refused."""
    try:
        place = origin(url)
    except ValueError as error:
        raise ConfigurationError(
            f"the address of the API is not usable: {error}",
            hint="give the whole of it: keyturn login --api-base-url https://…",
            code="bad_api_base_url",
        ) from None
    if not place.confidential:
        raise Refused(
            f"the credential would go to {place} without encryption",
            hint="use https: keyturn login --api-base-url https://…",
            code="plain_http",
        )
    return url


def login_from(
    granted: Granted,
    world: World,
    profile: Profile,
    *,
    authority: Authority | None,
    api_base_url: str,
    oauth_beta: bool,
    expires_at: float | None = None,
) -> Login:
    """The login in a token answer, not stored yet."""
    now = world.now()
    if expires_at is None and granted.life is not None:
        expires_at = now + granted.life
    return Login(
        login_id=world.random_text(16),
        generation=0,
        profile=profile.name,
        access_token=granted.access_token,
        refresh_token=granted.refresh_token,
        issued_at=now,
        expires_at=expires_at,
        scopes=granted.scopes if granted.scopes is not None else profile.scopes,
        account=granted.account,
        account_id=granted.account_id,
        organization=granted.organization,
        organization_id=granted.organization_id,
        authority=authority,
        api_base_url=api_base_url,
        oauth_beta=oauth_beta,
        billing=profile.billing or "unknown",
        ancestors=(),
        extra=made_now(world) | ({} if granted.login_life is None else {ENDS_AT: now + granted.login_life}),
    )


def check_store(store: LoginStore) -> Record | None:
    """What is stored now, and that it could be replaced: asked before a person is sent to the browser.

    Raises: StoreError, Unavailable. A damaged record counts as nothing stored.
    """
    with _held(store) as held:
        held.prove_writable()
        try:
            found = held.load()
        except StoreCorrupt:
            return None
    if found is not None and store.read_only:
        raise StoreDenied(
            f"{store.where} was provided by somebody else and is only read",
            hint="change the login where it is provisioned, or use another KEYTURN_HOME",
        )
    return found


def keep(store: LoginStore, world: World, login: Login, person: Person, *, yes: bool = False) -> Login:
    """Store a new login in place of whatever the profile holds, and read it back (P14).

    Every way to log in ends here, and so does what the settings forbid.
    Raises: Refused by forceLoginMethod or forceLoginOrgUUID, LoginRefused when it would replace another
    account's and nobody agrees, StoreError; nothing has changed then.
    """
    remark = check_login(world, login)
    if remark is not None:
        person.say(remark)
    while True:
        agreed = _peek(store)
        if agreed is not None and _is_another(agreed, login) and not yes:
            _agree(agreed, login, person)
        with _held(store) as held:
            current, login = _make_way(held, world, login, person)
            there = login_of(current)
            # while the person was asked, somebody else may have logged in: then the question is another
            surprise = there is not None and (agreed is None or _is_another(there, agreed))
            if there is not None and surprise and _is_another(there, login) and not yes:
                continue
            if there is not None and not _is_another(there, login):
                login = _descended(login, there)
            replacing = current.identity if current is not None else None
            stored = held.save(login, replacing=replacing, verify=True)
            held.journal.remove()  # whatever waits in it belongs to the login that is gone
        assert isinstance(stored, Login)  # noqa: S101 - a store gives back what it was given
        return stored


def forget(store: LoginStore, world: World) -> Forgotten:
    """Replace what is stored by a tombstone; a damaged record is moved aside for a person to look at (L4).

    Raises: StoreError, Unavailable.
    """
    with _held(store) as held:
        aside = None
        try:
            current = held.load()
        except StoreCorrupt:
            held.prove_writable()
            aside = held.set_aside()
            current = None
        login = login_of(current)
        # a renewal whose result found no other place left it in the journal: then that is what lives (L15)
        rescued = held.journal.rescued()
        if rescued is not None and (aside or (login and login.identity == rescued.replaces)):
            login = rescued.login
        if aside is not None:
            held.save(Tombstone(generation=int(world.now()), at=world.now()), replacing=None)
        elif isinstance(current, Login):
            stone = Tombstone(generation=current.generation, at=world.now())
            held.save(stone, replacing=current.identity)
        held.journal.remove()
        held.trouble.remove()
        return Forgotten(aside=aside, login=login)


def named(login: Login) -> str:
    """A login for people: whose it is, and where."""
    if login.kind == "api_key":
        return "an API key"
    place = login.authority and (login.authority.issuer or login.authority.token_url)
    return f"the login of {login.who or 'an unnamed account'}{f' at {place}' if place else ''}"


def _make_way(held: Held, world: World, login: Login, person: Person) -> tuple[Record | None, Login]:
    """What the new login will replace, once a damaged record is out of its way; and the login."""
    try:
        return held.load(), login
    except StoreCorrupt as damage:
        held.prove_writable()
        person.say(f"{damage.message}; it was moved to {held.set_aside()}")
        # nobody knows how far the damaged record's counter went; the clock is beyond it
        return None, login.replace(generation=int(world.now()))


def _descended(new: Login, old: Login) -> Login:
    """The new login with the old one's tokens among its ancestors.

    A container that provisions the same token at each start must not put it in place of the login that a
    person has made since (L5, I3).
    """
    former = dict.fromkeys((*old.ancestors, old.identity.refresh_hash))
    kept = [mark for mark in former if mark and mark != new.identity.refresh_hash]
    return new.replace(ancestors=tuple(kept[-ANCESTORS_KEPT:]))


def _agree(old: Login, new: Login, person: Person) -> None:
    if person.confirm(f"replace {named(old)} by {named(new)}?"):
        return
    raise LoginRefused(
        f"profile {new.profile} holds {named(old)}; it was not replaced by {named(new)}",
        hint="agree to it: keyturn login --yes …; or keep both: keyturn login --profile NAME …",
        code="other_account",
    )


def _is_another(old: Login, new: Login) -> bool:
    return old.kind != new.kind or not old.same_person(new)


def _peek(store: LoginStore) -> Login | None:
    try:
        return login_of(store.load())
    except StoreCorrupt:
        return None


def _held(store: LoginStore) -> Held:
    held = store.hold(seconds=WAIT_SECONDS)
    if held is None:
        raise Unavailable("the store is held by another program", hint="try again in a moment", sent=False)
    return held
