"""What a helper printed, kept for other processes too: a file for its owner alone, if the person wants it.

For helpers that are slow, or that ask a person something. Off unless `helper_cache` is true: without it no
copy of a secret lies on the disk.
"""

from __future__ import annotations

from keyturn import jsontext
from keyturn.commands.attempts import held_up, place
from keyturn.errors import Rejected, StoreError, Unavailable
from keyturn.values import Secret, Value
from keyturn.world import directories, files
from keyturn.world.locks import FileLock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Self

    from keyturn.settings.layers import Setting
    from keyturn.world import World


_OLD_SECONDS = 86400.0


class Printed(Value):
    """What a helper printed `age` seconds ago; `expires_at` in Unix seconds, if it said so."""

    __slots__ = ("age", "expires_at", "secret")
    age: float
    expires_at: float | None
    secret: Secret


class HelperFile:
    """The file and its lock, for one command, directory, setting and audience. Raises: ConfigurationError."""

    def __init__(self, world: World, setting: Setting, directory: str, audience: str) -> None:
        self._world = world
        self._setting = setting
        self._path = place(world, setting, directory, audience)
        self._lock = FileLock(f"{self._path}.lock", world)
        self._since = world.now()
        self._seconds = 0.0

    def prepare(self) -> None:
        """Make the directory. Raises: StoreDenied."""
        folder = self._path.rpartition("/")[0]
        directories.make_private_directory(folder)
        directories.check_writable(folder)

    def turn(self, seconds: float) -> Self:
        """Wait, at most so long, until nobody else is at it: `with file.turn(…)`."""
        self._seconds = seconds
        return self

    def __enter__(self) -> Self:
        try:
            self._lock.acquire(seconds=self._seconds)
        except Unavailable as error:
            raise held_up(self._setting, error, self._seconds) from None
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def read(self) -> Printed | Rejected | None:
        """What is there: a credential, or the failure of somebody whom this process has waited for."""
        try:
            found = files.read_private(f"{self._path}.json")
            fields = jsontext.parse_object(found.text) if found is not None else {}
        except (StoreError, jsontext.NotJson):
            return None  # losing it costs one run
        now, at = self._world.now(), fields.get("at")
        if not isinstance(at, int | float) or not at <= now:
            return None  # in the future: a clock was set, and nobody knows its age
        message, hint, code = fields.get("message"), fields.get("hint"), fields.get("code")
        if isinstance(message, str) and isinstance(code, str):
            if at < self._since:
                return None
            return Rejected(message, hint=hint if isinstance(hint, str) else None, code=code, adopted=True)
        token, expires_at = fields.get("token"), fields.get("expires_at")
        if not isinstance(token, str) or not isinstance(expires_at, int | float | None):
            return None
        return Printed(age=now - at, expires_at=expires_at, secret=Secret(token))

    def forget(self) -> None:
        """Remove what is there, for every command and audience: the person does not want it any more."""
        for path in self._all():
            _remove(path)

    def sweep(self) -> None:
        """Remove what other commands left that nobody has run for a day."""
        for path in self._all():
            mark = files.mark(path)
            old = mark is not None and self._world.now() - mark[1] / 1e9 > _OLD_SECONDS
            if old and path != f"{self._path}.json":
                _remove(path)

    def _all(self) -> list[str]:
        folder = self._path.rpartition("/")[0]
        found = files.names(folder, ".json")
        return [f"{folder}/{name}.json" for name in found if name.startswith(f"{self._setting.key}-")]

    def write(self, secret: Secret, expires_at: float | None) -> None:
        """Keep it for the others."""
        self._write({"token": secret.reveal(), "expires_at": expires_at})

    def failed(self, error: Rejected) -> None:
        """Leave word, in place of what was there: it is not to be used any more."""
        self._write({"message": error.message, "hint": error.hint, "code": error.code})

    def _write(self, fields: dict[str, object]) -> None:
        try:
            files.write_durably(
                f"{self._path}.json", jsontext.dump({"version": 1, "at": self._world.now(), **fields}) + "\n"
            )
        except StoreError:
            return  # a disk that refuses costs the others a run, and nobody a credential


def _remove(path: str) -> None:
    try:
        files.remove_durably(path)
    except StoreError:
        return  # as with writing: a disk that refuses costs nobody a credential
