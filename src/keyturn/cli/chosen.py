"""The Auth that the options of every command choose."""

from __future__ import annotations

from keyturn.auth import Auth
from keyturn.errors import AuthError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from keyturn.cli.terminal import Terminal
    from keyturn.survey import Survey


def auth_of(options: Namespace, terminal: Terminal, *, tolerant: bool = False) -> Auth:
    """What resolves and explains for this command line; `tolerant` as in `Auth`."""
    return Auth(
        profile=options.profile,
        route=options.route,
        source=options.source,
        require_billing=options.require_billing,
        world=terminal.world,
        tolerant=tolerant,
    )


def standing(auth: Auth, survey: Survey) -> AuthError | None:
    """What resolving would object to although there is a winner: its billing, mostly."""
    if survey.winner is None or survey.winner.offer is None:
        return None
    try:
        _ = auth.base_url
    except AuthError as error:
        return error
    return None
