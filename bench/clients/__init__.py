"""Programs that keep a login and renew it, each behind the same three questions."""

from __future__ import annotations

import importlib
from typing import Protocol


class Session(Protocol):
    """A running program that uses a stored login."""

    def token(self) -> str:
        """A token for the next request."""

    def renewed(self) -> str:
        """A token after the API answered 401 to the one that `token` gave."""


class Client(Protocol):
    """One way of keeping a login."""

    name: str
    recovers_from_401: bool

    def load(self) -> None:
        """Import what the first renewal would import."""

    def keep(self, home: str, login: dict[str, object], judge: str) -> None:
        """Write a login (access_token, refresh_token, expires_at) as this client stores it."""

    def open(self, home: str, judge: str) -> Session:
        """A program that starts with that stored login."""


PLACES = {
    "keyturn": "bench.clients.keyturn_login",
    "reference": "bench.clients.reference",
    "sdk": "bench.clients.official_sdk",
    "authlib": "bench.clients.authlib_hook",
    "hub": "bench.clients.hub",
}
TITLES = {
    "keyturn": "keyturn",
    "reference": "bare flock + re-read",
    "sdk": "official SDK, user_oauth profile",
    "authlib": "Authlib with a saving hook",
    "hub": "huggingface_hub",
}


def client_named(name: str) -> Client:
    """The client of a short name."""
    found: Client = importlib.import_module(PLACES[name]).CLIENT
    return found
