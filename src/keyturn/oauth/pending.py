"""A login that was begun here and may be finished in another terminal, within ten minutes.

What finishing it needs (the verifier, the state, the authority as it was) lies in a file for this user alone,
one per profile. Whoever takes the file finishes the login; it can be taken once.
"""

from __future__ import annotations

import contextlib
import hmac
from typing import TYPE_CHECKING

from keyturn import jsontext
from keyturn.errors import AuthError, LoginRefused, UsageError, frameless
from keyturn.login import Authority
from keyturn.oauth.granting import Attempt, Found, Terms, exchange, login_of_grant, show_account
from keyturn.oauth.paste import read_paste
from keyturn.settings.config import Profile
from keyturn.values import Secret, Value
from keyturn.world import directories, files

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from keyturn.login import Login
    from keyturn.oauth.authority import Metadata
    from keyturn.oauth.grant import Person
    from keyturn.world import World

VERSION = 1
LIFE_SECONDS = 600.0
# a writer needs milliseconds; what is older was left by one that was killed
_WRITING_SECONDS = 60.0
_AGAIN = "begin one: keyturn login --begin"


class Pending(Value):
    """A begun login. `s256` as in Metadata; `typed` is what its person typed about the profile."""

    __slots__ = ("attempt", "s256", "terms", "typed")
    attempt: Attempt
    s256: bool
    terms: Terms
    typed: Mapping[str, Any]


class PendingFile:
    """Where the begun login of a profile is kept; `typed` is what was typed about the profile."""

    def __init__(self, world: World, profile: str, typed: Mapping[str, Any]) -> None:
        self._world = world
        self._profile = profile
        self._typed = typed
        self._state: str | None = None
        self.path = f"{world.state_dir()}/pending/{profile}.json"

    def save(self, terms: Terms, metadata: Metadata, attempt: Attempt) -> float:
        """Keep a begun login, in place of an older one; Unix seconds of its end. Raises: StoreDenied."""
        until = self._world.now() + LIFE_SECONDS
        authority = {name: _text(getattr(terms.authority, name)) for name in Authority.fields}
        kept = {
            "version": VERSION,
            "until": until,
            "api_base_url": terms.api_base_url,
            "oauth_beta": terms.oauth_beta,
            "s256": metadata.s256,
            "authority": {name: value for name, value in authority.items() if value is not None},
            "redirect_uri": attempt.redirect_uri,
            "state": attempt.state,
            "verifier": attempt.verifier,
            "typed": dict(self._typed),
        }
        directories.make_private_directory(self._world.state_dir())
        directories.make_private_directory(f"{self._world.state_dir()}/pending")
        sweep(self._world)
        self._state = attempt.state  # first, so that Ctrl-C in between leaves nothing that nobody removes
        files.write_durably(self.path, jsontext.dump(kept))
        return until

    def taken(self) -> bool:
        """Whether another terminal has taken what was saved here, or has begun anew."""
        return self._state is not None and not self._is_here(self._state)

    def remove(self) -> None:
        """Forget what was saved here, unless that is another terminal's by now."""
        if self._state is not None and self._is_here(self._state):
            files.remove_durably(self.path)
        self._state = None

    def _is_here(self, state: str) -> bool:
        try:
            found = files.read_private(self.path)
            text = found.text if found is not None else "{}"
            return hmac.compare_digest(str(jsontext.parse_object(text).get("state")), state)
        except (AuthError, ValueError, TypeError):
            return False  # whatever lies there is not what was written

    @frameless
    def load(self) -> Pending:
        """What was begun. Raises: UsageError when nothing was, or too long ago; StoreError."""
        found = files.read_private(self.path)
        if found is None:
            raise UsageError(
                f"no login of profile {self._profile} waits to be finished", hint=_AGAIN, code="no_pending"
            )
        pending = _read(found.text, self._world.now())
        if pending is None:
            files.remove_durably(self.path)
            raise UsageError(
                f"the login of profile {self._profile} was begun more than "
                f"{LIFE_SECONDS / 60:.0f} minutes ago, or cannot be read",
                hint=_AGAIN,
                code="no_pending",
            )
        return pending

    def take(self, pending: Pending) -> None:
        """Make a begun login one's own. Raises: LoginRefused when another terminal was quicker."""
        still = None
        with contextlib.suppress(UsageError):
            still = self.load()
        same = still is not None and hmac.compare_digest(still.attempt.state, pending.attempt.state)
        if not same or not files.remove_durably(self.path):
            raise LoginRefused(
                "another terminal has taken this login over",
                hint="see there how it ended; or here: keyturn status",
                code="finished_elsewhere",
            )


