"""A strict token server in a process of its own: it counts, waits, and forgives nothing.

Refresh tokens are used once. A second use ends the family with all its tokens, as RFC 9700 (section 4.14)
advises. There is no grace, which would hide what is measured, unless a login asks for it; one may also ask
for answers that get lost after they were decided, and for 503s.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import secrets
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from types import TracebackType

# beyond every client's idea of renewing ahead of time, which is a day for one of them
LIFETIME = 30 * 24 * 3600


class Family:
    """One login: the tokens that descend from it, and what was asked with them."""

    def __init__(self, delay: float, *, grace: float, lost_answers: int, faults: int) -> None:
        self.delay = delay
        self.grace = grace
        self.lost_answers = lost_answers
        self.faults = faults
        self.alive = True
        self.requests = 0
        self.granted = 0
        self.reused = 0
        self.gone = 0
        self.repeated = 0
        self.last: tuple[str, float, dict[str, object]] = ("", 0.0, {})
        self.arrivals: list[float] = []
        self.refresh_token = ""
        self.accepted: set[str] = set()
        self.spent: set[str] = set()

    def issue(self) -> dict[str, object]:
        """The next pair; the one before it is spent."""
        self.spent.add(self.refresh_token)
        access = f"sk-ant-test-oat-{secrets.token_urlsafe(32)}"
        self.refresh_token = f"sk-ant-test-ort-{secrets.token_urlsafe(32)}"
        self.accepted.add(fingerprint(access))
        return {
            "access_token": access,
            "refresh_token": self.refresh_token,
            "token_type": "Bearer",
            "expires_in": LIFETIME,
            "scope": "user:inference",
        }

    def spend(self, token: str) -> bool:
        """Whether this refresh token, of this family, gets an answer; a used one ends everything."""
        if self.alive and token == self.refresh_token:
            self.granted += 1
            return True
        if token in self.spent:
            self.reused += 1
            self.alive = False
            self.accepted.clear()
        return False

    def repeat(self, token: str) -> dict[str, object] | None:
        """The last answer once more, for the token that got it, while the grace period lasts."""
        spent, at, answer = self.last
        if not self.alive or token != spent or time.monotonic() - at >= self.grace:
            return None
        self.repeated += 1
        return answer

    def verdict(self) -> dict[str, object]:
        """What came of it. `accepted` are the fingerprints of the access tokens that work now."""
        return {
            "requests": self.requests,
            "granted": self.granted,
            "reused": self.reused,
            "gone": self.gone,
            "repeated": self.repeated,
            "alive": self.alive,
            "arrivals": self.arrivals,
            "accepted": sorted(self.accepted),
        }


class Court:
    """Answers over HTTP/1.1, one request a connection."""

    def __init__(self) -> None:
        self._families: list[Family] = []
        self._by_refresh_token: dict[str, Family] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            target, body = await _request(reader)
            status, answer = await self._answer(target, body, reader)
            text = json.dumps(answer).encode()
            head = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
            head += f"Content-Type: application/json\r\nContent-Length: {len(text)}\r\n"
            head += "Connection: close\r\n\r\n"
            writer.write(head.encode() + text)
            await writer.drain()
        with contextlib.suppress(OSError):
            writer.close()
            await writer.wait_closed()

    async def _answer(self, target: str, body: bytes, reader: asyncio.StreamReader) -> tuple[int, Any]:
        fields = _fields(body)
        if target == "/judge/new":
            family = Family(**fields)
            self._families.append(family)
            return 200, {**self._issue(family), "family": len(self._families) - 1}
        if target == "/judge/reject":
            self._families[fields["family"]].accepted.clear()
            return 200, {}
        if target == "/judge/verdict":
            return 200, self._families[fields["family"]].verdict()
        return await self._refresh(str(fields.get("refresh_token", "")), reader)

    async def _refresh(self, token: str, reader: asyncio.StreamReader) -> tuple[int, Any]:
        family = self._by_refresh_token.get(token)
        if family is None:
            return 400, {"error": "invalid_grant"}
        family.requests += 1
        family.arrivals.append(time.monotonic())
        await asyncio.sleep(family.delay)
        if reader.at_eof():
            # its sender died before the request was looked at: nothing was spent
            family.gone += 1
            return 400, {}
        if family.faults:
            family.faults -= 1
            return 503, {"error": "temporarily_unavailable"}
        repeated = family.repeat(token)
        if repeated is not None:
            return 200, repeated
        if family.spend(token):
            answer = self._issue(family)
            family.last = (token, time.monotonic(), answer)
            if family.lost_answers:
                family.lost_answers -= 1
                raise ConnectionAbortedError
            return 200, answer
        return 400, {"error": "invalid_grant", "error_description": "the refresh token is not valid"}

    def _issue(self, family: Family) -> dict[str, object]:
        answer = family.issue()
        self._by_refresh_token[family.refresh_token] = family
        return answer


class Judge:
    """The server's process, and the questions the bench asks it."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.judge"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None  # noqa: S101 - it was asked for
        self.origin = f"http://127.0.0.1:{int(self._process.stdout.readline())}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None  # noqa: S101 - it was asked for
        self._process.stdin.close()
        self._process.wait()

    def new_login(self, delay: float, *, grace: float = 0.0, lost_answers: int = 0, faults: int = 0) -> Trial:
        """A new family; `delay` seconds pass before each refresh of it is looked at.

        Its first requests get a 503 (`faults`); its first grants do not reach who asked (`lost_answers`);
        for `grace` seconds the token that was spent last gets the same answer again.
        """
        wishes = {"delay": delay, "grace": grace, "lost_answers": lost_answers, "faults": faults}
        return Trial(self, self._ask("/judge/new", wishes))

    def reject_access_tokens(self, family: int) -> None:
        """No access token of this family made so far works any more; its refresh token does."""
        self._ask("/judge/reject", {"family": family})

    def verdict(self, family: int) -> dict[str, Any]:
        """The counts of a family."""
        return self._ask("/judge/verdict", {"family": family})

    def _ask(self, path: str, body: dict[str, object]) -> dict[str, Any]:
        request = urllib.request.Request(self.origin + path, json.dumps(body).encode())  # noqa: S310 - loopback
        with _OPENER.open(request, timeout=10) as answer:
            found: dict[str, Any] = json.load(answer)
            return found


