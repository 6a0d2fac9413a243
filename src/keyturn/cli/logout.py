"""`keyturn logout`: removes the stored login, revokes it, and says what would win now."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from keyturn.auth import Auth
from keyturn.clean import clean
from keyturn.settings.config import read_config
from keyturn.stores import open_store
from keyturn.world import World, files

if TYPE_CHECKING:
    import argparse

    from keyturn.cli.terminal import Terminal
    from keyturn.oauth.logout import LoggedOut

_NAMES = {"refresh_token": "the refresh token", "access_token": "the access token"}


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `logout`."""
    parser.add_argument("--all", action="store_true", help="log out of every profile")


def run(options: argparse.Namespace, terminal: Terminal) -> int:
    """Log out of one profile, or of all."""
    from keyturn.oauth.logout import log_out

    world = World()
    config = read_config(world)
    chosen, _ = config.chosen(options.profile, world)
    names = _all_profiles(world, list(config.profiles)) if options.all else [chosen]
    done = [log_out(world, name, open_store(world, name, config.profile(name).store)) for name in names]
    if options.json:
        from keyturn import jsontext

        print(jsontext.dump({"version": 1, "profiles": [_as_json(one) for one in done]}, indent=2))
        return 0
    for one in done:
        _report(one)
    if not done:
        print("no profile holds a login")
    _say_what_wins(options)
    del terminal
    return 0


def _all_profiles(world: World, configured: list[str]) -> list[str]:
    directory = f"{world.state_dir()}/logins"
    kept = [*files.names(directory, ".json"), *files.names(directory, ".cache")]
    return sorted({*configured, *kept})


def _report(done: LoggedOut) -> None:
    if done.login is None:
        print(f"profile {done.profile}: there was no login in {done.where}")
        return
    who = clean(done.login.who or "")
    what = "the API key" if done.login.kind == "api_key" else f"the login{f' of {who}' if who else ''}"
    print(f"profile {done.profile}: {what} was removed from {done.where}")
    if done.revoked:
        print(f"  revoked at the authority: {' and '.join(_NAMES[name] for name in done.revoked)}")
    if done.unrevoked:
        names = " and ".join(_NAMES[name] for name in done.unrevoked)
        print(f"  only deleted here, not revoked: {names} ({clean(done.why_not or 'unknown reason')})")
    if done.shared_with:
        others = ", ".join(done.shared_with)
        print(
            f"  warning: the same account is logged in with the same client in profile {others}",
            file=sys.stderr,
        )


def _as_json(done: LoggedOut) -> dict[str, object]:
    return {
        "profile": done.profile,
        "removed": done.login is not None,
        "where": done.where,
        "revoked": list(done.revoked),
        "unrevoked": list(done.unrevoked),
        "why_not": done.why_not,
    }


def _say_what_wins(options: argparse.Namespace) -> None:
    winner = Auth(profile=options.profile, route=options.route).explain().winner
    if winner is None:
        print("nothing offers a credential now; log in again with: keyturn login")
    else:
        print(f"{winner.source.name} is used from now on; see: keyturn explain")
