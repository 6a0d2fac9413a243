"""The attempts to renew credentials by a command, over all processes of a person: one at a time, and few.

A command that opens a browser must not be run by every program that finds its credentials expired, nor
again and again (P16). Beside the lock lies a note of how the last attempt ended, for those who waited.
"""

from __future__ import annotations

from keyturn import jsontext
from keyturn.errors import Rejected, StoreError, Unavailable
from keyturn.values import Value
from keyturn.world import directories, files
from keyturn.world.locks import FileLock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Self

    from keyturn.settings.layers import Setting
    from keyturn.world import World

# after an attempt that failed, the next one that nobody asked for
PAUSE_SECONDS = 300.0
DIRECTORY = "commands"


def place(world: World, setting: Setting, directory: str, subject: str = "") -> str:
    """The path, without its ending, of what is kept about a command of a setting in a directory.

    Nothing is made. Raises: ConfigurationError.
    """
    import hashlib

    folder = f"{world.state_dir()}/{DIRECTORY}"
    parts = f"{setting.value}\0{directory}\0{setting.where}\0{subject}"
    return f"{folder}/{setting.key}-{hashlib.sha256(parts.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"


class Outcome(Value):
    """How an attempt ended, `at` in Unix seconds; `code` is empty when it went well."""

    __slots__ = ("at", "code", "hint", "message")
    at: float
    code: str
    hint: str
    message: str


class Attempts:
    """The attempts with one command. Raises: StoreDenied, ConfigurationError."""

    def __init__(self, world: World, setting: Setting, directory: str, subject: str) -> None:
        self._world = world
        self._setting = setting
        self._path = place(world, setting, directory, subject)
        directories.make_private_directory(self._path.rpartition("/")[0])
        self._lock = FileLock(f"{self._path}.lock", world)
        self._since = world.now()
        self._seconds = 0.0

    def turn(self, seconds: float) -> Self:
        """Wait, at most so long, until it is this process's turn: `with attempts.turn(…) as turn`."""
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

    def check(self, *, asked: bool) -> None:
        """Adopt the failure of another process that this one has waited for, and keep to the pause after it.

        Raises: Rejected with that failure's own code, or refresh_paused.
        """
        last, now = self._last(), self._world.now()
        if last is None or not last.code:
            return
        if self._since <= last.at <= now:
            raise Rejected(last.message, hint=last.hint or None, code=last.code, adopted=True)
        left = last.at + PAUSE_SECONDS - now
        if asked or not 0 < left <= PAUSE_SECONDS:
            return
        raise Rejected(
            f"{last.message} ({now - last.at:.0f} s ago; it is run again in {left:.0f} s, "
            "or when a person asks for it)",
            hint=last.hint or None,
            code="refresh_paused",
            retry_after=left,
        )

    def failed(self, error: Rejected) -> None:
        """Leave word for everybody else."""
        self._write(
            Outcome(at=self._world.now(), code=error.code, hint=error.hint or "", message=error.message)
        )

    def succeeded(self) -> None:
        """Forget earlier failures."""
        self._write(Outcome(at=self._world.now(), code="", hint="", message=""))

    def _last(self) -> Outcome | None:
        try:
            found = files.read_private(f"{self._path}.json")
            fields = jsontext.parse_object(found.text) if found is not None else {}
        except (StoreError, jsontext.NotJson):
            return None  # losing it costs one attempt
        texts = {name: fields.get(name) for name in ("code", "hint", "message")}
        at = fields.get("at")
        if not isinstance(at, int | float) or not all(isinstance(text, str) for text in texts.values()):
            return None
        return Outcome(at=float(at), **texts)

    def _write(self, outcome: Outcome) -> None:
        fields = {name: getattr(outcome, name) for name in outcome.fields}
        try:
            files.write_durably(f"{self._path}.json", jsontext.dump(fields) + "\n")
        except StoreError:
            return  # a disk that refuses is no reason to fail once more


def held_up(setting: Setting, error: Unavailable, seconds: float) -> Unavailable:
    """The error for another process that runs the same command, and goes on running it."""
    pid, host = error.facts.get("pid"), error.facts.get("host")
    return Unavailable(
        f"process {pid} on {host} has been running {setting.where}; waited {seconds:g} s",
        hint=f"look at it: ps -p {pid}; keyturn goes on by itself as soon as it is done or ends",
        code="lock_timeout",
        sent=False,
        pid=pid,
        host=host,
    )
