"""`keyturn login --store KIND` where there is a login: it is moved, or a key stays, without a browser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keyturn.clean import clean
from keyturn.cli.logged_in import answer
from keyturn.cli.typed import check_rememberable, remember
from keyturn.stores import login_of, open_store

if TYPE_CHECKING:
    from keyturn.cli.terminal import Terminal
    from keyturn.settings.config import Config, Profile

_LIMIT = 1000


def moved(terminal: Terminal, config: Config, profile: Profile, typed: dict[str, Any]) -> bool:
    """Whether that is all there was to do; what was done is said. Raises: StoreError, Unavailable."""
    from keyturn.oauth.move import NotReadable, move

    check_rememberable(terminal.world, config, profile.name, typed)
    world = terminal.world
    own = open_store(world, profile.name, profile.store).kind
    try:
        done = move(world, profile.name, own, typed["store"])
    except NotReadable as failure:
        terminal.warn(f"the login cannot be moved, so a new one is made: {failure.message}")
        return False
    if done is None:
        return _stays(terminal, config, profile, typed)
    remember(world, config, profile.name, typed)
    origin, to = clean(done.origin.where, _LIMIT), clean(done.to.where, _LIMIT)
    if terminal.json:
        facts = {"profile": profile.name, "changed": True, "moved_from": origin, "where": to}
        terminal.print_json({"version": 1, **facts})
    elif done.copied:
        terminal.print(f"the login of profile {profile.name} was moved to {to}")
        terminal.print(f"  it is no longer in {origin}")
    else:
        terminal.print(f"the login of profile {profile.name} stays in {to}")
        terminal.print(f"  the other one was removed from {origin}, and not revoked")
    return True


def _stays(terminal: Terminal, config: Config, profile: Profile, typed: dict[str, Any]) -> bool:
    """Whether a key lies there already, which no authority could give anew: then nobody is asked for one."""
    store = open_store(terminal.world, profile.name, typed["store"])
    login = login_of(store.glance())
    if login is None or login.api_key is None or profile.issuer or profile.token_url:
        return False
    remember(terminal.world, config, profile.name, typed)
    where = clean(store.where, _LIMIT)
    text = f"the API key of profile {profile.name} lies in {where} already"
    answer(terminal, text, {"profile": profile.name, "changed": False, "where": where})
    return True