class Trial:
    """One login at the judge."""

    def __init__(self, judge: Judge, answer: dict[str, Any]) -> None:
        self._judge = judge
        self._answer = answer

    def login(self, *, seconds_left: float) -> dict[str, object]:
        """The first token answer, as a client stores it when the access token has so long to live."""
        tokens = {name: self._answer[name] for name in ("access_token", "refresh_token")}
        return {**tokens, "expires_at": time.time() + seconds_left}

    def reject_access_tokens(self) -> None:
        """The API answers 401 to all of them from now on; the refresh token works."""
        self._judge.reject_access_tokens(self._answer["family"])

    def verdict(self) -> dict[str, Any]:
        """Requests, granted, reused, gone, repeated; alive; accepted: tokens that work, as fingerprints."""
        return self._judge.verdict(self._answer["family"])


_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def fingerprint(token: str) -> str:
    """What is compared and reported instead of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def _fields(body: bytes) -> dict[str, Any]:
    if body.startswith(b"{"):
        found: dict[str, Any] = json.loads(body)
        return found
    return dict(urllib.parse.parse_qsl(body.decode()))


async def _request(reader: asyncio.StreamReader) -> tuple[str, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    length = next((int(line.split(":")[1]) for line in head if line.lower().startswith("content-length:")), 0)
    return head[0].split(" ")[1], await reader.readexactly(length)


async def _main() -> None:
    server = await asyncio.start_server(Court().serve, "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    # it lives as long as the one who started it holds its standard input open
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(_main())
