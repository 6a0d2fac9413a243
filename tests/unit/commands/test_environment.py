"""What a command gets of the environment: what it needs to find its tools, and no credential (T8)."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from keyturn import Auth
from keyturn.commands import environment, export, refresh
from keyturn.commands.environment import HELD, command_environment
from keyturn.handover import CREDENTIALS
from keyturn.settings.layers import Setting
from keyturn.settings.never import never_from_project
from keyturn.testing import FakeWorld
from keyturn.testing.commands import Outcome
from keyturn.world import World, programs
from tests.helpers import with_helper, with_settings
from tests.projects import Project
from tests.secretscan import make_secret

if TYPE_CHECKING:
    from pathlib import Path

TOOLS = {
    "AWS_PROFILE": "work",
    "AWS_CONFIG_FILE": "/home/me/aws",
    "AWS_SHARED_CREDENTIALS_FILE": "/home/me/aws-credentials",
    "CLOUDSDK_CONFIG": "/home/me/gcloud",
    "GOOGLE_APPLICATION_CREDENTIALS": "/home/me/adc.json",
    "HOME": "/home/me",
    "HTTPS_PROXY": "http://proxy.example.com:8080",
    "KEYTURN_HOME": "/home/me/keyturn",
    "LANG": "de_DE.UTF-8",
    "LC_ALL": "C",
    "NODE_EXTRA_CA_CERTS": "/etc/company.pem",
    "SSH_AUTH_SOCK": "/tmp/agent",  # noqa: S108 - a name, nothing is written there
    "VAULT_ADDR": "https://vault.example.com",
    "XDG_CONFIG_HOME": "/home/me/.config",
}
SECRETS = (
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_BEARER_TOKEN_BEDROCK"),
    *("AZURE_CLIENT_SECRET", "CLOUDSDK_AUTH_ACCESS_TOKEN", "OP_SERVICE_ACCOUNT_TOKEN", "VAULT_TOKEN"),
    *("GITHUB_TOKEN", "OPENAI_API_KEY", "DATABASE_URL", "SOMETHING_ELSE"),
)
RISKY = ("LD_PRELOAD", "PYTHONPATH", "BASH_ENV", "ENV", "NODE_OPTIONS", "GIT_SSH_COMMAND")


@pytest.mark.proves("T8")
class TestWhatIsPassedOn:
    def test_the_settings_of_tools_are(self) -> None:
        assert command_environment(TOOLS, "apiKeyHelper").items() >= TOOLS.items()

    @pytest.mark.parametrize(
        "key", ["apiKeyHelper", "awsAuthRefresh", "awsCredentialExport", "gcpAuthRefresh"]
    )
    @pytest.mark.parametrize("name", sorted(HELD | set(CREDENTIALS)))
    def test_what_keyturn_could_hold_never_is_listed_or_not(self, name: str, key: str) -> None:
        if name in {"ANTHROPIC_IDENTITY_TOKEN_FILE", "ANTHROPIC_PROFILE"}:
            assert name not in command_environment({name: "x"}, key)
            return
        assert name not in command_environment({name: "x", name.lower(): "y"}, key, [name])

    @pytest.mark.parametrize("name", [*SECRETS, *RISKY])
    def test_nothing_else_is(self, name: str) -> None:
        assert name not in command_environment({name: "x"}, "apiKeyHelper")

    def test_a_proxy_with_a_password_is_not(self) -> None:
        env = {"HTTPS_PROXY": "http://me:secret@proxy.example.com"}
        assert "HTTPS_PROXY" not in command_environment(env, "apiKeyHelper")

    def test_what_the_person_lists_is(self) -> None:
        env = {"VAULT_TOKEN": "x", "OP_SERVICE_ACCOUNT_TOKEN": "y"}
        given = command_environment(env, "apiKeyHelper", ["VAULT_TOKEN"])
        assert given["VAULT_TOKEN"] == "x"
        assert "OP_SERVICE_ACCOUNT_TOKEN" not in given

    def test_keys_of_aws_are_for_the_command_that_gets_others_with_them(self) -> None:
        env = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y", "AWS_SESSION_TOKEN": "z"}
        assert command_environment(env, "awsCredentialExport").items() >= env.items()
        assert not command_environment(env, "awsAuthRefresh").keys() & env.keys()

    def test_relative_entries_of_path_are_not(self) -> None:
        env = {"PATH": os.pathsep.join([".", "/usr/bin", "bin", "", "/bin"])}
        assert command_environment(env, "apiKeyHelper")["PATH"] == f"/usr/bin{os.pathsep}/bin"

    @pytest.mark.proves("L24")
    def test_it_says_that_keyturn_runs_it(self) -> None:
        assert command_environment({}, "apiKeyHelper")["KEYTURN_IN_HELPER"] == "1"


@pytest.mark.proves("T8", "T9")
def test_a_real_helper_that_prints_its_environment_shows_no_credential(tmp_path: Path) -> None:
    secrets = {name: make_secret("token") for name in (*HELD, *SECRETS)}
    env = {"HOME": str(tmp_path), "KEYTURN_HOME": str(tmp_path / "keyturn"), "PATH": os.environ["PATH"]}
    world = World({**env, **secrets, "LD_PRELOAD": "", "ANTHROPIC_AUTH_TOKEN": ""})
    (tmp_path / ".claude").mkdir()
    (tmp_path / ".claude" / "settings.json").write_text(
        json.dumps({"apiKeyHelper": 'env > "$HOME/seen"; echo sk-ant-test-x'})
    )
    Auth(world=world, source="api-key-helper").credential()
    seen = dict(line.split("=", 1) for line in (tmp_path / "seen").read_text().splitlines() if "=" in line)
    assert not seen.keys() & secrets.keys()
    assert not set(seen.values()) & set(secrets.values())
    assert seen["KEYTURN_IN_HELPER"] == "1"
    assert os.environ.get("KEYTURN_IN_HELPER") is None, "our own environment is not written to (T9)"


def test_an_env_block_of_the_settings_counts_for_commands_too(tmp_path: Path) -> None:
    world = FakeWorld(tmp_path, {"AWS_PROFILE": "of the environment", "AWS_REGION": "eu-west-1"})
    with_helper(world, Outcome(stdout="sk-ant-test-x"))
    with_settings(
        world,
        {"apiKeyHelper": "x", "env": {"AWS_PROFILE": "work", "AWS_REGION": "", "KEYTURN_HOME": "/elsewhere"}},
    )
    Auth(world=world).credential()
    given = world.commands[0].environment
    assert given["AWS_PROFILE"] == "work"
    assert "AWS_REGION" not in given
    assert given["KEYTURN_HOME"] == world.variables["KEYTURN_HOME"], "these count from outside alone"


# what a project may say to the tools that a person's own commands run: a choice among what that person has
OF_A_PROJECT = {
    *("ANTHROPIC_BASE_URL", "ANTHROPIC_MODEL", "AWS_X", "CLOUDSDK_CORE_PROJECT", "GCLOUD_X", "GOOGLE_X"),
    *("CI", "COLORTERM", "COLUMNS", "GITHUB_ACTIONS", "HOSTNAME", "LANG", "LANGUAGE", "LC_X", "LOGNAME"),
    *("NO_COLOR", "NUMBER_OF_PROCESSORS", "OS", "TERM", "TZ", "USER", "USERNAME"),
}


@pytest.mark.proves("T2", "T4")
def test_no_variable_of_a_project_chooses_the_programs_of_somebody_else_s_command() -> None:
    named = {name for name in [*environment._KEPT, *programs._KEPT] if not never_from_project(name)}
    groups = [*environment._GROUPS, *programs._KEPT_GROUPS]
    named |= {f"{group}X" for group in groups if not never_from_project(f"{group}X")}
    assert named <= OF_A_PROJECT


@pytest.mark.proves("T4")
def test_a_trusted_project_does_not_turn_the_tools_of_the_user_s_helper(tmp_path: Path) -> None:
    world = FakeWorld(tmp_path, {"KUBECONFIG": "/home/me/kube"})
    with_helper(world, Outcome(stdout=make_secret("api-key")), line="kubectl get secret key")
    project = Project(world, tmp_path / "project")
    world.working_directory = project.path
    turned = {"KUBECONFIG": "./kube", "VAULT_ADDR": "https://x.example", "CLOUDSDK_PYTHON": "./python"}
    project.write(env={**turned, "AWS_PROFILE": "work", "CLOUDSDK_CORE_PROJECT": "job"})
    project.trust()
    Auth(world=world).credential()
    given = world.commands[0].environment
    assert {name: given.get(name) for name in turned} == {
        "KUBECONFIG": "/home/me/kube",
        "VAULT_ADDR": None,
        "CLOUDSDK_PYTHON": None,
    }
    assert (given["AWS_PROFILE"], given["CLOUDSDK_CORE_PROJECT"]) == ("work", "job")


def test_the_configuration_names_more_variables(tmp_path: Path) -> None:
    world = FakeWorld(tmp_path, {"VAULT_TOKEN": "hvs"})
    world.write_config({"helper_environment": ["VAULT_TOKEN"]})
    with_helper(world, Outcome(stdout="sk-ant-test-x"))
    Auth(world=world).credential()
    assert world.commands[0].environment["VAULT_TOKEN"] == "hvs"


def setting(world: FakeWorld, key: str, scope: str = "user") -> Setting:
    place = {"user": world.folder, "managed": "/etc/x", "project": f"{world.folder}/project"}[scope]
    return Setting(key=key, scope=scope, value="true", path=f"{place}/.claude/settings.json")


@pytest.mark.parametrize("key", ["apiKeyHelper", "awsCredentialExport"])
@pytest.mark.parametrize("scope", ["user", "managed"])
def test_commands_of_the_user_and_the_administrator_run_at_home(tmp_path: Path, key: str, scope: str) -> None:
    world = FakeWorld(tmp_path)
    world.outcomes = [Outcome(stdout="x"), Outcome()]
    world.working_directory = str(tmp_path / "elsewhere")
    scene = Auth(world=world).scene()
    export(scene, setting(world, key, scope))
    refresh(scene, setting(world, key, scope), needed=lambda: len(world.commands) < 2)
    assert [command.directory for command in world.commands] == [world.folder] * 2
