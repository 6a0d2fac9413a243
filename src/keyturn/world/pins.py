"""What a file holds right now, in a form that can be kept and compared later: for consent to its content."""

from __future__ import annotations

import errno
import os
import stat

_OPEN = os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0)
LIMIT = 16 * 1024 * 1024


def pin(path: str) -> str | None:
    """What is there: "missing", "directory", or the content's hash and, behind links, the place.

    None for what cannot be held to anything: a device, a pipe, more than 16 MiB, a file that cannot be read.
    All of it is learnt from one open descriptor, so that nothing is swapped between the look and the read.
    """
    try:
        descriptor = _opened(path)
    except (FileNotFoundError, NotADirectoryError):
        return "missing"
    except OSError as error:
        # a word too long for a name is no file's; else there is no access, or a loop of links
        return "missing" if error.errno == errno.ENAMETOOLONG else None
    try:
        state = os.fstat(descriptor)
        if stat.S_ISDIR(state.st_mode):
            return "directory"
        if not _holds_something(state) or state.st_size > LIMIT:
            return None
        digest = _digest(descriptor)
    except OSError:  # a disk that fails while it is read
        return None
    finally:
        os.close(descriptor)
    real = os.path.realpath(path)
    return digest if digest is None or real == path else f"{digest} at {real}"


def inside(project: str, base: str, word: str) -> tuple[str, ...]:
    """What a word names below the project, seen from there: as it is written, and behind links."""
    place = os.path.normpath(os.path.join(base, word))
    root = project.rstrip(os.sep) + os.sep
    try:
        real = os.path.realpath(place)
    except ValueError:  # half a character: no file is called so
        return ()
    found = (path for path in (place, real) if path.startswith(root))
    return tuple(dict.fromkeys(path[len(root) :].replace(os.sep, "/") for path in found))


def _opened(path: str) -> int:
    if not _holds_something(os.stat(path)):
        raise OSError(errno.EINVAL, "not a file")  # some devices do something when they are opened
    return os.open(path, _OPEN)  # non-blocking: a FIFO of that name must not hang us (T5)


def _holds_something(state: os.stat_result) -> bool:
    return stat.S_ISREG(state.st_mode) or stat.S_ISDIR(state.st_mode)


def _digest(descriptor: int) -> str | None:
    import hashlib

    found, total = hashlib.sha256(), 0
    while piece := os.read(descriptor, 1 << 16):
        total += len(piece)
        if total > LIMIT:  # it grows while it is read
            return None
        found.update(piece)
    return found.hexdigest()
