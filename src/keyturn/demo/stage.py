"""What the story plays on: a sandbox, a home of its own, and one running program that uses keyturn."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, Self

from keyturn.auth import Auth
from keyturn.errors import ConfigurationError
from keyturn.sandbox import Sandbox
from keyturn.settings.config import DEFAULT_PROFILE, change_config, read_config
from keyturn.stores.file import FileStore

from .visitor import OwnBrowser

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from keyturn.login import Login
    from keyturn.sandbox.events import Event
    from keyturn.settings.config import Profile

LIFETIME_SECONDS = 12.0
"""of the first token: long enough to ask with it, short enough to see it expire"""
WORD_SECONDS = 0.03
# Variables that would let the person's own logins and settings into the story; the rest of the environment
# (PATH, BROWSER, DISPLAY, the locale) is the person's.
_OURS = ("ANTHROPIC_", "CLAUDE", "KEYTURN_")


class Stage:
    """A context manager; leaving it stops the sandbox and removes every file of the demo.

    `sandbox` makes the sandbox, so that a test can hand in one with faults. Raises: ConfigurationError when
    the extra is missing or the machine has no loopback.
    """

    def __init__(self, env: Mapping[str, str], *, sandbox: Callable[..., Sandbox] = Sandbox) -> None:
        self.secrets: list[str] = []
        self.sandbox = sandbox(
            lifetime=LIFETIME_SECONDS,
            word_delay=WORD_SECONDS,
            on_secret=lambda _kind, secret: self.secrets.append(secret),
        )
        self._folder = tempfile.TemporaryDirectory(prefix="keyturn-demo-", ignore_cleanup_errors=True)
        self.home = self._folder.name
        self.env = clean_environment(env, self.home)
        self.world = OwnBrowser(self.env)
        # Named, because on macOS the default is the person's own keychain.
        self.store = FileStore(self.world, DEFAULT_PROFILE)
        self.auth = Auth(world=self.world, store=self.store)

    def __enter__(self) -> Self:
        try:
            self.sandbox.start()
        except ModuleNotFoundError as missing:
            self._folder.cleanup()
            raise ConfigurationError(
                f"the demo needs a package that is not installed: {missing.name}",
                hint="install it with: pip install 'keyturn[sandbox]'",
                code="extra_missing",
            ) from None
        except OSError:
            self._folder.cleanup()
            raise ConfigurationError(
                "the demo cannot listen on 127.0.0.1",
                hint="check that this machine has a loopback interface: ping 127.0.0.1",
                code="no_loopback",
            ) from None
        change_config(self.world, self._configure)
        return self

    def __exit__(self, *_: object) -> None:
        self.sandbox.stop()
        self._folder.cleanup()

    @property
    def profile(self) -> Profile:
        """The demo's profile, as its configuration says."""
        return read_config(self.world).profile(DEFAULT_PROFILE)

    def login(self) -> Login | None:
        """What is stored now, if it is a login."""
        from keyturn.stores import login_of

        return login_of(self.store.load())

    def mark(self) -> int:
        """A point in the sandbox's log; `seen` tells what came after it."""
        events = self.sandbox.log.events()
        return events[-1].number if events else 0

    def seen(self, mark: int, kind: str, **match: object) -> list[Event]:
        """The events of a kind after a mark, as the sandbox recorded them."""
        return [event for event in self.sandbox.log.events(kind, **match) if event.number > mark]

    def _configure(self, raw: dict[str, Any]) -> None:
        raw["profiles"] = {
            DEFAULT_PROFILE: {
                "issuer": self.sandbox.issuer,
                "api_base_url": self.sandbox.api_base_url,
                "oauth_beta": True,
                "store": "file",
                "billing": "subscription",
            }
        }


def clean_environment(env: Mapping[str, str], home: str) -> dict[str, str]:
    """The environment without anything of Claude, and with `home` in place of the person's logins."""
    kept = {name: value for name, value in env.items() if not name.upper().startswith(_OURS)}
    return {**kept, "KEYTURN_HOME": home, "CLAUDE_CONFIG_DIR": f"{home}/claude"}
