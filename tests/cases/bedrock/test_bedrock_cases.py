"""Runs each folder here as a case of the Bedrock route: what is set, what must win, what must be said.

As in the folder above, with three things more. `chain = true` lets botocore's chain really run, in its own
process. `[files]` says what lies in the home directory. `[http]` says what loopback answers, by path:
Identity Center, a token service, a container, an instance; `{origin}` stands for it.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from keyturn.auth import Auth
from keyturn.errors import AuthError
from keyturn.testing import FakeWorld
from keyturn.testing.commands import Outcome
from keyturn.values import AwsKeys
from keyturn.world import processes
from tests.cases.test_cases import filled, write_settings
from tests.standins import Reply, StandIn

if TYPE_CHECKING:
    from keyturn.survey import Survey
    from keyturn.values import Credential
    from keyturn.world.processes import Command, Ended, Heard, Notice

HERE = Path(__file__).parent
CASES = sorted(path.parent for path in HERE.glob("*/case.toml"))
KEYTURN = str(Path(sys.executable).with_name("keyturn"))


class ChainWorld(FakeWorld):
    """A machine of the test's own on which the chain's process is a real one."""

    real_chain = False

    def run(self, command: Command, *, heard: Heard | None = None, notice: Notice | None = None) -> Ended:
        if command.words is not None and self.real_chain:
            return processes.run(command, heard=heard, notice=notice)
        return super().run(command, heard=heard, notice=notice)


def prepared(case: dict[str, Any], home: Path, server: StandIn) -> ChainWorld:
    """The machine of a case."""
    for name, content in case.get("files", {}).items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    flag = {} if case.get("no_flag") else {"CLAUDE_CODE_USE_BEDROCK": "1"}
    world = ChainWorld(home, {"PATH": os.environ["PATH"], **flag, **case.get("env", {})}, now=time.time())
    world.real_chain = case.get("chain", False)
    world.working_directory = case.get("cwd", world.folder)
    Path(world.working_directory).mkdir(parents=True, exist_ok=True)
    if "config" in case:
        world.write_config(case["config"])
    write_settings(world, case.get("settings", {}))
    world.outcomes += [Outcome(**said) for said in case.get("helper", [])]
    for path, said in case.get("http", {}).items():
        headers = {"Content-Type": said.get("type", "application/json")}
        if "error" in said:
            headers["x-amzn-ErrorType"] = said["error"]
        server.answers[path] = Reply(said["body"].encode(), said.get("status", 200), headers)
    return world


def got_of(credential: Credential, found: Survey) -> dict[str, Any]:
    """What a case may expect of a credential and of its explanation."""
    offer = found.winner.offer if found.winner is not None else None
    facts = {fact.name: fact for fact in (offer.facts if offer is not None else None) or ()}
    got: dict[str, Any] = {
        "winner": credential.source,
        "audience": credential.audience,
        "where": credential.where,
        "region": facts["region"].value,
        "region_origin": facts["region"].origin,
        "model": facts["model"].value,
        "small": facts["small model"].value,
    }
    if not isinstance(credential, AwsKeys):
        return {**got, "headers": sorted(credential.headers())}
    token = credential.session_token
    return {
        **got,
        "key": credential.access_key_id.reveal(),
        "token": token.reveal() if token is not None else "",
    }


@pytest.mark.parametrize("folder", CASES, ids=lambda folder: folder.name)
def test_case(folder: Path, tmp_path: Path) -> None:
    with StandIn() as server:
        text = (folder / "case.toml").read_text(encoding="utf-8")
        text = text.replace("{origin}", server.origin).replace("{keyturn}", KEYTURN)
        case = filled(tomllib.loads(text), tmp_path)
        if (folder / "files").is_dir():
            shutil.copytree(folder / "files", tmp_path, dirs_exist_ok=True)
        world = prepared(case, tmp_path, server)
        auth = Auth(world=world, **case.get("options", {}))
        said, credential = "", None
        try:
            credential = auth.credential()
            got: dict[str, Any] = {}
        except AuthError as error:
            got = {"error": error.code, "exit": error.exit}
            said = f"{error.message}\n{error.hint}\n{error.facts}"
    found = auth.explain()
    if credential is not None:
        got = got_of(credential, found)
    expected = case["expect"]
    compared = ("says", "warns", "states")
    assert {name: got.get(name) for name in expected if name not in compared} == {
        name: value for name, value in expected.items() if name not in compared
    }, said
    assert [part for part in expected.get("says", []) if part not in said] == [], said
    everything = f"{said} {found!r} {credential!r} {[row.why for row in found.rows]}"
    assert [secret for secret in case.get("never_says", []) if secret in everything] == []
    assert [part for part in expected.get("warns", []) if not any(part in w for w in found.warnings)] == []
    if "states" in expected:
        assert {row.source.id: row.state for row in found.rows if row.state != "absent"} == expected["states"]
    assert world.requests == []
    assert world.outcomes == []


def test_every_case_says_what_it_proves() -> None:
    assert len(CASES) >= 60
    for folder in CASES:
        case = tomllib.loads((folder / "case.toml").read_text(encoding="utf-8"))
        assert case["docs"].strip(), folder
        assert case["proves"], folder
