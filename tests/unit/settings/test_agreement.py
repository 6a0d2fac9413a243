"""Explaining and resolving agree on every combination of sources, settings scopes and states of trust.

What is right is said here once more, in the words of the specification, and both are held against it.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from keyturn import Auth, AuthError
from keyturn.stores.memory import MemoryStore
from keyturn.testing import FakeWorld, make_login
from keyturn.testing.stores import save
from keyturn.values import Secret
from keyturn.world.processes import Ended
from tests.projects import Project

if TYPE_CHECKING:
    from keyturn.world.processes import Command

API, LOGIN_API, GATEWAY = (
    "https://api.anthropic.com",
    "https://api.example.com",
    "https://gateway.example.com",
)
VARIABLES = {
    "auth-token-env": "ANTHROPIC_AUTH_TOKEN",
    "oauth-token-env": "CLAUDE_CODE_OAUTH_TOKEN",
    "api-key-env": "ANTHROPIC_API_KEY",
}
ORDER = ("auth-token-env", "oauth-token-env", "api-key-helper", "stored-login", "api-key-env")
# where one variable may be: nowhere, in one place, in two of them, or exported and cancelled by a file
PLACES = ("nowhere", "environment", "user", "managed", "environment and user", "cancelled")
# what the working directory holds: a helper and an address, in a file that counts or does not
PROJECTS = (
    "home",
    "empty",
    "untrusted",
    "untrusted and damaged",
    "changed",
    "trusted",
    "trusted locally",
    "spoiled",
)
HELPERS = ("nowhere", "user", "managed")
OF_PROJECT = {
    "apiKeyHelper": "print project",
    "env": {"ANTHROPIC_BASE_URL": GATEWAY, "ANTHROPIC_API_KEY": "never"},
}


@dataclass(frozen=True)
class Combination:
    """One machine: a place for each variable, the working directory, a helper, a login, and damage."""

    variables: tuple[str, ...]
    project: str
    helper: str
    login: bool
    damaged: bool = False

    def place(self, source: str) -> str:
        return self.variables[tuple(VARIABLES).index(source)]


@dataclass(frozen=True)
class Expected:
    """The source that decides, what it gives from where, and the code of the error where it cannot."""

    winner: str | None
    secret: str | None
    where: str | None
    base_url: str | None
    error: str | None
    fits: bool = True


class Machine:
    """A machine that is made anew for each combination, as far as that differs."""

    def __init__(self, home: Path) -> None:
        self.world = Printing(home)
        self.store = MemoryStore(self.world, "default")
        self.projects = {
            name: str(home) if name == "home" else self._project(home, name) for name in PROJECTS
        }
        self.user = Path(self.world.claude_dir(), "settings.json")
        self.managed = Path(self.world.managed_dir(), "managed-settings.json")
        self.user.parent.mkdir()
        self.managed.parent.mkdir()
        self.login = make_login(access_token=Secret("sk-ant-test-login"), api_base_url=LOGIN_API)

    def _project(self, home: Path, name: str) -> str:
        project = Project(self.world, home / name.replace(" ", "-"))
        if name == "trusted locally":
            project.local(**OF_PROJECT)
        elif name != "empty":
            project.write(**OF_PROJECT)
        if name in ("changed", "trusted", "trusted locally", "spoiled"):
            project.trust()
        if name == "changed":
            project.write(apiKeyHelper="print evil", env={"ANTHROPIC_BASE_URL": "https://evil.example.com"})
        if name in ("spoiled", "untrusted and damaged"):
            project.settings.write_text('{"apiKeyHelper": "print evil"', encoding="utf-8")
        return project.path

    def become(self, one: Combination) -> Auth:
        user: dict[str, Any] = {"env": {}}
        managed: dict[str, Any] = {"env": {}}
        environment = {"HOME": self.world.folder, "KEYTURN_HOME": f"{self.world.folder}/keyturn"}
        for source, name in VARIABLES.items():
            place = one.place(source)
            if place in ("environment", "environment and user", "cancelled"):
                environment[name] = f"sk-ant-test-{source}-environment"
            if place in ("user", "environment and user"):
                user["env"][name] = f"sk-ant-test-{source}-user"
            if place == "managed":
                managed["env"][name] = f"sk-ant-test-{source}-managed"
            if place == "cancelled":
                managed["env"][name] = ""
        if one.helper != "nowhere":
            {"user": user, "managed": managed}[one.helper]["apiKeyHelper"] = f"print {one.helper}"
        self.world.variables.clear()
        self.world.variables.update(environment)
        self.user.write_text('{"env":' if one.damaged else json.dumps(user), encoding="utf-8")
        self.managed.write_text(json.dumps(managed), encoding="utf-8")
        self.world.working_directory = self.projects[one.project]
        store = MemoryStore(self.world, "default")
        if one.login:
            save(store, self.login)
        return Auth(world=self.world, store=store)

    def expected(self, one: Combination) -> Expected:
        """As the specification has it."""
        trusted = {"trusted": ".claude/settings.json", "trusted locally": ".claude/settings.local.json"}
        file = f"{self.projects[one.project]}/{trusted[one.project]}" if one.project in trusted else None
        found: dict[str, tuple[str, str]] = {}
        for source, name in VARIABLES.items():
            scope = {"environment and user": "user"}.get(one.place(source), one.place(source))
            if scope in ("nowhere", "cancelled"):
                continue
            path = {"user": self.user, "managed": self.managed}.get(scope)
            where = f"the environment variable {name}" if path is None else f"env.{name} in {path}"
            found[source] = (f"sk-ant-test-{source}-{scope}", where)
        if one.helper == "managed":
            found["api-key-helper"] = ("sk-ant-test-managed", f"apiKeyHelper in {self.managed}")
        elif file is not None:
            found["api-key-helper"] = ("sk-ant-test-project", f"apiKeyHelper in {file}")
        elif one.helper == "user":
            found["api-key-helper"] = ("sk-ant-test-user", f"apiKeyHelper in {self.user}")
        if one.login and not {"api-key-helper", "api-key-env"} & found.keys():
            found["stored-login"] = ("sk-ant-test-login", "memory (default)")
        error = "settings" if one.damaged or one.project == "spoiled" else None
        winner = next((source for source in ORDER if source in found), None)
        if winner is None:
            return Expected(None, None, None, None, error or "no_credential")
        secret, where = found[winner]
        base_url = LOGIN_API if winner == "stored-login" else GATEWAY if file is not None else API
        # a token for one place, and a trusted project that points to another
        fits = file is None or winner not in ("oauth-token-env", "stored-login")
        return Expected(winner, secret, where, base_url, error or (None if fits else "audience"), fits=fits)


class Printing(FakeWorld):
    """Runs nothing: `print WORD` gives a key that ends in the word."""

    def run(self, command: Command, **_: object) -> Ended:
        word = command.line.removeprefix("print ")
        return Ended(why="exit", status=0, stdout=Secret(f"sk-ant-test-{word}\n"), stderr=Secret(""))


def resolved(auth: Auth) -> Expected:
    """What a program would get; of an error, its code alone."""
    try:
        credential = auth.credential()
    except AuthError as error:
        return Expected(None, None, None, None, error.code)
    return Expected(
        credential.source, credential.secret.reveal(), credential.where, credential.base_url, None
    )


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    return Machine(tmp_path_factory.mktemp("machine").resolve())


COMBINATIONS = [
    Combination(variables, project, helper, login)
    for variables, project, helper, login in itertools.product(
        itertools.product(PLACES, repeat=3), PROJECTS, HELPERS, (True, False)
    )
    # a helper in two places is one question, and the variables are another
    if helper == "nowhere" or set(variables) <= {"nowhere", "managed"}
] + [
    Combination(variables, project, "nowhere", login, damaged=True)
    for variables, project, login in itertools.product(
        itertools.product(("nowhere", "environment", "managed"), repeat=3), PROJECTS, (True, False)
    )
]


def test_there_are_thousands_of_combinations() -> None:
    assert len(set(COMBINATIONS)) == len(COMBINATIONS) > 4000


@pytest.mark.proves("R55", "R57", "P6", "T1", "T2", "P24")
@pytest.mark.parametrize("login", [True, False], ids=["login", "no login"])
@pytest.mark.parametrize("project", PROJECTS)
def test_explaining_and_resolving_agree_with_the_specification(
    machine: Machine, project: str, login: bool
) -> None:
    for one in COMBINATIONS:
        if (one.project, one.login) != (project, login):
            continue
        auth, expected = machine.become(one), machine.expected(one)
        explained = auth.explain()
        winner = explained.winner
        assert (winner.source.id if winner is not None else None) == expected.winner, one
        selected = [row.source.id for row in explained.rows if row.state == "selected"]
        assert selected == ([expected.winner] if winner and expected.fits else []), one
        got = resolved(auth)
        assert got.error == expected.error, one
        if got.error is None:
            assert got == expected, one
        if winner is not None and winner.offer is not None:
            assert (winner.offer.where, winner.offer.base_url) == (expected.where, expected.base_url), one
        assert any("project settings not trusted" in line for line in explained.ignored) == (
            project in ("untrusted", "untrusted and damaged", "changed")
        ), one
        told = [line for line in explained.warnings if "every request ends with this" in line]
        assert bool(told) == (expected.error == "settings"), one
        assert machine.world.requests == []
