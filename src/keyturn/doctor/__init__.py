"""`keyturn doctor`: looks at everything that a stored login rests on, and changes nothing."""

from __future__ import annotations

from keyturn.doctor.findings import Finding, of_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from keyturn.auth import Auth
    from keyturn.settings.config import Config
    from keyturn.world import World
    from keyturn.world.mounts import Mount

__all__ = ["Finding", "examine"]


def examine(
    world: World,
    *,
    network: bool = False,
    mounts: Sequence[Mount] | None = None,
    auth: Auth | None = None,
) -> tuple[Finding, ...]:
    """Everything that is wrong or worth knowing, the worst first.

    Asks no server unless `network` is set, no keychain for a secret, runs no helper, and takes no lock.
    `mounts` is the table of this machine unless given; `auth` is whose choice is looked at, a tolerant one.
    Never raises for what it finds.
    """
    from keyturn.auth import Auth
    from keyturn.doctor import choice, logins, places, surroundings
    from keyturn.doctor import network as servers
    from keyturn.errors import AuthError
    from keyturn.settings.config import read_config
    from keyturn.settings.watch import read_settings
    from keyturn.world.mounts import read_mounts

    table = read_mounts() if mounts is None else mounts
    config: Config | None = None
    found: list[Finding] = []
    directories: tuple[str, ...] = ()
    try:
        config = read_config(world)
        directories = (world.config_dir(), world.state_dir(), f"{world.state_dir()}/logins")
    except AuthError as error:
        found.append(of_error(error))
    found += [of_error(damage) for damage in read_settings(world).damages]
    found += places.examine(directories, table)
    found += surroundings.examine(world)
    asked = _servers(config) if config is not None else {}
    if directories:
        chosen, url = choice.examine(auth or Auth(world=world, tolerant=True))
        found += chosen
        if url is not None:
            asked.setdefault(url.rstrip("/"), "the next request")
    found += servers.examine(world, asked, ask=network)
    if directories:
        found += logins.examine(world, config)
    order = ("error", "warning", "note")
    return tuple(sorted(dict.fromkeys(found), key=lambda one: order.index(one.severity)))


def _servers(config: Config) -> dict[str, str]:
    """The addresses that the profiles name, each with one that names it."""
    found: dict[str, str] = {}
    for name, profile in sorted(config.profiles.items()):
        for url in (profile.issuer or profile.token_url, profile.api_base_url):
            if url is not None:
                found.setdefault(url.rstrip("/"), f"profile {name}")
    return found
