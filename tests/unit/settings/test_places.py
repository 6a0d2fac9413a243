"""Where the four settings files lie on each system; the places are data and need none of these systems."""

from __future__ import annotations

import pytest

from keyturn import ConfigurationError
from keyturn.world import World, places


@pytest.mark.proves("R57")
@pytest.mark.parametrize(
    ("platform", "directory"),
    [
        ("linux", "/etc/claude-code"),
        ("freebsd14", "/etc/claude-code"),
        ("darwin", "/Library/Application Support/ClaudeCode"),
        ("win32", "C:\\Program Files\\ClaudeCode"),
    ],
)
def test_the_administrator_s_settings_lie_where_only_an_administrator_writes(
    platform: str, directory: str
) -> None:
    assert places.managed_dir(platform) == directory


@pytest.mark.proves("R57")
@pytest.mark.parametrize(
    ("platform", "env", "directory"),
    [
        ("linux", {"HOME": "/home/me"}, "/home/me/.claude"),
        ("darwin", {"HOME": "/Users/Me"}, "/Users/Me/.claude"),
        ("win32", {"USERPROFILE": "C:\\Users\\me", "HOME": "/c/Users/Me"}, "C:\\Users\\me\\.claude"),
        ("linux", {"HOME": "/home/me", "CLAUDE_CONFIG_DIR": ""}, "/home/me/.claude"),
        ("linux", {"HOME": "/home/me", "CLAUDE_CONFIG_DIR": "/srv/claude"}, "/srv/claude"),
        ("win32", {"USERPROFILE": "C:\\Users\\me", "CLAUDE_CONFIG_DIR": "D:\\claude"}, "D:\\claude"),
        ("win32", {"CLAUDE_CONFIG_DIR": "\\\\server\\share\\claude"}, "\\\\server\\share\\claude"),
        ("linux", {"HOME": "/"}, "/.claude"),
    ],
)
def test_the_user_s_settings_lie_at_home_or_where_the_user_says(
    platform: str, env: dict[str, str], directory: str
) -> None:
    assert places.claude_dir(env, platform) == directory


@pytest.mark.proves("T6")
@pytest.mark.parametrize(
    ("platform", "chosen"),
    [
        ("linux", ".claude"),
        ("linux", "settings"),
        ("linux", "~/claude"),
        ("linux", "C:\\claude"),
        ("linux", "/a\0b"),
        ("darwin", "./claude"),
        ("win32", "claude"),
        ("win32", "\\claude"),
        ("win32", "C:claude"),
        ("win32", "/claude"),
    ],
)
def test_a_relative_directory_of_settings_is_refused(platform: str, chosen: str) -> None:
    with pytest.raises(ConfigurationError, match="CLAUDE_CONFIG_DIR is not an absolute path") as caught:
        places.claude_dir({"HOME": "/home/me", "CLAUDE_CONFIG_DIR": chosen}, platform)
    assert caught.value.exit == 8
    assert "env -u CLAUDE_CONFIG_DIR" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("platform", "path"),
    [
        ("linux", "/etc/claude-code/managed-settings.json"),
        ("darwin", "/Library/Application Support/ClaudeCode/managed-settings.json"),
        ("win32", "C:\\Program Files\\ClaudeCode\\managed-settings.json"),
    ],
)
def test_paths_are_written_as_their_system_writes_them(platform: str, path: str) -> None:
    assert places.joined(places.managed_dir(platform), "managed-settings.json", platform=platform) == path


def test_a_home_that_is_no_path_is_the_system_s_own() -> None:
    assert places.home_dir({"HOME": "relative"}, "linux").startswith("/")
    assert places.home_dir({}, "linux").startswith("/")


def test_this_machine_s_own_places_are_those_of_its_system() -> None:
    world = World({"HOME": "/home/me"})
    assert world.managed_dir() == places.managed_dir()
    assert world.claude_dir() == "/home/me/.claude"
