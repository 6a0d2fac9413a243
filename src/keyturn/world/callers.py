"""Many callers on a few listening sockets, on one thread: none can block another or stay for ever.

Made for the loopback listener, where any program of the machine can call: half-open connections and requests
that trickle in end at their deadline, and the oldest gives way when there are too many. Nothing is logged.
"""

from __future__ import annotations

import contextlib
import errno
import selectors
import socket
import time
from functools import partial

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Literal

__all__ = ["Caller", "Callers"]

MAX_CALLERS = 64
MAX_HEAD = 64 * 1024
"""Bytes of request line and headers; browsers send every cookie of a host here, whatever its port."""
DRAIN_SECONDS = 2.0
_CHUNK = 64 * 1024


class Caller:
    """One connection: reading, held, writing, draining, closed."""

    __slots__ = ("deadline", "inbox", "kept", "outbox", "phase", "sock")

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self.sock = sock
        self.deadline = deadline
        self.phase: Literal["reading", "held", "writing", "draining", "closed"] = "reading"
        self.kept = False
        self.inbox = bytearray()
        self.outbox = b""


class Callers:
    """Accepts, reads heads, holds and answers; `turn` does one round and belongs to one thread.

    `asked` gets a caller and its request head (None for what is too long or no HTTP) and must `hold` or
    `answer` it; `overdue` must `answer` a held caller whose time is up. `patience` is in seconds.
    """

    def __init__(
        self,
        sockets: Iterable[socket.socket],
        *,
        asked: Callable[[Caller, bytes | None], None],
        overdue: Callable[[Caller], None],
        patience: float,
    ) -> None:
        self._sockets = tuple(sockets)
        self._asked = asked
        self._overdue = overdue
        self._patience = patience
        self._open: dict[int, Caller] = {}
        self._poked, self._poke = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._poked, selectors.EVENT_READ, self._wake)
        for listening in self._sockets:
            self._selector.register(listening, selectors.EVENT_READ, partial(self._accept, listening))

    def poke(self) -> None:
        """Make the running `turn` return; the one call for other threads."""
        try:
            self._poke.send(b"!")
        except OSError:
            return  # the serving thread has seen the end first, and there is nobody left to wake

    def held(self) -> list[Caller]:
        """Those who wait to be answered."""
        return [c for c in self._open.values() if c.phase == "held"]

    def owing(self) -> bool:
        """Whether somebody who was held has not got the whole answer yet."""
        return any(c.kept and c.phase in ("held", "writing") for c in self._open.values())

    def hold(self, caller: Caller, seconds: float) -> None:
        """Keep a caller waiting, at most so long."""
        caller.phase, caller.kept = "held", True
        caller.deadline = time.monotonic() + seconds

    def answer(self, caller: Caller, message: bytes) -> None:
        """Send a whole HTTP message, then close."""
        caller.outbox, caller.phase = message, "writing"
        caller.deadline = time.monotonic() + self._patience
        self._watch(caller, selectors.EVENT_WRITE)

    def turn(self, seconds: float | None = None) -> None:
        """Wait for the next event, at most so long, and carry it out."""
        ends = [c.deadline - time.monotonic() for c in self._open.values()]
        if seconds is not None:
            ends.append(seconds)
        for key, _ in self._selector.select(max(0.0, min(ends)) if ends else None):
            key.data()
        now = time.monotonic()
        for caller in [c for c in self._open.values() if c.deadline <= now]:
            if caller.phase == "held":
                self._overdue(caller)
            else:
                self._drop(caller)

    def stop_listening(self) -> None:
        """Free the port; those already connected stay."""
        for listening in self._sockets:
            self._selector.unregister(listening)
            listening.close()

    def close(self) -> None:
        """Close every connection; the listening sockets must be closed before."""
        for caller in list(self._open.values()):
            self._drop(caller)
        self._selector.close()
        self._poked.close()
        self._poke.close()

    def _wake(self) -> None:
        self._poked.recv(_CHUNK)

    def _accept(self, listening: socket.socket) -> None:
        try:
            sock, _ = listening.accept()
        except OSError as error:
            # out of descriptors the queue stays readable: rest instead of spinning
            if error.errno in (errno.EMFILE, errno.ENFILE):
                time.sleep(0.05)
            return
        if len(self._open) >= MAX_CALLERS:
            oldest = next((c for c in self._open.values() if not c.kept), None)
            if oldest is None:
                sock.close()
                return
            self._drop(oldest)
        sock.settimeout(0)
        caller = Caller(sock, time.monotonic() + self._patience)
        self._open[id(caller)] = caller
        self._watch(caller, selectors.EVENT_READ)

    def _step(self, caller: Caller) -> None:
        if caller.phase == "closed":
            return
        try:
            if caller.phase == "writing":
                self._write(caller)
                return
            data = caller.sock.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            self._drop(caller)
            return
        if caller.phase == "reading":
            self._read(caller, data)
        elif not data and caller.phase == "held":
            # closed by the person, or only half: the answer is still tried when the time comes
            self._watch(caller, 0)
        elif not data:
            self._drop(caller)

    def _read(self, caller: Caller, data: bytes) -> None:
        caller.inbox += data
        head, end, _ = caller.inbox.partition(b"\r\n\r\n")
        if end and len(head) <= MAX_HEAD:
            self._asked(caller, bytes(head))
        elif not data:
            self._drop(caller)
        elif len(caller.inbox) > MAX_HEAD or not caller.inbox[:1].isalpha():
            # no HTTP is, for instance, a browser that tries TLS first: told at once, it comes back
            self._asked(caller, None)

    def _write(self, caller: Caller) -> None:
        caller.outbox = caller.outbox[caller.sock.send(caller.outbox) :]
        if caller.outbox:
            return
        # what the caller still sends is read away: closing on unread bytes would take the answer back (RST)
        caller.phase = "draining"
        caller.deadline = time.monotonic() + DRAIN_SECONDS
        caller.sock.shutdown(socket.SHUT_WR)
        self._watch(caller, selectors.EVENT_READ)

    def _watch(self, caller: Caller, events: int) -> None:
        with contextlib.suppress(KeyError):
            self._selector.unregister(caller.sock)
        if events:
            self._selector.register(caller.sock, events, partial(self._step, caller))

    def _drop(self, caller: Caller) -> None:
        self._watch(caller, 0)
        caller.phase = "closed"
        caller.sock.close()
        self._open.pop(id(caller), None)
