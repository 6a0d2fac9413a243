"""keyturn's command line as a person meets it, in this process and against a machine of the test's own."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from keyturn.cli import main
from keyturn.cli.terminal import Terminal
from keyturn.login import Login
from keyturn.stores import open_store
from keyturn.testing import FakeWorld, make_login
from tests.secretscan import register
from tests.unit.cli.desk import AT, WHERE, Desk
from tests.unit.oauth.conftest import metadata, tokens

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


class Screen(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class Done(NamedTuple):
    status: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Machine:
    """Runs commands in one FakeWorld."""

    def __init__(self, directory: Path) -> None:
        self.world = FakeWorld(directory)
        self.variables = self.world.variables

    def __call__(self, *words: str, **variables: str) -> Done:
        """Run one command behind a pipe; `variables` count for this command alone."""
        return self._run(words, io.StringIO(), variables)

    def drawn(self, *words: str, columns: int = 80, **variables: str) -> Done:
        """Run one command whose answer a person sees on a terminal."""
        return self._run(words, Screen(), {"COLUMNS": str(columns), **variables})

    def _run(self, words: Sequence[str], out: io.StringIO, variables: Mapping[str, str]) -> Done:
        before, err = dict(self.variables), io.StringIO()
        self.variables.update(variables)
        terminal = Terminal(self.world, stdin=io.StringIO(), stdout=out, stderr=err)
        try:
            status = main(words, terminal=terminal)
        finally:
            self.variables.clear()
            self.variables.update(before)
        return Done(status, out.getvalue(), err.getvalue())

    def log_in(self, profile: str = "default", **fields: Any) -> Login:
        """Store a login, as `keyturn login` leaves it."""
        login = make_login(profile=profile, **fields)
        for kind, secret in (("token", login.access_token), ("refresh", login.refresh_token)):
            if secret is not None:
                register(kind, secret.reveal())
        held = open_store(self.world, profile, "file").hold(seconds=0)
        assert held is not None
        with held:
            stored = held.save(login, replacing=None)
        assert isinstance(stored, Login)
        return stored


@pytest.fixture
def keyturn(tmp_path: Path) -> Machine:
    """`keyturn("status", "--json", ANTHROPIC_API_KEY=…)` is what a person would have typed."""
    return Machine(tmp_path)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A machine at which somebody types, with nothing on it."""
    return Desk(tmp_path)


@pytest.fixture
def logged_in(desk: Desk) -> Desk:
    """The same, logged in at the usual authority."""
    desk("login", *AT, *WHERE, lines="", script=[metadata(), tokens()])
    assert desk.stored() is not None
    return desk
