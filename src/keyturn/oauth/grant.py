"""From a token answer to a stored login: told to the person, written, read back, and only then a success."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from keyturn.errors import LoginRefused, StoreCorrupt, StoreMissing, Unavailable
from keyturn.login import Login, Tombstone
from keyturn.stores import login_of

if TYPE_CHECKING:
    from keyturn.login import Authority, Record
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

    def confirm(self, question: str) -> bool:
        """Ask yes or no; no without a person."""

    def pasted(self, descriptor: int | None, seconds: float) -> str | None:
        """Wait for a pasted text, or until `descriptor` is readable or time is up (None).

        Raises: EOFError when nothing will ever be pasted any more.
        """


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
        extra={},
    )


def check_store(store: LoginStore) -> Record | None:
    """What is stored now, and that it could be replaced: asked before a person is sent to the browser.

    Raises: StoreError, Unavailable. A damaged record counts as nothing stored.
    """
    with _held(store) as held:
        held.prove_writable()
        try:
            return held.load()
        except StoreCorrupt:
            return None


def keep(store: LoginStore, world: World, login: Login, person: Person, *, yes: bool = False) -> Login:
    """Store a new login in place of whatever the profile holds, and read it back (P14).

    Raises: LoginRefused when it would replace another account's and nobody agrees, StoreError; nothing has
    changed then.
    """
    seen = _peek(store)
    if seen is not None and not seen.same_person(login) and not yes:
        old = seen.who or "another account"
        question = f"replace the login of {old} by {login.who or 'the new one'}?"
        if not person.confirm(question):
            raise LoginRefused(
                f"profile {login.profile} holds a login of {old}, and it was not replaced",
                hint="agree to it: keyturn login --yes; or keep both: keyturn login --profile NAME",
                code="other_account",
            )
    with _held(store) as held:
        try:
            current = held.load()
        except StoreCorrupt as damage:
            aside = held.set_aside()
            person.say(f"{damage.message}; it was moved to {aside}")
            current = None
            # nobody knows how far the damaged record's counter went; the clock is beyond it
            login = login.replace(generation=int(world.now()))
        stored = held.save(login, replacing=current.identity if current is not None else None, verify=True)
    assert isinstance(stored, Login)  # noqa: S101 - a store gives back what it was given
    return stored


def forget(store: LoginStore, world: World) -> Login | None:
    """Replace what is stored by a tombstone, damaged records included; the login that was there (L4).

    Raises: StoreError.
    """
    with _held(store) as held:
        try:
            current = held.load()
        except StoreCorrupt:
            held.set_aside()
            current = None
        held.journal.remove()
        held.trouble.clear()
        if current is None or isinstance(current, Tombstone):
            return None
        held.save(Tombstone(generation=current.generation, at=world.now()), replacing=current.identity)
        return login_of(current)


def _peek(store: LoginStore) -> Login | None:
    try:
        return login_of(store.load())
    except (StoreCorrupt, StoreMissing):
        return None


def _held(store: LoginStore) -> Held:
    held = store.hold(seconds=WAIT_SECONDS)
    if held is None:
        raise Unavailable("the store is held by another program", hint="try again in a moment", sent=False)
    return held
