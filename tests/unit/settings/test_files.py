"""Settings files that are none: refused at once, never waited for, and in nobody's way in a project."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from keyturn import Auth, AuthError, ConfigurationError
from keyturn.settings.watch import read_settings
from keyturn.testing import FakeWorld
from keyturn.world import settings
from tests.secretscan import make_secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from keyturn.settings.layers import Settings


def fifo(path: Path) -> None:
    os.mkfifo(path)


def directory(path: Path) -> None:
    path.mkdir()


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def terminal(path: Path) -> None:
    path.symlink_to("/dev/tty")


def huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(settings.LIMIT + 1)


def endless(path: Path) -> None:
    path.symlink_to(path)


def of_another_user(path: Path) -> None:
    path.write_text("{}", encoding="utf-8")
    os.chown(path, 12345, -1)


def open_to_everybody(path: Path) -> None:
    path.write_text('{"apiKeyHelper": "echo sk-ant-test-of-somebody-else"}', encoding="utf-8")
    path.chmod(0o646)


NONE = [fifo, directory, device, terminal, huge, endless]
if os.geteuid() == 0:
    NONE.append(of_another_user)  # only root can give a file away


def world_with(tmp_path: Path, scope: str, make: Callable[[Path], None]) -> FakeWorld:
    world = FakeWorld(tmp_path, {"ANTHROPIC_API_KEY": make_secret("api-key")})
    world.working_directory = f"{world.folder}/job"
    places = {
        "managed": f"{world.managed_dir()}/managed-settings.json",
        "drop-in": f"{world.managed_dir()}/managed-settings.d/10.json",
        "user": f"{world.claude_dir()}/settings.json",
        "project": f"{world.cwd()}/.claude/settings.json",
        "local": f"{world.cwd()}/.claude/settings.local.json",
    }
    path = Path(places[scope])
    path.parent.mkdir(parents=True)
    make(path)
    return world


@pytest.mark.proves("T5")
@pytest.mark.parametrize("make", [*NONE, open_to_everybody], ids=lambda make: make.__name__)
@pytest.mark.parametrize("scope", ["managed", "drop-in", "user"])
def test_what_is_no_file_in_an_own_place_is_an_error_that_names_it(
    tmp_path: Path, scope: str, make: Callable[[Path], None]
) -> None:
    world = world_with(tmp_path, scope, make)
    with pytest.raises(ConfigurationError) as caught:
        Auth(world=world).credential()
    assert caught.value.exit == 8
    assert str(caught.value.facts["path"]) in caught.value.message
    assert str(caught.value.facts["path"]) in str(caught.value.hint)


@pytest.mark.proves("T5", "T1")
@pytest.mark.parametrize("make", NONE, ids=lambda make: make.__name__)
@pytest.mark.parametrize("scope", ["project", "local"])
def test_what_is_no_file_in_a_project_is_ignored_and_said(
    tmp_path: Path, scope: str, make: Callable[[Path], None]
) -> None:
    auth = Auth(world=world_with(tmp_path, scope, make))
    assert auth.credential().source == "api-key-env"
    assert any(f"{auth.world.cwd()}/.claude/settings" in line for line in auth.explain().ignored)


def test_a_file_of_the_largest_size_is_read(tmp_path: Path) -> None:
    def largest(path: Path) -> None:
        text = '{"env": {"ANTHROPIC_BASE_URL": "https://user.example.com"}}'
        path.write_text(text + " " * (settings.LIMIT - len(text)), encoding="utf-8")

    auth = Auth(world=world_with(tmp_path, "user", largest))
    assert auth.credential().audience == "https://user.example.com"


def test_a_link_to_a_settings_file_is_one(tmp_path: Path) -> None:
    (tmp_path / "dotfiles").mkdir()
    (tmp_path / "dotfiles" / "claude.json").write_text(
        '{"env": {"ANTHROPIC_BASE_URL": "https://user.example.com"}}', encoding="utf-8"
    )
    auth = Auth(
        world=world_with(tmp_path, "user", lambda at: at.symlink_to(tmp_path / "dotfiles" / "claude.json"))
    )
    assert auth.credential().audience == "https://user.example.com"


def read_text(tmp_path: Path, content: bytes) -> Settings:
    def write(path: Path) -> None:
        path.write_bytes(content)

    return read_settings(world_with(tmp_path, "user", write))


@pytest.mark.proves("R58")
@pytest.mark.parametrize(
    ("content", "line", "column"),
    [
        (b"", 1, 1),
        (b" \n", 2, 1),
        (b"{", 1, 2),
        (b"[]", 1, 1),
        (b'"text"', 1, 1),
        (b"{}\n{}", 2, 1),
        (b'{"env": {}} // comment', 1, 13),
        (b'{"a": 1, b}', 1, 10),
        (b"{'a': 1}", 1, 2),
        (b'{"a": NaN}', 1, 1),
        (b'{"a":\n\n  nothing}', 3, 3),
        (b'{"a": "\xff"}', 1, 8),
        ('{"ä": "'.encode() + b'"\n\xc3\x28}', 2, 1),
        (b'{"a": "tab\there"}', 1, 11),
        (b"[" * 65 + b"]" * 65, 1, 1),
    ],
)
def test_an_error_of_the_text_has_its_place(tmp_path: Path, content: bytes, line: int, column: int) -> None:
    found = read_text(tmp_path, content)
    assert len(found.damages) == 1
    error = found.damages[0]
    path = f"{tmp_path}/.claude/settings.json"
    assert isinstance(error, ConfigurationError)
    assert error.message.startswith(f"{path}:{line}:{column}: ")
    assert (error.facts["path"], error.facts["line"], error.facts["column"]) == (path, line, column)
    assert found.found == {}


@pytest.mark.proves("R58")
@pytest.mark.parametrize("key", ["apiKeyHelper", "awsAuthRefresh", "awsCredentialExport", "gcpAuthRefresh"])
@pytest.mark.parametrize("value", [None, True, 7, 1.5, [], ["echo"], {}, "a\0b", "\ud800"], ids=repr)
def test_a_command_that_is_no_text_is_named_and_the_rest_of_the_file_is_read(
    tmp_path: Path, key: str, value: object
) -> None:
    content = json.dumps({key: value, "env": {"ANTHROPIC_MODEL": "example"}})
    found = read_text(tmp_path, content.encode())
    assert [error.message for error in found.damages] == [
        f"{tmp_path}/.claude/settings.json: {key} is not a text"
    ]
    assert found.get(key) is None
    assert found.variable("ANTHROPIC_MODEL") is not None


@pytest.mark.proves("P33")
def test_nothing_that_can_be_shown_shows_what_a_setting_holds(tmp_path: Path) -> None:
    secret = "sk-ant-test-of-the-settings"
    found = read_text(tmp_path, json.dumps({"env": {"ANTHROPIC_API_KEY": secret}}).encode())
    setting = found.variable("ANTHROPIC_API_KEY")
    assert setting is not None
    assert setting.value == secret
    shown = f"{setting!r} {setting} {found!r} {found} {setting.where} {setting.name} {setting.undo}"
    assert secret not in shown
    with pytest.raises(AuthError) as caught:
        raise read_text(tmp_path / "again", f'{{"env": {{"ANTHROPIC_API_KEY": "{secret}"'.encode()).damages[0]
    assert secret not in f"{caught.value} {caught.value.hint} {caught.value.facts}"


@pytest.mark.proves("R57", "T5")
def test_drop_ins_that_cannot_be_listed_are_an_error_and_not_passed_over(tmp_path: Path) -> None:
    world = FakeWorld(tmp_path, {"ANTHROPIC_API_KEY": make_secret("api-key")})
    drop_ins = Path(world.managed_dir(), "managed-settings.d")
    drop_ins.parent.mkdir()
    endless(drop_ins)
    with pytest.raises(ConfigurationError, match="cannot be read") as caught:
        Auth(world=world).credential()
    assert caught.value.exit == 8
    assert Auth(world=world, tolerant=True).credential().source == "api-key-env"
