"""A machine at which somebody types: `keyturn login` and `keyturn logout` as a person meets them."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from keyturn.cli import main
from keyturn.cli.terminal import Terminal
from keyturn.stores import login_of, open_store
from tests.persons import Browser
from tests.secretscan import leaks
from tests.unit.oauth.conftest import API, ISSUER, LoginWorld

if TYPE_CHECKING:
    from keyturn.login import Login

AT = ("--issuer", ISSUER, "--client-id", "example-client")
WHERE = ("--api-base-url", API)


class Done(NamedTuple):
    status: int
    out: str
    err: str


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


class Desk:
    """A machine, and whoever types `lines` at it; without lines there is no terminal."""

    def __init__(self, directory: Path) -> None:
        self.world = LoginWorld(directory)
        self.world.browser = Browser()

    def __call__(self, *words: str, lines: str | None = None, piped: str = "", script: Any = ()) -> Done:
        self.world.script = list(script)
        stdin = io.StringIO(piped) if lines is None else Screen(lines)
        out, err = io.StringIO(), io.StringIO() if lines is None else Screen()
        status = main(list(words), terminal=Terminal(self.world, stdin=stdin, stdout=out, stderr=err))
        assert leaks(out.getvalue() + err.getvalue()) == []
        return Done(status, out.getvalue(), err.getvalue())

    @property
    def home(self) -> Path:
        return Path(self.world.state_dir())

    def config(self) -> Any:
        path = self.home / "config.json"
        return json.loads(path.read_text()) if path.exists() else None

    def stored(self, name: str = "default") -> Login | None:
        return login_of(open_store(self.world, name, "file").load())
