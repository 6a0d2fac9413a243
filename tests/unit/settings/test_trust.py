"""Consent is to content, for one path, recorded outside the project (T1, T2)."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from keyturn.errors import AuthError, ConfigurationError, Refused, StoreCorrupt, Unavailable
from keyturn.settings import consent, trust
from keyturn.settings.layers import Setting
from keyturn.world.locks import FileLock
from tests.projects import Project

if TYPE_CHECKING:
    from collections.abc import Callable


def record(project: Project) -> Path:
    return Path(consent.path_of(project.world))


def helper(project: Project, value: str = "./key.sh") -> Setting:
    return Setting(key="apiKeyHelper", path=str(project.settings), scope="project", value=value)


@pytest.mark.proves("T2")
def test_nothing_is_trusted_that_nobody_has_trusted(project: Project) -> None:
    assert not project.trusted()
    assert project.verdict().state == "untrusted"


@pytest.mark.proves("T2")
def test_consent_lasts(project: Project) -> None:
    project.trust()
    assert project.trusted()
    assert project.verdict().changed == ()
    trust.check_again(project.world, helper(project))


@pytest.mark.proves("T2")
def test_the_record_is_private_and_lies_outside_the_project(project: Project) -> None:
    project.trust()
    path = record(project)
    assert not path.is_relative_to(project.path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [name.name for name in path.parent.iterdir() if name.suffix == ".tmp"] == []


@pytest.mark.proves("T2", "T9")
def test_no_text_of_a_project_is_copied_into_the_record(project: Project) -> None:
    project.write(apiKeyHelper="echo sk-ant-test-in-a-command", env={"ANTHROPIC_MODEL": "some-model"})
    project.trust()
    text = record(project).read_text(encoding="utf-8")
    assert "sk-ant" not in text
    assert "some-model" not in text


ENV = {"ANTHROPIC_BASE_URL": "https://gateway.example.com"}
REGION = {"AWS_REGION": "eu-west-1"}


def moved_to_the_local_file(project: Project) -> None:
    project.write()
    project.local(apiKeyHelper="./key.sh", env=ENV)


def in_the_place_of_the_script(put: Callable[[Path], object]) -> Callable[[Project], object]:
    def change(project: Project) -> None:
        script = project.directory / "key.sh"
        script.rename(project.directory / "moved.sh")
        put(script)

    return change


CHANGES: dict[str, Callable[[Project], object]] = {
    "another command": lambda p: p.write(apiKeyHelper="./key.sh --more", env=ENV),
    "a space in a command": lambda p: p.write(apiKeyHelper="./key.sh ", env=ENV),
    "another host": lambda p: p.write(
        apiKeyHelper="./key.sh", env={"ANTHROPIC_BASE_URL": "https://e.example"}
    ),
    "one more variable": lambda p: p.write(apiKeyHelper="./key.sh", env={**ENV, **REGION}),
    "one variable less": lambda p: p.write(apiKeyHelper="./key.sh", env={}),
    "one more command": lambda p: p.write(apiKeyHelper="./key.sh", env=ENV, awsAuthRefresh="./key.sh"),
    "a policy": lambda p: p.write(apiKeyHelper="./key.sh", env=ENV, forceLoginMethod="console"),
    "the same in the other file": moved_to_the_local_file,
    "a local file that appears": lambda p: p.local(apiKeyHelper="./other.sh"),
    "settings that go": lambda p: p.settings.unlink(),
    "another script": lambda p: p.script("key.sh", "echo two\n"),
    "a script that goes": in_the_place_of_the_script(str),
    "a link in its place": in_the_place_of_the_script(lambda at: at.symlink_to("moved.sh")),
    "a link to itself in its place": in_the_place_of_the_script(lambda at: at.symlink_to("key.sh")),
    "a directory in its place": in_the_place_of_the_script(Path.mkdir),
    "a pipe in its place": in_the_place_of_the_script(os.mkfifo),
}


@pytest.mark.proves("T2")
@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_a_change_of_what_was_agreed_to_ends_the_consent(project: Project, change: str) -> None:
    project.trust()
    CHANGES[change](project)
    assert not project.trusted()
    assert project.verdict().changed
    assert len(project.verdict().changed) <= 4  # and not everything else with it
    with pytest.raises(Refused) as refused:
        trust.check_again(project.world, helper(project))
    assert refused.value.exit == 7
    assert f"keyturn trust {project.path}" in (refused.value.hint or "")


@pytest.mark.proves("T2")
@pytest.mark.parametrize(
    "fields",
    [
        {"other": 2},
        {"other": 1, "hooks": {"PreToolUse": "rm -rf /"}},
        {"permissions": {"allow": ["*"]}, "model": "x"},
    ],
)
def test_keys_that_keyturn_does_not_use_may_change(project: Project, fields: dict[str, Any]) -> None:
    project.trust()
    project.write(apiKeyHelper="./key.sh", env=ENV, **fields)
    assert project.trusted()
    project.settings.write_text(json.dumps(json.loads(project.settings.read_text()), indent=7) + "\n\n")
    assert project.trusted()
    project.local(other="of the other file")
    assert project.trusted()
    project.script("unnamed.sh")
    assert project.trusted()


@pytest.mark.proves("T2", "T4")
def test_a_variable_that_is_never_taken_may_come_and_go(project: Project) -> None:
    project.trust()
    project.write(apiKeyHelper="./key.sh", env={**ENV, "LD_PRELOAD": "./evil.so"})
    assert project.trusted()


@pytest.mark.proves("T2")
def test_going_back_to_what_was_agreed_to_needs_no_new_consent(project: Project) -> None:
    project.trust()
    before = project.settings.read_bytes()
    project.write(apiKeyHelper="./evil.sh")
    assert not project.trusted()
    project.settings.write_bytes(before)
    assert project.trusted()


@pytest.mark.proves("T2")
@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("./key.sh", "key.sh"),
        ("sh key.sh", "key.sh"),
        ("sh -c './bin/key.sh | tail -1'", "bin/key.sh"),
        ("bash -c \"sh -c './bin/key.sh'\"", "bin/key.sh"),
        ("bin/../key.sh", "key.sh"),
        ("./a.sh;./b.sh", "b.sh"),
        ("./a.sh&&./b.sh", "b.sh"),
        ("test -e x||./b.sh", "b.sh"),
        ("echo $(./b.sh)", "b.sh"),
        ('echo "$(./b.sh)"', "b.sh"),
        ("echo `./b.sh`", "b.sh"),
        ("( ./b.sh )", "b.sh"),
        ("A=1 ./b.sh", "b.sh"),
        ("python --config=conf/a.ini tool", "conf/a.ini"),
        ("KEY_FILE=conf/key tool", "conf/key"),
        ("cat <in/put", "in/put"),
        ("$PWD/b.sh", "b.sh"),
        ('"${PWD}"/b.sh', "b.sh"),
        ("'with a space/b.sh'", "with a space/b.sh"),
        ("cd tools && ./b.sh", "tools/b.sh"),
        ("cd -P tools && ./b.sh", "tools/b.sh"),
        ("make -C tools -fb.mk", "tools/b.mk"),
        ("PATH=tools:/usr/bin b.sh", "tools/b.sh"),
        ("{project}/b.sh", "b.sh"),
        ("./b.sh '", "b.sh"),
        ("# not a comment everywhere ./b.sh", "b.sh"),
        ("true\n./b.sh", "b.sh"),
        ("./b\\\n.sh", "b.sh"),
        ('"./b\\\n.sh"', "b.sh"),
        ("awk -fb.awk in", "b.awk"),
        ("curl -d@b.json", "b.json"),
        ("tool --data=@b.json", "b.json"),
        ("docker run -v ./b.sh:/b.sh x", "b.sh"),
        ('sh "./\\$b.sh"', "$b.sh"),
    ],
)
def test_every_file_that_a_command_names_is_held_to_its_content(
    project: Project, command: str, name: str
) -> None:
    (project.directory / "key.sh").unlink()
    project.write(apiKeyHelper=command.replace("{project}", project.path))
    project.trust()  # before there is any such file
    assert project.trusted()
    project.script(name)
    assert not project.trusted()
    project.trust()
    assert project.trusted()
    project.script(name, "echo changed\n")
    assert not project.trusted()
    assert f"file {name}" in project.verdict().changed


@pytest.mark.proves("T2")
@pytest.mark.parametrize(
    "command",
    ["".join(f"cd a{number};" for number in range(600)) + "./key.sh", "./key.sh #" + "x" * 5000],
    ids=["directories", "length"],
)
def test_a_command_that_names_more_than_anybody_can_look_through_is_never_trusted(
    project: Project, command: str
) -> None:
    project.write(apiKeyHelper=command)
    found = trust.contents(project.path, trust.read(project.path))
    held = trust.evidence(project.world, project.path, found)
    assert held["file after file that a command names"] is None
    consent.grant(project.world, project.path, {name: pin for name, pin in held.items() if pin is not None})
    assert project.verdict().changed == ("file after file that a command names",)


@pytest.mark.proves("T3")
def test_half_a_character_in_a_command_is_no_file_s_name(project: Project) -> None:
    project.write(apiKeyHelper="./\ud800.sh; ./key.sh")
    project.trust()
    assert project.trusted()
    project.script("key.sh", "echo changed\n")
    assert project.verdict().changed == ("file key.sh",)


@pytest.mark.proves("T2")
def test_a_link_is_held_to_what_is_behind_it(project: Project, tmp_path: Path) -> None:
    outside, other = tmp_path / "outside.sh", tmp_path / "other.sh"
    outside.write_text("echo one\n")
    other.write_text("echo one\n")
    (project.directory / "key.sh").unlink()
    (project.directory / "key.sh").symlink_to(outside)
    project.trust()
    assert project.trusted()
    outside.write_text("echo two\n")
    assert not project.trusted()
    outside.write_text("echo one\n")
    assert project.trusted()
    (project.directory / "key.sh").unlink()
    (project.directory / "key.sh").symlink_to(other)
    assert not project.trusted()


@pytest.mark.proves("T2", "T3")
def test_consent_is_for_one_canonical_path(project: Project, tmp_path: Path) -> None:
    project.trust()
    files = trust.read(project.path)
    link = tmp_path / "link"
    link.symlink_to(project.path)
    for same in (f"{project.path}/", f"{project.path}/.", f"{project.path}/bin/..", str(link)):
        assert trust.is_trusted(project.world, same, files)
    below, above = f"{project.path}/sub", str(tmp_path)
    for other in (below, above, project.path.upper(), f"{project.path}2", f"{link}2", ""):
        assert not trust.is_trusted(project.world, other, files)


@pytest.mark.proves("T3")
def test_a_link_that_is_turned_leads_to_no_trust(project: Project, tmp_path: Path) -> None:
    project.trust()
    evil = tmp_path / "evil"
    (evil / ".claude").mkdir(parents=True)
    (evil / ".claude" / "settings.json").write_bytes(project.settings.read_bytes())
    assert not trust.is_trusted(project.world, str(evil), trust.read(str(evil)))


@pytest.mark.proves("T2")
def test_the_home_directory_is_no_project(project: Project) -> None:
    files = trust.read(project.path)
    project.trust()
    project.world.variables["HOME"] = project.path
    assert not trust.is_trusted(project.world, project.path, files)
    project.world.variables["HOME"] = "/elsewhere"
    assert trust.is_trusted(project.world, project.path, files)
    project.world.variables["CLAUDE_CONFIG_DIR"] = f"{project.path}/.claude"
    assert not trust.is_trusted(project.world, project.path, files)


@pytest.mark.proves("T1")
@pytest.mark.parametrize(
    "data", [b"{", b"\xff\xfe", b"[" * 100_000, b'{"apiKeyHelper": 1e999}', b"", b"null"]
)
def test_not_even_a_syntax_error_of_an_untrusted_project_stops_anything(
    project: Project, data: bytes
) -> None:
    project.settings.write_bytes(data)
    assert not project.trusted()


@pytest.mark.proves("T2")
def test_a_trusted_project_that_is_damaged_is_an_error_with_its_place(project: Project) -> None:
    project.trust()
    project.settings.write_text('{\n  "apiKeyHelper": x}')
    with pytest.raises(ConfigurationError) as damaged:
        _ = project.trusted()
    assert f"{project.settings}:2:19: " in damaged.value.message


@pytest.mark.proves("T2")
def test_what_is_about_to_run_must_be_what_lies_there(project: Project) -> None:
    project.trust()
    for value in ("./key.sh --old", "./KEY.sh", ""):
        with pytest.raises(Refused, match="is not run"):
            trust.check_again(project.world, helper(project, value))


@pytest.mark.proves("T2")
def test_after_a_withdrawal_nothing_runs(project: Project) -> None:
    project.trust()
    assert consent.withdraw(project.world, project.path)
    assert not consent.withdraw(project.world, project.path)
    with pytest.raises(Refused):
        trust.check_again(project.world, helper(project))


def damaged(project: Project, text: str) -> None:
    record(project).write_text(text)
    record(project).chmod(0o600)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"version": 1}',
        '{"version": 1, "projects": []}',
        '{"version": 1, "projects": {"/p": {}}}',
        '{"version": 1, "projects": {"/p": {"given_at": "x", "items": {}}}}',
        '{"version": 1, "projects": {"/p": {"given_at": 1, "items": {"a": 1}}}}',
        '{"version": 1, "projects": {"/p": {"given_at": %s, "items": {}}}}' % ("9" * 400),
        '{"version": 2, "projects": {}}',
    ],
)
def test_a_damaged_record_trusts_nothing_and_is_not_written_over(project: Project, text: str) -> None:
    project.trust()
    damaged(project, text)
    assert not project.trusted()
    assert str(record(project)) in project.verdict().why
    with pytest.raises(StoreCorrupt):
        project.trust()
    assert record(project).read_text() == text


@pytest.mark.proves("T2")
def test_a_record_that_others_could_have_written_trusts_nothing(project: Project) -> None:
    project.trust()
    record(project).chmod(0o666)
    assert not project.trusted()
    record(project).chmod(0o600)
    kept = record(project).rename(record(project).with_name("kept"))
    record(project).symlink_to(kept)
    assert not project.trusted()


def test_two_projects_do_not_disturb_each_other(project: Project, tmp_path: Path) -> None:
    other = Project(project.world, tmp_path / "other")
    other.write(apiKeyHelper="true")
    project.trust()
    other.trust()
    assert [entry.project for entry in consent.all_recorded(project.world)] == [project.path, other.path]
    consent.withdraw(project.world, other.path)
    assert project.trusted()
    assert not other.trusted()


def test_whoever_changes_the_record_waits_for_its_lock(project: Project) -> None:
    project.trust()
    with_lock = FileLock(f"{project.world.state_dir()}/trust.lock", project.world)
    with_lock.acquire(seconds=0)
    with pytest.raises(Unavailable):
        project.trust()
    assert project.trusted()  # looking needs no lock
    with_lock.release()
    project.trust()


def test_what_a_killed_writer_left_is_swept(project: Project) -> None:
    project.trust()
    leftover = record(project).with_name(".trust.json.1-abc.tmp")
    leftover.write_text("half")
    project.trust()
    assert not leftover.exists()


@pytest.mark.proves("T5")
@pytest.mark.parametrize("kind", ["pipe", "directory", "loop", "large", "missing"])
def test_what_is_no_plain_file_is_no_settings_file(project: Project, kind: str) -> None:
    project.settings.unlink()
    if kind == "pipe":
        os.mkfifo(project.settings)
    elif kind == "directory":
        project.settings.mkdir()
    elif kind == "loop":
        project.settings.symlink_to(project.settings.name)
    elif kind == "large":
        project.settings.write_bytes(b" " * (2 * 1024 * 1024 + 1))
    assert trust.read(project.path) == {}


def test_an_error_that_names_a_hostile_directory_gives_no_command_to_paste(
    project: Project, tmp_path: Path
) -> None:
    other = Project(project.world, tmp_path / "a; touch pasted #")
    other.write(apiKeyHelper="true")
    with pytest.raises(AuthError) as refused:
        trust.check_again(project.world, helper(other, "true"))
    assert f"keyturn trust '{other.path}'" in (refused.value.hint or "")
