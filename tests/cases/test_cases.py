"""Runs each folder here as a case: what is set, what must win, what must be said.

`case.toml` explains itself. A case is resolved (`Auth.credential`) and explained (`Auth.explain`), and both
must agree; one with a `command` is that command line instead. A folder named `files` holds what lies in the
home directory; `{home}` stands for that. Nothing here may reach a network.

Settings files: `[settings.user]`, `.managed`, `.project` and `.local` are what these files hold, the last two
below `cwd`; `[settings."managed-settings.d/NAME.json"]` is a drop-in of the administrator. `trusted = true`
is a person who has run `keyturn trust` there; `[after.project]` is what the file holds since then. `[files]`
and `[links]` are what else lies below `cwd`, `[after_files]` and `[after_links]` since then, and `gone`
lies there no more.

Each `[[helper]]` says how the next run of a command ends (`keyturn.testing.commands.Outcome`); there must be
as many runs, unless `runs` says so. `[[steps]]` ask once more: `after` so many seconds, or as
`rejected` by the API.
"""

from __future__ import annotations

import io
import json
import shlex
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest

from keyturn.auth import Auth
from keyturn.cli import main
from keyturn.cli.terminal import Terminal
from keyturn.errors import AuthError
from keyturn.settings.layers import PROJECT_FILES
from keyturn.stores.file import FileStore
from keyturn.testing import FakeWorld
from keyturn.testing.commands import Outcome
from keyturn.testing.stores import save
from keyturn.testing.values import make_authority, make_login
from keyturn.testing.world import NOW
from keyturn.values import Secret

HERE = Path(__file__).parent
CASES = sorted(path.parent for path in HERE.glob("*/case.toml"))
TIMES = ("expires_at", "issued_at")  # written in a case as seconds from now
GOT = ("winner", "billing", "audience", "headers", "where", "base_url", "gives")


def filled(value: Any, home: Path) -> Any:
    """The value, with `{home}` filled in."""
    if isinstance(value, str):
        return value.replace("{home}", str(home))
    if isinstance(value, dict):
        return {filled(key, home): filled(item, home) for key, item in value.items()}
    return [filled(item, home) for item in value] if isinstance(value, list) else value


def store(world: FakeWorld, said: dict[str, Any]) -> None:
    """Put the case's login in its profile."""
    fields: dict[str, Any] = {}
    for name, value in said.items():
        if name in TIMES:
            fields[name] = NOW + value
        elif name in ("access_token", "refresh_token", "api_key"):
            fields[name] = Secret(value) if value else None
        elif name == "authority":
            fields[name] = make_authority(**value) if value else None
        else:
            fields[name] = value
    if "api_key" in fields:
        fields = {"access_token": None, "refresh_token": None, "authority": None, **fields}
    save(FileStore(world, said.get("profile", "default")), make_login(**fields))


def write_settings(world: FakeWorld, settings: dict[str, Any]) -> None:
    """Put settings files in their places."""
    for scope, content in settings.items():
        if scope == "user":
            path = Path(world.claude_dir(), "settings.json")
        elif scope in PROJECT_FILES:
            path = Path(world.cwd(), PROJECT_FILES[scope])
        else:
            path = Path(world.managed_dir(), "managed-settings.json" if scope == "managed" else scope)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")


