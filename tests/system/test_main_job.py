"""The main job, end to end: log in, ask, renew, recover from a 401, be revoked, log in again, log out."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from keyturn.login import Tombstone
from keyturn.sandbox import Sandbox
from keyturn.stores import open_store
from keyturn.world import World
from tests.keyturns import KEYTURN, Household
from tests.secretscan import leaks, register
from tests.servers import need
from tests.servers.secret_service import SecretService
from tests.terminals import LONG

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType
    from typing import Literal, Self

pytestmark = pytest.mark.system

# A program of somebody's own that runs all day and asks by each face of the official SDK. It reads a face and
# a question a line, and answers with what Claude's stand-in said, or with the error's kind.
PROGRAM = """
import asyncio, sys, keyturn

auth = keyturn.Auth()
client, aclient = keyturn.anthropic(auth), keyturn.async_anthropic(auth)
runner = asyncio.Runner()

def asked(question):
    return dict(model="claude-sandbox", max_tokens=99, messages=[{"role": "user", "content": question}])

def sync(question):
    return client.messages.create(**asked(question)).content[0].text

def stream(question):
    with client.messages.stream(**asked(question)) as events:
        return "".join(events.text_stream)

def asynchronous(question):
    async def ask():
        return (await aclient.messages.create(**asked(question))).content[0].text
    return runner.run(ask())

def asynchronous_stream(question):
    async def ask():
        async with aclient.messages.stream(**asked(question)) as events:
            return "".join([text async for text in events.text_stream])
    return runner.run(ask())

for line in sys.stdin:
    face, question = line.strip().split(" ", 1)
    try:
        print(globals()[face](question).replace("\\n", " "), flush=True)
    except keyturn.AuthError as error:
        print(f"{type(error).__name__}: {error.message}", flush=True)
"""
FACES = ("sync", "stream", "asynchronous", "asynchronous_stream")
ITEMS = ("application", "Python keyring library")  # what `keyring` marks its items with


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Household]:
    with Household(tmp_path) as made:
        yield made


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(on_secret=register) as running:
        yield running


class Program:
    """The program, running in a process of its own."""

    def __init__(self, house: Household) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM],
            env=house.env,
            cwd=house.folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate(timeout=LONG)

    def ask(self, face: str, question: str) -> str:
        """What it says to one question."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{face} {question}\n")
        self._process.stdin.flush()
        said = self._process.stdout.readline()
        assert leaks(said) == []
        return said


def log_in(house: Household, sandbox: Sandbox, *words: str) -> None:
    at = ("--issuer", sandbox.issuer, "--billing", "subscription")
    screen = house.start("login", *at, *words, BROWSER=house.browser())
    assert screen.ended() == 0, screen.lines
    assert screen.shows("logged in as developer@example.com (Example Org)")


def answers(said: str, question: str) -> bool:
    return f"You asked: “{question}”." in said


@pytest.mark.proves("R6", "R36", "R37", "R42", "R45", "R46", "P19", "I6")
def test_the_main_job(house: Household, sandbox: Sandbox) -> None:
    # a clean home: nothing to ask with, and the next command is named
    nothing = house.run("-p", "Hello?")
    assert nothing.returncode == 3
    assert "hint: log in: keyturn login" in nothing.stderr

    log_in(house, sandbox)
    status = house.run("status")
    assert status.returncode == 0
    assert "account: developer@example.com (Example Org)\nbilling: subscription\n" in status.stdout

    with Program(house) as program:
        for face in FACES:
            assert answers(program.ask(face, f"By {face}?"), f"By {face}?")
        assert sandbox.log.refreshes() == ()

        # a 401 that comes out of the blue has one renewal and one more try behind it
        for count, face in enumerate(FACES, 1):
            sandbox.set(lifetime=2.0 if face == FACES[-1] else 3600.0)
            sandbox.expire_access_tokens()
            forget_the_last_rejection(house)
            assert answers(program.ask(face, f"401 and {face}?"), f"401 and {face}?")
            assert len(sandbox.log.refreshes(result="granted")) == count

        # a token that has run out is renewed before anybody refuses it, and without a word
        sandbox.set(lifetime=3600.0)
        time.sleep(2.1)
        refused = sandbox.log.count("api", status=401)
        assert answers(program.ask("sync", "And now?"), "And now?")
        assert sandbox.log.count("api", status=401) == refused
        assert len(sandbox.log.refreshes(result="granted")) == len(FACES) + 1

        # revoked: it is said clearly, and with the next command
        assert sandbox.revoke_all() == 1
        forget_the_last_rejection(house)
        assert program.ask("sync", "Still there?").startswith("Rejected: the stored login has ended")
        done = house.run("-p", "Still there?")
        assert done.returncode == 4
        assert "keyturn: error: the stored login" in done.stderr
        assert "hint: log in again: keyturn login" in done.stderr
        ends = "ends with its token: the authority rejected its refresh token"
        assert ends in house.run("status").stdout
        assert house.run("status", "--verify").returncode == 4

        # a new login without a flag, for everything is remembered; the running program goes on with it
        screen = house.start("login", BROWSER=house.browser())
        assert screen.ended() == 0
        assert answers(house.run("-p", "Back again?").stdout, "Back again?")
        assert answers(program.ask("asynchronous", "You too?"), "You too?")
        with_curl(house, sandbox)

        done = house.run("logout")
        assert done.returncode == 0
        assert "revoked at the authority: the refresh token and the access token" in done.stdout
        assert sandbox.log.count("revoke", status=200) == 2
        assert isinstance(open_store(World(house.env), "default", "file").load(), Tombstone)
        assert house.run("-p", "Anybody?").returncode == 3
        time.sleep(2.1)  # a running program looks at most every 2 s (L18)
        assert program.ask("stream", "Anybody?").startswith("NoCredential: ")


