"""What is mounted where, from the kernel's own table; elsewhere than on Linux nothing is known."""

from __future__ import annotations

from keyturn.values import Value

# on these, two machines may both be granted one lock (L10)
NETWORK_KINDS = (
    *("9p", "afs", "ceph", "cifs", "glusterfs", "lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "smb3", "smbfs"),
    *("orangefs", "pvfs2", "gfs2", "beegfs", "gpfs", "virtiofs"),
)
_ESCAPES = (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\"))


class Mount(Value):
    """A line of the table: where, which kind of file system, and whether nothing can be written there."""

    __slots__ = ("kind", "path", "read_only")
    kind: str
    path: str
    read_only: bool


def read_mounts() -> tuple[Mount, ...]:
    """The table of this process."""
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as table:
            return parse_mounts(table.read())
    except OSError:
        return ()


def parse_mounts(text: str) -> tuple[Mount, ...]:
    """The lines of `mountinfo` (proc(5)); what is none is left out."""
    found = []
    for line in text.splitlines():
        before, _, after = line.partition(" - ")
        left, right = before.split(" "), after.split(" ")
        if len(left) < 6 or len(right) < 3:  # noqa: PLR2004 - as many as proc(5) names
            continue
        options = (*left[5].split(","), *right[2].split(","))
        found.append(Mount(kind=right[0], path=_plain(left[4]), read_only="ro" in options))
    return tuple(found)


def mount_of(path: str, table: tuple[Mount, ...] | list[Mount]) -> Mount | None:
    """The mount that a canonical path lies on: the deepest, and of those on one place the last."""
    found = None
    for mount in table:
        below = mount.path.rstrip("/") + "/"
        if (path == mount.path or path.startswith(below)) and (
            found is None or len(mount.path) >= len(found.path)
        ):
            found = mount
    return found


def is_shared(path: str) -> bool:
    """Whether other machines may write below a canonical path; also where nothing is known (L10)."""
    mount = mount_of(path, read_mounts())
    return mount is None or is_network(mount.kind)


def is_network(kind: str) -> bool:
    """Whether two machines may write on such a file system; what runs in user space can be anything."""
    return kind in NETWORK_KINDS or kind == "fuse" or kind.startswith("fuse.")


def _plain(path: str) -> str:
    for code, character in _ESCAPES:
        path = path.replace(code, character)
    return path