def write_files(world: FakeWorld, files: dict[str, str], links: dict[str, str], gone: list[str]) -> None:
    """Put files and links below the working directory; what is gone goes first."""
    for name in gone:
        Path(world.cwd(), name).unlink()
    for name, text in files.items():
        path = Path(world.cwd(), name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for name, target in links.items():
        Path(world.cwd(), name).symlink_to(target)


def prepared(folder: Path, case: dict[str, Any], home: Path) -> FakeWorld:
    """The machine of a case."""
    if (folder / "files").is_dir():
        shutil.copytree(folder / "files", home, dirs_exist_ok=True)
    world = FakeWorld(home, case.get("env", {}))
    world.working_directory = case.get("cwd", world.folder)
    Path(world.working_directory).mkdir(parents=True, exist_ok=True)
    if "config" in case:
        world.write_config(case["config"])
    for login in case.get("logins", []):
        store(world, login)
    write_settings(world, case.get("settings", {}))
    write_files(world, case.get("files", {}), case.get("links", {}), [])
    if case.get("trusted"):
        status, said = typed(world, f"trust --yes {shlex.quote(world.working_directory)}")
        assert status == 0, said
    write_settings(world, case.get("after", {}))
    write_files(world, case.get("after_files", {}), case.get("after_links", {}), case.get("gone", []))
    world.outcomes += [Outcome(**said) for said in case.get("helper", [])]
    return world


def typed(world: FakeWorld, words: str, piped: str = "") -> tuple[int, str]:
    """What a command line gives: its exit status, and all that it says."""
    out, err = io.StringIO(), io.StringIO()
    terminal = Terminal(world, stdin=io.StringIO(piped), stdout=out, stderr=err)
    return main(shlex.split(words), terminal=terminal), out.getvalue() + err.getvalue()


def resolved(auth: Auth, world: FakeWorld, steps: list[dict[str, Any]]) -> tuple[dict[str, Any], str]:
    """What the program would get, and what it would be told; in the end, after all steps."""
    try:
        credential = auth.credential()
        gives = [credential.secret.reveal()]
        for step in steps:
            world.advance(step.get("after", 0))
            credential = auth.credential(rejected=credential if step.get("rejected") else None)
            gives.append(credential.secret.reveal())
    except AuthError as error:
        return {"error": error.code, "exit": error.exit}, f"{error.message}\n{error.hint}"
    got = {name: getattr(credential, name) for name in ("billing", "audience", "where", "base_url")}
    headers = sorted(credential.headers())
    return {**got, "winner": credential.source, "headers": headers, "gives": gives}, ""


@pytest.mark.parametrize("folder", CASES, ids=lambda folder: folder.name)
def test_case(folder: Path, tmp_path: Path) -> None:
    case = filled(tomllib.loads((folder / "case.toml").read_text(encoding="utf-8")), tmp_path)
    world = prepared(folder, case, tmp_path)
    expected = case["expect"]
    if "command" in case:
        got: dict[str, Any] = {}
        got["exit"], said = typed(world, case["command"], case.get("piped", ""))
        assert got["exit"] == expected["exit"], said
    else:
        auth = Auth(world=world, **case.get("options", {}))
        got, said = resolved(auth, world, case.get("steps", []))
        assert {key: got.get(key) for key in GOT if key in expected} == {
            key: expected[key] for key in GOT if key in expected
        }, said
        assert (got.get("error"), got.get("exit")) == (expected.get("error"), expected.get("exit")), said
    assert [part for part in expected.get("says", []) if part not in said] == [], said
    assert [part for part in case.get("never_says", []) if part in said] == []
    if "states" in expected:
        found = auth.explain()
        assert {row.source.id: row.state for row in found.rows if row.state != "absent"} == expected["states"]
        decides = found.winner.source.id if found.winner is not None else None
        assert decides == expected.get("decides", expected.get("winner")), "explaining and resolving disagree"
        assert missing(expected.get("warns", []), found.warnings) == []
        assert missing(expected.get("ignored", []), found.ignored) == []
        if "settings" in expected:
            assert list(found.settings) == expected["settings"]
    if "explains" in expected:
        status, explained = typed(world, "explain")
        assert status == 0
        assert [part for part in expected["explains"] if part not in explained] == [], explained
        assert [part for part in case.get("never_says", []) if part in explained] == []
    assert len(world.commands) == expected.get("runs", len(case.get("helper", [])))
    assert world.requests == []


def missing(parts: list[str], lines: tuple[str, ...]) -> list[str]:
    """The parts that stand in no line."""
    return [part for part in parts if not any(part in line for line in lines)]


def test_every_case_says_what_it_proves() -> None:
    assert len(CASES) >= 12
    for folder in CASES:
        case = tomllib.loads((folder / "case.toml").read_text(encoding="utf-8"))
        assert case["docs"].strip(), folder
        assert case["proves"], folder
