"""The sole right to send a refresh token, where a lock may be granted twice (L10).

On a network file system two machines may both be given the lock. There the intent is a file as well, which
only one of them can make: `NAME.HASH.NUMBER.claim`, after the hash of the token. It holds for a time, which
the file server's clock measures: two machines need not agree about the date. Then the next number may be
taken. A claim of this very boot is over when its lock could be taken: one kernel grants a lock once.
"""

from __future__ import annotations

import os

from keyturn import jsontext
from keyturn.errors import Unavailable
from keyturn.values import Value
from keyturn.world import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Any, Self

    from keyturn.world import World

# Whoever has it begins to send within the first time, or not at all. The second leaves room for an exchange
# (30 s) and for a slow save, and is what a machine that died costs the others.
BEGIN_SECONDS = 20.0
HELD_SECONDS = 120.0
_LOOK_SECONDS = 0.25
_HASH_LETTERS = 16


class Standing(Value):
    """A claim that stands: its number, who made it, and for how many seconds it still holds."""

    __slots__ = ("host", "left", "number", "pid")
    host: str
    left: float
    number: int
    pid: str


class ClaimFile:
    """The claim to one token. Leaving the `with` block gives it back; nobody has to wait for its end then."""

    def __init__(self, stem: str, refresh_hash: str, world: World) -> None:
        self._directory, self._name = os.path.split(stem)
        self._own = f"{self._name}.{refresh_hash[:_HASH_LETTERS]}."
        self._world = world
        self._path: str | None = None
        self._since = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._path is not None:
            # marked, not removed: its number must not be given twice
            self._say(self._path, {"given_back": True})
            self._path = None

    def take(self, *, seconds: float, overtaken: Callable[[], bool]) -> bool:
        """Make it; False when `overtaken` came true: what it was wanted for has happened elsewhere.

        Raises: Unavailable naming the holder after `seconds`; StoreDenied.
        """
        deadline = self._world.clock() + seconds
        while True:
            standing = self._standing()
            if standing.left <= 0 and self._made(standing.number + 1):
                if overtaken():  # looked at once more, since nobody else may act on it from here on
                    return False
                self._sweep()
                return True
            if overtaken():
                return False
            left = deadline - self._world.clock()
            if left <= 0:
                raise _claimed(standing, seconds)
            self._world.sleep(min(_LOOK_SECONDS, left))

    def check(self) -> None:
        """The last thing before the token is sent: whoever was held up must not send any more.

        Raises: Unavailable.
        """
        if self._path is None or self._world.clock() - self._since > BEGIN_SECONDS:
            raise Unavailable(
                "this program was held up before it could send its renewal; nothing was sent",
                hint="try again in a moment",
                code="claim_over",
                sent=False,
            )

    def holds(self) -> bool:
        """Whether nobody else can have taken the next one yet, and written into the journal since."""
        return self._path is not None and self._world.clock() - self._since < HELD_SECONDS

    def _standing(self) -> Standing:
        """The claim with the highest number; one of number 0 that is over, when there is none."""
        numbers = self._numbers()
        if not numbers:
            return Standing(host="?", left=0.0, number=0, pid="?")
        number = max(numbers)
        path = self._place(number)
        said = _said(path)
        host, pid = str(said.get("host", "?")), str(said.get("pid", "?"))
        boot = self._world.boot()
        over = said.get("given_back") is True or (boot is not None and said.get("boot") == boot)
        left = 0.0 if over else HELD_SECONDS - self._age(path)
        # further ahead than it can be: the server's clock was set back
        return Standing(host=host, left=left if left <= 2 * HELD_SECONDS else 0.0, number=number, pid=pid)

    def _age(self, path: str) -> float:
        """How old a claim is by the clock of the file server, which dates both files."""
        lock = f"{self._directory}/{self._name}.lock"
        try:
            os.utime(lock)
            return os.stat(lock).st_mtime - os.stat(path).st_mtime
        except FileNotFoundError:
            return 0.0  # swept away just now: somebody has a newer one
        except OSError as error:
            raise files.denied(path, error) from None

    def _made(self, number: int) -> bool:
        self._since = self._world.clock()
        path = self._place(number)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0)
        try:
            descriptor = os.open(path, flags, 0o600)
        except FileExistsError:
            return False
        except OSError as error:
            raise files.denied(path, error) from None
        os.close(descriptor)
        self._path = path
        self._say(
            path,
            {
                "boot": self._world.boot(),
                "host": self._world.host(),
                "pid": os.getpid(),
                "until": self._world.now() + HELD_SECONDS,
            },
        )
        if max(self._numbers(), default=number) == number:
            return True
        # Late by a whole sweep: others have left this number behind.
        self._path = None
        os.unlink(path)
        return False

    def _say(self, path: str, said: dict[str, Any]) -> None:
        """Write into it who made it, for people, or that it is given back; its name and date decide."""
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0))
            try:
                os.write(descriptor, f"{jsontext.dump(said)}\n".encode())
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError:
            return  # a full disk; it then holds for its time

    def _numbers(self) -> list[int]:
        found = claims(self._directory, self._name)
        return [number for letters, number, _ in found if f"{self._name}.{letters}." == self._own]

    def _sweep(self) -> None:
        """Remove what is behind us: older numbers, and the claims to tokens that are stored no more."""
        for _, _, path in claims(self._directory, self._name):
            if path != self._path:
                try:
                    os.unlink(path)
                except OSError:
                    continue

    def _place(self, number: int) -> str:
        return f"{self._directory}/{self._own}{number}.claim"


def claims(directory: str, name: str) -> list[tuple[str, int, str]]:
    """Every claim of a profile: the hash it is named after, its number, and its path."""
    found = []
    for entry in files.names(directory, ".claim"):
        letters, _, number = entry.removeprefix(f"{name}.").partition(".")
        if entry.startswith(f"{name}.") and len(letters) == _HASH_LETTERS and number.isdigit():
            found.append((letters, int(number), f"{directory}/{entry}.claim"))
    return found


def sweep(stem: str) -> None:
    """Remove every claim of a profile: with the login they were for."""
    for _, _, path in claims(*os.path.split(stem)):
        try:
            os.unlink(path)
        except OSError:
            continue


def _said(path: str) -> dict[str, Any]:
    try:
        found = files.read_private(path)
        return jsontext.parse_object(found.text) if found is not None else {}
    except Exception:  # noqa: BLE001 - being written, or foreign: its name and date decide
        return {}


def _claimed(standing: Standing, seconds: float) -> Unavailable:
    return Unavailable(
        f"process {standing.pid} on {standing.host} is renewing this login on another machine; "
        f"waited {seconds:g} s",
        hint=f"it counts as dead in {max(0.0, standing.left):.0f} s; then keyturn goes on by itself",
        code="claimed",
        sent=False,
        pid=standing.pid,
        host=standing.host,
    )
