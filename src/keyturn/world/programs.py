"""Looking up programs, and the environment that one gets which needs no credential of ours."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["desktop_environment", "find_program"]

_KEPT = frozenset(
    """
    HOME USER LOGNAME SHELL LANG LANGUAGE TZ TMPDIR TERM COLORTERM
    DISPLAY WAYLAND_DISPLAY XAUTHORITY DBUS_SESSION_BUS_ADDRESS DESKTOP_SESSION SESSION_MANAGER
    WSL_DISTRO_NAME WSL_INTEROP WSLENV SSH_CONNECTION SSH_TTY
    SYSTEMROOT SYSTEMDRIVE WINDIR COMSPEC PATHEXT TEMP TMP USERNAME USERPROFILE HOMEDRIVE HOMEPATH
    APPDATA LOCALAPPDATA PROGRAMDATA PROGRAMFILES PROGRAMFILES(X86) PROGRAMW6432 NUMBER_OF_PROCESSORS OS
    """.split()  # noqa: SIM905 - forty names, to be read
)
_KEPT_GROUPS = ("LC_", "XDG_", "KDE_", "GNOME_", "GTK_", "QT_", "MOZ_")
_PROXIES = frozenset({"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"})


def find_program(name: str, env: Mapping[str, str], *, platform: str = os.name) -> str | None:
    """The absolute path of a program by its name or absolute path, or None.

    Relative entries of PATH, the empty one included, are skipped: what lies in the working directory is not
    ours to run (T7). So is a relative name with a slash in it.
    """
    if os.path.isabs(name):
        return name if _runs(name) else None
    if os.path.dirname(name) or name in ("", ".", ".."):
        return None
    endings = ("", ".exe", ".com") if platform == "nt" else ("",)
    for directory in _path(env):
        for ending in endings:
            candidate = os.path.join(directory, name + ending)
            if _runs(candidate):
                return candidate
    return None


def desktop_environment(env: Mapping[str, str]) -> dict[str, str]:
    """What a desktop program needs: an allow-list, so that no credential is among it (T8)."""
    kept = {n: v for n, v in env.items() if n.upper() in _KEPT or n.upper().startswith(_KEPT_GROUPS)}
    # a proxy with a user name in it is a credential
    kept |= {n: v for n, v in env.items() if n.upper() in _PROXIES and "@" not in v}
    return {**kept, "PATH": os.pathsep.join(_path(env))}


def _path(env: Mapping[str, str]) -> list[str]:
    return [d for d in env.get("PATH", os.defpath).split(os.pathsep) if os.path.isabs(d)]


def _runs(path: str) -> bool:
    return os.path.isfile(path) and os.access(path, os.X_OK)
