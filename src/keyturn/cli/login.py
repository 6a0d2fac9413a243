"""`keyturn login`: by browser, by paste, from a token answer or with an API key."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from keyturn.auth import Auth
from keyturn.clean import clean
from keyturn.cli.person import TerminalPerson
from keyturn.errors import ConfigurationError, NoCredential
from keyturn.settings.config import TOKEN_REQUESTS, change_config, checked_name, read_config
from keyturn.stores import KINDS, open_store
from keyturn.values import BILLING

if TYPE_CHECKING:
    import argparse

    from keyturn.cli.terminal import Terminal
    from keyturn.login import Login
    from keyturn.settings.config import Config, Profile
    from keyturn.world import World

# flag and configuration key; what a person types here is remembered when the login has succeeded
_REMEMBERED = (
    ("issuer", "URL", "the authority; its endpoints are discovered (RFC 8414, OpenID)"),
    ("authorize_url", "URL", "the authorization endpoint, where there is no discovery"),
    ("token_url", "URL", "the token endpoint"),
    ("revoke_url", "URL", "the revocation endpoint"),
    ("device_url", "URL", "the device authorization endpoint"),
    ("client_id", "ID", "the client id; without one keyturn registers itself where that is offered"),
    ("api_base_url", "URL", "the API this login is for; it is never sent anywhere else"),
    ("redirect_uri", "URL", "the registered loopback address, where the server insists on one"),
    ("paste_redirect_uri", "URL", "the server's page that shows a code to paste"),
    ("resource", "URL", "the resource indicator (RFC 8707)"),
)
_ANSWER_LIMIT = 1024 * 1024


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `login`."""
    for name, kind, text in _REMEMBERED:
        parser.add_argument(f"--{name.replace('_', '-')}", metavar=kind, help=text)
    parser.add_argument(
        "--scope", action="append", metavar="SCOPE", help="a scope to ask for; may be repeated"
    )
    parser.add_argument(
        "--token-request", choices=TOKEN_REQUESTS, help="how the token endpoint wants its requests"
    )
    parser.add_argument("--billing", choices=BILLING, help="how requests with this login are paid for")
    parser.add_argument(
        "--oauth-beta", action="store_true", default=None, help="the API wants its OAuth beta header"
    )
    parser.add_argument("--store", choices=KINDS, help="where the login is kept")
    way = parser.add_mutually_exclusive_group()
    way.add_argument(
        "--no-browser", action="store_true", help="show the address and read the code from standard input"
    )
    way.add_argument(
        "--device", action="store_true", help="log in with a code on another device (not in this version)"
    )
    way.add_argument("--from-json", metavar="-", help="store the token answer on standard input")
    way.add_argument(
        "--with-api-key", action="store_true", help="store the API key on standard input, or ask for it"
    )
    parser.add_argument(
        "--callback-port", type=int, default=0, metavar="PORT", help="the loopback port to listen on"
    )
    parser.add_argument("--yes", action="store_true", help="replace another account's login without asking")


def run(options: argparse.Namespace, terminal: Terminal) -> int:
    """Log in, store it, remember what was typed, and say what holds now."""
    from keyturn.world import World

    world = World()
    config = read_config(world)
    name, _ = config.chosen(options.profile, world)
    typed = _typed(options)
    profile = _with(config.profile(name), typed)
    person = TerminalPerson(terminal)
    if options.device:
        raise ConfigurationError(
            "login by device code is not in this version of keyturn",
            hint="log in with a code to paste: keyturn login --no-browser",
            code="no_device_login",
        )
    if not (profile.issuer or profile.token_url or options.from_json or options.with_api_key):
        if not person.present:
            raise NoCredential(
                f"profile {name} names no authority to log in to, and there is no terminal to ask on",
                hint="name one: keyturn login --issuer https://… --api-base-url https://…; "
                "or pipe an API key in: keyturn login --with-api-key < key.txt; or set ANTHROPIC_API_KEY",
                code="no_authority",
            )
        from keyturn.cli.chooser import choose

        typed |= choose(person, world)
        options.with_api_key = typed.pop("with_api_key", False)
        profile = _with(config.profile(name), typed)
    login = _log_in(options, world, profile, person, typed)
    if login is None:
        person.say(f"this is the login that profile {name} holds already; nothing was changed")
        return 0
    _remember(world, config, name, typed)
    _report(terminal, person, login, profile)
    return 0


