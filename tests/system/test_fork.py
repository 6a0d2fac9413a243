"""One login under every way of having many programs: threads, asyncio, spawn, fork, and servers that prefork.

Every program ends by itself, and the authority has counted one renewal: no deadlock, nothing asked twice.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from keyturn.sandbox import Sandbox
from tests.logins import store_login
from tests.secretscan import leaks, register
from tests.terminals import LONG

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.system, pytest.mark.proves("L9", "I1")]

BEGIN = """
import asyncio, json, os, sys, threading, time
import keyturn
from hashlib import sha256

def shown(credential):
    return sha256(credential.secret.reveal().encode()).hexdigest()[:12]

def children(count, work):
    \"\"\"Fork so many children; what each wrote on its pipe.\"\"\"
    pipes = []
    for number in range(count):
        out, into = os.pipe()
        child = os.fork()
        if child == 0:
            status = 1
            try:
                os.close(out)
                os.write(into, work(number).encode())
                status = 0
            finally:
                os._exit(status)
        os.close(into)
        pipes.append((child, out))
    said = []
    for child, out in pipes:
        with os.fdopen(out) as file:
            said.append(file.read())
        assert os.waitpid(child, 0)[1] == 0
    return said
"""

THREADS = """
auth = keyturn.Auth()
found = []
start = threading.Barrier(50)
def work():
    start.wait()
    found.append(shown(auth.credential()))
