"""Whatever bytes a settings file has and whatever a variable holds: a credential, or an error of ours.

The same examples each time; `make soak` tries others, and more of them.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keyturn import Auth, AuthError
from keyturn.errors import ConfigurationError
from keyturn.settings.parsing import COMMANDS, FORCED
from keyturn.settings.watch import read_settings
from keyturn.testing import FakeWorld, make_login
from keyturn.testing.stores import save
from keyturn.values import Secret
from keyturn.world.processes import Ended

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from keyturn.survey import Survey
    from keyturn.world.processes import Command

SOAK = "KEYTURN_SOAK" in os.environ
EXAMPLES = settings(
    max_examples=int(os.environ.get("KEYTURN_SOAK", "250")),
    derandomize=not SOAK,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
SECRET = "sk-ant-test-hidden"
NAMES = (
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_AUTH_TOKEN",
    "ANTHROPIC_BASE_URL",
    "ANTHROPIC_MODEL",
    "CLAUDE_CODE_OAUTH_TOKEN",
    "CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR",
    "CLAUDE_CODE_API_KEY_HELPER_TTL_MS",
    "CLAUDE_CODE_USE_BEDROCK",
    "CLAUDE_CODE_USE_FOUNDRY",
    "CLAUDE_CONFIG_DIR",
    "HTTPS_PROXY",
    "KEYTURN_PROFILE",
    "KEYTURN_ROUTE",
    "KEYTURN_SOURCE",
)
WORDS = st.sampled_from(
    (
        *(
            "",
            " ",
            "0",
            "1",
            "no",
            "TRUE",
            "maybe",
            "\n",
            "-1",
            "9" * 400,
            "5e3",
            "../x",
            "/dev/null",
            "stored-login",
        ),
        *(
            "http://",
            "https://[::1",
            "https://example.com:99999999",
            "http://127.0.0.1:1",
            "https://u:p@example.com",
        ),
        *(SECRET, f"{SECRET}\n{SECRET}", f"{SECRET}\x00", f"{SECRET}\u202e", "\ud800", "é", "{}", "a b"),
    )
)
VALUES = WORDS | st.text(max_size=40)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | VALUES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | VALUES, inner, max_size=4)
    ),
    max_leaves=12,
)
FILES = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys((*COMMANDS, *FORCED), VALUES | JSON),
        "env": st.dictionaries(st.sampled_from(NAMES) | VALUES, VALUES | JSON, max_size=5) | JSON,
        "permissions": JSON,
    },
)


def of_variable(name: str) -> st.SearchStrategy[str]:
    """What it may hold; the name of a profile, source or route is no secret, and errors repeat it."""
    return VALUES.filter(lambda value: SECRET not in value) if name.startswith("KEYTURN_") else VALUES


@st.composite
def contents(draw: st.DrawFn) -> bytes:
    """What may stand in a settings file: settings, settings that something happened to, or anything."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=200))
    text = json.dumps(draw(FILES)).encode()
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.binary(max_size=4)) + text[at + draw(st.integers(0, 6)) :]
    return text


class Silent(FakeWorld):
    """Runs nothing: a command of the settings says a word of its own."""

    def run(self, command: Command, **_: object) -> Ended:
        del command
        return Ended(why="exit", status=0, stdout=Secret("sk-ant-test-printed\n"), stderr=Secret(""))


class Machine:
    def __init__(self, home: Path) -> None:
        self.world = Silent(home)
        self.home = home
        self.job = home / "job"
        for place in (self.job / ".claude", home / ".claude", home / "managed"):
            place.mkdir(parents=True)
        save(Auth(world=self.world).scene().store, make_login(access_token=Secret("sk-ant-test-login")))

    def auth(self, files: Mapping[str, bytes], variables: Mapping[str, str]) -> Auth:
        for place in ("managed/managed-settings.json", ".claude/settings.json", "job/.claude/settings.json"):
            path = self.home / place
            path.unlink(missing_ok=True)
            if place in files:
                path.write_bytes(files[place])
        self.world.variables.clear()
        self.world.variables.update(variables)
        self.world.variables |= {"HOME": str(self.home), "KEYTURN_HOME": f"{self.home}/keyturn"}
        self.world.working_directory = str(self.job)
        return Auth(world=self.world)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    return Machine(tmp_path_factory.mktemp("machine").resolve())


def outcome(auth: Auth) -> str:
    """What one gets: the credential's source and secret, or the error's code; nothing else may come out."""
    shown: list[object] = []
    explained: Survey | None = None
    try:
        explained = auth.explain()
        shown += [explained, *explained.warnings, *explained.ignored, *explained.settings]
    except AuthError as error:
        shown += [error, error.hint, error.facts]
    try:
        credential = auth.credential()
        got = f"{credential.source} {credential.secret.reveal()} {credential.base_url}"
        shown.append(credential)
    except AuthError as error:
        got = f"{error.code}, exit {error.exit}"
        shown += [error, error.hint, error.facts]
    assert not got.endswith("exit 1")
    assert SECRET not in " ".join(f"{one!r} {one}" for one in shown)
    return got


@pytest.mark.proves("R57", "R58", "P33")
@EXAMPLES
@given(managed=contents(), user=contents())
def test_no_settings_file_causes_anything_but_an_error_that_says_so(
    machine: Machine, managed: bytes, user: bytes
) -> None:
    auth = machine.auth({"managed/managed-settings.json": managed, ".claude/settings.json": user}, {})
    for damage in read_settings(machine.world).damages:
        assert isinstance(damage, ConfigurationError)
        assert str(damage.facts["path"]) in damage.message
    outcome(auth)


@pytest.mark.proves("T1")
@EXAMPLES
@given(content=contents())
def test_no_settings_file_of_an_untrusted_project_changes_anything(machine: Machine, content: bytes) -> None:
    variables = {"ANTHROPIC_API_KEY": "sk-ant-test-exported"}
    without = outcome(machine.auth({}, variables))
    with_project = machine.auth({"job/.claude/settings.json": content}, variables)
    assert outcome(with_project) == without == "api-key-env sk-ant-test-exported https://api.anthropic.com"
    assert with_project.explain().ignored == (
        f"project settings not trusted ({machine.job}/.claude/settings.json); keyturn trust",
    )


@pytest.mark.proves("R9", "P33")
@EXAMPLES
@given(variables=st.fixed_dictionaries({}, optional={name: of_variable(name) for name in NAMES}))
def test_no_value_of_a_variable_causes_anything_but_an_error_that_says_so(
    machine: Machine, variables: dict[str, str]
) -> None:
    outcome(machine.auth({}, variables))


@EXAMPLES
@given(variables=st.dictionaries(st.sampled_from(NAMES[:8]), VALUES, max_size=4))
def test_a_variable_means_the_same_in_the_environment_and_in_a_settings_file(
    machine: Machine, variables: dict[str, str]
) -> None:
    def plain(value: str) -> bool:  # what JSON and the settings take as a text, too
        return "\0" not in value and not any("\ud800" <= one <= "\udfff" for one in value)

    variables = {name: value for name, value in variables.items() if plain(value)}
    exported = outcome(machine.auth({}, variables))
    fields: dict[str, Any] = {"env": variables}
    assert outcome(machine.auth({".claude/settings.json": json.dumps(fields).encode()}, {})) == exported
