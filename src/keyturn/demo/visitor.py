"""The browser and the person of the demo: the sandbox's real pages, walked over HTTP when nobody is there."""

from __future__ import annotations

import os
import select
import threading
from typing import TYPE_CHECKING

from keyturn.world import World

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .screen import Screen

_GLANCE_SECONDS = 0.2
_OK = 200


class Visit(threading.Thread):
    """Signs in, consents, and follows the redirect to whoever listens on loopback, as a browser would."""

    def __init__(self, url: str) -> None:
        super().__init__(name="keyturn-demo-visit", daemon=True)
        self._url = url
        self.trouble: str | None = None
        self.arrived = False

    def run(self) -> None:
        """The thread's own work; `trouble` is what went wrong, `arrived` that the last page said success."""
        import ssl

        import httpx2

        from keyturn.sandbox.person import visit

        try:
            back = visit(self._url)
            nobody = ssl.SSLContext(
                ssl.PROTOCOL_TLS_CLIENT
            )  # plain http on loopback: no certificate to trust
            with httpx2.Client(timeout=60.0, trust_env=False, verify=nobody) as browser:
                self.arrived = browser.get(back).status_code == _OK
        except RuntimeError as error:
            self.trouble = str(error)
        except Exception as error:  # noqa: BLE001 - told to the waiting login, which would wait five minutes
            self.trouble = type(error).__name__  # its text could hold the address with the code


class OwnBrowser(World):
    """This machine; while `walks` is true its browser is the demo itself."""

    def __init__(self, env: Mapping[str, str]) -> None:
        super().__init__(env)
        self.walks = True
        self.visit: Visit | None = None

    def open_browser(self, url: str) -> bool:
        """Open the person's browser, or start a visit."""
        self.visit = None
        if not self.walks:
            return super().open_browser(url)
        self.start_visit(url)
        return True

    def start_visit(self, url: str) -> None:
        """Walk the pages from here on."""
        self.visit = Visit(url)
        self.visit.start()


class Nobody:
    """No person: what a login says is not repeated, and nothing is ever pasted."""

    present = False

    def __init__(self, world: OwnBrowser) -> None:
        self._world = world

    def say(self, text: str) -> None:
        """Say nothing: the step's own lines tell it."""

    def show_url(self, url: str) -> None:
        """Show nothing: the visit has the address."""

    def show_command(self, command: str) -> None:
        """Show nothing: the browser of the demo is on this machine."""

    def show_code(self, code: str) -> None:
        """Show nothing: the demo logs in by browser."""

    def hand_over(self, url: str, *, phone: str | None) -> None:
        """Give it to nobody: nothing was wished."""

    def copy(self, url: str) -> None:
        """Leave the clipboard alone."""

    def confirm(self, question: str) -> bool:
        """Answer for nobody: no."""
        del question
        return False

    def pasted(self, descriptor: int | None, seconds: float) -> str | None:
        """Wait until the visit has come back. Raises: RuntimeError when it went wrong."""
        deadline = self._world.clock() + seconds
        watched = [] if descriptor is None else [descriptor]
        while self._world.clock() < deadline:
            _check(self._world.visit)
            if select.select(watched, [], [], _GLANCE_SECONDS)[0]:
                break
        return None


class Visitor:
    """A person at the terminal who may use the browser, paste, or press Enter and let the demo do it."""

    present = True

    def __init__(self, world: OwnBrowser, screen: Screen, stdin: int) -> None:
        self._world = world
        self._screen = screen
        self._stdin: int | None = stdin
        self._url: str | None = None
        self._said: str | None = None
        self._offered = False

    def say(self, text: str) -> None:
        """Tell the person what the login says."""
        self.finish()
        self._said = text

    def show_url(self, url: str) -> None:
        """Show an address, raw on one line."""
        if self._url is not None:
            # the address for a browser on another machine: there, nothing reaches this sandbox
            self._said = None
            return
        self.finish()
        self._url = url
        self._screen.raw(url)

    def show_command(self, command: str) -> None:
        """Show nothing: the browser of the demo is on this machine."""

    def show_code(self, code: str) -> None:
        """Show nothing: the demo logs in by browser."""

    def hand_over(self, url: str, *, phone: str | None) -> None:
        """Give it to nobody: nothing was wished."""

    def copy(self, url: str) -> None:
        """Leave the clipboard alone."""

    def finish(self) -> None:
        """Show what was said last; it is kept back until it is known whether an address follows."""
        if self._said is not None:
            self._screen.say(self._said)
        self._said = None

    def confirm(self, question: str) -> bool:
        """Agree: there is nobody's login to lose here."""
        del question
        return True

    def pasted(self, descriptor: int | None, seconds: float) -> str | None:
        """A pasted text; Enter alone starts a visit. Raises: RuntimeError when that went wrong."""
        if not self._offered:
            self._offered = True
            self.finish()
            self._screen.say("or press Enter, and the demo signs in by itself")
        deadline = self._world.clock() + seconds
        watched = [one for one in (self._stdin, descriptor) if one is not None]
        while self._world.clock() < deadline:
            _check(self._world.visit)
            ready = select.select(watched, [], [], _GLANCE_SECONDS)[0]
            if self._stdin in ready and self._stdin is not None:
                text = os.read(self._stdin, 64 * 1024)
                if not text:
                    self._stdin = None  # nobody types any more
                if text.strip():
                    return text.decode("utf-8", "replace")
                if self._world.visit is None and self._url is not None:
                    self._world.start_visit(self._url)
                return ""
            if ready:
                break
        return None


def _check(visit: Visit | None) -> None:
    if visit is not None and visit.trouble is not None:
        raise RuntimeError(f"the walk through the sandbox's pages ended early: {visit.trouble}")
