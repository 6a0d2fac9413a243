"""Private files: read with every check on the open descriptor, written whole, durably or not at all."""

from __future__ import annotations

import os
import stat

from keyturn.errors import StoreCorrupt, StoreDenied, frameless
from keyturn.values import Value
from keyturn.world.replacing import put_in_place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

READ_LIMIT = 1024 * 1024
_OPEN = os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0)
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_POSIX = hasattr(os, "geteuid")


class PrivateText(Value):
    """What a private file holds, and whether this process may replace it."""

    __slots__ = ("read_only", "text")
    read_only: bool
    text: str

    def __repr__(self) -> str:
        return f"PrivateText(read_only={self.read_only})"


@frameless
def read_private(path: str) -> PrivateText | None:
    """A file that only its owner can read; None when there is none.

    A provisioned record (a mounted secret: root-owned, perhaps a link) is taken for reading when its
    directory is closed to this process and nobody else can write it. All checks are made on the open
    descriptor, so that nothing can be swapped between the check and the read.

    Raises: StoreDenied, StoreCorrupt (not a regular file, too large, not UTF-8).
    """
    directory = os.path.dirname(path)
    linked = False
    try:
        descriptor = os.open(path, _OPEN | _NOFOLLOW)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if not os.path.islink(path):
            raise denied(path, error) from None
        if os.access(directory, os.W_OK):
            raise StoreDenied(
                f"{path} is a symbolic link",
                hint=f"put the file itself there, or remove the link: rm {path}",
                path=path,
            ) from None
        linked = True
        try:
            descriptor = os.open(path, _OPEN)
        except OSError as error_of_target:
            raise denied(path, error_of_target) from None
    try:
        read_only = _check(path, directory, os.fstat(descriptor), linked=linked)
        return PrivateText(text=read_whole(path, descriptor), read_only=read_only)
    except OSError as error:  # a disk that fails while it is read
        raise denied(path, error) from None
    finally:
        os.close(descriptor)


@frameless
def read_whole(path: str, descriptor: int) -> str:
    """The text behind a descriptor. Raises: StoreCorrupt for more than 1 MiB, or no UTF-8."""
    found = b"".join(_pieces(descriptor))
    if len(found) > READ_LIMIT:
        raise StoreCorrupt(
            f"{path} is larger than 1 MiB", hint=f"move it away: mv {path} {path}.old", path=path
        )
    try:
        return found.decode("utf-8")
    except UnicodeDecodeError:
        raise StoreCorrupt(
            f"{path} is not UTF-8 text", hint=f"move it away: mv {path} {path}.old", path=path
        ) from None


@frameless
def write_durably(path: str, text: str) -> None:
    """Replace a file: unique temporary file, fsync, rename, fsync of the directory.

    Raises: StoreDenied; the old file is then untouched, unless the code is "not_durable".
    """
    directory, name = os.path.split(path)
    temporary = os.path.join(directory, f".{name}.{os.getpid()}-{os.urandom(6).hex()}.tmp")
    data = text.encode("utf-8")
    try:
        descriptor = os.open(
            temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | _NOFOLLOW, 0o600
        )
    except OSError as error:
        raise denied(path, error) from None
    try:
        try:
            done = 0
            while done < len(data):  # one write may take only a part (a full disk, a size limit)
                done += os.write(descriptor, data[done:])
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        _settle(temporary, path, text)
    except OSError as error:
        try:  # noqa: SIM105 - contextlib is not imported on this way
            os.unlink(temporary)
        except OSError:
            pass
        raise denied(path, error) from None
    sync_directory(directory)


def _settle(temporary: str, path: str, text: str) -> None:
    try:
        put_in_place(temporary, path)
    except FileNotFoundError:
        # Where two machines hold one lock (L10), the other took us for dead, and has finished it (`finish`).
        found = read_private(path)
        if found is None or found.text != text:
            raise


def remove_durably(path: str) -> bool:
    """Remove a file; False when there was none.

    Raises: StoreDenied.
    """
    try:
        os.unlink(path)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise denied(path, error) from None
    sync_directory(os.path.dirname(path))
    return True


def leftovers(path: str) -> list[str]:
    """The temporary files that killed writers of `path` left; only under that path's lock."""
    directory, name = os.path.split(path)
    found = []
    for leftover in listed(directory):
        # exactly the names that `write_durably` gives: `a.json.json` may be the file of a profile `a.json`
        written = leftover.startswith(f".{name}.") and leftover.endswith(".tmp")
        middle = leftover.removeprefix(f".{name}.").removesuffix(".tmp").removeprefix("probe.")
        if written and "." not in middle:
            found.append(os.path.join(directory, leftover))
    return found


