"""`keyturn logout`: removes the stored login, revokes it, and says what would win now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keyturn.auth import Auth
from keyturn.clean import clean
from keyturn.errors import AuthError, ConfigurationError
from keyturn.hints import in_scene
from keyturn.settings.config import read_config
from keyturn.world import files

if TYPE_CHECKING:
    import argparse

    from keyturn.cli.terminal import Terminal
    from keyturn.oauth.logout import LoggedOut
    from keyturn.survey import Row
    from keyturn.world import World

_NAMES = {"refresh_token": "the refresh token", "access_token": "the access token"}
_TEXT_LIMIT = 1000


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `logout`."""
    parser.add_argument("--all", action="store_true", help="log out of every profile")


def run(options: argparse.Namespace, terminal: Terminal) -> int:
    """Log out of one profile, or of all; what cannot be removed does not keep the rest from it.

    Raises: the first AuthError of a store, after everything else was done and said.
    """
    cloud = None if options.all else _cloud(options, terminal)
    if cloud is not None:
        status: int = cloud.log_out(options, terminal)
        return status
    done, failures = _log_out(options, terminal)
    auth = Auth(profile=options.profile, route=options.route, world=terminal.world)
    if terminal.json and not failures:
        terminal.print_json(_as_json(done, _winner(auth, terminal)))
    elif not terminal.json:
        for one in done:
            _report(one, terminal)
        if done or not failures:  # where nothing but failures happened, nothing is different now
            _say_what_wins(auth, done, terminal)
    for failure in failures[1:]:
        terminal.warn(f"{failure.message}; {failure.hint}" if failure.hint else failure.message)
    if failures:
        raise failures[0]
    return 0


def _cloud(options: argparse.Namespace, terminal: Terminal) -> Any | None:  # noqa: ANN401 - as `on_route`
    from keyturn.cli.cloud import on_route

    try:
        return on_route(options, terminal)
    except ConfigurationError:
        return None  # a wrong variable keeps nobody from logging out; it is said afterwards


def _log_out(options: argparse.Namespace, terminal: Terminal) -> tuple[list[LoggedOut], list[AuthError]]:
    from keyturn.oauth.logout import log_out, places_of

    world = terminal.world
    config = read_config(world)
    chosen, _ = config.chosen(options.profile, world)
    names = _all_profiles(world, list(config.profiles)) if options.all else [chosen]
    done: list[LoggedOut] = []
    failures: list[AuthError] = []
    for name in names:
        try:
            for place in places_of(world, name, config.profile(name).store):
                one = log_out(world, name, place)
                # a place beside the profile's own is told of only when something was in it
                if one.login or one.aside or not any(earlier.profile == name for earlier in done):
                    done.append(one)
        except AuthError as error:
            failures.append(error)
    return done, failures


def _all_profiles(world: World, configured: list[str]) -> list[str]:
    directory = f"{world.state_dir()}/logins"
    kept = [*files.names(directory, ".json"), *files.names(directory, ".cache")]
    return sorted({*configured, *kept})


def _report(done: LoggedOut, terminal: Terminal) -> None:
    where = clean(done.where, _TEXT_LIMIT)
    if done.aside is not None:
        terminal.tell(f"profile {done.profile}: the record in {where} was damaged")
        terminal.tell(f"  it was moved to {clean(done.aside, _TEXT_LIMIT)}, and is not used any more")
        terminal.warn("what is in it was not revoked; look at it, and end the login at the authority")
    elif done.login is None:
        terminal.tell(f"profile {done.profile}: there was no login in {where}")
    if done.login is None:
        return
    who = clean(done.login.who or "")
    what = "the API key" if done.login.kind == "api_key" else f"the login{f' of {who}' if who else ''}"
    terminal.tell(f"profile {done.profile}: {what} was removed from {where}")
    if done.login.kind == "api_key":
        terminal.tell("  only deleted here: the key still works until it is deleted where it was made")
    if done.revoked:
        terminal.tell(f"  revoked at the authority: {' and '.join(_NAMES[name] for name in done.revoked)}")
    if done.unrevoked:
        names = " and ".join(_NAMES[name] for name in done.unrevoked)
        why = clean(done.why_not or "unknown reason", _TEXT_LIMIT)
        terminal.tell(f"  only deleted here, not revoked: {names} ({why})")
    if done.shared_with:
        others = " and ".join(done.shared_with)
        terminal.warn(
            f"profile {others} holds a login of the same account and client, "
            "which some authorities end together with this one; see: keyturn status --verify"
        )


def _as_json(done: list[LoggedOut], winner: Row | None) -> dict[str, object]:
    profiles = [
        {
            "profile": one.profile,
            "removed": one.login is not None,
            "where": clean(one.where, _TEXT_LIMIT),
            "revoked": list(one.revoked),
            "unrevoked": list(one.unrevoked),
            "why_not": clean(one.why_not, _TEXT_LIMIT) if one.why_not else None,
            "moved_to": clean(one.aside, _TEXT_LIMIT) if one.aside else None,
            "shared_with": list(one.shared_with),
        }
        for one in done
    ]
    return {"version": 1, "profiles": profiles, "winner": winner.source.id if winner is not None else None}


def _winner(auth: Auth, terminal: Terminal) -> Row | None:
    try:
        return auth.explain().winner
    except AuthError as error:  # a wrong variable elsewhere must not make a logout look as if it had failed
        terminal.warn(f"what is used now cannot be told: {error.message}")
        return None


def _say_what_wins(auth: Auth, done: list[LoggedOut], terminal: Terminal) -> None:
    if not done:
        terminal.tell("no profile holds a login")
    winner = _winner(auth, terminal)
    if winner is None:
        said = "nothing offers a credential now; to log in: keyturn login"
    elif winner.offer is None:
        said = f"{winner.source.name} comes first now, and cannot be used; see: keyturn explain"
    else:
        said = f"{winner.source.name} is used from now on; see: keyturn explain"
    terminal.tell(in_scene(said, auth.scene()))
