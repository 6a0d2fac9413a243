"""A login by device code (RFC 8628): the person types a short code into a page on any device.

Only ever on the person's own wish (T12): a code that somebody else sends is how accounts are stolen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keyturn.clean import clean
from keyturn.errors import AuthError, ConfigurationError, LoginRefused, Refused, Unavailable
from keyturn.oauth import device_protocol as device
from keyturn.oauth import protocol
from keyturn.oauth.authority import client_of
from keyturn.oauth.grant import api_of, check_store, keep
from keyturn.oauth.granting import Terms, checked, denied, login_of_grant, show_account
from keyturn.oauth.refusal import refusal
from keyturn.wire import origin

if TYPE_CHECKING:
    from keyturn.login import Authority, Login
    from keyturn.oauth.asking import Wish
    from keyturn.oauth.authority import Metadata
    from keyturn.oauth.grant import Person
    from keyturn.settings.config import Profile
    from keyturn.stores import LoginStore
    from keyturn.world import World

# RFC 8628 section 3.5: what slow_down adds, from then on
SLOWER_SECONDS = 5.0
# a server may let a code live for a day; nobody looks at a terminal for so long
LONGEST_SECONDS = 1800.0
LONGEST_PAUSE_SECONDS = 60.0
_OK, _NO_PATIENCE, _SERVER_FAULT = 200, 429, 500


def log_in_by_device(
    world: World, profile: Profile, store: LoginStore, person: Person, wish: Wish, metadata: Metadata
) -> Login:
    """Log a person in who confirms a code on another device, and store the result.

    Raises: as `log_in`; ConfigurationError when the authority offers no device login.
    """
    if metadata.device_url is None:
        raise ConfigurationError(
            f"{metadata.issuer or metadata.token_url} does not offer login by device code",
            hint="log in with a code to paste: keyturn login --no-browser; "
            "or name its endpoint: keyturn login --device --device-url https://…",
            code="no_device_login",
        )
    api_base_url = api_of(profile, metadata)
    check_store(store)
    authority = metadata.authority(*client_of(world, profile, metadata, []), profile)
    terms = Terms.of(profile, metadata, authority, api_base_url)
    code = _ask_for_code(world, authority, profile)
    _show(code, person)
    granted = _poll(world, authority, code, person)
    login = login_of_grant(granted, world, profile, terms)
    show_account(login, terms, person, sure=True)
    return keep(store, world, login, person, yes=wish.yes)


def _ask_for_code(world: World, authority: Authority, profile: Profile) -> device.DeviceCode:
    host = authority.device_url or ""
    try:
        response = world.send(device.device_authorization(authority, scopes=profile.scopes))
    except Unavailable as error:
        error.hint = error.hint or "check the network, then run keyturn login --device again"
        raise
    answer = device.read_device_code(response)
    if isinstance(answer, protocol.Denied):
        raise _no_code(host, answer)
    if isinstance(answer, protocol.Unreadable):
        raise Unavailable(
            f"{host} gave no code: {answer.why}",
            hint="try it again; or log in with a code to paste: keyturn login --no-browser",
            code="unreadable_answer",
            status=answer.status,
        )
    if origin(answer.uri).loopback and not origin(host).loopback:
        raise Refused(
            f"{host} sends the person to {origin(answer.uri)}, which is this machine and not the authority",
            hint="tell its operator: its verification_uri is wrong",
            code="bad_verification_uri",
        )
    return answer


def _no_code(host: str, answer: protocol.Denied) -> AuthError:
    said = clean(f"{answer.error}: {answer.description}" if answer.description else answer.error)
    return ConfigurationError(
        f"{host} gives this client no code ({said})",
        hint="ask its operator whether the client may log in by device code: keyturn login --client-id ID; "
        "or log in with a code to paste: keyturn login --no-browser",
        code=answer.error if answer.error in protocol.MISCONFIGURED else "device_refused",
    )


def _show(code: device.DeviceCode, person: Person) -> None:
    person.say(f"on any device with a browser, open this page of {origin(code.uri).host}:")
    person.show_url(code.uri)
    person.say("and enter this code, which nobody but you should see:")
    person.show_code(code.user_code)
    # the address that carries the code is for cameras alone, and the code stands above it (T12)
    person.hand_over(code.uri, phone=code.complete_uri or code.uri)
    minutes = max(1, round(min(code.life, LONGEST_SECONDS) / 60))
    person.say(
        f"waiting for you to confirm it there, for {minutes} minute{'s' if minutes > 1 else ''} "
        "(Ctrl-C stops)"
    )


def _poll(world: World, authority: Authority, code: device.DeviceCode, person: Person) -> protocol.Granted:
    """Ask until there is an answer; what the network does meanwhile ends nothing (section 3.5)."""
    deadline = world.clock() + min(code.life, LONGEST_SECONDS)
    interval = pause = code.interval
    troubled = False
    while world.clock() + pause < deadline:
        world.sleep(pause)
        try:
            answer = device.read_poll(world.send(device.device_grant(authority, code.device_code)))
        except Unavailable as error:
            answer = protocol.Unreadable(retry_after=None, status=0, why=error.message)
        if isinstance(answer, protocol.Unreadable) and _passes(answer):
            if not troubled:
                person.say(f"no answer just now ({clean(answer.why)}); still trying")
            troubled = True
            # half as often each time, as the RFC wants it after a timeout
            pause = min(max(pause * 2, answer.retry_after or 0.0), max(interval, LONGEST_PAUSE_SECONDS))
            continue
        troubled = False
        if not isinstance(answer, protocol.Denied):
            return checked(authority.token_url, answer)
        if answer.error == device.SLOW_DOWN:
            interval += SLOWER_SECONDS
        elif answer.error != device.PENDING:
            raise _refused(authority.token_url, answer)
        pause = interval
    raise _too_late()


def _passes(answer: protocol.Unreadable) -> bool:
    """Whether the next poll may find what this one did not: no connection, a busy server, a portal's page."""
    if answer.status == _OK:
        return answer.why == protocol.NOT_JSON
    return answer.status in (0, _NO_PATIENCE) or answer.status >= _SERVER_FAULT


def _refused(host: str, answer: protocol.Denied) -> AuthError:
    if answer.error == device.EXPIRED:
        return _too_late()
    if answer.error == "access_denied":
        return refusal(answer.error, answer.description)
    return denied(host, answer)


def _too_late() -> LoginRefused:
    return LoginRefused(
        "the code expired before anybody confirmed it; nothing was changed",
        hint="run keyturn login --device again for a new code",
        code="login_timeout",
    )
