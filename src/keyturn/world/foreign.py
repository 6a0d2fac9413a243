"""Files of other programs that keyturn reads and never writes: gcloud's, and the keys people were given."""

from __future__ import annotations

import os
import stat
import sys

from keyturn.errors import ConfigurationError, StoreCorrupt, frameless
from keyturn.values import Value
from keyturn.world import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keyturn.world import World

_OPEN = os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0)
# what firmware tells a machine of Google's that it is; readable by everybody, in containers too
PRODUCT_NAME = "/sys/class/dmi/id/product_name"


class ForeignText(Value):
    """What such a file holds, and whether others on this machine can read it too."""

    __slots__ = ("open_to_others", "text")
    open_to_others: bool
    text: str

    def __repr__(self) -> str:
        return f"ForeignText(open_to_others={self.open_to_others})"


@frameless
def read_foreign(path: str) -> ForeignText | None:
    """A text file that another program wrote, whoever owns it; None when there is none.

    Raises: ConfigurationError for what is not a readable text file of at most 1 MiB.
    """
    try:
        descriptor = os.open(path, _OPEN)  # non-blocking: a FIFO of that name must not hang us (T5)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a path"
        raise ConfigurationError(
            f"{path}: {reason.lower()}", hint=f"check who may read it: ls -l {path}", path=path
        ) from None
    try:
        state = os.fstat(descriptor)
        if not stat.S_ISREG(state.st_mode):
            kind = "a directory" if stat.S_ISDIR(state.st_mode) else "not a regular file"
            raise ConfigurationError(f"{path} is {kind}", hint=f"look at it: ls -ld {path}", path=path)
        text = files.read_whole(path, descriptor)
    except StoreCorrupt as error:
        raise ConfigurationError(error.message, hint=f"look at it: ls -l {path}", path=path) from None
    except OSError as error:  # a disk that fails while it is read
        raise ConfigurationError(
            f"{path}: {(error.strerror or 'cannot be read').lower()}",
            hint=f"look at it: ls -l {path}",
            path=path,
        ) from None
    finally:
        os.close(descriptor)
    return ForeignText(text=text, open_to_others=os.name == "posix" and bool(state.st_mode & 0o077))


def gcloud_directory(world: World) -> str:
    """Where gcloud keeps its configuration and the credentials of applications."""
    chosen = world.variable("CLOUDSDK_CONFIG")
    if chosen:
        return absolute(world, chosen)
    if sys.platform == "win32":
        return os.path.join(world.variable("APPDATA") or "C:\\", "gcloud")
    home = world.variable("HOME") or os.path.expanduser("~")
    return os.path.join(home, ".config", "gcloud")


def absolute(world: World, path: str) -> str:
    """A path as seen from the working directory."""
    return os.path.normpath(os.path.join(world.cwd(), path))


def product_name() -> str:
    """What the firmware calls this machine; empty where that is not known."""
    try:
        with open(PRODUCT_NAME, encoding="ascii", errors="replace") as file:
            return file.read(256).strip()
    except OSError:
        return ""