threads = [threading.Thread(target=work) for _ in range(50)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(json.dumps(found))
"""

ASYNCIO = """
async def main():
    auths = [keyturn.Auth() for _ in range(5)]
    beats = []
    async def heart():
        while True:
            beats.append(time.monotonic())
            await asyncio.sleep(0.005)
    beating = asyncio.create_task(heart())
    await asyncio.sleep(0.02)
    credentials = await asyncio.gather(*(auths[n % 5].acredential() for n in range(100)))
    beating.cancel()
    return [shown(one) for one in credentials], len(beats)
found, beats = asyncio.run(main())
# the authority takes 300 ms: an event loop that was blocked for that would have missed nearly every beat
assert beats > 10, beats
print(json.dumps(found))
"""

TASK_CANCELLED = """
async def main():
    auth = keyturn.Auth()
    waiting = asyncio.create_task(auth.acredential())
    await asyncio.sleep(0.1)
    waiting.cancel()
    try:
        await waiting
    except asyncio.CancelledError:
        pass
    return [shown(await auth.acredential())]
print(json.dumps(asyncio.run(main())))
"""

MULTIPROCESSING = """
import multiprocessing

auth = keyturn.Auth()

def work(_number):
    return shown(auth.credential())

if __name__ == "__main__":
    with multiprocessing.get_context(sys.argv[1]).Pool(6) as pool:
        print(json.dumps(pool.map(work, range(12), chunksize=1)))
"""

FORK_BEFORE_THE_FIRST_USE = """
auth = keyturn.Auth()
print(json.dumps(children(8, lambda number: shown(auth.credential()))))
"""

FORK_WHILE_THE_PARENT_RENEWS = """
auth = keyturn.Auth()
mine = []
thread = threading.Thread(target=lambda: mine.append(shown(auth.credential())))
thread.start()
while not os.path.exists(os.environ["KEYTURN_HOME"] + "/logins/default.journal"):
    time.sleep(0.001)
# a thread holds the gate and the lock, and waits for the authority; the children have no such thread
assert not mine
found = children(4, lambda number: shown(auth.credential()))
thread.join()
print(json.dumps(mine + found))
"""

FORK_AFTER_USE = """
auth = keyturn.Auth()
first = shown(auth.credential())
found = children(4, lambda number: shown(keyturn.Auth().credential() if number % 2 else auth.credential()))
print(json.dumps([first] + found))
"""

FIFTY_AND_FIFTY = """
def work(number):
    auth = keyturn.Auth()
    if number:
        return shown(auth.credential())
    found = []
    threads = [threading.Thread(target=lambda: found.append(shown(auth.credential()))) for _ in range(50)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    return " ".join(found)
print(json.dumps(" ".join(children(51, work)).split()))
"""

CHILD_DIES_HOLDING_THE_LOCK = """
import signal
auth = keyturn.Auth()
child = os.fork()
if child == 0:
    from keyturn.stores.file import FileStore
    from keyturn.world import World
    held = FileStore(World(), "default").hold(seconds=10)
    print("held", file=sys.stderr, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
os.waitpid(child, 0)
print(json.dumps([shown(auth.credential())]))
"""

# As gunicorn does: the parent loads the program, binds, forks workers that accept on one socket, and one of
# them is replaced while the others serve.
PREFORK = """
import socket, signal
auth = keyturn.Auth()
listening = socket.create_server(("127.0.0.1", 0), backlog=64)

def worker():
    while True:
        connection, _ = listening.accept()
        with connection:
            connection.sendall(f"{os.getpid()} {shown(auth.credential())}".encode())

def start():
    child = os.fork()
    if child == 0:
        worker()
    return child

workers = [start() for _ in range(4)]

def ask():
    with socket.create_connection(listening.getsockname()) as connection:
        return connection.makefile().read()

answers = []
threads = [threading.Thread(target=lambda: answers.append(ask())) for _ in range(24)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
os.kill(workers[0], signal.SIGKILL)
os.waitpid(workers[0], 0)
workers[0] = start()
answers += [ask() for _ in range(12)]
for child in workers:
    os.kill(child, signal.SIGTERM)
    os.waitpid(child, 0)
assert len({answer.split()[0] for answer in answers}) > 1
print(json.dumps([answer.split()[1] for answer in answers]))
"""


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(on_secret=register, token_delay=0.3) as running:
        yield running


@pytest.mark.parametrize(
    ("program", "words", "count"),
    [
        pytest.param(THREADS, (), 50, id="50 threads of one Auth"),
        pytest.param(ASYNCIO, (), 100, id="100 tasks of five Auths"),
        pytest.param(TASK_CANCELLED, (), 1, id="a task cancelled while it renews"),
        pytest.param(MULTIPROCESSING, ("spawn",), 12, id="multiprocessing, spawn"),
        pytest.param(MULTIPROCESSING, ("fork",), 12, id="multiprocessing, fork"),
        pytest.param(MULTIPROCESSING, ("forkserver",), 12, id="multiprocessing, forkserver"),
        pytest.param(FORK_BEFORE_THE_FIRST_USE, (), 8, id="forked before the first use"),
        pytest.param(FORK_WHILE_THE_PARENT_RENEWS, (), 5, id="forked while a thread holds gate and lock"),
        pytest.param(
            FIFTY_AND_FIFTY, (), 100, id="50 processes and 50 threads", marks=pytest.mark.proves("P1")
        ),
        pytest.param(FORK_AFTER_USE, (), 5, id="forked after use"),
        pytest.param(CHILD_DIES_HOLDING_THE_LOCK, (), 1, id="a child killed with the lock"),
        pytest.param(PREFORK, (), 36, id="a server that preforks and replaces a worker"),
    ],
)
def test_one_renewal_and_one_token_for_all(
    tmp_path: Path, sandbox: Sandbox, program: str, words: tuple[str, ...], count: int
) -> None:
    home = tmp_path / "home"
    login = store_login(sandbox, home)
    sandbox.expire_access_tokens()
    store_login(sandbox, home, **expired(login))
    found = run(tmp_path, home, BEGIN + program, *words)
    assert len(found) == count
    assert len(set(found)) == 1
    assert len(sandbox.log.refreshes()) == 1
    assert len(sandbox.log.refreshes(result="granted")) == 1


def expired(login: Any) -> dict[str, Any]:
    return {"issued_at": login.issued_at - 7200, "expires_at": login.issued_at - 3600}


def run(folder: Path, home: Path, text: str, *words: str) -> list[str]:
    path = folder / "program.py"
    path.write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(path), *words],
        env={**os.environ, "KEYTURN_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=LONG,
        check=False,
    )
    assert leaks(done.stdout + done.stderr) == []
    assert done.returncode == 0, done.stderr
    found: list[str] = json.loads(done.stdout)
    return found