def forget_the_last_rejection(house: Household) -> None:
    """At most one renewal a minute is made for rejections (L19); the minute is made to have passed."""
    state = house.home / "logins/default.state"
    state.unlink(missing_ok=True)


def with_curl(house: Household, sandbox: Sandbox) -> None:
    """As `keyturn sandbox` says to: the headers from a pipe, never in the arguments."""
    body = '{"model":"claude-sandbox","max_tokens":99,"messages":[{"role":"user","content":"By curl?"}]}'
    line = (
        f"'{KEYTURN}' token --header | '{need('curl', 'curl')}' -sS --noproxy '*' -H @- "
        "-H 'anthropic-version: 2023-06-01' -H 'content-type: application/json' "
        f"-d '{body}' {sandbox.api_base_url}/v1/messages"
    )
    done = subprocess.run(
        ["/bin/sh", "-c", line], env=house.env, capture_output=True, text=True, timeout=LONG, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "You asked: \\u201cBy curl?" in done.stdout or "You asked: “By curl?" in done.stdout


@pytest.mark.proves("L22", "R5", "R36")
def test_the_main_job_with_the_secret_service(
    house: Household, sandbox: Sandbox, secret_service: SecretService
) -> None:
    house.env |= {**secret_service.env, "HOME": str(house.folder)}
    log_in(house, sandbox, "--store", "keychain")
    assert house.stored() is None
    [held] = secret_service.secrets().values()
    assert leaks(held) == ["access-token", "refresh-token"]
    cache = (house.home / "logins/default.cache").read_bytes()
    assert leaks(cache) == ["access-token"]

    first = house.run("token", secret=True).stdout
    assert leaks(first) == ["access-token"]
    assert house.run("token", secret=True).stdout == first
    assert "where: the keychain item keyturn-" in house.run("status").stdout

    sandbox.expire_access_tokens()
    assert house.run("status", "--verify").returncode == 0
    assert len(sandbox.log.refreshes(result="granted")) == 1
    renewed = house.run("token", secret=True).stdout
    assert renewed != first
    [held] = secret_service.secrets().values()
    assert renewed.strip().encode() in held

    assert sorted(house.config()["profiles"]["default"]) == ["billing", "issuer", "store"]
    done = house.run("logout")
    assert done.returncode == 0
    assert "was removed from the keychain item keyturn-" in done.stdout
    assert sandbox.log.count("revoke", status=200) == 2
    found = subprocess.run(
        [
            need("secret-tool", "libsecret-tools"),
            "search",
            "--all",
            "--unlock",
            "application",
            "Python keyring library",
        ],
        env={**os.environ, **secret_service.env},
        capture_output=True,
        text=True,
        timeout=LONG,
        check=False,
    )
    assert "keyturn" not in found.stdout + found.stderr
    assert secret_service.secrets() == {}
    assert leaks((house.home / "logins/default.cache").read_bytes()) == []


@pytest.mark.proves("R36", "P26")
def test_a_login_that_moves_to_another_store_leaves_no_copy_behind(
    house: Household, sandbox: Sandbox, secret_service: SecretService
) -> None:
    house.env |= {**secret_service.env, "HOME": str(house.folder)}
    log_in(house, sandbox)
    assert house.stored() is not None
    log_in(house, sandbox, "--store", "keychain")
    assert house.stored() is None
    assert leaks((house.home / "logins/default.json").read_bytes()) == []
    assert len(secret_service.secrets()) == 1
    assert house.run("status", "--verify").returncode == 0
    log_in(house, sandbox, "--store", "file")
    assert secret_service.secrets() == {}
    assert house.stored() is not None
    assert house.run("status", "--verify").returncode == 0


@pytest.mark.proves("P13")
@pytest.mark.parametrize(
    ("state", "says"),
    [("locked", "the keychain is locked"), ("absent", "this machine has no secret service that answers")],
)
def test_a_keychain_that_cannot_be_used_is_noticed_before_the_browser(
    house: Household, sandbox: Sandbox, state: Literal["locked", "absent"], says: str
) -> None:
    with SecretService(state) as service:
        house.env |= {**service.env, "HOME": str(house.folder)}
        words = ("login", "--issuer", sandbox.issuer, "--store", "keychain")
        screen = house.start(*words, BROWSER=house.browser())
        assert screen.ended() == 5
    assert screen.shows(says)
    assert screen.shows("use the file store: keyturn login --store file")
    assert not house.shown.exists()
    assert house.contents() == {}
