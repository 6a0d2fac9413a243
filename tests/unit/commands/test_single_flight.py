"""However many ask at once for what a real helper gives, it is run once (P20)."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from keyturn import Auth
from keyturn.errors import AuthError
from keyturn.together import Together
from keyturn.values import ApiKey, Secret
from keyturn.world import World
from tests.secretscan import declare_store, make_secret

if TYPE_CHECKING:
    from pathlib import Path

MANY = 64
# each run leaves a line, takes a while, and prints the next of the keys
LINE = 'echo run >> "$HOME/runs"; sleep 0.5; sed -n "$(wc -l < "$HOME/runs")p" "$HOME/keys"'


class Machine:
    """A person's home with a real helper in the settings, and a few keys for it to print."""

    def __init__(self, home: Path, line: str = LINE, **config: object) -> None:
        self.home = home
        self.keys = [make_secret("api-key") for _ in range(4)]
        declare_store(home / "keys")
        (home / "keys").write_text("\n".join(self.keys) + "\n")
        (home / ".claude").mkdir()
        (home / ".claude" / "settings.json").write_text(json.dumps({"apiKeyHelper": line}))
        self.env = {"HOME": str(home), "KEYTURN_HOME": str(home / "keyturn"), "PATH": os.environ["PATH"]}
        (home / "keyturn").mkdir(mode=0o700)
        (home / "keyturn" / "config.json").write_text(json.dumps({"version": 1, **config}))
        self.world = World(self.env)

    def auth(self) -> Auth:
        return Auth(world=self.world)

    @property
    def runs(self) -> int:
        path = self.home / "runs"
        return len(path.read_text().splitlines()) if path.exists() else 0


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def in_threads(auths: list[Auth], rejected: list[object] | None = None) -> list[str]:
    """What each gets, all at once."""
    start = threading.Barrier(len(auths))

    def ask(number: int) -> str:
        start.wait()
        known = rejected[number] if rejected else None
        return auths[number].credential(rejected=known).secret.reveal()  # type: ignore[arg-type] # a credential

    with ThreadPoolExecutor(len(auths)) as pool:
        return list(pool.map(ask, range(len(auths))))


@pytest.mark.proves("P20", "R56")
def test_64_threads_on_a_cold_helper_run_it_once(machine: Machine) -> None:
    auth = machine.auth()
    assert set(in_threads([auth] * MANY)) == {machine.keys[0]}
    assert machine.runs == 1


@pytest.mark.proves("P20")
def test_64_tasks_on_a_cold_helper_run_it_once(machine: Machine) -> None:
    auth = machine.auth()

    async def ask() -> list[str]:
        given = await asyncio.gather(*(auth.acredential() for _ in range(MANY)))
        return [each.secret.reveal() for each in given]

    assert set(asyncio.run(ask())) == {machine.keys[0]}
    assert machine.runs == 1


def test_tasks_that_wait_leave_the_threads_of_their_loop_to_others(tmp_path: Path) -> None:
    # the helper waits for what only another thread of the same loop does
    machine = Machine(tmp_path, 'while [ ! -e "$HOME/go" ]; do sleep 0.02; done; head -n 1 "$HOME/keys"')
    auth = machine.auth()

    async def ask() -> list[str]:
        asking = [asyncio.create_task(auth.acredential()) for _ in range(MANY)]
        await asyncio.sleep(0)
        await asyncio.get_running_loop().run_in_executor(None, (tmp_path / "go").touch)
        return [each.secret.reveal() for each in await asyncio.gather(*asking)]

    assert set(asyncio.run(ask())) == {machine.keys[0]}


def test_a_task_that_is_cancelled_leaves_the_question_of_the_others_alone(machine: Machine) -> None:
    auth = machine.auth()

    async def ask() -> str:
        first, second = asyncio.create_task(auth.acredential()), asyncio.create_task(auth.acredential())
        await asyncio.sleep(0.05)
        first.cancel()
        given = await second
        assert first.cancelled()
        return given.secret.reveal()

    assert asyncio.run(ask()) == machine.keys[0]
    assert machine.runs == 1


def test_who_has_one_that_serves_waits_for_nobody_who_renews_it() -> None:
    made = ApiKey(secret=Secret(make_secret("api-key")))
    old = ApiKey(secret=Secret(make_secret("api-key")))
    go = threading.Event()

    def obtain(_: object) -> ApiKey:
        go.wait(60)
        return made

    async def ask() -> tuple[object, object]:
        together = Together()
        first = asyncio.create_task(together.ask(obtain, None, lambda: old))
        await asyncio.sleep(0)
        second = await together.ask(obtain, None, lambda: old)
        go.set()
        return await first, second

    assert asyncio.run(ask()) == (made, old)


