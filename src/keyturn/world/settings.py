"""Settings files as bytes: what else lies in their place is refused at once, and never waited for (T5)."""

from __future__ import annotations

import os
import stat

LIMIT = 2 * 1024 * 1024
_OPEN = os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)


class NotUsable(Exception):
    """What lies there is no settings file; `why` goes on a sentence that begins with its path."""

    def __init__(self, why: str, hint: str) -> None:
        super().__init__(why)
        self.why = why
        self.hint = hint


def read_bytes(path: str, *, closed: bool = False) -> bytes | None:
    """The whole file; None when there is none.

    With `closed`, for what counts without anybody's consent, not everybody on the machine may write it.

    Raises: NotUsable unless it is a regular file of this user or of root, of at most 2 MiB.
    """
    try:
        _check(path, os.stat(path), closed=closed)  # some devices do something when they are opened
        descriptor = os.open(path, _OPEN)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise _denied(path, error) from None
    try:
        _check(
            path, os.fstat(descriptor), closed=closed
        )  # and this is what is read, whatever has been put there since
        return _whole(path, descriptor)
    except OSError as error:
        raise _denied(path, error) from None
    finally:
        os.close(descriptor)


def drop_ins(directory: str) -> list[str]:
    """The names of the visible JSON files in a directory, sorted; none where there is no such directory.

    Raises: NotUsable when it cannot be listed: what it says must not be passed over.
    """
    try:
        names = os.listdir(directory)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise _denied(directory, error) from None
    return sorted(name for name in names if name.endswith(".json") and not name.startswith("."))


def _check(path: str, state: os.stat_result, *, closed: bool) -> None:
    if not stat.S_ISREG(state.st_mode):
        raise NotUsable("is not a regular file", f"look at it: ls -ld {path}")
    if hasattr(os, "geteuid") and state.st_uid not in (0, os.geteuid()):
        raise NotUsable(
            f"belongs to user {state.st_uid}, not to you (user {os.geteuid()})",
            f"look at it, then make it yours: chown {os.geteuid()} {path}",
        )
    if closed and hasattr(os, "geteuid") and state.st_mode & stat.S_IWOTH:
        raise NotUsable("can be written by everybody on this machine", f"run: chmod o-w {path}")
    if state.st_size > LIMIT:
        raise _too_large(path)


def _whole(path: str, descriptor: int) -> bytes:
    found = bytearray()
    while piece := os.read(descriptor, 1 << 16):
        found += piece
        if len(found) > LIMIT:  # it grows while it is read
            raise _too_large(path)
    return bytes(found)


def _too_large(path: str) -> NotUsable:
    return NotUsable("is larger than 2 MiB", f"look at it: ls -l {path}")


def _denied(path: str, error: OSError | ValueError) -> NotUsable:
    reason = (getattr(error, "strerror", None) or "it cannot be read").lower()
    return NotUsable(f"cannot be read: {reason}", f"look at it: ls -ld {path}")
