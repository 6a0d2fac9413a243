"""Runs each folder here as a case of the Vertex route: what is set, what must win, what must be said.

As in the folder above, with three things more. `[adc]` is the credentials file: its `kind`, where it lies
(`at`, below the home directory; where gcloud puts it unless said), its `mode`, and fields to `set` in it (""
leaves one out), or its whole `text`. `[[http]]` is what the servers of Google's answer, in order, and
`requests` in `[expect]` is what they are asked. `[command]` is what `gcpAuthRefresh` does, `runs_in` where
it is run.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from keyturn.auth import Auth
from keyturn.errors import AuthError
from keyturn.testing import FakeWorld
from keyturn.testing.commands import Outcome
from keyturn.testing.world import NOW
from keyturn.vertex.target import target_of
from keyturn.wire import Response
from tests import google
from tests.cases.test_cases import filled, typed, write_settings
from tests.secretscan import make_secret

if TYPE_CHECKING:
    from keyturn.survey import Survey
    from keyturn.values import Credential

HERE = Path(__file__).parent
CASES = sorted(path.parent for path in HERE.glob("*/case.toml"))
# what is compared in another way than as one value of the credential
BESIDE = (
    "says",
    "never_says",
    "states",
    "warns",
    "notes",
    "models",
    "requests",
    "commands",
    "within",
    "runs_in",
)
GCLOUD = ".config/gcloud/application_default_credentials.json"


def put(home: Path, said: dict[str, Any]) -> None:
    """Write the credentials file of a case."""
    if "text" in said:
        content: Any = said["text"]
    else:
        made: dict[str, Any] = {
            "user": google.user_info,
            "key": google.key_info,
            "external": lambda: google.external_info(said.get("source", {"file": f"{home}/subject"})),
            "impersonated": lambda: google.impersonating_info(google.user_info()),
        }
        content = made[said["kind"]]() | said.get("set", {})
        content = {name: value for name, value in content.items() if value != ""}
    google.put(home / said.get("at", GCLOUD), content, int(said.get("mode", "600"), 8))


def answer(said: dict[str, Any]) -> Response:
    """One answer; `TOKEN` in it becomes a fresh token."""
    body = said.get("body", '{"access_token": "TOKEN", "token_type": "Bearer", "expires_in": 3600}')
    body = body.replace("TOKEN", make_secret("token")) if "TOKEN" in body else body
    headers = {"metadata-flavor": "Google"} if said.get("metadata") else {}
    return Response(status=said.get("status", 200), headers=headers, body=body.encode())


def prepared(case: dict[str, Any], home: Path) -> FakeWorld:
    """The machine of a case."""
    flag = {} if case.get("no_flag") else google.FLAG
    world = FakeWorld(home, {**flag, **case.get("env", {})})
    world.machine_name = case.get("machine", "")
    world.working_directory = case.get("cwd", world.folder)
    Path(world.working_directory).mkdir(parents=True, exist_ok=True)
    for name, content in case.get("files", {}).items():
        google.put(home / name, content)
    if "adc" in case:
        put(home, case["adc"])
    if "config" in case:
        world.write_config(case["config"])
    write_settings(world, case.get("settings", {}))
    if case.get("trusted"):
        status, said = typed(world, f"trust --yes {world.working_directory}")
        assert status == 0, said
    write_settings(world, case.get("after", {}))
    if "command" in case:
        fresh = case["command"].pop("adc", None)
        does = (lambda _: put(home, fresh)) if fresh is not None else None
        world.outcomes.append(Outcome(does=does, **case["command"]))
    world.script = [answer(said) for said in case.get("http", [])]
    return world


def got_of(credential: Credential, found: Survey, world: FakeWorld) -> dict[str, Any]:
    """What a case may expect of a credential and of its explanation."""
    offer = found.winner.offer if found.winner is not None else None
    facts = {fact.name: fact for fact in (offer.facts if offer is not None else None) or ()}
    got: dict[str, Any] = {
        "winner": credential.source,
        "kind": credential.kind,
        "audience": credential.audience,
        "base_url": credential.base_url,
        "billing": credential.billing,
        "account": credential.account or "",
        "headers": sorted(credential.headers()),
        "lives": credential.expires_at - world.now() if credential.expires_at is not None else 0,
        "environment": dict(credential.environment()),
    }
    for name in ("project", "region", "quota project", "model", "small model"):
        if name in facts:
            got[name.replace(" ", "_")] = [facts[name].value, facts[name].origin]
    return got


@pytest.mark.parametrize("folder", CASES, ids=lambda folder: folder.name)
def test_case(folder: Path, tmp_path: Path) -> None:
    case = filled(tomllib.loads((folder / "case.toml").read_text(encoding="utf-8")), tmp_path)
    expected = case["expect"]
    world = prepared(case, tmp_path)
    auth = Auth(world=world, **case.get("options", {}))
    try:
        credential = auth.credential()
        got = got_of(credential, auth.explain(), world)
    except AuthError as error:
        got = {"error": error.code, "exit": error.exit}
        said = f"{error.message}\n{error.hint}"
        for part in expected.get("says", []):
            assert part in said
        for hidden in expected.get("never_says", []):
            assert hidden not in said
    told = {name: value for name, value in expected.items() if name not in BESIDE}
    assert {name: got.get(name) for name in told} == told
    assert ("error" in got) is ("error" in expected), got
    if "states" in expected or "warns" in expected or "notes" in expected:
        found = auth.explain()
        states = {row.source.id: row.state for row in found.rows if row.state != "absent"}
        assert states == expected.get("states", states)
        assert [
            part for part in expected.get("warns", []) if not any(part in w for w in found.warnings)
        ] == []
        assert [part for part in expected.get("notes", []) if part not in found.rows[0].why] == []
    for model, region in expected.get("models", {}).items():
        assert target_of(auth.scene(), None, model).region == region
    assert [request.url for request in world.requests] == expected.get("requests", [])
    assert len(world.commands) == expected.get("commands", 0)
    if "runs_in" in expected:
        assert {command.directory for command in world.commands} == {expected["runs_in"]}
    assert world.clock() - 1000 <= expected.get("within", 3.0), "nobody waits longer than that"
    assert world.now() >= NOW


def test_every_case_says_what_it_proves() -> None:
    assert len(CASES) >= 40
    for folder in CASES:
        case = tomllib.loads((folder / "case.toml").read_text(encoding="utf-8"))
        assert case["docs"].strip(), folder
        assert case["proves"], folder
