"""Where keyturn's own files lie, and which profile and route a command means."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import ClassVar

import platformdirs
import pytest

from keyturn import Auth, ConfigurationError, UsageError
from keyturn.order import ORDER
from keyturn.routes import FLAGS
from keyturn.testing import FakeWorld
from keyturn.world import World
from tests.secretscan import make_secret

LINUX = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="elsewhere platformdirs itself is asked"
)


@LINUX
@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"XDG_CONFIG_HOME": "/config", "XDG_STATE_HOME": "/state"},
        {"XDG_CONFIG_HOME": "", "XDG_STATE_HOME": " "},
        {"XDG_CONFIG_HOME": "/with space/x", "XDG_STATE_HOME": "/trailing/"},
    ],
)
def test_directories_are_those_of_platformdirs(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    env = {"HOME": str(tmp_path), **variables}
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    theirs = platformdirs.PlatformDirs("keyturn", appauthor=False)
    ours = World(env)
    assert Path(ours.config_dir()) == theirs.user_config_path
    assert Path(ours.state_dir()) == theirs.user_state_path


@LINUX
def test_a_relative_xdg_directory_is_ignored_as_its_specification_says() -> None:
    assert (
        World({"HOME": "/home/developer", "XDG_CONFIG_HOME": "here"}).config_dir()
        == "/home/developer/.config/keyturn"
    )


class TestKeyturnHome:
    def test_it_is_both(self) -> None:
        world = World({"KEYTURN_HOME": "/somewhere"})
        assert world.config_dir() == world.state_dir() == "/somewhere"

    @pytest.mark.proves("T6")
    @pytest.mark.parametrize("value", ["here", "./here", "~/here", "../x", "a\0b", "/a\0b"])
    def test_anything_but_an_absolute_path_is_a_configuration_error(self, value: str) -> None:
        with pytest.raises(ConfigurationError, match="KEYTURN_HOME") as caught:
            Auth(
                world=World({"KEYTURN_HOME": value, "ANTHROPIC_API_KEY": make_secret("api-key")})
            ).credential()
        assert caught.value.exit == 8

    def test_empty_is_unset(self) -> None:
        assert (
            World({"KEYTURN_HOME": "", "HOME": "/home/developer"}).state_dir().startswith("/home/developer")
        )


class TestTheProfile:
    CONFIG: ClassVar = {
        "default_profile": "of-the-file",
        "bindings": {"/srv": "of-work", "/srv/job": "of-the-job"},
        "profiles": {"of-the-file": {}},
    }

    def chosen(self, world: FakeWorld, option: str | None = None) -> str:
        return Auth(world=world, profile=option).scene().profile.name

    def test_the_option_comes_first_then_the_variable_the_binding_the_file_and_default(
        self, tmp_path: Path
    ) -> None:
        world = FakeWorld(tmp_path, {"KEYTURN_PROFILE": "of-the-variable"})
        assert self.chosen(FakeWorld(tmp_path / "empty")) == "default"
        world.write_config(self.CONFIG)
        world.working_directory = "/srv/job/deep/inside"
        assert self.chosen(world, "of-the-option") == "of-the-option"
        assert self.chosen(world) == "of-the-variable"
        world.variables["KEYTURN_PROFILE"] = " "
        assert self.chosen(world) == "of-the-job"
        world.working_directory = "/srv/jobs"
        assert self.chosen(world) == "of-work"
        world.working_directory = "/elsewhere"
        assert self.chosen(world) == "of-the-file"

    def test_why_it_is_that_one_is_kept(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path)
        path = world.write_config(self.CONFIG)
        assert Auth(world=world).scene().chosen_by == f"default_profile in {path}"
        world.working_directory = "/srv"
        assert Auth(world=world).scene().chosen_by == "bound to /srv"
        assert Auth(world=world, profile="x").scene().chosen_by == "--profile"

    @pytest.mark.parametrize(
        "name", ["../etc", "a/b", ".hidden", "-p", "", "a b", "ü", "a" * 65, "a\0", "a\n"]
    )
    def test_a_name_that_could_be_another_file_is_refused(self, tmp_path: Path, name: str) -> None:
        world = FakeWorld(tmp_path)
        world.write_config({"default_profile": name or "/", "profiles": {}})
        with pytest.raises(ConfigurationError) as caught:
            self.chosen(world)
        assert caught.value.exit == 8


@pytest.mark.proves("R12", "R26")
class TestTheRoute:
    def route(self, tmp_path: Path, variables: dict[str, str], option: str | None = None) -> str:
        return Auth(world=FakeWorld(tmp_path, variables), route=option).route

    def test_without_any_flag_it_is_anthropic(self, tmp_path: Path) -> None:
        assert self.route(tmp_path, {}) == "anthropic"

    @pytest.mark.parametrize("name", FLAGS)
    @pytest.mark.parametrize("value", ["0", "false", "no", "off", "FALSE", " off ", "", " "])
    def test_a_flag_that_is_off_chooses_nothing(self, tmp_path: Path, name: str, value: str) -> None:
        assert self.route(tmp_path, {name: value}) == "anthropic"

    @pytest.mark.parametrize("name", [name for name, route in FLAGS.items() if route not in ORDER])
    @pytest.mark.parametrize("value", ["1", "true", "yes", "on", "TRUE", " On "])
    def test_a_flag_for_a_route_that_is_not_there_is_an_error_and_no_fall_back(
        self, tmp_path: Path, name: str, value: str
    ) -> None:
        world = FakeWorld(tmp_path, {name: value, "ANTHROPIC_API_KEY": make_secret("api-key")})
        with pytest.raises(ConfigurationError, match=name) as caught:
            Auth(world=world).credential()
        assert caught.value.exit == 8
        with pytest.raises(ConfigurationError, match=name):
            Auth(world=world).explain()

    @pytest.mark.parametrize("name", FLAGS)
    @pytest.mark.parametrize("value", ["2", "ja", "enabled", "1 1", "tru"])
    def test_anything_else_is_an_error_that_names_the_flag(
        self, tmp_path: Path, name: str, value: str
    ) -> None:
        with pytest.raises(ConfigurationError, match=name) as caught:
            self.route(tmp_path, {name: value})
        assert caught.value.exit == 8

    def test_two_flags_are_an_error_that_names_both(self, tmp_path: Path) -> None:
        two = {"CLAUDE_CODE_USE_BEDROCK": "1", "CLAUDE_CODE_USE_VERTEX": "1"}
        with pytest.raises(ConfigurationError, match="CLAUDE_CODE_USE_BEDROCK and CLAUDE_CODE_USE_VERTEX"):
            self.route(tmp_path, two)

    def test_the_way_out_of_a_conflict_is_one_that_this_version_can_go(self, tmp_path: Path) -> None:
        two = {"CLAUDE_CODE_USE_FOUNDRY": "1", "CLAUDE_CODE_USE_MANTLE": "1"}
        with pytest.raises(ConfigurationError) as caught:
            self.route(tmp_path, two)
        assert "env -u CLAUDE_CODE_USE_FOUNDRY -u CLAUDE_CODE_USE_MANTLE" in (caught.value.hint or "")
        (offered,) = re.findall(r"--route (\S+)", caught.value.hint or "")
        assert offered in ORDER

    def test_the_option_and_the_variable_come_before_any_conflict(self, tmp_path: Path) -> None:
        two = {"CLAUDE_CODE_USE_BEDROCK": "1", "CLAUDE_CODE_USE_VERTEX": "1"}
        assert self.route(tmp_path, two, "anthropic") == "anthropic"
        assert self.route(tmp_path, {**two, "KEYTURN_ROUTE": " anthropic "}) == "anthropic"
        assert self.route(tmp_path, {"KEYTURN_ROUTE": "nonsense"}, "anthropic") == "anthropic"

    def test_an_unknown_route_is_the_fault_of_who_named_it(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="nonsense"):
            self.route(tmp_path, {}, "nonsense")
        with pytest.raises(ConfigurationError, match="KEYTURN_ROUTE"):
            self.route(tmp_path, {"KEYTURN_ROUTE": "nonsense"})
