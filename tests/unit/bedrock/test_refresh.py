"""awsAuthRefresh: asked first, run once, believed only when AWS takes what it left (P16, P17, P18)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from keyturn import Auth, Rejected, Unavailable
from keyturn.testing import FakeWorld
from keyturn.testing.commands import Outcome
from keyturn.values import AwsKeys
from tests.aws import chain_fails, chain_gives, make_keys, sts_knows, sts_refuses, with_files

if TYPE_CHECKING:
    from pathlib import Path

    from keyturn.values import Credential

LINE = "aws sso login"


@pytest.fixture
def world(tmp_path: Path) -> FakeWorld:
    made = FakeWorld(tmp_path)
    with_files(made, awsAuthRefresh=LINE)
    return made


def key_id(credential: Credential) -> str:
    assert isinstance(credential, AwsKeys)
    return credential.access_key_id.reveal()


def lines(world: FakeWorld) -> list[str]:
    """The shell lines that were run; the chain's own process is none."""
    return [command.line for command in world.commands if command.words is None]


@pytest.mark.proves("R20", "R21", "P18")
def test_an_expired_login_is_renewed_and_the_request_goes_on(world: FakeWorld) -> None:
    keys = make_keys(now=world.now())
    # asked by the request, before the command, and again when it is its turn; then by what it left
    world.outcomes = [chain_fails(), chain_fails(), chain_fails(), Outcome(stdout="ok"), chain_gives(keys)]
    world.script = [sts_knows()]
    assert key_id(Auth(world=world).credential()) == keys["access_key"]
    assert lines(world) == [LINE]


@pytest.mark.proves("R21", "P16")
def test_good_credentials_run_no_command(world: FakeWorld) -> None:
    world.outcomes = [chain_gives(make_keys(now=world.now()))]
    Auth(world=world).credential()
    assert lines(world) == []
    assert world.requests == []  # and nobody is asked about keys that nobody has refused


@pytest.mark.proves("R21", "P16")
def test_refused_keys_that_the_token_service_takes_run_no_command(world: FakeWorld) -> None:
    keys = make_keys(now=world.now())
    world.outcomes = [chain_gives(keys), chain_gives(keys), chain_gives(keys)]
    world.script = [sts_knows()]
    auth = Auth(world=world)
    refused = auth.credential()
    with pytest.raises(Rejected, match="does not take the keys"):
        auth.credential(rejected=refused)
    assert lines(world) == []


@pytest.mark.proves("R21")
def test_refused_keys_that_the_token_service_calls_expired_run_it(world: FakeWorld) -> None:
    old, new = make_keys(now=world.now()), make_keys(now=world.now())
    world.outcomes = [
        chain_gives(old),
        chain_gives(old),
        chain_gives(old),
        chain_gives(old),
        Outcome(stdout="ok"),
        chain_gives(new),
    ]
    world.script = [sts_refuses(), sts_refuses(), sts_knows()]
    auth = Auth(world=world)
    refused = auth.credential()
    assert key_id(auth.credential(rejected=refused)) == new["access_key"]
    assert lines(world) == [LINE]


@pytest.mark.proves("P16", "P38")
@pytest.mark.parametrize("kind", ["network", "configuration"])
def test_neither_the_network_nor_a_region_is_a_reason_to_run_it(world: FakeWorld, kind: str) -> None:
    world.outcomes = [chain_fails(kind, "You must specify a region.")]
    with pytest.raises((Unavailable, Exception), match="region"):
        Auth(world=world).credential()
    assert lines(world) == []


@pytest.mark.proves("P16")
def test_a_token_service_that_is_down_is_no_reason_to_run_it(world: FakeWorld) -> None:
    keys = make_keys(now=world.now())
    world.outcomes = [chain_gives(keys), chain_gives(keys), chain_gives(keys)]
    world.script = [sts_refuses("ServiceUnavailable", 503)]
    auth = Auth(world=world)
    refused = auth.credential()
    with pytest.raises(Unavailable, match="status 503"):
        auth.credential(rejected=refused)
    assert lines(world) == []


