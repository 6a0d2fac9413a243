"""What a person types about a profile: flags of `login`, remembered in `config.json` after a success."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keyturn.errors import UsageError
from keyturn.settings.config import TOKEN_REQUESTS, Profile, change_config
from keyturn.stores import KINDS
from keyturn.values import BILLING
from keyturn.variables import checked_text
from keyturn.world import directories

if TYPE_CHECKING:
    import argparse

    from keyturn.settings.config import Config
    from keyturn.world import World

# key of the configuration, and flag with - for _
_TEXTS = (
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
_CHOSEN = ("token_request", "billing", "oauth_beta", "store")
# of a profile, what stays when another authority is typed
_OF_THE_PERSON = ("name", "store")


def add_flags(parser: argparse.ArgumentParser) -> None:
    """A flag for each key."""
    for name, kind, text in _TEXTS:
        parser.add_argument(flag_of(name), metavar=kind, help=text)
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


def typed_of(options: argparse.Namespace) -> dict[str, Any]:
    """What was typed, as keys of the configuration. Raises: UsageError, ConfigurationError."""
    typed: dict[str, Any] = {}
    for name, _, _ in _TEXTS:
        given = getattr(options, name)
        if given is None:
            continue
        typed[name] = checked_text(given, flag_of(name))
        if typed[name] is None:
            raise UsageError(
                f"{flag_of(name)} is empty", hint=f"give it a value, or leave {flag_of(name)} out"
            )
    typed |= {name: value for name in _CHOSEN if (value := getattr(options, name)) is not None}
    if options.scope:
        typed["scopes"] = [scope for entry in options.scope for scope in entry.split()]
    return typed


def applied(profile: Profile, typed: dict[str, Any]) -> Profile:
    """The profile with what was typed.

    Of another authority than the configured one nothing of the old is taken over: its client id means
    nothing there, and its API must never get the new authority's tokens.
    """
    if _is_another(profile, typed):
        empty = Profile(scopes=(), token_request=TOKEN_REQUESTS[0])
        profile = empty.replace(**{name: getattr(profile, name) for name in _OF_THE_PERSON})
    changed = {name: tuple(value) if isinstance(value, list) else value for name, value in typed.items()}
    return profile.replace(**changed)


def remember(world: World, config: Config, name: str, typed: dict[str, Any]) -> None:
    """Write what was typed to the configuration, and nothing when it says so already."""
    if not _is_news(config, name, typed):
        return
    forgotten = set(Profile.fields) - set(_OF_THE_PERSON) if _is_another(config.profile(name), typed) else ()

    def change(raw: dict[str, Any]) -> None:
        profiles = raw.setdefault("profiles", {})
        kept = {key: value for key, value in profiles.get(name, {}).items() if key not in forgotten}
        profiles[name] = {**kept, **typed}

    change_config(world, change)


def check_rememberable(world: World, config: Config, name: str, typed: dict[str, Any]) -> None:
    """Show, before anybody is sent to a browser, that `remember` will succeed. Raises: StoreDenied."""
    if _is_news(config, name, typed):
        directories.make_private_directory(world.config_dir())
        directories.prove_writable(config.path)


def _is_news(config: Config, name: str, typed: dict[str, Any]) -> bool:
    there = config.raw.get("profiles", {}).get(name, {})
    return any(there.get(key) != value for key, value in typed.items())


def _is_another(profile: Profile, typed: dict[str, Any]) -> bool:
    """Whether another authority is typed than the one that is configured."""
    old, new = profile.issuer or profile.token_url, typed.get("issuer") or typed.get("token_url")
    return bool(old and new) and str(old).rstrip("/") != str(new).rstrip("/")


def flag_of(name: str) -> str:
    """The flag of a key of the configuration."""
    return "--scope" if name == "scopes" else f"--{name.replace('_', '-')}"
