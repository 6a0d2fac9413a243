"""A machine for one login: its network is a script, its browser a thread, its store a real file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from keyturn.oauth.asking import Wish
from keyturn.oauth.login import log_in
from keyturn.settings.config import Profile
from keyturn.stores import login_of, open_store
from keyturn.testing import FakeWorld, answer
from tests.persons import Browser, ScriptedPerson
from tests.secretscan import make_secret

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from keyturn.login import Login
    from keyturn.wire import Request, Response

ISSUER = "https://auth.example.com"
API = "https://api.example.com"


def metadata(**changes: Any) -> Response:
    """A faultless authority's metadata; None takes a member out."""
    told = {
        "issuer": ISSUER,
        "authorization_endpoint": f"{ISSUER}/authorize",
        "token_endpoint": f"{ISSUER}/token",
        "revocation_endpoint": f"{ISSUER}/revoke",
        "code_challenge_methods_supported": ["S256"],
        **changes,
    }
    return answer({name: value for name, value in told.items() if value is not None})


def tokens(email: str | None = "developer@example.com", **changes: Any) -> Response:
    """A faultless token answer with new tokens; None takes a member out."""
    told = {
        "access_token": make_secret("token"),
        "refresh_token": make_secret("refresh"),
        "token_type": "Bearer",
        "expires_in": 3600,
        "account": email and {"uuid": f"account-{email}", "email_address": email},
        **changes,
    }
    return answer({name: value for name, value in told.items() if value is not None})


def profile(**fields: Any) -> Profile:
    """The profile `default` at the authority of the script."""
    told = {
        "name": "default",
        "issuer": ISSUER,
        "client_id": "example-client",
        "api_base_url": API,
        "scopes": (),
        "store": "file",
        "token_request": "form",
    }
    return Profile(**{**told, **fields})


def contents(folder: str | os.PathLike[str]) -> dict[str, bytes]:
    """Every file below a folder; lock files are left out, for a lock signs its file and nothing else."""
    files = (path for path in Path(folder).rglob("*") if path.is_file() and path.suffix != ".lock")
    return {str(path): path.read_bytes() for path in files}


class LoginWorld(FakeWorld):
    """A FakeWorld whose browser is `browser`; None is a machine without one."""

    browser: Callable[[str], bool] | None = None

    def open_browser(self, url: str) -> bool:
        self.browsed.append(url)
        return self.browser is not None and self.browser(url)


class Desk:
    """One person at one machine."""

    def __init__(self, directory: Path) -> None:
        self.world = LoginWorld(directory)
        self.browser: Browser | None = None

    @property
    def home(self) -> str:
        return self.world.state_dir()

    def log_in(
        self,
        *script: Any,
        person: ScriptedPerson | None = None,
        browser: Browser | None = None,
        at: Profile | None = None,
        wish: Wish | None = None,
    ) -> Login:
        """Log in with this script of network answers."""
        self.world.script = list(script)
        self.world.browser = self.browser = browser or Browser()
        self.person = person or ScriptedPerson()
        self.profile = at or profile()
        return log_in(
            self.world,
            self.profile,
            open_store(self.world, self.profile.name, self.profile.store),
            self.person,
            wish or Wish(browser=True, callback_port=0, yes=False),
        )

    def shown(self) -> str:
        """The kind of page that the browser ended on."""
        assert self.browser is not None
        return self.browser.page().kind

    def sent(self) -> list[Request]:
        return self.world.requests

    def stored(self, name: str = "default") -> Login | None:
        return login_of(open_store(self.world, name, "file").load())


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


PASTE_WISH = Wish(browser=False, callback_port=0, yes=False)
