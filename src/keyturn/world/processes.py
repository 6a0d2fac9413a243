"""One shell line as a process group of its own, bounded in time and in what it may say.

No stdin: what asks there is told at once that nobody answers. A session of its own: the group can be ended
as a whole, Ctrl-C at our terminal is ours to pass on, and `/dev/tty` cannot be read behind our back.
"""

from __future__ import annotations

import os
import time

from keyturn.errors import frameless
from keyturn.values import Secret, Value
from keyturn.world.births import Birth
from keyturn.world.pipes import Polled, Threaded
from keyturn.world.programs import desktop_environment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from subprocess import Popen

    Heard = Callable[[str, bytes], None]

# what a group gets to put its things in order after it was asked to end; then it is ended
GRACE_SECONDS = 2.0
# the end of stderr that is kept for an error
STDERR_KEPT = 4096
# how long the end of a child can go unnoticed while somebody else keeps its pipes open
_PAUSE_SECONDS = 0.05


class Command(Value):
    """A shell line; `seconds` is its limit, `stdout_limit` how many bytes of stdout are kept.

    More than `stdout_limit` ends the group, unless that is None: then stdout is only heard, never kept.
    `words` are a program and its arguments, in place of a line for the shell.
    """

    __slots__ = ("directory", "environment", "line", "seconds", "stdout_limit", "words")
    directory: str
    environment: Mapping[str, str]
    line: str
    seconds: float
    stdout_limit: int | None
    words: tuple[str, ...] | None

    def __repr__(self) -> str:
        return f"Command(directory={self.directory!r}, seconds={self.seconds!r})"


class Ended(Value):
    """How a command ended: `why` is exit, signal, timeout, too_long or not_started.

    `status` is the exit status or the signal's number, `stdout` what it said there, `stderr` the end of
    that, and `detail` the system's reason when it could not be started.
    """

    __slots__ = ("detail", "status", "stderr", "stdout", "why")
    detail: str | None
    status: int | None
    stderr: Secret
    stdout: Secret
    why: str


class Notice(Value):
    """Whom to tell, once, that a command has been running for `seconds`."""

    __slots__ = ("call", "seconds")
    call: Callable[[], None]
    seconds: float


@frameless
def run(
    command: Command,
    *,
    heard: Heard | None = None,
    notice: Notice | None = None,
    windows: bool = os.name == "nt",
) -> Ended:
    """Run it to its end, and no longer than its limit.

    `heard(stream, piece)` is called with every piece as it comes. An interrupt, or an error of `heard`, ends
    the group and goes on. What the command left in the background is let alone if it ended in time.
    """
    import subprocess

    if _ends_unseen():
        return _ended("not_started", "this program ignores SIGCHLD, so nobody would learn how it ended")

    def start() -> Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 - the one place where a shell line is run, and it is the person's (T7)
            _words(command, windows=windows),
            cwd=command.directory,
            env=dict(command.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )

    birth = Birth(start)
    hearing = _Hearing(command.stdout_limit, heard)
    pipes: Polled | Threaded | None = None
    why = None
    try:
        child = birth.child()
        pipes = Threaded(child) if windows else Polled(child)
        why = _watch(child, pipes, hearing, command.seconds, notice)
    except (OSError, ValueError) as error:
        if birth.failure is not error:
            raise
        said = (getattr(error, "strerror", None) or "it holds a character no command can").lower()
        there = os.path.isdir(command.directory)
        return _ended("not_started", said if there else f"there is no directory {command.directory}")
    finally:
        born = birth.known()
        if born is not None:
            if pipes is None:
                pipes = Threaded(born) if windows else Polled(born)
            if why is None or born.poll() is None:
                _end(born, pipes)
            pipes.close()
    status = child.returncode
    if why == "exit" and status < 0:
        why, status = "signal", -status
    return Ended(
        why=why,
        status=status if why in ("exit", "signal") else None,
        stdout=Secret(hearing.stdout.decode("utf-8", "surrogateescape")),
        stderr=Secret(hearing.stderr.decode("utf-8", "replace")),
    )


def _ends_unseen() -> bool:
    """Whether the system forgets how children end: a failure would look like success, with half of a key."""
    import signal

    return hasattr(signal, "SIGCHLD") and signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN


