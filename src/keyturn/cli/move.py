"""`keyturn login --store KIND` where the login lies in another store: it is moved, without a browser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keyturn.clean import clean
from keyturn.cli.typed import check_rememberable, remember
from keyturn.stores import open_store

if TYPE_CHECKING:
    from keyturn.cli.terminal import Terminal
    from keyturn.settings.config import Config, Profile

_LIMIT = 1000


def moved(terminal: Terminal, config: Config, profile: Profile, typed: dict[str, Any]) -> bool:
    """Whether there was a login to move; what was done is said. Raises: StoreError, Unavailable."""
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
        return False
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
