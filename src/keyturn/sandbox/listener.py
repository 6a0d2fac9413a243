"""One loopback port with a threaded HTTP server behind it."""

from __future__ import annotations

import contextlib
import errno
import socket
import threading
from email.utils import formatdate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask

QUEUE = 512  # many processes may arrive at once, in the demo and in the benchmarks
POLL = 0.2


def bind_loopback(port: int) -> socket.socket:
    """Listen on 127.0.0.1; raises OSError that names the port."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", port))
        listening.listen(QUEUE)
    except OSError as error:
        listening.close()
        reason = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be used: {error.strerror}"
        raise OSError(error.errno, f"port {port} on 127.0.0.1 {reason}") from None
    return listening


class Listener:
    """A server thread on a bound socket, running from the start until `stop`."""

    def __init__(self, listening: socket.socket, app: Flask, now: Callable[[], float]) -> None:
        from werkzeug.serving import WSGIRequestHandler, make_server

        class Handler(WSGIRequestHandler):
            """Keeps quiet, because addresses hold codes, and dates its answers by the sandbox's clock."""

            def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 - werkzeug's name
                """Write nothing: the sandbox has a log of its own."""

            def date_time_string(self, timestamp: float | None = None) -> str:
                """Return the `Date` of an answer."""
                return formatdate(now() if timestamp is None else timestamp, usegmt=True)

        # werkzeug duplicates the descriptor, and would print and exit if it had to bind a taken port itself.
        with listening:
            host, port = listening.getsockname()
            self._server = make_server(
                host, port, app, threaded=True, request_handler=Handler, fd=listening.fileno()
            )
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(POLL,), name=f"keyturn-sandbox-{port}", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Accept nothing more and close the port."""
        closing = threading.Thread(target=self._server.shutdown)
        closing.start()
        # The server notices at its next look, or at once when something arrives.
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self._server.port), timeout=1).close()
        closing.join()
        self._thread.join()
        self._server.server_close()
