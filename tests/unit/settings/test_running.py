"""Programs that run while settings files change: their source follows, and no other takes its place."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from keyturn import Auth, ConfigurationError, Rejected
from keyturn.settings import consent, trust
from keyturn.testing import FakeWorld, make_login
from keyturn.testing.stores import save
from keyturn.world import texts
from tests.secretscan import make_secret

if TYPE_CHECKING:
    from collections.abc import Mapping

FIRST, SECOND = "sk-ant-test-first", "sk-ant-test-second"


class Program:
    """One that asks for its credential from time to time; `settings` writes the user's file."""

    def __init__(self, directory: Path, env: Mapping[str, str] | None = None) -> None:
        self.world = FakeWorld(directory, env)
        self.auth = Auth(world=self.world)
        self.path = Path(self.world.claude_dir(), "settings.json")
        self.path.parent.mkdir(exist_ok=True)

    def settings(self, content: str | None = None, **fields: object) -> None:
        text = json.dumps(fields) if content is None else content
        self.path.with_suffix(".new").write_text(text, encoding="utf-8")
        self.path.with_suffix(".new").replace(self.path)

    def later(self) -> str:
        self.world.advance(2.1)
        return self.auth.credential().secret.reveal()


@pytest.fixture
def program(tmp_path: Path) -> Program:
    made = Program(tmp_path)
    made.settings(env={"ANTHROPIC_API_KEY": FIRST})
    assert made.auth.credential().secret.reveal() == FIRST
    return made


@pytest.mark.proves("I6", "R57")
def test_a_key_that_is_replaced_in_the_settings_is_adopted_within_two_seconds(program: Program) -> None:
    program.settings(env={"ANTHROPIC_API_KEY": SECOND})
    program.world.advance(1.9)
    assert program.auth.credential().secret.reveal() == FIRST
    assert program.later() == SECOND


@pytest.mark.proves("R42", "R57")
def test_after_a_401_the_settings_are_looked_at_without_waiting(program: Program) -> None:
    refused = program.auth.credential()
    program.settings(env={"ANTHROPIC_API_KEY": SECOND})
    assert program.auth.credential(rejected=refused).secret.reveal() == SECOND


@pytest.mark.proves("P22")
def test_a_401_of_a_key_that_nobody_replaced_names_the_file_it_came_from(program: Program) -> None:
    refused = program.auth.credential()
    with pytest.raises(Rejected) as caught:
        program.auth.credential(rejected=refused)
    assert f"env.ANTHROPIC_API_KEY in {program.path}" in caught.value.message


@pytest.mark.proves("I6", "R55")
def test_a_key_that_is_gone_ends_requests_and_no_other_source_takes_its_place(
    program: Program, tmp_path: Path
) -> None:
    save(program.auth.scene().store, make_login())
    program.settings(env={})
    program.world.advance(2.1)
    with pytest.raises(Rejected) as caught:
        program.auth.credential()
    assert caught.value.code == "source_gone"
    assert f"env.ANTHROPIC_API_KEY in {program.path}" in caught.value.message
    assert Auth(world=FakeWorld(tmp_path)).credential().source == "stored-login"


@pytest.mark.proves("R55", "P4")
def test_a_source_that_comes_later_and_higher_does_not_take_over(program: Program) -> None:
    token = make_secret("token")
    program.world.variables["ANTHROPIC_AUTH_TOKEN"] = token
    assert program.later() == FIRST
    found = program.auth.explain()
    assert found.winner is not None
    assert found.winner.source.id == "auth-token-env"
    assert any("this program goes on with ANTHROPIC_API_KEY" in warning for warning in found.warnings)


@pytest.mark.proves("R11", "R55")
def test_a_key_that_comes_into_the_settings_does_not_take_over_from_a_running_login(tmp_path: Path) -> None:
    program = Program(tmp_path)
    save(program.auth.scene().store, make_login())
    assert program.auth.credential().source == "stored-login"
    program.settings(env={"ANTHROPIC_API_KEY": FIRST})
    program.world.advance(2.1)
    assert program.auth.credential().source == "stored-login"
    assert Auth(world=program.world).credential().source == "api-key-env"


def test_a_settings_value_of_the_same_source_takes_over_from_the_environment(tmp_path: Path) -> None:
    secret = make_secret("api-key")
    program = Program(tmp_path, {"ANTHROPIC_API_KEY": secret})
    assert program.later() == secret
    program.settings(env={"ANTHROPIC_API_KEY": FIRST})
    assert program.later() == FIRST


