"""Runs each folder here as a case: what is set, what must win, what must be said.

`case.toml` explains itself. A case is resolved (`Auth.credential`) and explained (`Auth.explain`), and both
must agree. A folder named `files` holds what lies in the home directory; `{home}` stands for that. Nothing
here may reach a network.
"""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest

from keyturn.auth import Auth
from keyturn.errors import AuthError
from keyturn.stores.file import FileStore
from keyturn.testing import FakeWorld
from keyturn.testing.stores import save
from keyturn.testing.values import make_authority, make_login
from keyturn.testing.world import NOW
from keyturn.values import Secret

HERE = Path(__file__).parent
CASES = sorted(path.parent for path in HERE.glob("*/case.toml"))
TIMES = ("expires_at", "issued_at")  # written in a case as seconds from now


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


@pytest.mark.parametrize("folder", CASES, ids=lambda folder: folder.name)
def test_case(folder: Path, tmp_path: Path) -> None:
    case = filled(tomllib.loads((folder / "case.toml").read_text(encoding="utf-8")), tmp_path)
    if (folder / "files").is_dir():
        shutil.copytree(folder / "files", tmp_path, dirs_exist_ok=True)
    world = FakeWorld(tmp_path, case.get("env", {}))
    world.working_directory = case.get("cwd", world.folder)
    if "config" in case:
        world.write_config(case["config"])
    for login in case.get("logins", []):
        store(world, login)
    auth = Auth(world=world, **case.get("options", {}))
    expected = case["expect"]
    try:
        credential = auth.credential()
        got: dict[str, Any] = {
            "winner": credential.source,
            "billing": credential.billing,
            "audience": credential.audience,
            "headers": sorted(credential.headers()),
        }
    except AuthError as error:
        got = {"error": error.code, "exit": error.exit}
        said = f"{error.message}\n{error.hint}"
        for part in expected.get("says", []):
            assert part in said
        for secret in case.get("never_says", []):
            assert secret not in said
    assert {key: got.get(key) for key in expected if key in ("winner", "billing", "audience", "headers")} == {
        key: value for key, value in expected.items() if key in ("winner", "billing", "audience", "headers")
    }
    assert (got.get("error"), got.get("exit")) == (expected.get("error"), expected.get("exit"))
    if "states" in expected:
        found = auth.explain()
        assert {row.source.id: row.state for row in found.rows if row.state != "absent"} == expected["states"]
        decides = found.winner.source.id if found.winner is not None else None
        assert decides == expected.get("decides", expected.get("winner")), "explaining and resolving disagree"
        assert [
            part for part in expected.get("warns", []) if not any(part in w for w in found.warnings)
        ] == []
    assert world.requests == []


def test_every_case_says_what_it_proves() -> None:
    assert len(CASES) >= 12
    for folder in CASES:
        case = tomllib.loads((folder / "case.toml").read_text(encoding="utf-8"))
        assert case["docs"].strip(), folder
        assert case["proves"], folder
