"""Whether and where this user may write: own directories, and files that a rename can replace (L6, L7)."""

from __future__ import annotations

import os

from keyturn.errors import StoreDenied
from keyturn.world import files


def make_private_directory(path: str) -> None:
    """Make a directory for this user alone, with its parents, and refuse one that is not (L7).

    Raises: StoreDenied.
    """
    missing = []
    at = path
    while not os.path.isdir(at) and at != os.path.dirname(at):
        missing.append(at)
        at = os.path.dirname(at)
    for step in reversed(missing):
        try:
            os.mkdir(step, 0o700)
        except FileExistsError:
            continue
        except OSError as error:
            raise files.denied(step, error) from None
    check_own_directory(path)


def check_own_directory(path: str) -> None:
    """Refuse to write in a directory of another user (`sudo keyturn`), or that others can write in.

    Raises: StoreDenied.
    """
    if not hasattr(os, "geteuid"):
        return
    try:
        state = os.stat(path)
    except OSError as error:
        raise files.denied(path, error) from None
    if state.st_uid != os.geteuid():
        raise StoreDenied(
            f"{path} belongs to user {state.st_uid}, and this is user {os.geteuid()}: "
            "nothing is written there",
            hint="run keyturn as the user whose login it is, without sudo",
            path=path,
        )
    if state.st_mode & 0o022:
        raise StoreDenied(f"others can write in {path}", hint=f"run: chmod 700 {path}", path=path)


def check_replaceable(path: str) -> None:
    """Refuse a file that a rename could not replace for everybody: mounted by itself, or unlinked (L6).

    Raises: StoreDenied.
    """
    try:
        linked = os.stat(path).st_nlink > 0
    except OSError:
        return  # not there yet, or denied: the write itself will tell
    if linked and os.path.realpath(path) not in _mount_points():
        return
    raise StoreDenied(
        f"{path} is mounted by itself, so that a renewed login could not be saved in its place",
        hint=f"mount the directory instead of the file: {os.path.dirname(path)}",
        path=path,
    )


def check_writable(path: str) -> None:
    """Refuse a directory in which nothing can be made: mounted read-only, or not for this user.

    Raises: StoreDenied.
    """
    if not os.access(path, os.W_OK | os.X_OK):
        import errno

        raise files.denied(f"{path}/", OSError(errno.EROFS, "nothing can be written there"))


def prove_writable(path: str) -> None:
    """Show that a file beside `path` can be written and made durable, without touching `path`.

    Raises: StoreDenied.
    """
    probe = f"{path}.probe"
    files.write_durably(probe, " " * 4096)
    files.remove_durably(probe)


def _mount_points() -> set[str]:
    """What is mounted where, on Linux; a bind mount of a file shows nowhere else."""
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as table:
            points = [line.split(" ", 5)[4] for line in table]
    except (OSError, IndexError):
        return set()
    octal = (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\"))
    for code, character in octal:
        points = [point.replace(code, character) for point in points]
    return set(points)
