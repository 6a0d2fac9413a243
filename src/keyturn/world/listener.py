"""The loopback listener of a browser login (RFC 8252 section 7.3): bound before the URL is built, gone after.

The browser that brought the answer is kept waiting until the owner says how the login ended, so that the page
a person sees is true: "you are logged in" comes after the login is stored.
"""

from __future__ import annotations

import socket
import threading
import time
from typing import Literal, Protocol

from keyturn.world.callback import Answer, Follow, Refusal, read_request
from keyturn.world.callers import Caller, Callers
from keyturn.world.loopback import bind, bind_both

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Self

__all__ = ["Answer", "Listener", "Outcome", "Page"]

Outcome = Literal["success", "refused", "failed", "expired"]

HOLD_SECONDS = 40.0
PATIENCE_SECONDS = 10.0
_FLUSH_SECONDS = 2.0
_STATUS = {"success": 200, "refused": 403, "failed": 502, "expired": 410, "used": 409, "unsettled": 202}
_NO_PAGE = {
    400: "this is not a request that keyturn understands\n",
    404: "keyturn waits on another path here; your terminal shows the address\n",
    405: "",
    421: "keyturn does not answer to this host name\n",
}
_REASONS = {
    200: "OK", 202: "Accepted", 302: "Found", 400: "Bad Request", 403: "Forbidden", 404: "Not Found",
    405: "Method Not Allowed", 409: "Conflict", 410: "Gone", 421: "Misdirected Request", 502: "Bad Gateway",
}  # fmt: skip
_PLAIN = {
    "Content-Type": "text/plain; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Allow": "GET",
}


class Page(Protocol):
    """Renders a kind of page with foreign text in it."""

    def __call__(self, kind: str, *, detail: str = "", account: str = "") -> tuple[str, Mapping[str, str]]:
        """The page and its headers."""


class Listener:
    """Waits on 127.0.0.1 and ::1, one port, for the answer that carries `state`; a context manager.

    `hold` is how many seconds the browser waits for `conclude`, `patience` how many a connection has to send
    its request. Raises: ConfigurationError when `port` is taken or the machine has no loopback address.
    """

    def __init__(  # noqa: PLR0913 - a limit or a door to the system each
        self,
        state: str,
        *,
        page: Page,
        port: int = 0,
        path: str = "/callback",
        host: Literal["127.0.0.1", "localhost"] = "127.0.0.1",
        hold: float = HOLD_SECONDS,
        patience: float = PATIENCE_SECONDS,
        bind: Callable[[str, int], socket.socket] = bind,
    ) -> None:
        self._state, self._page, self._hold = state, page, hold
        self._path = path or "/"  # a browser asks for that, and the address stays as it is registered
        sockets = bind_both(port, bind)
        self.port: int = sockets[0].getsockname()[1]
        only_six = all(s.family == socket.AF_INET6 for s in sockets)
        name = "[::1]" if only_six and host == "127.0.0.1" else host
        self._root = f"http://{name}:{self.port}"
        self.redirect_uri = f"{self._root}{path}"
        self._hosts = frozenset(f"{n}:{self.port}" for n in ("127.0.0.1", "[::1]", "localhost"))
        if self.redirect_uri == f"http://{name}:80{path}":  # browsers leave http's own port out
            self._hosts |= {n.removesuffix(":80") for n in self._hosts}
        self._short: tuple[str, str] | None = None
        self._changed = threading.Condition()
        self._answer: Answer | None = None
        self._verdict: tuple[Outcome, str] | None = None
        self._closing = False
        self._told = threading.Event()
        self._ready, self._announce = socket.socketpair()
        self._callers = Callers(
            sockets, asked=self._asked, overdue=lambda c: self._show(c, "unsettled"), patience=patience
        )
        self._thread = threading.Thread(target=self._serve, name="keyturn-listener", daemon=True)
        self._thread.start()

    def wait(self, timeout: float) -> Answer | None:
        """The answer, or None when none came within `timeout` seconds or the listener is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._answer or self._closing, timeout)
            return self._answer

    def lead_to(self, url: str, path: str) -> str:
        """A short address of this machine that leads to `url`; `path` should be one that nobody can guess."""
        self._short = (path, url)
        return f"{self._root}{path}"

    def fileno(self) -> int:
        """A descriptor that becomes readable with the answer: for select() beside a terminal."""
        return self._ready.fileno()

    def conclude(self, outcome: Outcome, detail: str = "") -> None:
        """Tell the waiting browser how the login ended; `detail` is the account, or what went wrong.

        Returns when the page is on its way, at most 2 s later. The first call counts.
        """
        with self._changed:
            if self._closing:
                return
            self._verdict = self._verdict or (outcome, detail)
            self._callers.poke()
        self._told.wait(_FLUSH_SECONDS)

    def close(self) -> None:
        """Free the port; a browser that still waits is sent to the terminal."""
        with self._changed:
            if self._closing:
                return
            self._closing = True
            self._changed.notify_all()
            self._callers.poke()
        self._thread.join()
        self._ready.close()
        self._announce.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # From here on everything runs on the listener's own thread.

    def _serve(self) -> None:
        while not self._closing:
            self._callers.turn()
            if self._verdict:
                self._release(*self._verdict)
        self._callers.stop_listening()
        self._release("unsettled", "")
        until = time.monotonic() + _FLUSH_SECONDS
        while self._callers.owing() and time.monotonic() < until:
            self._callers.turn(until - time.monotonic())
        self._callers.close()
        self._told.set()

    def _release(self, kind: str, detail: str) -> None:
        for caller in self._callers.held():
            self._show(caller, kind, detail)
        if not self._callers.owing():
            self._told.set()

    def _asked(self, caller: Caller, head: bytes | None) -> None:
        short, url = self._short or (None, "")
        said = (
            Refusal(status=400)
            if head is None
            else read_request(head, hosts=self._hosts, path=self._path, state=self._state, short=short)
        )
        if isinstance(said, Follow):
            self._callers.answer(caller, _message(302, {**_PLAIN, "Location": url}, ""))
            return
        if isinstance(said, Refusal):
            self._refuse(caller, said)
            return
        # held before anybody can hear of the answer: the verdict may follow at once
        with self._changed:
            first = self._answer is None and self._verdict is None
            # the same answer again is the same person reloading: both tabs learn how it ends
            counts = first or (self._verdict is None and said == self._answer)
            if counts:
                self._callers.hold(caller, self._hold)
            if first:
                self._answer = said
                self._changed.notify_all()
                self._announce.send(b"!")
        if not counts:
            self._show(caller, "used")

    def _refuse(self, caller: Caller, refusal: Refusal) -> None:
        if refusal.page is None:
            self._callers.answer(caller, _message(refusal.status, _PLAIN, _NO_PAGE[refusal.status]))
        elif self._answer or self._verdict:
            self._show(caller, "used")
        else:
            text, headers = self._page(refusal.page, detail=refusal.detail or "")
            self._callers.answer(caller, _message(refusal.status, headers, text))

    def _show(self, caller: Caller, kind: str, detail: str = "") -> None:
        words = {"account" if kind == "success" else "detail": detail}
        text, headers = self._page(kind, **words)
        self._callers.answer(caller, _message(_STATUS[kind], headers, text))


def _message(status: int, headers: Mapping[str, str], text: str) -> bytes:
    body = text.encode()
    framing = {"Content-Length": len(body), "Connection": "close"}
    fields = [f"{name}: {value}" for name, value in {**headers, **framing}.items()]
    lines = [f"HTTP/1.1 {status} {_REASONS[status]}", *fields, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body