def _words(command: Command, *, windows: bool) -> list[str] | str:
    if command.words is not None:
        return [*command.words]
    if not windows:
        return ["/bin/sh", "-c", command.line]
    shell = command.environment.get("COMSPEC", "cmd")
    if os.name == "nt":
        # not as a list, which would have the quotes in it escaped, and cmd knows no escapes
        return f'"{shell}" /d /s /c "{command.line}"'
    return [shell, "/c", command.line]


class _Hearing:
    """What has been said so far, as much of it as is kept."""

    def __init__(self, limit: int | None, heard: Heard | None) -> None:
        self.stdout = bytearray()
        self.stderr = bytearray()
        self._limit = limit
        self._heard = heard

    def take(self, stream: str, piece: bytes) -> bool:
        """Whether that was not too much."""
        if self._heard is not None:
            self._heard(stream, piece)
        if stream == "stderr":
            self.stderr += piece
            del self.stderr[:-STDERR_KEPT]
        elif self._limit is not None:
            self.stdout += piece
            return len(self.stdout) <= self._limit
        return True


def _watch(
    child: Popen[bytes], pipes: Polled | Threaded, hearing: _Hearing, seconds: float, notice: Notice | None
) -> str:
    begun = time.monotonic()  # a machine that sleeps takes no time from the command
    while True:
        left = begun + seconds - time.monotonic()
        if left <= 0:
            return "timeout"
        if notice is not None and time.monotonic() - begun >= notice.seconds:
            notice.call()
            notice = None
        # the end is looked for before the reading: what was said until then is then in the pipe
        over = _is_over(child, min(left, _PAUSE_SECONDS) if not pipes.open else 0.0)
        for stream, piece in pipes.read(0.0 if over else min(left, _PAUSE_SECONDS)):
            if not hearing.take(stream, piece):
                return "too_long"
        if over:
            return _rest(pipes, hearing)


def _rest(pipes: Polled | Threaded, hearing: _Hearing) -> str:
    """What is still in the pipes of a child that has ended; no grandchild that goes on is waited for."""
    until = time.monotonic() + max(pipes.quiet, _PAUSE_SECONDS)
    while pipes.open and (pieces := pipes.read(pipes.quiet)):
        for stream, piece in pieces:
            if not hearing.take(stream, piece):
                return "too_long"
        if time.monotonic() > until:
            break
    return "exit"


def _is_over(child: Popen[bytes], seconds: float) -> bool:
    import subprocess

    if seconds == 0:
        return child.poll() is not None
    try:
        child.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _end(child: Popen[bytes], pipes: Polled | Threaded) -> None:
    """End the whole group: asked first, then not asked. Its pipes are emptied, so that none of it hangs."""
    try:
        _signal(child, last=False)
        until = time.monotonic() + GRACE_SECONDS
        while time.monotonic() < until and (pipes.open or not _has_gone(child)):
            if pipes.open:
                pipes.read(_PAUSE_SECONDS)
            else:
                time.sleep(_PAUSE_SECONDS)
    finally:  # a second Ctrl-C shortens the grace
        _signal(child, last=True)
        child.wait()


def _has_gone(child: Popen[bytes]) -> bool:
    """Whether the child has ended, without taking its number back from the system: the group still has it."""
    if child.returncode is not None:
        return True
    if not hasattr(os, "waitid"):  # macOS before Python 3.13: the full grace is given
        return False
    try:
        return os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True


def _signal(child: Popen[bytes], *, last: bool) -> None:
    if not hasattr(os, "killpg"):
        _signal_windows(child, last=last)
        return
    import signal

    try:
        os.killpg(child.pid, signal.SIGKILL if last else signal.SIGTERM)
    except (ProcessLookupError, PermissionError):
        return  # nobody of the group is left, or (macOS) only those that have ended already


def _signal_windows(child: Popen[bytes], *, last: bool) -> None:
    import contextlib
    import subprocess

    root = os.environ.get("SYSTEMROOT", r"C:\Windows")
    force = ["/F"] if last else []
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        subprocess.run(  # noqa: S603 - a program of the system, by its whole path
            [rf"{root}\System32\taskkill.exe", "/T", *force, "/PID", str(child.pid)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=desktop_environment(os.environ),
            timeout=GRACE_SECONDS,
            check=False,
        )
    if last:
        child.kill()


def _ended(why: str, detail: str) -> Ended:
    return Ended(why=why, detail=detail, stdout=Secret(""), stderr=Secret(""))