@pytest.mark.proves("P16")
def test_a_command_that_changes_nothing_is_one_clear_error_and_not_run_again(world: FakeWorld) -> None:
    world.outcomes = [chain_fails(), chain_fails(), chain_fails(), Outcome(stdout="done"), chain_fails()]
    auth = Auth(world=world)
    with pytest.raises(Rejected, match="neither new nor valid") as caught:
        auth.credential()
    assert caught.value.code == "refresh_no_change"
    world.advance(60)
    world.outcomes = [chain_fails(), chain_fails()]
    with pytest.raises(Rejected) as caught:
        Auth(world=world).credential()
    assert caught.value.code == "refresh_paused"
    assert lines(world) == [LINE]


@pytest.mark.proves("P16")
def test_a_command_that_hangs_is_ended_after_three_minutes(world: FakeWorld) -> None:
    world.outcomes = [chain_fails(), chain_fails(), chain_fails(), Outcome(takes=1000.0), chain_fails()]
    with pytest.raises(Rejected, match="longer than 180 s") as caught:
        Auth(world=world).credential()
    assert caught.value.code == "command_timeout"


@pytest.mark.proves("P16")
def test_a_command_that_fails_for_a_missing_region_says_so(world: FakeWorld) -> None:
    said = Outcome(status=253, stderr="Missing the following required SSO configuration values: sso_region\n")
    world.outcomes = [chain_fails(), chain_fails(), chain_fails(), said, chain_fails()]
    with pytest.raises(Rejected, match="sso_region") as caught:
        Auth(world=world).credential()
    assert caught.value.code == "command_exit"


@pytest.mark.proves("R22", "P17")
def test_a_device_code_without_a_line_break_is_seen_while_the_command_waits(world: FakeWorld) -> None:
    told: list[str] = []
    world.tell = told.append
    keys = make_keys(now=world.now())
    world.outcomes = [
        chain_fails(),
        chain_fails(),
        chain_fails(),
        Outcome(stdout="enter the code ABCD-EFGH at https://device.example.com", takes=30.0),
        chain_gives(keys),
    ]
    world.script = [sts_knows()]
    assert key_id(Auth(world=world).credential()) == keys["access_key"]
    assert "ABCD-EFGH" in "".join(told)


@pytest.mark.proves("R21")
def test_a_machine_without_credentials_runs_it_for_the_first_ones(tmp_path: Path) -> None:
    world = FakeWorld(tmp_path)
    config = with_files(world, config="", awsAuthRefresh=LINE)
    keys = make_keys(now=world.now())

    def logs_in(_: object) -> None:
        config.write_text("[default]\nlogin_session = arn:aws:iam::123456789012:user/developer\n")

    world.outcomes = [Outcome(does=logs_in), chain_gives(keys)]
    world.script = [sts_knows()]
    auth = Auth(world=world)
    winner = auth.explain().winner
    assert winner is not None
    assert "awsAuthRefresh will be run" in winner.why
    assert key_id(auth.credential()) == keys["access_key"]


@pytest.mark.proves("L24")
def test_inside_of_a_command_nothing_is_renewed(world: FakeWorld) -> None:
    world.variables["KEYTURN_IN_HELPER"] = "1"
    world.outcomes = [chain_fails()]
    with pytest.raises(Rejected) as caught:
        Auth(world=world).credential()
    assert caught.value.code == "aws_expired"
    assert lines(world) == []


@pytest.mark.proves("T1", "R20")
def test_the_command_of_an_untrusted_project_is_never_run(tmp_path: Path) -> None:
    world = FakeWorld(tmp_path)
    with_files(world)
    project = tmp_path / "job" / ".claude"
    project.mkdir(parents=True)
    (project / "settings.json").write_text('{"awsAuthRefresh": "touch hostile"}')
    world.working_directory = str(tmp_path / "job")
    world.outcomes = [chain_fails()]
    with pytest.raises(Rejected) as caught:
        Auth(world=world).credential()
    assert caught.value.code == "aws_expired"
    assert lines(world) == []
