"""A hostile reality for renewal: a server that rotates and forgets, a disk that fills up, and sudden death.

Everything a client does passes through here: what it sends reaches `Authority`, what it writes reaches
`Disk`, and at each of these points it may be killed. Nothing of keyturn's own logic is repeated here.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from keyturn.errors import Unavailable
from keyturn.login import fingerprint
from keyturn.testing import FakeWorld, answer, token_answer
from keyturn.values import Secret
from keyturn.wire import Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from keyturn.wire import Request

LIFE = 3600
GRACE_SECONDS = 60.0
ACCOUNTS = ("account-ada", "account-bob")
WEATHER = (
    "granted",
    "not rotated",
    "unreachable",
    "lost before",
    "lost after",
    "503 before",
    "503 after",
    "429",
    "html before",
    "html after",
    "empty 400",
    "invalid client",
    "another account",
)


class Killed(BaseException):
    """What SIGKILL is to a process; nothing of keyturn may catch it."""


class Life:
    """How many more points the acting client lives to pass; None is for ever."""

    def __init__(self) -> None:
        self.left: int | None = None

    def point(self) -> None:
        """Pass one, or die."""
        if self.left is None:
            return
        if self.left <= 0:
            raise Killed
        self.left -= 1


class Disk:
    """Stands where `os` stands in keyturn: it may be full, and every change to it is a point to die at."""

    def __init__(self, life: Life) -> None:
        self.life = life
        self.full = False

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def write(self, descriptor: int, data: bytes) -> int:
        self.life.point()
        if self.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return os.write(descriptor, data)

    def pwrite(self, descriptor: int, data: bytes, at: int) -> int:
        self.life.point()
        if self.full and at + len(data) > os.fstat(descriptor).st_size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return os.pwrite(descriptor, data, at)

    def fsync(self, descriptor: int) -> None:
        self.life.point()  # a killed process loses nothing that it has written; so no real one is needed
        os.fstat(descriptor)

    def replace(self, old: str, new: str) -> None:
        self.life.point()
        Path(old).replace(new)

    def unlink(self, path: str) -> None:
        self.life.point()
        Path(path).unlink()


class Family:
    """One grant and the tokens that descend from it."""

    def __init__(self, account: str) -> None:
        self.account = account
        self.current = ""
        self.revoked = False
        self.rotated_at = 0.0
        self.refresh_tokens: list[str] = []
        self.access_tokens: dict[str, float] = {}


class Authority:
    """Rotates at each use, notices reuse, and answers as the weather is."""

    def __init__(self, world: FakeWorld, *, grace: bool) -> None:
        self.world = world
        self.grace = grace
        self.weather: list[str] = []
        self.families: list[Family] = []
        self.refused: set[str] = set()
        self.sent: list[str] = []
        self.made = 0

    def grant(self, account: str) -> tuple[Family, str, str]:
        """A person has logged in: the family, an access token and a refresh token."""
        family = Family(account)
        self.families.append(family)
        return (family, *self._next(family))

    def accepts(self, access_token: str) -> bool:
        """Whether the API would."""
        return any(
            family.access_tokens.get(access_token, 0.0) > self.world.clock() for family in self.families
        )

    def family_of(self, refresh_token: str) -> Family:
        """The family a refresh token was made for."""
        return next(family for family in self.families if refresh_token in family.refresh_tokens)

    def alive(self, refresh_token: str) -> bool:
        """Whether a renewal with it would be granted."""
        family = self.family_of(refresh_token)
        if family.revoked:
            return False
        return refresh_token == family.current or (self.grace and self._in_grace(family, refresh_token))

    def answer(self, request: Request) -> Response:
        """What the network brings for a request. Raises: Unavailable."""
        fields = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        weather = self.weather.pop(0) if self.weather else "granted"
        if weather == "unreachable":
            raise Unavailable("no route", code="connect", sent=False)
        if request.url.endswith("/revoke"):
            return self._revoke(fields["token"], weather)
        self.sent.append(fields["refresh_token"])
        early = {
            "503 before": Response(status=503, headers={}, body=b""),
            "429": Response(status=429, headers={"retry-after": "20"}, body=b""),
            "html before": Response(status=200, headers={"content-type": "text/html"}, body=b"<html>"),
            "empty 400": Response(status=400, headers={}, body=b""),
            "invalid client": answer({"error": "invalid_client"}, status=401),
        }
        if weather == "lost before":
            raise Unavailable("no answer", code="timeout", sent=None)
        if weather in early:
            return early[weather]
        said = self._rotate(fields["refresh_token"], weather)
        if weather == "lost after":
            raise Unavailable("no answer", code="reset", sent=None)
        if weather == "503 after":
            return early["503 before"]
        return early["html before"] if weather == "html after" else said

    def _rotate(self, token: str, weather: str) -> Response:
        family = self.family_of(token)
        if not self.alive(token):
            family.revoked = True  # reuse: whoever holds a copy is to lose it
            family.access_tokens.clear()
            self.refused.add(fingerprint(Secret(token)))
            return answer({"error": "invalid_grant"}, status=400)
        if weather == "not rotated":
            access = self._access(family)
            return token_answer(access, None, expires_in=LIFE, account={"uuid": family.account})
        access, refresh = self._next(family)
        account = "account-eve" if weather == "another account" else family.account
        return token_answer(access, refresh, expires_in=LIFE, account={"uuid": account})

    def _revoke(self, token: str, weather: str) -> Response:
        if weather not in {"granted", "lost after"}:
            raise Unavailable("no answer", code="timeout", sent=None)
        for family in self.families:
            if token in family.refresh_tokens:
                family.revoked = True
                family.access_tokens.clear()
            family.access_tokens.pop(token, None)
        return Response(status=200, headers={}, body=b"")

    def _next(self, family: Family) -> tuple[str, str]:
        access = self._access(family)
        family.current = f"test-refresh-{self.made}"
        family.refresh_tokens.append(family.current)
        family.rotated_at = self.world.clock()
        return access, family.current

    def _access(self, family: Family) -> str:
        self.made += 1
        access = f"test-access-{self.made}"
        family.access_tokens[access] = self.world.clock() + LIFE
        return access

    def _in_grace(self, family: Family, token: str) -> bool:
        return token in family.refresh_tokens[-2:] and self.world.clock() - family.rotated_at < GRACE_SECONDS


class HostileWorld(FakeWorld):
    """A machine whose network leads to `authority`; others may act while an answer is awaited."""

    def __init__(self, folder: str, life: Life, *, grace: bool) -> None:
        super().__init__(folder)
        self.life = life
        self.authority = Authority(self, grace=grace)
        self.meanwhile: dict[str, Callable[[], None]] = {}
        self.watch: Callable[[str], None] = lambda _token: None

    def sleep(self, seconds: float) -> None:
        """Waiting takes longer than was meant, as on a machine under load."""
        super().sleep(max(seconds, 5.0))

    def send(self, request: Request, *, seconds: float = 0.0) -> Response:
        del seconds
        self.life.point()
        if not request.url.endswith("/revoke"):
            self.watch(parse_qs(request.body.decode())["refresh_token"][0])
        self._let_others("before the answer")
        try:
            said = self.authority.answer(request)
        finally:
            self._let_others("after the answer")
        self.life.point()
        return said

    def _let_others(self, when: str) -> None:
        others = self.meanwhile.pop(when, None)
        if others is not None:
            others()
