"""Text files that people write: configuration, and what is only compared."""

from __future__ import annotations

import os
import stat

from keyturn.errors import ConfigurationError, StoreCorrupt, frameless
from keyturn.world import files

_OPEN = os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0)


@frameless
def read_text(path: str, *, ours_alone: bool = True) -> str | None:
    """A text file; None when there is none.

    With `ours_alone`, which is for configuration: whoever can write it can say where credentials go, so it
    must belong to this user or to root, and nobody else may write it or put another in its place.

    Raises: StoreDenied; ConfigurationError for what is not a text file of at most 1 MiB, or not safe.
    """
    try:
        descriptor = os.open(path, _OPEN)  # non-blocking: a FIFO of that name must not hang us (T5)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise files.denied(path, error) from None
    try:
        state = os.fstat(descriptor)
        if not stat.S_ISREG(state.st_mode):
            raise ConfigurationError(
                f"{path} is not a regular file", hint=f"move it away: mv {path} {path}.old"
            )
        if ours_alone:
            _check_writers(path, state)
            _check_writers(os.path.dirname(path) or ".", os.stat(os.path.dirname(path) or "."))
        return files.read_whole(path, descriptor)
    except StoreCorrupt as error:
        raise ConfigurationError(error.message, hint=error.hint, path=path) from None
    finally:
        os.close(descriptor)


def trace(path: str) -> tuple[int, int, int] | None:
    """As `files.mark`, but not None for what is there and may not be looked at: that is not missing."""
    try:
        state = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return (error.errno or 0, 0, 0)
    return (state.st_ino, state.st_mtime_ns, state.st_size)


def _check_writers(path: str, state: os.stat_result) -> None:
    if not hasattr(os, "geteuid"):
        return
    if state.st_uid not in (0, os.geteuid()):
        raise ConfigurationError(
            f"{path} belongs to user {state.st_uid}, not to you (user {os.geteuid()})",
            hint=f"look at it, then make it yours: chown {os.geteuid()} {path}",
            path=path,
        )
    sticky = stat.S_ISDIR(state.st_mode) and state.st_mode & stat.S_ISVTX
    if state.st_mode & 0o022 and not sticky:
        raise ConfigurationError(f"others can write {path}", hint=f"run: chmod go-w {path}", path=path)