def test_an_error_that_nobody_waits_for_any_more_is_no_noise(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    auth = Machine(tmp_path, "sleep 0.2; exit 5").auth()

    async def ask() -> None:
        asking = asyncio.create_task(auth.acredential())
        await asyncio.sleep(0.05)
        asking.cancel()
        await asyncio.sleep(0.5)

    asyncio.run(ask())
    gc.collect()
    assert caplog.text == ""


@pytest.mark.proves("P20")
def test_as_many_auths_of_as_many_threads_run_it_once(machine: Machine) -> None:
    assert set(in_threads([machine.auth() for _ in range(MANY)])) == {machine.keys[0]}
    assert machine.runs == 1


@pytest.mark.proves("P21")
def test_64_threads_whose_key_was_rejected_run_it_once_more(machine: Machine) -> None:
    auth = machine.auth()
    first = auth.credential()
    assert set(in_threads([auth] * MANY, [first] * MANY)) == {machine.keys[1]}
    assert machine.runs == 2


@pytest.mark.proves("P22")
def test_64_threads_on_a_failing_helper_run_it_once_and_all_are_told(tmp_path: Path) -> None:
    machine = Machine(tmp_path, 'echo run >> "$HOME/runs"; sleep 0.5; echo sealed >&2; exit 5')
    auth = machine.auth()
    start = threading.Barrier(MANY)

    def ask(_: int) -> AuthError:
        start.wait()
        with pytest.raises(AuthError) as caught:
            auth.credential()
        return caught.value

    with ThreadPoolExecutor(MANY) as pool:
        errors = list(pool.map(ask, range(MANY)))
    assert {(error.code, error.exit) for error in errors} == {("command_exit", 4)}
    assert all("sealed" in error.message for error in errors)
    assert len(set(map(id, errors))) == MANY, "one error raised in many threads would hold all their frames"
    assert machine.runs == 1


ASK = "import keyturn, sys; sys.stdout.write(str(hash(keyturn.Auth().credential().secret.reveal())))"


def in_processes(machine: Machine, count: int) -> list[tuple[int, str]]:
    """What programs of their own get that start together: the hash of the key, so that none shows."""
    programs = [
        subprocess.Popen(
            [sys.executable, "-c", ASK],
            env={**machine.env, "PYTHONHASHSEED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(count)
    ]
    said = [program.communicate()[0] for program in programs]
    return [(program.returncode, text) for program, text in zip(programs, said, strict=True)]


@pytest.mark.proves("P20")
def test_eight_processes_that_share_a_cache_run_it_once(tmp_path: Path) -> None:
    machine = Machine(tmp_path, helper_cache=True)
    declare_store(tmp_path / "keyturn" / "commands")
    given = in_processes(machine, 8)
    assert [status for status, _ in given] == [0] * 8, given
    assert len({text for _, text in given}) == 1
    assert machine.runs == 1
    (kept,) = (tmp_path / "keyturn" / "commands").glob("*.json")
    assert kept.stat().st_mode & 0o777 == 0o600
    assert kept.parent.stat().st_mode & 0o777 == 0o700
    # and it is this one that all of them were given
    assert json.loads(kept.read_text())["token"] == machine.keys[0]


def test_eight_processes_that_share_a_cache_share_a_failure_too(tmp_path: Path) -> None:
    # it fails only when all have begun: whoever asks later than the failure would rightly run it again
    line = 'echo run >> "$HOME/runs"; while [ ! -e "$HOME/go" ]; do sleep 0.05; done; exit 5'
    machine = Machine(tmp_path, line, helper_cache=True)
    program = (
        "import os, keyturn\n"
        "open(os.environ['HOME'] + '/begun', 'a').write('x')\n"
        "try: keyturn.Auth().credential()\n"
        "except keyturn.AuthError as error: print(error.code)"
    )
    programs = [
        subprocess.Popen([sys.executable, "-c", program], env=machine.env, stdout=subprocess.PIPE, text=True)
        for _ in range(8)
    ]
    tick = threading.Event()
    while not (tmp_path / "begun").exists() or len((tmp_path / "begun").read_text()) < 8:
        tick.wait(0.02)
    tick.wait(0.5)  # from there to the lock are a few milliseconds, mostly
    (tmp_path / "go").touch()
    assert {each.communicate()[0].strip() for each in programs} == {"command_exit"}
    assert machine.runs < 8


def test_without_the_cache_no_copy_lies_on_the_disk(machine: Machine) -> None:
    machine.auth().credential()
    assert not (machine.home / "keyturn" / "commands").exists()


def test_a_shared_key_that_was_rejected_is_replaced_for_all(tmp_path: Path) -> None:
    machine = Machine(tmp_path, helper_cache=True)
    declare_store(tmp_path / "keyturn" / "commands")
    first = machine.auth().credential()
    assert machine.auth().credential(rejected=first).secret == Secret(machine.keys[1])
    given = in_processes(machine, 2)
    assert [status for status, _ in given] == [0, 0]
    assert machine.runs == 2


def test_a_damaged_cache_costs_one_run(tmp_path: Path) -> None:
    machine = Machine(tmp_path, helper_cache=True)
    declare_store(tmp_path / "keyturn" / "commands")
    machine.auth().credential()
    (kept,) = (tmp_path / "keyturn" / "commands").glob("*.json")
    kept.write_text('{"token": ')
    assert [status for status, _ in in_processes(machine, 2)] == [0, 0]
    assert machine.runs == 2
