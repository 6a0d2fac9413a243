"""A renewal on a disk that changes in the middle of it; for a mount namespace of its own.

Started as `python -m tests.crash.mounted HARM`, with a used-up login on standard input, in an environment
whose KEYTURN_HOME lies on a file system that ends with the process. It renews, the harm is done when the
answer has just arrived, and what was found is printed as JSON: what the renewing program got, what the
next one gets while the harm lasts, and what one gets after it has been undone.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keyturn
from keyturn.world import NETWORK_SECONDS, World

if TYPE_CHECKING:
    from collections.abc import Callable

    from keyturn.wire import Request, Response

HOME = Path(os.environ.get("KEYTURN_HOME", "/nowhere"))
LOGINS = HOME / "logins"
BALLAST = HOME / "ballast"


def fill() -> None:
    """Leave no byte free."""
    with BALLAST.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 512)
        except OSError:
            return


def use_up_names() -> None:
    """Leave no inode free."""
    BALLAST.mkdir()
    number = 0
    try:
        while True:
            (BALLAST / str(number)).touch()
            number += 1
    except OSError:
        return


def make_read_only() -> None:
    """Remount; the kernel refuses that while a file is open for writing, as the lock is."""
    _mount("ro")


def shut() -> None:
    """Let nobody make anything in the directory, its owner included."""
    LOGINS.chmod(0o500)


def free() -> None:
    """Undo `fill` and `use_up_names`."""
    subprocess.run(["rm", "-rf", str(BALLAST)], check=True)


def make_writable() -> None:
    """Undo `make_read_only`."""
    _mount("rw")


def open_up() -> None:
    """Undo `shut`."""
    LOGINS.chmod(0o700)


HARMS: dict[str, tuple[Callable[[], None], Callable[[], None]]] = {
    "no byte free": (fill, free),
    "no inode free": (use_up_names, free),
    "remounted read-only": (make_read_only, make_writable),
    "closed to its user": (shut, open_up),
}
refusals: list[str] = []


class Harmed(World):
    """This machine; the harm is done when the first answer has arrived."""

    def __init__(self, harm: Callable[[], None]) -> None:
        super().__init__()
        self._harm = harm

    def send(self, request: Request, *, seconds: float = NETWORK_SECONDS) -> Response:
        """Send, and then do it."""
        answer = super().send(request, seconds=seconds)
        self._harm()
        return answer


def got(world: World) -> dict[str, Any]:
    """What a program gets: a token's hash, or an error; and a hash of the record after it."""
    found: dict[str, Any] = {}
    try:
        token = keyturn.Auth(world=world).credential().secret.reveal()
        found["token"] = hashlib.sha256(token.encode()).hexdigest()
    except keyturn.AuthError as error:
        found["error"] = f"{type(error).__name__}: {error.message}"
    found["record"] = _hash()
    found["left"] = sorted(path.suffix for path in LOGINS.iterdir() if path.name.startswith("."))
    return found


def _hash() -> str:
    return hashlib.sha256((LOGINS / "default.json").read_bytes()).hexdigest()


def _mount(how: str) -> None:
    done = subprocess.run(
        ["mount", "-o", f"remount,{how}", str(HOME)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        refusals.append(done.stderr.strip())


if __name__ == "__main__":
    LOGINS.mkdir(mode=0o700)
    record = LOGINS / "default.json"
    record.touch(mode=0o600)
    record.write_bytes(sys.stdin.buffer.read())
    harm, undo = HARMS[sys.argv[1]]
    report = {"before": _hash(), "renewing": got(Harmed(harm)), "meanwhile": got(World())}
    undo()
    report["afterwards"] = got(World())
    report["at last"] = got(World())
    report["refusals"] = refusals
    sys.stdout.write(json.dumps(report))
