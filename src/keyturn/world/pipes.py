"""What a child process says on its two streams, as it comes: nothing here waits longer than it is told.

A pipe is open for as long as anybody holds its other end, a grandchild in the background too. So nobody may
simply read it to its end.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from subprocess import Popen

    Pieces = list[tuple[str, bytes]]

_PIECE = 65536
STREAMS = ("stdout", "stderr")


class Polled:
    """Both streams by the readiness of their descriptors."""

    quiet = 0.0

    def __init__(self, child: Popen[bytes]) -> None:
        import selectors

        self._selector = selectors.DefaultSelector()  # not `select`, which knows no descriptor beyond 1023
        self._files = {name: getattr(child, name) for name in STREAMS}
        for name, file in self._files.items():
            os.set_blocking(file.fileno(), False)
            self._selector.register(file, selectors.EVENT_READ, name)

    @property
    def open(self) -> bool:
        """Whether anything can still come."""
        return bool(self._selector.get_map())

    def read(self, seconds: float) -> Pieces:
        """What is there, or comes within that time: the name of the stream and some bytes."""
        found = []
        for key, _ in self._selector.select(max(0.0, seconds)):
            try:
                piece = os.read(key.fd, _PIECE)
            except BlockingIOError:
                continue
            if piece:
                found.append((str(key.data), piece))
            else:
                self._selector.unregister(key.fileobj)
        return found

    def close(self) -> None:
        """Give up both ends of ours."""
        self._selector.close()
        for file in self._files.values():
            file.close()


class Threaded:
    """Both streams by a thread for each, for systems whose pipes cannot be waited for (Windows).

    A thread that a grandchild holds up ends with that grandchild; nobody waits for it. `quiet` is how long
    nothing comes when there is nothing more.
    """

    quiet = 0.5

    def __init__(self, child: Popen[bytes]) -> None:
        import queue
        import threading

        self._pieces: queue.Queue[tuple[str, bytes]] = queue.Queue(maxsize=64)
        self._empty = queue.Empty
        self._left = set(STREAMS)
        for name in STREAMS:
            descriptor = os.dup(getattr(child, name).fileno())
            getattr(child, name).close()
            threading.Thread(
                target=self._drain, args=(name, descriptor), name=f"keyturn-{name}", daemon=True
            ).start()

    @property
    def open(self) -> bool:
        """Whether anything can still come."""
        return bool(self._left)

    def read(self, seconds: float) -> Pieces:
        """What is there, or comes within that time."""
        try:
            name, piece = self._pieces.get(timeout=max(0.001, seconds))
        except self._empty:
            return []
        if piece:
            return [(name, piece)]
        self._left.discard(name)
        return self.read(seconds) if self._left else []

    def close(self) -> None:
        """Let the threads find nobody who listens."""
        self._left.clear()

    def _drain(self, name: str, descriptor: int) -> None:
        try:
            while piece := os.read(descriptor, _PIECE):
                if not self._left:
                    return
                self._pieces.put((name, piece))
        except OSError:
            pass  # the end is the end, however it comes
        finally:
            os.close(descriptor)
            self._pieces.put((name, b""))
