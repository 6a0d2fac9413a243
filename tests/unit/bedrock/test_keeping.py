"""Keys are got once for everybody, kept while they last, and looked at anew when a file changes."""

from __future__ import annotations

import asyncio
import os
import threading
from typing import TYPE_CHECKING

import pytest

from keyturn import Auth, AuthError, Rejected, Unavailable
from keyturn.testing import FakeWorld
from keyturn.values import AwsKeys
from tests.aws import chain_fails, chain_gives, make_keys, with_files

if TYPE_CHECKING:
    from pathlib import Path

    from keyturn.values import Credential


@pytest.fixture
def world(tmp_path: Path) -> FakeWorld:
    made = FakeWorld(tmp_path)
    with_files(made)
    return made


def key_id(credential: Credential) -> str:
    assert isinstance(credential, AwsKeys)
    return credential.access_key_id.reveal()


@pytest.mark.proves("R13", "P39")
def test_64_threads_on_a_cold_chain_are_one_resolution(world: FakeWorld) -> None:
    keys = make_keys(now=world.now())
    world.outcomes = [chain_gives(keys)]
    auths = [Auth(world=world) for _ in range(4)]
    got: list[str] = []
    threads = [
        threading.Thread(target=lambda n=n: got.append(key_id(auths[n % 4].credential()))) for n in range(64)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [keys["access_key"]] * 64
    assert len(world.commands) == 1


@pytest.mark.proves("R13")
def test_keys_are_renewed_five_minutes_before_they_end(world: FakeWorld) -> None:
    first, second = make_keys(now=world.now()), make_keys(7200, now=world.now())
    world.outcomes = [chain_gives(first), chain_gives(second)]
    auth = Auth(world=world)
    assert key_id(auth.credential()) == first["access_key"]
    world.advance(3299)
    assert key_id(auth.credential()) == first["access_key"]
    world.advance(2)
    assert key_id(auth.credential()) == second["access_key"]


def test_a_short_life_does_not_mean_a_resolution_with_each_request(world: FakeWorld) -> None:
    keys = make_keys(200, now=world.now())
    world.outcomes = [chain_gives(keys)]
    auth = Auth(world=world)
    for _ in range(30):
        assert key_id(auth.credential()) == keys["access_key"]
        world.advance(3)
    assert len(world.commands) == 1


def test_keys_without_an_end_are_asked_for_again_after_an_hour(world: FakeWorld) -> None:
    first, second = make_keys(None, now=world.now()), make_keys(None, now=world.now())
    world.outcomes = [chain_gives(first), chain_gives(second)]
    auth = Auth(world=world)
    assert key_id(auth.credential()) == first["access_key"]
    world.advance(3590)
    assert key_id(auth.credential()) == first["access_key"]
    world.advance(11)
    assert key_id(auth.credential()) == second["access_key"]


@pytest.mark.proves("P18", "I7")
def test_while_keys_serve_a_renewal_that_fails_fails_no_request(world: FakeWorld) -> None:
    keys = make_keys(now=world.now())
    world.outcomes = [chain_gives(keys), chain_fails("network", "no route")]
    auth = Auth(world=world)
    auth.credential()
    world.advance(3400)
    assert key_id(auth.credential()) == keys["access_key"]
    world.outcomes = [chain_fails("network", "no route")]
    world.advance(190)
    with pytest.raises(Unavailable):
        auth.credential()


@pytest.mark.proves("P18", "I6")
def test_a_login_in_another_terminal_is_used_by_the_next_request(world: FakeWorld, tmp_path: Path) -> None:
    keys = make_keys(now=world.now())
    world.outcomes = [chain_fails(), chain_gives(keys)]
    auth = Auth(world=world)
    with pytest.raises(Rejected) as caught:
        auth.credential()
    assert caught.value.code == "aws_expired"
    assert "aws sso login --profile default" in str(caught.value.hint)
    cache = tmp_path / ".aws" / "sso" / "cache" / "login.json"
    cache.parent.mkdir(parents=True)
    cache.write_text("{}")
    assert key_id(auth.credential()) == keys["access_key"]


@pytest.mark.proves("P18", "I6")
def test_another_profile_in_the_files_is_used_by_the_next_request(world: FakeWorld, tmp_path: Path) -> None:
    first, second = make_keys(now=world.now()), make_keys(now=world.now())
    world.outcomes = [chain_gives(first), chain_gives(second)]
    auth = Auth(world=world)
    assert key_id(auth.credential()) == first["access_key"]
    config = tmp_path / ".aws" / "config"
    config.write_text(config.read_text() + "# edited\n")
    world.advance(2.1)
    assert key_id(auth.credential()) == second["access_key"]


def test_those_who_waited_for_an_attempt_that_failed_share_its_outcome(world: FakeWorld) -> None:
    world.outcomes = [chain_fails()]
    auth = Auth(world=world)
    codes: list[str] = []

    def ask() -> None:
        try:
            auth.credential()
        except AuthError as error:
            codes.append(error.code)

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == ["aws_expired"] * 16
    assert len(world.commands) == 1


def test_keys_that_aws_has_just_refused_are_asked_for_again(world: FakeWorld) -> None:
    first, second = make_keys(now=world.now()), make_keys(now=world.now())
    world.outcomes = [chain_gives(first), chain_gives(second)]
    auth = Auth(world=world)
    refused = auth.credential()
    assert key_id(auth.credential(rejected=refused)) == second["access_key"]
    # a late refusal of the old ones costs nothing
    assert key_id(auth.credential(rejected=refused)) == second["access_key"]
    assert len(world.commands) == 2


def test_the_same_keys_again_are_the_error(world: FakeWorld) -> None:
    keys = make_keys(now=world.now())
    world.outcomes = [chain_gives(keys), chain_gives(keys)]
    auth = Auth(world=world)
    refused = auth.credential()
    with pytest.raises(Rejected, match="does not take the keys of profile default") as caught:
        auth.credential(rejected=refused)
    assert caught.value.code == "aws_no_other"


@pytest.mark.proves("P39")
def test_a_chain_that_takes_long_holds_up_no_event_loop(world: FakeWorld) -> None:
    keys, beats = make_keys(now=world.now()), []
    resolving, beaten = threading.Event(), threading.Event()

    def slow(_: object) -> None:
        resolving.set()
        assert beaten.wait(60)

    world.outcomes = [chain_gives(keys, does=slow)]

    async def main() -> None:
        task = asyncio.create_task(Auth(world=world).acredential())
        await asyncio.to_thread(resolving.wait, 60)
        for beat in range(100):  # the loop runs on while the chain is being asked
            await asyncio.sleep(0)
            beats.append(beat)
        assert not task.done()
        beaten.set()
        assert key_id(await task) == keys["access_key"]

    asyncio.run(main())
    assert len(beats) == 100


def test_a_chain_that_hangs_is_ended_after_60_seconds(world: FakeWorld) -> None:
    outcome = chain_gives(make_keys(now=world.now()))
    world.outcomes = [outcome.replace(takes=1000.0)]
    with pytest.raises(Unavailable, match="within 60 s") as caught:
        Auth(world=world).credential()
    assert caught.value.code == "aws_timeout"


def test_the_chain_s_process_gets_no_credential_of_claude_s(world: FakeWorld) -> None:
    world.variables |= {
        "ANTHROPIC_API_KEY": "sk-ant-test-held",
        "AWS_SESSION_TOKEN": "test-ambient",
        "AWS_DEFAULT_PROFILE": "default",
        "VAULT_TOKEN": "test-vault",
    }
    world.outcomes = [chain_gives(make_keys(now=world.now()))]
    Auth(world=world).credential()
    given = world.commands[0].environment
    assert not {"ANTHROPIC_API_KEY", "AWS_SESSION_TOKEN", "AWS_DEFAULT_PROFILE"} & given.keys()
    assert given["VAULT_TOKEN"] == "test-vault"  # a credential_process may need anything else
    assert given["KEYTURN_IN_HELPER"] == "1"
    assert given["AWS_DEFAULT_REGION"] == "us-east-1"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_goes_on_with_the_keys_of_its_parent(world: FakeWorld) -> None:
    world.outcomes = [chain_gives(make_keys(now=world.now()))]
    auth = Auth(world=world)
    before = key_id(auth.credential())
    child = os.fork()
    if child == 0:
        os._exit(0 if key_id(auth.credential()) == before else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.proves("I7", "P18")
def test_a_file_that_is_just_being_written_fails_no_request(world: FakeWorld, tmp_path: Path) -> None:
    keys = make_keys(now=world.now())
    world.outcomes = [chain_gives(keys)]
    auth = Auth(world=world)
    assert key_id(auth.credential()) == keys["access_key"]
    config = tmp_path / ".aws" / "config"
    whole = config.read_text()
    for half in ("", whole[:20], "[default\n"):
        config.write_text(half)
        world.advance(2.1)
        assert key_id(auth.credential()) == keys["access_key"]
    second = make_keys(now=world.now())
    world.outcomes = [chain_gives(second)]
    config.write_text(f"{whole}# edited\n")
    world.advance(2.1)
    assert key_id(auth.credential()) == second["access_key"]


def test_a_renewal_ahead_of_time_that_fails_is_not_tried_with_each_request(world: FakeWorld) -> None:
    keys = make_keys(now=world.now())
    world.outcomes = [chain_gives(keys), chain_fails("network", "no route")]
    auth = Auth(world=world)
    auth.credential()
    world.advance(3310)
    for _ in range(5):
        world.advance(2.5)
        assert key_id(auth.credential()) == keys["access_key"]
    assert len(world.commands) == 2


def test_a_life_that_is_too_short_is_said_and_is_no_rejection(world: FakeWorld) -> None:
    keys = make_keys(900, now=world.now())
    world.outcomes = [chain_gives(keys), chain_gives(keys)]
    auth = Auth(world=world)
    assert key_id(auth.lasting(600)) == keys["access_key"]
    with pytest.raises(Rejected) as caught:
        auth.lasting(3000)
    assert caught.value.code == "ends_too_soon"