def sweep(path: str) -> None:
    """Remove the temporary files that killed writers of `path` left; only under that path's lock."""
    for leftover in leftovers(path):
        try:
            os.unlink(leftover)
        except OSError:
            continue


def finish(temporary: str, path: str) -> None:
    """Put a temporary file in place whose writer was killed before it could, durably.

    One that is gone was put in place by somebody else. Raises: StoreDenied; both files are then untouched.
    """
    try:
        descriptor = os.open(temporary, os.O_RDWR | os.O_CLOEXEC | _NOFOLLOW)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        put_in_place(temporary, path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise denied(path, error) from None
    try:  # noqa: SIM105 - contextlib is not imported on this way
        sync_directory(os.path.dirname(path))
    except StoreDenied:
        pass  # it is no worse off than it was beside its place, and nothing has been spent for it here


def names(directory: str, suffix: str) -> list[str]:
    """The names, without the suffix, of the visible files in a directory that end so; sorted."""
    found = (entry for entry in listed(directory) if entry.endswith(suffix) and not entry.startswith("."))
    return sorted(entry.removesuffix(suffix) for entry in found)


def set_aside(path: str, seconds: float) -> str:
    """Move a damaged file out of the way of a new one, and say where to.

    Raises: StoreDenied.
    """
    aside = first = f"{path}.corrupt-{int(seconds)}"
    number = 1
    while os.path.lexists(aside):  # set aside in this same second: that one is kept, too
        number += 1
        aside = f"{first}-{number}"
    try:
        os.replace(path, aside)
    except OSError as error:
        raise denied(path, error) from None
    return aside


def mark(path: str) -> tuple[int, int, int] | None:
    """What changes whenever a file is replaced: inode, time and size; None when there is none (L18)."""
    try:
        state = os.stat(path)
    except OSError:
        return None
    return (state.st_ino, state.st_mtime_ns, state.st_size)


def denied(path: str, error: OSError) -> StoreDenied:
    """The error for what the operating system refused, with a next step that fits."""
    import errno

    hints = {
        errno.ENOSPC: "free some space and try again; the stored login is unchanged",
        errno.EDQUOT: "free some space and try again; the stored login is unchanged",
        errno.EROFS: "the file system is mounted read-only; set KEYTURN_HOME to a writable directory",
        errno.EACCES: f"check who owns it: ls -ld {os.path.dirname(path)}",
        errno.EPERM: f"check who owns it: ls -ld {os.path.dirname(path)}",
    }
    reason = (error.strerror or type(error).__name__).lower()
    return StoreDenied(f"{path}: {reason}", hint=hints.get(error.errno or 0), path=path, errno=error.errno)


def _check(path: str, directory: str, state: os.stat_result, *, linked: bool) -> bool:
    if not stat.S_ISREG(state.st_mode):
        raise StoreCorrupt(
            f"{path} is not a regular file", hint=f"move it away: mv {path} {path}.old", path=path
        )
    if not _POSIX:
        return linked
    mine, mode = state.st_uid == os.geteuid(), stat.S_IMODE(state.st_mode)
    if mine and not linked and not mode & 0o077:
        return False
    provisioned = not os.access(directory, os.W_OK) or (not mine and state.st_uid == 0)
    if provisioned and (mine or state.st_uid == 0) and not mode & 0o022:
        return True
    if not mine:
        raise StoreDenied(
            f"{path} belongs to user {state.st_uid}, not to you (user {os.geteuid()})",
            hint="run keyturn as that user, or log in yourself with another KEYTURN_HOME",
            path=path,
        )
    raise StoreDenied(f"others can read {path} (mode {mode:04o})", hint=f"run: chmod 600 {path}", path=path)


def _pieces(descriptor: int) -> Iterator[bytes]:
    total = 0
    while total <= READ_LIMIT and (piece := os.read(descriptor, 65536)):
        total += len(piece)
        yield piece


def listed(directory: str) -> list[str]:
    """The names in a directory, hidden ones too; none where it cannot be read."""
    try:
        return os.listdir(directory)
    except OSError:
        return []


def sync_directory(directory: str) -> None:
    """Make the names in a directory durable, where the system can.

    Raises: StoreDenied with the code "not_durable": what was done is there, but may not outlast a power cut.
    """
    if not _POSIX:
        return  # Windows has no handle to flush for a directory
    import errno

    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        # a directory that may be written and not read, and file systems that cannot, lose nothing by it
        if error.errno in (errno.EACCES, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS):
            return
        reason = (error.strerror or type(error).__name__).lower()
        raise StoreDenied(
            f"what was just written in {directory} may not outlast a power cut: {reason}",
            hint=f"look at the disk: df {directory}; dmesg | tail",
            code="not_durable",
            path=directory,
            errno=error.errno,
        ) from None