def _log_in(
    options: argparse.Namespace, world: World, profile: Profile, person: TerminalPerson, typed: dict[str, Any]
) -> Login | None:
    checked_name(profile.name, "--profile")
    store = open_store(world, profile.name, profile.store)
    if options.from_json:
        from keyturn.oauth.provision import from_json

        if options.from_json != "-":
            raise ConfigurationError(
                "--from-json reads standard input only, so that no token is left in a file by accident",
                hint="run: keyturn login --from-json - < token.json",
            )
        return from_json(_stdin(), world, profile, store, person, yes=options.yes)
    if options.with_api_key:
        from keyturn.oauth.provision import from_api_key

        text = person.ask_secret("API key (not shown): ") if person.present else _stdin()
        return from_api_key(text, world, profile, store, person, yes=options.yes)
    if not person.present and not options.no_browser:
        raise NoCredential(
            "logging in needs a person on a terminal, and there is none",
            hint="on a machine nobody logs in on: keyturn login --from-json - or --with-api-key; "
            "to pipe a code in: keyturn login --no-browser",
            code="no_terminal",
        )
    from keyturn.oauth.asking import Wish
    from keyturn.oauth.login import log_in

    if profile.api_base_url is None and person.present and "issuer" in typed:
        profile = _ask_api(world, profile, person, typed)
    wish = Wish(browser=not options.no_browser, callback_port=options.callback_port, yes=options.yes)
    return log_in(world, profile, store, person, wish)


def _ask_api(world: World, profile: Profile, person: TerminalPerson, typed: dict[str, Any]) -> Profile:
    """A login must know where it may go; the sandbox says so itself, everybody else is asked."""
    from keyturn.oauth.authority import metadata_of

    if metadata_of(world, profile).api_base_url is not None:
        return profile
    typed["api_base_url"] = person.ask("address of the API this login is for (https://…): ").strip()
    return _with(profile, typed)


def _typed(options: argparse.Namespace) -> dict[str, Any]:
    names = [name for name, _, _ in _REMEMBERED] + ["token_request", "billing", "oauth_beta", "store"]
    typed = {name: value for name in names if (value := getattr(options, name)) is not None}
    if options.scope:
        typed["scopes"] = [scope for entry in options.scope for scope in entry.split()]
    return typed


def _with(profile: Profile, typed: dict[str, Any]) -> Profile:
    changed = {name: tuple(value) if isinstance(value, list) else value for name, value in typed.items()}
    return profile.replace(**changed)


def _remember(world: World, config: Config, name: str, typed: dict[str, Any]) -> None:
    """Write what was typed to the configuration, and nothing when it says so already."""
    there = config.raw.get("profiles", {}).get(name, {})
    if all(there.get(key) == value for key, value in typed.items()):
        return

    def change(raw: dict[str, Any]) -> None:
        profiles = raw.setdefault("profiles", {})
        profiles[name] = {**profiles.get(name, {}), **typed}

    change_config(world, change)


def _report(terminal: Terminal, person: TerminalPerson, login: Login, profile: Profile) -> None:
    what = (
        "the API key"
        if login.kind == "api_key"
        else f"the login of {clean(login.who or 'an unnamed account')}"
    )
    auth = Auth(profile=profile.name)
    person.say(f"{what} is stored in profile {profile.name} ({auth.scene().store.where})")
    found = auth.explain()
    winner = found.winner
    if winner is not None and winner.source.id != "stored-login":
        person.say(f"{winner.source.name} still comes first; see: keyturn explain")
    elif winner is not None and winner.offer is None:
        person.say(f"it cannot be used yet: {winner.why}")
    for warning in found.warnings:
        person.say(f"warning: {warning}")
    del terminal


def _stdin() -> str:
    text = sys.stdin.read(_ANSWER_LIMIT + 1) if sys.stdin is not None else ""
    if len(text) > _ANSWER_LIMIT:
        raise ConfigurationError(
            "standard input holds more than 1 MiB", hint="give just the token answer or the key"
        )
    return text
