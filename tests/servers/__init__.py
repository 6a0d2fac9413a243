"""Real servers that tests start themselves: free loopback ports, ended by process id, nothing left behind."""

from __future__ import annotations

import json
import os
import selectors
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self
from urllib.parse import urljoin

import httpx2
import pytest

if TYPE_CHECKING:
    from types import TracebackType

HERE = Path(__file__).parent
START_LIMIT = 30.0  # seconds; it takes less than one
PASSWORD = "open-sesame"  # of every account at the test authority


def need(command: str, package: str) -> str:
    """Return the path of a program, or skip the test, naming the Debian package (where CI is true: fail)."""
    path = shutil.which(command)
    if path is None:
        pytest.skip(f"{command} is missing (Debian package {package}); `make test` as root installs it")
    return path


def need_node() -> str:
    """Return the path of Node.js with the packages of the test servers, or skip the test."""
    node = need("node", "nodejs")
    if not (HERE / "node_modules" / ".keyturn-setup").exists():
        pytest.skip("the npm packages of the test servers are missing; `scripts/npm.sh` installs them")
    return node


def stop(process: subprocess.Popen[Any], limit: float = 10.0) -> None:
    """End this one process: politely, then for good; returns when it is gone."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(limit)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            stream.close()


def first_line(process: subprocess.Popen[str], log: Path, limit: float = START_LIMIT) -> str:
    """Return the first line that the process prints; an error with its log if it ends or says nothing."""
    stream: IO[str] | None = process.stdout
    assert stream is not None
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        line = stream.readline() if selector.select(limit) else ""
    if not line:
        stop(process)
        message = f"the server did not start; its log:\n{log.read_text(encoding='utf-8')}"
        raise RuntimeError(message)
    return line


@dataclass(frozen=True, slots=True)
class Introspection:
    """What the authority says about a token."""

    active: bool
    account: str | None
    scope: str


class OidcProvider:
    """The certified authorization server oidc-provider: public client, PKCE, rotation with reuse detection.

    Every e-mail address is an account, with the password `tests.servers.PASSWORD`. faults.mjs says what `set`
    takes and what `log` counts.
    """

    client_id: str
    issuer: str

    def __init__(self, *, log_folder: Path, host: str = "127.0.0.1", access_token_ttl: int = 5) -> None:
        """Name the folder for the server's log; seconds of life for access tokens."""
        self._log = log_folder / "oidc-provider.log"
        self._options = ["--host", host, "--access-token-ttl", str(access_token_ttl)]
        self._process: subprocess.Popen[str] | None = None
        self._http = httpx2.Client(timeout=30.0, trust_env=False)

    def __enter__(self) -> Self:
        node = need_node()
        with self._log.open("a", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                [node, HERE / "oidc.mjs", *self._options],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, "NODE_ENV": "test"},
            )
        ready = json.loads(first_line(self._process, self._log))
        self.issuer, self.client_id = ready["issuer"], ready["client_id"]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()
        if self._process is not None:
            stop(self._process)

    @property
    def paste_redirect_uri(self) -> str:
        """The page that shows `code#state` for copying."""
        return f"{self.issuer}/oob"

    def authorize(self, url: str, *, email: str = "developer@example.com", decision: str = "allow") -> str:
        """Log in and decide as a person would, without a browser; returns the address reached in the end."""
        with httpx2.Client(timeout=30.0, trust_env=False) as person:
            answer = person.get(url)
            forms = iter(
                [("login", {"email": email, "password": PASSWORD}), ("consent", {"decision": decision})]
            )
            while True:
                address = urljoin(self.issuer, answer.headers.get("location", ""))
                if answer.is_redirect and (not address.startswith(self.issuer) or "code=" in address):
                    return address
                if answer.is_redirect:
                    answer = person.get(address)
                    continue
                step, form = next(forms)
                answer = person.post(f"{str(answer.url).split('?')[0]}/{step}", data=form)

    def set(self, **settings: int) -> dict[str, Any]:
        """Change what the server does from now on; returns all settings."""
        return self._control("POST", "set", settings)

    def log(self) -> dict[str, Any]:
        """Return the counts of what the server saw, and each event with fingerprints of its tokens."""
        return self._control("GET", "log")

    def reset(self) -> None:
        """Forget the log, not the logins."""
        self._control("POST", "reset")

    def revoke_all(self) -> None:
        """End every login, as an administrator does: nobody is told."""
        self._control("POST", "revoke_all")

    def introspect(self, token: str) -> Introspection:
        """Ask, as an API would, whether the token is alive."""
        answer = self._http.post(
            f"{self.issuer}/token/introspection", data={"token": token}, auth=("rs", "rs-secret")
        )
        facts = answer.raise_for_status().json()
        return Introspection(facts["active"], facts.get("sub"), facts.get("scope", ""))

    def _control(self, method: str, what: str, body: dict[str, int] | None = None) -> dict[str, Any]:
        answer = self._http.request(method, f"{self.issuer}/_ctl/{what}", json=body)
        facts: dict[str, Any] = answer.json()
        if answer.status_code != httpx2.codes.OK:
            raise ValueError(facts["error"])
        return facts
