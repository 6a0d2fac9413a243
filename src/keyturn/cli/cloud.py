"""What `login` and `logout` mean on the routes of clouds, where keyturn keeps no login of its own."""

from __future__ import annotations

from importlib import import_module

from keyturn.cli.chosen import auth_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from typing import Any

    from keyturn.cli.terminal import Terminal

# each has set_up, log_in and log_out, of (options, terminal): the exit status
_ROUTES = {"bedrock": "keyturn.cli.bedrock", "vertex": "keyturn.cli.vertex"}


def on_route(options: Namespace, terminal: Terminal) -> Any | None:  # noqa: ANN401 - a module of _ROUTES
    """The module of the route that is chosen, if it is a cloud's. Raises: ConfigurationError, UsageError."""
    name = _ROUTES.get(auth_of(options, terminal, tolerant=True).route)
    return import_module(name) if name is not None else None


def set_up(route: str, options: Namespace, terminal: Terminal) -> int:
    """The walk that ends in a working configuration of a route. Raises: AuthError."""
    status: int = import_module(_ROUTES[route]).set_up(options, terminal)
    return status