def sweep(world: World, profile: str | None = None) -> None:
    """Remove what was begun too long ago, what killed writers left, and all of `profile`; never an error."""
    directory = f"{world.state_dir()}/pending"
    for entry in files.listed(directory):
        with contextlib.suppress(AuthError):
            if entry == f"{profile}.json" or _is_over(f"{directory}/{entry}", world.now()):
                files.remove_durably(f"{directory}/{entry}")


def _is_over(path: str, now: float) -> bool:
    if path.endswith(".tmp"):
        mark = files.mark(path)
        return mark is not None and now - mark[1] / 1e9 > _WRITING_SECONDS
    found = files.read_private(path)
    return found is not None and _read(found.text, now) is None


@frameless
def finish(
    text: str, world: World, profile: Profile, place: PendingFile, person: Person, *, yes: bool
) -> Login:
    """The login that a pasted code finishes, its account shown, not stored yet.

    A text that is no code of this login leaves it waiting. Raises: UsageError, LoginRefused, Rejected,
    ConfigurationError, Unavailable, StoreError.
    """
    pending = place.load()
    pasted = read_paste(text, expected_state=pending.attempt.state)
    issuer = pending.terms.authority.issuer
    if None not in (pasted.iss, issuer) and pasted.iss != issuer:
        raise UsageError(f"the code comes from another authority than {issuer}", hint=_AGAIN)
    if pasted.state is None and not pending.s256:
        raise UsageError(
            "the code came without its state, and this authority does not say that it supports PKCE",
            hint="give the whole address, or the code with the # and what follows it",
            code="paste_without_state",
        )
    place.take(pending)
    found = Found(attempt=pending.attempt, bare=pasted.state is None, code=pasted.code)
    granted = exchange(world, pending.terms.authority, found)
    login = login_of_grant(granted, world, profile, pending.terms)
    show_account(login, pending.terms, person, sure=yes or not found.bare)
    return login


def _read(text: str, now: float) -> Pending | None:
    try:
        found = jsontext.parse_object(text)
        if found["version"] != VERSION or not 0 < found["until"] - now <= LIFE_SECONDS:
            return None
        told = {name: _text_or_none(found["authority"].get(name)) for name in Authority.fields}
        secret = told.pop("client_secret")
        authority = Authority(client_secret=Secret(secret) if secret else None, **told)
        attempt = Attempt(
            redirect_uri=_text_in(found, "redirect_uri"),
            state=_text_in(found, "state"),
            url=_text_in(found, "redirect_uri"),
            verifier=_text_in(found, "verifier"),
        )
        terms = Terms(
            api_base_url=_text_in(found, "api_base_url"),
            authority=authority,
            oauth_beta=found["oauth_beta"] is True,
        )
        typed = dict(found["typed"])
        if not told["client_id"] or not told["token_url"] or not typed.keys() <= set(Profile.fields):
            return None
        return Pending(attempt=attempt, s256=found["s256"] is True, terms=terms, typed=typed)
    except (ValueError, KeyError, TypeError, AttributeError, AuthError):
        return None


def _text_in(found: Mapping[str, Any], name: str) -> str:
    if not isinstance(found[name], str):
        raise TypeError(name)
    return str(found[name])


def _text_or_none(value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise TypeError
    return value


def _text(value: object) -> str | None:
    return value.reveal() if isinstance(value, Secret) else value if isinstance(value, str) else None
