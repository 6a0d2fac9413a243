"""`keyturn trust` shows everything before it asks; a person or `--yes DIR` grants it (T3, T4)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from keyturn.settings import consent
from tests.projects import Project
from tests.secretscan import declare_store, make_secret
from tests.unit.cli.test_docs import SHOWN, shape

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Machine
    from tests.unit.cli.desk import Desk

GATEWAY = "https://gateway.example.com"
BASE_URL = "env.ANTHROPIC_BASE_URL"


@pytest.fixture
def project(keyturn: Machine, tmp_path: Path) -> Project:
    """The working directory of the machine; its home is another one."""
    keyturn.variables["HOME"] = str(tmp_path / "home")
    made = Project(keyturn.world, tmp_path / "job")
    made.write(
        apiKeyHelper="./key.sh --quick", env={"ANTHROPIC_BASE_URL": GATEWAY, "AWS_REGION": "eu-west-1"}
    )
    made.script("key.sh")
    keyturn.world.working_directory = made.path
    return made


@pytest.fixture
def office(desk: Desk, tmp_path: Path) -> Project:
    """The same where somebody types."""
    desk.world.variables["HOME"] = str(tmp_path / "home")
    made = Project(desk.world, tmp_path / "job")
    made.write(apiKeyHelper="./key.sh --quick")
    made.script("key.sh")
    desk.world.working_directory = made.path
    return made


# -- what is shown


@pytest.mark.proves("T3")
def test_every_command_host_and_variable_is_shown(keyturn: Machine, project: Project) -> None:
    project.local(awsAuthRefresh="aws sso login", forceLoginMethod="gateway")
    done = keyturn("trust")
    assert done.lines[:-2] == [
        "command: apiKeyHelper in .claude/settings.json: ./key.sh --quick",
        "command: awsAuthRefresh in .claude/settings.local.json: aws sso login",
        f"host: {BASE_URL} in .claude/settings.json: {GATEWAY} (it sends keys and tokens to {GATEWAY})",
        "variable: env.AWS_REGION in .claude/settings.json: eu-west-1",
        "policy: forceLoginMethod in .claude/settings.local.json: gateway",
    ]
    assert done.lines[-2:] == [
        "held to what is in it: key.sh",
        "not covered: what these commands run in turn, such as the scripts behind make or npm run",
    ]


@pytest.mark.proves("T3")
@pytest.mark.parametrize("columns", [40, 80, 200])
def test_a_person_sees_the_same_on_a_terminal(keyturn: Machine, project: Project, columns: int) -> None:
    project.local(awsAuthRefresh="aws sso login")
    done = keyturn.drawn("trust", columns=columns)
    said = " ".join(done.out.split())
    for part in ("./key.sh --quick", "aws sso login", GATEWAY, "AWS_REGION", "eu-west-1", "make or npm run"):
        assert part in said
    # an address or a path stays whole on a line of its own
    assert [line for line in done.lines if len(line) > columns and " " in line.strip()] == []


@pytest.mark.proves("T4")
@pytest.mark.parametrize(
    "name",
    [
        *("LD_PRELOAD", "LD_LIBRARY_PATH", "DYLD_INSERT_LIBRARIES", "PYTHONPATH", "PYTHONSTARTUP"),
        *("NODE_OPTIONS", "BASH_ENV", "ENV", "PATH", "HOME", "GIT_SSH_COMMAND", "BROWSER", "Path", "browser"),
        *("KEYTURN_HOME", "KEYTURN_SOURCE", "KEYTURN_IN_HELPER", "CLAUDE_CONFIG_DIR", " PATH"),
        *("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"),
        *("CLAUDE_CODE_CLIENT_CERT", "CLAUDE_CODE_CLIENT_KEY", "CLAUDE_CODE_CLIENT_KEY_PASSPHRASE"),
        *("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN", "AWS_BEARER_TOKEN_BEDROCK"),
        *("CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
        *("GOOGLE_APPLICATION_CREDENTIALS", "AWS_CONFIG_FILE", "SSLKEYLOGFILE", "ANTHROPIC_CUSTOM_HEADERS"),
    ],
)
def test_what_no_project_may_set_is_named_and_not_taken(
    keyturn: Machine, project: Project, name: str
) -> None:
    project.write(apiKeyHelper="true", env={name: "value-of-the-project"})
    done = keyturn("trust", "--yes", project.path)
    assert f"never taken from a project: {name.strip()}" in done.lines
    assert "value-of-the-project" not in done.out
    project.write(apiKeyHelper="true")
    assert project.trusted()  # it was never a part of what was agreed to


@pytest.mark.parametrize(
    "name",
    [
        *("ANTHROPIC_BASE_URL", "ANTHROPIC_MODEL", "AWS_REGION", "AWS_PROFILE", "CLAUDE_CODE_USE_BEDROCK"),
        *("CLAUDE_CODE_API_KEY_HELPER_TTL_MS", "CLAUDE_CODE_MAX_OUTPUT_TOKENS", "CLOUD_ML_REGION"),
        *("ANTHROPIC_VERTEX_PROJECT_ID", "VERTEX_REGION_CLAUDE_SONNET", "ENVIRONMENT", "MAX_THINKING_TOKENS"),
    ],
)
def test_what_a_trusted_project_may_set_is_part_of_the_question(
    keyturn: Machine, project: Project, name: str
) -> None:
    project.write(env={name: "some-value"})
    done = keyturn("trust", "--yes", project.path)
    assert any(name in line and "some-value" in line for line in done.lines)
    project.write(env={name: "other-value"})
    assert not project.trusted()


@pytest.mark.proves("T14")
def test_hidden_characters_are_taken_out_and_told_of(keyturn: Machine, project: Project) -> None:
    project.write(
        apiKeyHelper="echo \u202eevil\u200b\x1b[2J \x07",
        env={"AN\x1b[31mNAME\u2028": "a\u2066b", "\x1b]0;LD_\x07": "x"},
    )
    done = keyturn("trust")
    assert all(line.isprintable() for line in done.lines)
    assert "\u202e" not in done.out
    assert "echo evil[2J (it holds characters that cannot be shown)" in done.lines[0]


@pytest.mark.proves("T3", "T14")
def test_a_line_break_shows_so_that_nothing_is_commented_out_in_looks_alone(
    keyturn: Machine, project: Project
) -> None:
    project.write(apiKeyHelper="# only a comment\ncurl evil.example")
    assert "# only a comment ⏎ curl evil.example" in keyturn("trust").out


@pytest.mark.proves("T3")
def test_letters_that_only_look_like_others_are_told_of(keyturn: Machine, project: Project) -> None:
    project.write(apiKeyHelper="ke\u0443turn-helper")
    assert "may only look like letters you know" in keyturn("trust").out


@pytest.mark.proves("T3")
@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://api.anthropic.com.evil.example/", "https://api.anthropic.com.evil.example"),
        ("https://EVIL.example:444/x?https://api.anthropic.com", "https://evil.example:444"),
        ("http://evil.example", "http://evil.example"),
    ],
)
def test_the_host_that_an_address_really_means_is_named(
    keyturn: Machine, project: Project, url: str, host: str
) -> None:
    project.write(env={"ANTHROPIC_BASE_URL": url})
    assert f"(it sends keys and tokens to {host})" in keyturn("trust").out


@pytest.mark.proves("T3", "T15")
def test_what_looks_like_a_secret_is_masked(keyturn: Machine, project: Project) -> None:
    secret = make_secret("api-key")
    declare_store(project.settings)
    project.write(
        apiKeyHelper=f"echo {secret}",
        awsAuthRefresh=f"curl -H 'Authorization: Bearer {secret}' https://x",
        env={"ANTHROPIC_BASE_URL": "https://user:a-pass-word@h.example/", "SOME_URL": f"https://x/{secret}"},
    )
    for words in (("trust",), ("trust", "--json")):
        done = keyturn(*words)
        assert secret not in done.out + done.err
        assert "a-pass-word" not in done.out + done.err
        assert done.out.count("[secret]") == 4


@pytest.mark.proves("T3")
@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("cat keys/*", True),
        ("sh $DIR/key.sh", True),
        ("sh ${DIR}/key.sh", True),
        ("sh key?.sh", True),
        ("sh ke[y].sh", True),
        ("sh $'k\\x65y.sh'", True),
        ("sh {key,x}.sh", True),
        ("sh ~+/key.sh", True),
        ("sh ${PWD:-x}/key.sh", True),
        ("sh $(echo k)ey.sh", True),
        ("sh `echo k`ey.sh", True),
        ("sh $(cat key)", False),
        ("sh $PWD/key.sh", False),
        ("awk '{print $1}' key", False),
        ("curl https://vault.example.com/key?version=1", False),
    ],
)
def test_names_that_only_a_shell_knows_are_told_of(
    keyturn: Machine, project: Project, command: str, *, told: bool
) -> None:
    project.write(apiKeyHelper=command)
    assert ("by a pattern or a variable" in keyturn("trust").out) == told


# -- who may say yes


@pytest.mark.proves("T3")
def test_without_a_terminal_nothing_is_trusted(keyturn: Machine, project: Project) -> None:
    done = keyturn("trust")
    assert done.status == 7
    assert f"hint: look at what stands above; then: keyturn trust --yes {project.path}" in done.err
    assert not project.trusted()


@pytest.mark.proves("T3")
@pytest.mark.parametrize("word", ["y", "yes", "YES"])
def test_a_person_who_says_yes_is_taken_at_it(desk: Desk, office: Project, word: str) -> None:
    done = desk("trust", lines=f"{word}\n")
    assert done.status == 0
    assert "Trust this? [y/N]" in done.err
    assert office.trusted()


@pytest.mark.proves("T3")
@pytest.mark.parametrize("line", ["\n", "n\n", "no\n", "y es\n", "trust\n", "1\n"])
def test_anything_else_is_a_no(desk: Desk, office: Project, line: str) -> None:
    assert desk("trust", lines=line).status == 7
    assert not office.trusted()
    assert not Path(consent.path_of(desk.world)).exists()


@pytest.mark.proves("T3")
@pytest.mark.parametrize("extra", [{"CI": "true"}, {"KEYTURN_IN_HELPER": "1"}])
def test_no_machine_and_no_helper_says_yes(desk: Desk, office: Project, extra: dict[str, str]) -> None:
    desk.world.variables |= extra
    assert desk("trust", lines="y\n").status == 7
    assert desk("trust", "--no-input", lines="y\n").status == 7
    assert not office.trusted()


@pytest.mark.proves("T3")
def test_a_helper_cannot_trust_another_project_either(keyturn: Machine, project: Project) -> None:
    assert keyturn("trust", "--yes", project.path, KEYTURN_IN_HELPER="1").status == 7
    assert not project.trusted()


@pytest.mark.proves("T3")
def test_an_answer_that_never_comes_is_a_no(desk: Desk, office: Project) -> None:
    assert desk("trust", lines="").status == 7
    assert not office.trusted()


@pytest.mark.proves("T3")
def test_yes_names_its_directory(keyturn: Machine, project: Project) -> None:
    assert keyturn("trust", "--yes").status == 2
    assert keyturn("trust", "--yes", project.path, "other").status == 2
    assert not project.trusted()
    assert keyturn("trust", "--yes", project.path).status == 0
    assert project.trusted()


@pytest.mark.proves("T3")
def test_trust_is_not_inherited(keyturn: Machine, project: Project, tmp_path: Path) -> None:
    assert keyturn("trust", "--yes", project.path).status == 0
    below = Project(keyturn.world, project.directory / "sub")
    below.settings.write_bytes(project.settings.read_bytes())
    below.script("key.sh")
    assert not below.trusted()
    (tmp_path / "worktree").mkdir()
    (tmp_path / "worktree" / ".git").write_text(f"gitdir: {project.path}/.git\ncommondir: {project.path}\n")
    beside = Project(keyturn.world, tmp_path / "worktree")
    beside.settings.write_bytes(project.settings.read_bytes())
    assert not beside.trusted()


@pytest.mark.proves("T3")
def test_consent_is_to_what_was_shown_and_not_to_what_came_during_the_question(
    desk: Desk, office: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    from keyturn.cli.person import TerminalPerson

    def confirm(_: TerminalPerson, __: str) -> bool:
        office.write(apiKeyHelper="./evil.sh")
        return True

    monkeypatch.setattr(TerminalPerson, "confirm", confirm)
    assert desk("trust", lines="y\n").status == 0
    assert not office.trusted()
    office.write(apiKeyHelper="./key.sh --quick")
    assert office.trusted()


# -- what cannot be agreed to


@pytest.mark.parametrize("yes", [True, False])
@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"apiKeyHelper": "x" * 4001}, "longer than 4000 characters"),
        ({"env": {"A": "x" * 4001}}, "longer than 4000 characters"),
        ({"env": {f"A{n}": "x" for n in range(201)}}, "more than 200 settings"),
        ({"apiKeyHelper": 5}, "apiKeyHelper in .claude/settings.json is not a text"),
        ({"apiKeyHelper": "cat pipe"}, "file pipe cannot be held to what is in it"),
        ({"apiKeyHelper": "cat large"}, "file large cannot be held to what is in it"),
    ],
)
def test_what_nobody_could_look_at_cannot_be_trusted(
    desk: Desk, office: Project, fields: dict[str, Any], says: str, *, yes: bool
) -> None:
    os.mkfifo(office.directory / "pipe")
    with (office.directory / "large").open("wb") as file:
        file.truncate(16 * 1024 * 1024 + 1)
    office.write(**fields)
    done = desk("trust", *(("--yes", office.path) if yes else ()), lines="y\n")
    assert (done.status, says in done.err) == (7, True)
    assert not office.trusted()


@pytest.mark.parametrize(
    ("text", "place"),
    [('{"apiKeyHelper": "a", b}', ":1:23: "), ('{\n "a": \n}', ":3:1: "), ("", ":1:1: "), ("[]", ":1:1: ")],
)
def test_damaged_settings_are_an_error_with_file_line_and_column(
    keyturn: Machine, project: Project, text: str, place: str
) -> None:
    project.settings.write_text(text)
    done = keyturn("trust", "--yes", project.path)
    assert done.status == 8
    assert f"{project.settings}{place}" in done.err


@pytest.mark.parametrize("words", [["none/such"], ["--yes", "none"], ["\0"], ["file"], [""]])
def test_what_is_no_directory_is_a_typing_error(keyturn: Machine, project: Project, words: list[str]) -> None:
    (project.directory / "file").write_text("")
    done = keyturn("trust", *words)
    assert done.status == (7 if words == [""] else 2)


def test_a_directory_without_settings_has_nothing_to_trust(keyturn: Machine, tmp_path: Path) -> None:
    keyturn.variables["HOME"] = str(tmp_path / "home")
    done = keyturn("trust", str(tmp_path))
    assert (done.status, "there are no settings in" in done.err) == (2, True)


@pytest.mark.proves("T3")
def test_the_home_directory_cannot_be_trusted(keyturn: Machine, project: Project) -> None:
    done = keyturn("trust", "--yes", project.path, HOME=project.path)
    assert (done.status, "home directory" in done.err) == (2, True)


def test_settings_that_keyturn_does_not_use_need_no_trust(keyturn: Machine, project: Project) -> None:
    project.write(hooks={"x": "y"}, env={"LD_PRELOAD": "x"})
    done = keyturn("trust")
    assert done.status == 0
    assert "nothing to trust" in done.lines[-1]
    assert keyturn("trust", "--json").status == 0


def test_what_is_trusted_already_is_not_asked_again(desk: Desk, office: Project) -> None:
    assert not office.trusted()
    assert desk("trust", lines="y\n").status == 0
    done = desk("trust", lines="")
    assert done.status == 0
    assert "Trust this?" not in done.err
    assert "nothing has changed since" in done.out


@pytest.mark.proves("T2", "T3")
def test_what_changed_since_is_shown(keyturn: Machine, project: Project) -> None:
    keyturn("trust", "--yes", project.path)
    project.script("key.sh", "echo two\n")
    project.write(apiKeyHelper="./key.sh --quick", env={"ANTHROPIC_BASE_URL": "https://new.example"})
    done = keyturn("trust")
    assert done.status == 7
    assert "changed since it was trusted: env.ANTHROPIC_BASE_URL in .claude/settings.json" in done.lines
    assert "changed since it was trusted: env.AWS_REGION in .claude/settings.json" in done.lines
    assert not any("changed" in line and "apiKeyHelper" in line for line in done.lines)


# -- list and untrust


def test_the_list_says_what_still_is_as_it_was(keyturn: Machine, project: Project, tmp_path: Path) -> None:
    assert keyturn("trust", "--list").lines == ["no project is trusted"]
    others = {name: Project(keyturn.world, tmp_path / name) for name in ("changed", "damaged", "gone")}
    for other in others.values():
        other.write(apiKeyHelper="true")
        assert keyturn("trust", "--yes", other.path).status == 0
    keyturn("trust", "--yes", project.path)
    others["changed"].write(apiKeyHelper="false")
    others["damaged"].settings.write_text("{")
    others["gone"].directory.rename(tmp_path / "moved")
    done = keyturn("trust", "--list")
    assert [line.split(": ")[:2] for line in done.lines] == [
        [others["changed"].path, "changed"],
        [others["damaged"].path, "damaged"],
        [others["gone"].path, "gone"],
        [project.path, "trusted"],
    ]
    assert [row["state"] for row in keyturn("trust", "--list", "--json").json["projects"]] == [
        *("changed", "damaged", "gone", "trusted"),
    ]
    assert keyturn("trust", "--list", project.path).status == 2
    keyturn("untrust", others["gone"].path)
    assert others["gone"].path not in keyturn("trust", "--list").out


def test_untrust_takes_it_back(keyturn: Machine, project: Project) -> None:
    keyturn("trust", "--yes", project.path)
    done = keyturn("untrust")
    assert (done.status, done.lines) == (0, [f"{project.path} is not trusted any more"])
    assert not project.trusted()
    assert keyturn("untrust", project.path).lines == [f"{project.path} was not trusted"]


def test_a_damaged_record_is_an_error_of_the_store(keyturn: Machine, project: Project) -> None:
    keyturn("trust", "--yes", project.path)
    Path(consent.path_of(keyturn.world)).write_text("{")
    for words in (("trust", "--yes", project.path), ("trust", "--list"), ("untrust",)):
        done = keyturn(*words)
        assert (done.status, "trust.json is damaged" in done.err) == (5, True)


# -- for programs


def test_json_is_what_the_page_shows(keyturn: Machine, project: Project) -> None:
    project.write(apiKeyHelper="./key.sh \x07", env={"LD_PRELOAD": "x"})
    looked = keyturn("trust", "--json")
    assert looked.status == 7
    assert not project.trusted()
    assert shape(looked.json) == shape(SHOWN["trust"])
    granted = keyturn("trust", "--json", "--yes", project.path)
    assert (granted.status, granted.json["state"]) == (0, "trusted")
    project.script("key.sh", "echo two\n")
    again = keyturn("trust", "--json").json
    assert (again["state"], again["changed"]) == ("changed", ["file key.sh"])
    assert shape(keyturn("trust", "--list", "--json").json) == shape(SHOWN["trusted"])
    assert shape(keyturn("untrust", "--json").json) == shape(SHOWN["untrust"])
    assert keyturn("trust", "none", "--json").json["error"]["code"] == "no_directory"
