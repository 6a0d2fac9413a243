"""The directories that keyturn writes in: owner, mode, links, mounts, file systems, room."""

from __future__ import annotations

import os
import stat

from keyturn.doctor.findings import error, note, quote, warning
from keyturn.stores.claim import HELD_SECONDS
from keyturn.world.mounts import is_network, mount_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from keyturn.doctor.findings import Finding
    from keyturn.world.mounts import Mount

# a record, its journal and what a save needs beside them
ROOM_BYTES = 1024 * 1024


def examine(directories: Sequence[str], mounts: Sequence[Mount]) -> list[Finding]:
    """Look at each directory that exists; one that does not is made when it is needed."""
    found: list[Finding] = []
    for path in dict.fromkeys(directories):
        found += _directory(path)
    inner = next((path for path in reversed(directories) if os.path.isdir(path)), None)
    if inner is not None and not any(one.severity == "error" for one in found):
        found += _below(inner, mounts)
    return found


def _directory(path: str) -> list[Finding]:
    try:
        state = os.stat(path)
    except FileNotFoundError:
        if not os.path.islink(path):
            return []
        text = f"it is a link to {os.readlink(path)}, and there is nothing"
        return [error("broken_link", text, path, f"rm {quote(path)}")]
    except OSError as failure:
        reason = (failure.strerror or type(failure).__name__).lower()
        return [error("store_denied", f"it cannot be looked at: {reason}", path, f"ls -ld {quote(path)}")]
    if not stat.S_ISDIR(state.st_mode):
        return [
            error(
                "no_directory",
                "a directory is expected here",
                path,
                f"mv {quote(path)} {quote(path + '.old')}",
            )
        ]
    return _owner_and_mode(path, state) if hasattr(os, "geteuid") else []


def _owner_and_mode(path: str, state: os.stat_result) -> list[Finding]:
    if state.st_uid != os.geteuid():
        text = f"it belongs to user {state.st_uid}, and this is user {os.geteuid()}: nothing is written there"
        return [error("store_owner", text, path, f"sudo -u '#{state.st_uid}' keyturn doctor")]
    mode = stat.S_IMODE(state.st_mode)
    if mode & 0o022:
        text = f"others can write in it (mode {mode:04o}), so nothing is stored there"
        return [error("store_mode", text, path, f"chmod 700 {quote(path)}")]
    if mode & 0o055 and path.endswith("/logins"):
        text = f"others can list it (mode {mode:04o}); the records are for you alone all the same"
        return [warning("store_mode", text, path, f"chmod 700 {quote(path)}")]
    return []


def _below(path: str, mounts: Sequence[Mount]) -> list[Finding]:
    """What the file system under a directory of ours allows."""
    found: list[Finding] = []
    mount = mount_of(os.path.realpath(path), tuple(mounts))
    if mount is not None and is_network(mount.kind):
        text = (
            f"it lies on a network file system ({mount.kind}), where two machines may be granted one lock "
            "at once: a second file says who may renew, and after a machine died in the middle of that the "
            f"others wait up to {HELD_SECONDS:.0f} s"
        )
        repair = "KEYTURN_HOME=/a/local/directory keyturn login"
        found.append(note("network_file_system", text, path, repair))
    elif mount is not None and mount.kind in ("tmpfs", "ramfs"):
        text = f"it lies in memory ({mount.kind}): a restart of this machine ends the login"
        found.append(note("file_system_in_memory", text, path))
    if not os.access(path, os.W_OK | os.X_OK):
        if mount is not None and mount.read_only:
            text = "it is mounted read-only: what is stored is used as long as it lasts, and never renewed"
            return [
                *found,
                warning("read_only_mount", text, path, f"mount -o remount,rw {quote(mount.path)}"),
            ]
        return [
            *found,
            error("store_denied", "nothing can be written there", path, f"chmod 700 {quote(path)}"),
        ]
    if not hasattr(os, "statvfs"):
        return found
    room = os.statvfs(path)
    if room.f_blocks and room.f_bavail * room.f_frsize < ROOM_BYTES:
        text = "less than 1 MiB is free there: a renewed login may not be savable"
        found.append(error("disk_full", text, path, f"df -h {quote(path)}"))
    elif room.f_files and room.f_favail == 0:
        text = "no file can be made there any more: the file system has no inode left"
        found.append(error("disk_full", text, path, f"df -i {quote(path)}"))
    return found
