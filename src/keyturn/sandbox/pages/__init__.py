"""The authority's pages for people: sign in, consent, the code to paste, and the list of logins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .consent import add_consent
from .device import add_device
from .logins import add_logins

if TYPE_CHECKING:
    from flask import Flask

    from keyturn.sandbox.events import Log
    from keyturn.sandbox.oauth_server import Server


def add_pages(app: Flask, server: Server, log: Log) -> None:
    """Add every page a person may see."""
    add_consent(app, server, log)
    add_device(app, server, log)
    add_logins(app, server, log)
