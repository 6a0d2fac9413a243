"""`keyturn login` with nothing configured: a short numbered list, each entry ending in a working login."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keyturn.errors import AuthError, ConfigurationError, LoginRefused
from keyturn.sandbox.place import AUTHORITY_PORT
from keyturn.settings.config import is_name
from keyturn.survey import Offer

if TYPE_CHECKING:
    from collections.abc import Callable

    from keyturn.cli.person import TerminalPerson
    from keyturn.world import World


def choose(person: TerminalPerson, world: World) -> dict[str, Any]:
    """What the person chose, as configuration keys; `with_api_key` stands for that way of logging in.

    Raises: LoginRefused when nothing is chosen, ConfigurationError when the choice cannot work.
    """
    person.say("how do you reach Claude?")
    for number, (text, _) in enumerate(CHOICES, 1):
        person.say(f"{number}) {text}")
    for _ in range(3):
        answer = person.ask(f"choose 1-{len(CHOICES)} (Enter: stop): ").strip()
        if not answer:
            break
        if answer.isascii() and answer.isdigit() and 1 <= int(answer) <= len(CHOICES):
            return CHOICES[int(answer) - 1][1](person, world)
        person.say(f"that is none of them; type a number from 1 to {len(CHOICES)}")
    raise LoginRefused(
        "nothing was chosen, nothing was changed",
        hint="run keyturn login again, or: keyturn login --help",
        code="nothing_chosen",
    )


def choose_profile(person: TerminalPerson, world: World, current: str) -> str:
    """Which of several logins is meant; the current one without asking where there is no other.

    Raises: LoginRefused when nothing usable is answered, ConfigurationError.
    """
    from keyturn.profiles import profiles

    rows = profiles(world, current)
    if len(rows) < 2 or not person.present:  # noqa: PLR2004 - one is no choice
        return current
    person.say("which login?")
    for number, row in enumerate(rows, 1):
        account = row.answer.account if isinstance(row.answer, Offer) else None
        about = f"{row.name}: {account or 'not logged in'}{' (in use)' if row.name == current else ''}"
        person.say(f"{number}) {about}")
    for _ in range(3):
        answer = person.ask(f"choose 1-{len(rows)}, or type a name for a new one (Enter: {current}): ")
        if not answer:
            return current
        if answer.isascii() and answer.isdigit() and 1 <= int(answer[:4]) <= len(rows):
            return rows[int(answer) - 1].name
        if is_name(answer) and not answer.isdigit():
            return answer
        person.say("that is none of them, and no name: letters, digits, '.', '_' and '-', at most 64")
    raise LoginRefused(
        "no login was chosen, nothing was changed", hint="try again: /login", code="nothing_chosen"
    )


def _organisation(person: TerminalPerson, world: World) -> dict[str, Any]:
    del world
    issuer = person.ask("address of your organisation's authority, its issuer (https://…): ").strip()
    if not issuer:
        raise LoginRefused(
            "no address was given, nothing was changed",
            hint="ask your operator for the issuer, then: keyturn login --issuer https://…",
            code="nothing_chosen",
        )
    # people type host names; plain http is only ever meant when it is typed
    return {"issuer": issuer if "://" in issuer else f"https://{issuer}"}


def _api_key(person: TerminalPerson, world: World) -> dict[str, Any]:
    del person, world
    return {"with_api_key": True}


def _sandbox(person: TerminalPerson, world: World) -> dict[str, Any]:
    from keyturn.oauth.authority import metadata_of
    from keyturn.settings.config import Profile

    issuer = f"http://127.0.0.1:{AUTHORITY_PORT}"
    try:
        metadata_of(world, Profile(name="sandbox", issuer=issuer))
    except AuthError:
        raise ConfigurationError(
            f"no sandbox is running at {issuer}",
            hint="start one in another terminal: keyturn sandbox; then run keyturn login again",
            code="no_sandbox",
        ) from None
    person.say(f"the sandbox at {issuer} has accounts to choose from, and takes any password")
    return {"issuer": issuer}


def _bedrock(person: TerminalPerson, world: World) -> dict[str, Any]:
    del person, world
    return {"cloud": "bedrock"}


def _vertex(person: TerminalPerson, world: World) -> dict[str, Any]:
    del person, world
    return {"cloud": "vertex"}


# the cloud routes have walks of their own (keyturn.cli.cloud)
CHOICES: tuple[tuple[str, Callable[[TerminalPerson, World], dict[str, Any]]], ...] = (
    ("through my organisation or a gateway, logging in with a browser", _organisation),
    ("with an API key", _api_key),
    ("through Amazon Bedrock", _bedrock),
    ("through Google Vertex AI", _vertex),
    ("just trying: the sandbox on this machine", _sandbox),
)
