"""Forks a program for each connection, with everything imported: a start costs milliseconds.

Each program reads one line, `{"home": …, "pause": …}`, asks keyturn for a credential, and answers with what
it got. With `pause` it first stops in the thread of that name (`NAME#2`: the second of that name), tells its
number, and goes on at the next byte: long enough for a tracer to attach to that thread alone. Started as
`python -m tests.crash.nursery SOCKET HOME`, with an expired login in HOME: it renews that one first, which
loads whatever a renewal loads.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import itertools
import json
import os
import select
import signal
import socket
import sys
import threading
from typing import Any

import keyturn
from keyturn.world import World

MAIN = "MainThread"
RENEWAL = "keyturn-renewal"
KEYCHAIN = "keyturn-keychain"
WAITING = "tell when waiting"
_PR_SET_PTRACER, _ANYBODY = 0x59616D61, ctypes.c_ulong(-1 & (2**64 - 1))


class Watched(World):
    """This machine; it counts how often somebody waited for the lock, and tells of the first time."""

    waits = 0

    def __init__(self, connection: socket.socket, *, tells: bool) -> None:
        super().__init__()
        self._connection = connection
        self._tells = tells

    def sleep(self, seconds: float) -> None:
        """One look at the lock that found it taken."""
        self.waits += 1
        if self.waits == 1 and self._tells:
            _tell(self._connection, waiting=True)
        super().sleep(seconds)


def ask(connection: socket.socket) -> None:
    """Be a program that wants a credential."""
    _tell(connection, pid=os.getpid())
    line = json.loads(connection.makefile().readline())
    os.environ["KEYTURN_HOME"] = line["home"]
    world = Watched(connection, tells=line["pause"] == WAITING)
    # where the system lets a process be traced by its parents alone
    ctypes.CDLL(None).prctl(_PR_SET_PTRACER, _ANYBODY, 0, 0, 0)
    pause, _, which = (line["pause"] or "").partition("#")
    number = itertools.count(1)

    def stop(*_: object) -> None:
        sys.setprofile(None)
        if threading.current_thread().name == pause and next(number) == int(which or 1):
            _tell(connection, thread=threading.get_native_id())
            select.select([connection], [], [])
            with contextlib.suppress(OSError):  # the tracer may let this one fail as well
                os.read(connection.fileno(), 1)

    if pause == MAIN:
        stop()
    elif pause:
        threading.setprofile(stop)
    try:
        credential = keyturn.Auth(world=world).credential()
    except keyturn.AuthError as error:
        _tell(connection, kind=type(error).__name__, error=error.message, waits=world.waits)
    else:
        token = hashlib.sha256(credential.secret.reveal().encode()).hexdigest()
        _tell(connection, token=token, waits=world.waits)


def _tell(connection: socket.socket, **facts: Any) -> None:
    connection.sendall(json.dumps(facts).encode() + b"\n")


def serve(path: str, home: str) -> None:
    """Fork for every connection, until standard input closes."""
    keyturn.Auth(world=World({"KEYTURN_HOME": home})).credential()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how they ended
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        readable, _, _ = select.select([listener, sys.stdin], [], [])
        if sys.stdin in readable:
            return
        connection, _ = listener.accept()
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            listener.close()
            nowhere = os.open(os.devnull, os.O_RDWR)
            for standard in (0, 1):  # whoever waits for the end of the nursery does not wait for a program
                os.dup2(nowhere, standard)
            ask(connection)
            os._exit(0)
        connection.close()


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2])
