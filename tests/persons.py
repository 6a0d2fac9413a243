"""A person who logs in, for tests without a terminal; and the browser that brings the answer back."""

from __future__ import annotations

import http.client
import select
import threading
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.secretscan import register

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LONG = 20.0  # seconds that nothing here takes unless something is broken
CODE = "test-code-0123456789"


class Shown(NamedTuple):
    """The page that the browser was shown at the end."""

    status: int
    page: str

    @property
    def kind(self) -> str:
        return self.page.partition('data-kind="')[2].partition('"')[0]


def asked(url: str) -> dict[str, str]:
    """The parameters of an authorization request."""
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def fetch(url: str, method: str = "GET", *, address: str = "127.0.0.1") -> Shown:
    """What a browser is shown at an address of our listener."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(address, parts.port, timeout=LONG)
    try:
        connection.request(method, f"{parts.path or '/'}?{parts.query}", headers={"Host": parts.netloc})
        answer = connection.getresponse()
        return Shown(answer.status, answer.read().decode())
    finally:
        connection.close()


def comes_back(url: str, **changes: str | None) -> str:
    """Where the authority sends the browser after consent: by default with a code and the right state."""
    told = asked(url)
    answer = {"code": CODE, "state": told["state"], **changes}
    return f"{told['redirect_uri']}?{urlencode({n: v for n, v in answer.items() if v is not None})}"


class Browser:
    """Goes where `visit` says with the address it is shown, on a thread of its own, as a real one does."""

    def __init__(self, visit: Callable[[str], Shown | None] | None = None, **changes: str | None) -> None:
        self._visit = visit or (lambda url: fetch(comes_back(url, **changes)))
        self._thread: threading.Thread | None = None
        self._failure: list[BaseException] = []
        self.shown: Shown | None = None

    def __call__(self, url: str) -> bool:
        self._thread = threading.Thread(target=self._run, args=(url,), daemon=True)
        self._thread.start()
        return True

    def _run(self, url: str) -> None:
        try:
            self.shown = self._visit(url)
        except BaseException as error:  # noqa: BLE001 - shown by `page`, in the test's own thread
            self._failure.append(error)

    def page(self) -> Shown:
        """The page of the end, once it is there."""
        assert self._thread is not None, "no browser was opened"
        self._thread.join(LONG)
        if self._failure:
            raise self._failure[0]
        assert self.shown is not None, "the browser is still waiting"
        return self.shown


class ScriptedPerson:
    """Says `answers` to questions in order and pastes `pastes`; notes what was said, asked and shown.

    A paste may be a function of the shown addresses; EOFError is the end of standard input. When all is
    pasted and no browser comes, `bored` is called instead of waiting.
    """

    def __init__(
        self,
        *,
        present: bool = True,
        answers: Sequence[bool] = (),
        pastes: Sequence[Any] = (),
        bored: Callable[[float], object] | None = None,
    ) -> None:
        self.present = present
        self.said: list[str] = []
        self.asked: list[str] = []
        self.urls: list[str] = []
        self.codes: list[str] = []
        self.commands: list[str] = []
        self.copied: list[str] = []
        self.handed: list[tuple[str, str | None]] = []
        self._answers = list(answers)
        self._pastes = list(pastes)
        self._bored = bored

    def say(self, text: str) -> None:
        self.said.append(text)

    def show_url(self, url: str) -> None:
        self.urls.append(url)

    def show_command(self, command: str) -> None:
        self.commands.append(command)

    def show_code(self, code: str) -> None:
        self.codes.append(code)

    def hand_over(self, url: str, *, phone: str | None) -> None:
        self.handed.append((url, phone))

    def copy(self, url: str) -> None:
        self.copied.append(url)

    def confirm(self, question: str) -> bool:
        self.asked.append(question)
        return self.present and self._answers.pop(0)

    def pasted(self, descriptor: int | None, seconds: float) -> str | None:
        if self._pastes:
            paste = self._pastes.pop(0)
            if isinstance(paste, type):
                raise paste
            return paste(self.urls) if callable(paste) else str(paste)
        if self._bored is not None:
            self._bored(seconds)
            return None
        assert descriptor is not None
        assert select.select([descriptor], [], [], LONG)[0], "nothing came, and nobody gave up"
        return None


def fresh_code() -> str:
    """A code that must not show anywhere."""
    import secrets

    return register("code", f"test-code-{secrets.token_urlsafe(24)}")