def test_a_program_may_take_its_key_out_of_its_own_environment(tmp_path: Path) -> None:
    secret = make_secret("api-key")
    program = Program(tmp_path, {"ANTHROPIC_API_KEY": secret})
    assert program.later() == secret
    del program.world.variables["ANTHROPIC_API_KEY"]
    assert program.later() == secret
    program.settings(env={"ANTHROPIC_MODEL": "example"})
    assert program.later() == secret


@pytest.mark.proves("I7")
def test_a_file_that_is_half_written_stops_no_running_program(program: Program, tmp_path: Path) -> None:
    program.settings('{"env": {"ANTHROPIC_API_KEY": "')
    assert program.later() == FIRST
    assert any(
        f"{program.path}:1:31" in line and "still counts" in line for line in program.auth.explain().ignored
    )
    with pytest.raises(ConfigurationError):
        Auth(world=FakeWorld(tmp_path)).credential()
    program.settings(env={"ANTHROPIC_API_KEY": SECOND})
    assert program.later() == SECOND
    assert program.auth.explain().ignored == ()


@pytest.mark.proves("R57")
def test_a_program_that_found_damage_goes_on_once_it_is_repaired(tmp_path: Path) -> None:
    program = Program(tmp_path)
    program.settings("{")
    with pytest.raises(ConfigurationError):
        program.auth.credential()
    program.settings(env={"ANTHROPIC_API_KEY": FIRST})
    assert program.later() == FIRST


@pytest.mark.proves("T13")
def test_an_address_that_changes_in_the_settings_binds_the_key_to_it(program: Program) -> None:
    program.settings(env={"ANTHROPIC_API_KEY": FIRST, "ANTHROPIC_BASE_URL": "https://gateway.example.com"})
    program.later()
    assert program.auth.credential().audience == "https://gateway.example.com"


@pytest.mark.proves("R57")
def test_an_administrator_s_drop_in_is_seen_by_running_programs(program: Program) -> None:
    drop_in = Path(program.world.managed_dir(), "managed-settings.d", "10-team.json")
    drop_in.parent.mkdir(parents=True)
    drop_in.write_text(json.dumps({"env": {"ANTHROPIC_API_KEY": SECOND}}), encoding="utf-8")
    assert program.later() == SECOND
    drop_in.write_text(
        json.dumps({"env": {"ANTHROPIC_API_KEY": "sk-ant-test-third-of-them"}}), encoding="utf-8"
    )
    assert program.later() == "sk-ant-test-third-of-them"
    drop_in.unlink()
    assert program.later() == FIRST


@pytest.mark.proves("T2", "I6")
def test_trust_that_is_withdrawn_or_given_counts_for_running_programs(tmp_path: Path) -> None:
    program = Program(tmp_path, {"ANTHROPIC_API_KEY": make_secret("api-key")})
    job = tmp_path / "job"
    (job / ".claude").mkdir(parents=True)
    fields = {"env": {"ANTHROPIC_BASE_URL": "https://gateway.example.com"}}
    (job / ".claude" / "settings.json").write_text(json.dumps(fields), encoding="utf-8")
    program.world.working_directory = str(job)

    def audience() -> str:
        program.later()
        return program.auth.credential().audience

    assert audience() == "https://api.anthropic.com"
    held = trust.evidence(program.world, str(job), trust.contents(str(job), trust.read(str(job))))
    consent.grant(program.world, str(job), {name: str(value) for name, value in held.items()})
    assert audience() == "https://gateway.example.com"
    program.settings("{")
    assert audience() == "https://gateway.example.com", "what was agreed to counts beside a half-written file"
    consent.withdraw(program.world, str(job))
    with pytest.raises(ConfigurationError):
        audience()
    program.settings()
    assert audience() == "https://api.anthropic.com"


@pytest.mark.proves("L18")
def test_between_two_looks_no_settings_file_is_looked_at(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    trace = texts.trace

    def counted(path: str) -> tuple[int, int, int] | None:
        looked.append(path)
        return trace(path)

    program.later()
    monkeypatch.setattr(texts, "trace", counted)
    for _ in range(50):
        program.auth.credential()
    program.world.advance(1.9)
    program.auth.credential()
    assert looked == []
    program.later()
    assert len(looked) == 5


@pytest.mark.proves("R57", "T9")
def test_settings_are_never_written_to_the_environment(program: Program) -> None:
    before = dict(program.world.variables)
    program.settings(env={"ANTHROPIC_API_KEY": SECOND, "ANTHROPIC_MODEL": "example"})
    program.later()
    program.auth.explain()
    assert program.world.variables == before
    assert os.environ.get("ANTHROPIC_API_KEY") != SECOND
