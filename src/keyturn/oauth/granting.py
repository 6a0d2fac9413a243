"""What every login by a person ends with: the code exchanged, refusals told apart, the account shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keyturn.clean import clean
from keyturn.errors import AuthError, ConfigurationError, LoginRefused, Rejected, Unavailable
from keyturn.oauth import protocol
from keyturn.oauth.grant import login_from
from keyturn.values import Value

if TYPE_CHECKING:
    from keyturn.login import Authority, Login
    from keyturn.oauth.authority import Metadata
    from keyturn.oauth.grant import Person
    from keyturn.settings.config import Profile
    from keyturn.world import World


class Terms(Value):
    """What a login is asked for on: the authority, and the API that its tokens are for."""

    __slots__ = ("api_base_url", "authority", "oauth_beta")
    api_base_url: str
    authority: Authority
    oauth_beta: bool

    @property
    def place(self) -> str:
        """The authority, for people."""
        return self.authority.issuer or self.authority.token_url

    @classmethod
    def of(cls, profile: Profile, metadata: Metadata, authority: Authority, api_base_url: str) -> Terms:
        """As the profile says, and where it says nothing, as the authority does."""
        beta = metadata.oauth_beta if profile.oauth_beta is None else profile.oauth_beta
        return cls(api_base_url=api_base_url, authority=authority, oauth_beta=beta)


class Attempt(Value):
    """One authorization request: its secrets, where its answer goes, and the URL that starts it."""

    __slots__ = ("redirect_uri", "state", "url", "verifier")
    redirect_uri: str
    state: str
    url: str
    verifier: str

    def __repr__(self) -> str:
        return f"Attempt(redirect_uri={self.redirect_uri!r})"


class Found(Value):
    """A code with the attempt it answers; `bare` when it came without that attempt's state."""

    __slots__ = ("attempt", "bare", "code")
    attempt: Attempt
    bare: bool
    code: str

    def __repr__(self) -> str:
        return f"Found(attempt={self.attempt!r}, bare={self.bare})"


def exchange(world: World, authority: Authority, found: Found) -> protocol.Granted:
    """The tokens for a code. Raises: ConfigurationError, Rejected, Unavailable."""
    attempt = found.attempt
    request = protocol.code_grant(
        authority,
        code=found.code,
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
    if isinstance(answer, protocol.Denied):
        raise denied(authority.token_url, answer)
    return checked(authority.token_url, answer)


def checked(host: str, answer: protocol.Granted | protocol.Unreadable) -> protocol.Granted:
    """The tokens in an answer. Raises: Unavailable when there are none."""
    if isinstance(answer, protocol.Unreadable):
        raise unusable(host, answer.why)
    if answer.odd_life:
        raise unusable(host, "its expires_in is not a number of seconds")
    return answer


def denied(host: str, answer: protocol.Denied) -> AuthError:
    """The error for an error answer to a code."""
    said = clean(f"{answer.error}: {answer.description}" if answer.description else answer.error)
    if answer.error in protocol.MISCONFIGURED:
        return ConfigurationError(
            f"{host} refuses this client ({said})",
            hint="check the client id and the scopes with its operator: keyturn login --client-id ID",
            code=answer.error,
        )
    return Rejected(
        f"{host} did not accept the code of this login ({said})",
        hint="run keyturn login again; a code works once and for a few minutes",
        code="code_rejected",
    )


def unusable(host: str, why: str) -> Unavailable:
    """The error for an answer that is none."""
    return Unavailable(
        f"{host} gave no usable token: {why}",
        hint="run keyturn login again; if it stays, tell the authority's operator",
        code="unreadable_answer",
    )


def login_of_grant(granted: protocol.Granted, world: World, profile: Profile, terms: Terms) -> Login:
    """The login in an answer, not stored yet."""
    return login_from(
        granted,
        world,
        profile,
        authority=terms.authority,
        api_base_url=terms.api_base_url,
        oauth_beta=terms.oauth_beta,
    )


def show_account(login: Login, terms: Terms, person: Person, *, sure: bool) -> None:
    """Say whose login it is before it is stored (T11); a code without its state could be anybody's.

    Raises: LoginRefused when it is not sure and the person does not say yes.
    """
    who = login.who or "an account that it does not name"
    person.say(f"{terms.place} has logged in {who}")
    if not sure and not person.confirm(f"the code came without its state; is that you: {who}?"):
        raise LoginRefused(
            f"nobody confirmed that {who} is the right account; nothing was stored",
            hint="run keyturn login again, and paste the code with the # and what follows it; "
            "or agree to the account: keyturn login --yes",
            code="not_confirmed",
        )
