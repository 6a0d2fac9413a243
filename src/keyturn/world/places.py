"""Where keyturn's own files lie on each system."""

from __future__ import annotations

import os
import sys

from keyturn.errors import ConfigurationError, frameless

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


@frameless
def config_dir(env: Mapping[str, str]) -> str:
    """The directory of `config.json`."""
    return _home(env) or _platform_dir(env, "XDG_CONFIG_HOME", ".config", "user_config_path")


@frameless
def state_dir(env: Mapping[str, str]) -> str:
    """The directory above `logins/`."""
    return _home(env) or _platform_dir(env, "XDG_STATE_HOME", ".local/state", "user_state_path")


def _home(env: Mapping[str, str]) -> str | None:
    home = env.get("KEYTURN_HOME")
    if not home:
        return None
    if "\0" in home or not os.path.isabs(home):
        raise ConfigurationError(
            "KEYTURN_HOME is not an absolute path",
            hint="set it to an absolute path, or unset it: env -u KEYTURN_HOME keyturn …",
            variable="KEYTURN_HOME",
        )
    return home


def _platform_dir(env: Mapping[str, str], variable: str, default: str, attribute: str) -> str:
    # On Linux the rule is two lines long, and platformdirs costs as much as the rest of `keyturn token`;
    # a test holds the two against each other. Elsewhere the library knows better.
    if not sys.platform.startswith("linux"):
        import platformdirs

        return str(getattr(platformdirs.PlatformDirs("keyturn", appauthor=False), attribute))
    chosen = (env.get(variable) or "").strip()
    if not os.path.isabs(chosen):  # the XDG specification: relative paths are to be ignored
        home = env.get("HOME") or os.path.expanduser("~")
        chosen = os.path.join(home, default)
    return os.path.join(chosen, "keyturn")


# Managed settings, which only an administrator can write; whoever else could would say where secrets go.
MANAGED = {
    "darwin": "/Library/Application Support/ClaudeCode",
    "win32": "C:\\Program Files\\ClaudeCode",
}
MANAGED_ELSEWHERE = "/etc/claude-code"


def managed_dir(platform: str = sys.platform) -> str:
    """The directory of `managed-settings.json` and `managed-settings.d`."""
    return MANAGED.get(platform, MANAGED_ELSEWHERE)


@frameless
def claude_dir(env: Mapping[str, str], platform: str = sys.platform) -> str:
    """The directory of the user's `settings.json`: CLAUDE_CONFIG_DIR, else `.claude` at home.

    Raises: ConfigurationError for a relative CLAUDE_CONFIG_DIR, which any directory could answer (T6).
    """
    chosen = env.get("CLAUDE_CONFIG_DIR")
    if not chosen:
        return joined(home_dir(env, platform), ".claude", platform=platform)
    if "\0" in chosen or not _is_absolute(chosen, platform):
        raise ConfigurationError(
            "CLAUDE_CONFIG_DIR is not an absolute path",
            hint="set it to an absolute path, or unset it: env -u CLAUDE_CONFIG_DIR keyturn …",
            variable="CLAUDE_CONFIG_DIR",
        )
    return chosen


def home_dir(env: Mapping[str, str], platform: str = sys.platform) -> str:
    """The person's home directory."""
    chosen = env.get("USERPROFILE" if platform == "win32" else "HOME") or ""
    return chosen if _is_absolute(chosen, platform) else os.path.expanduser("~")


def joined(directory: str, *names: str, platform: str = sys.platform) -> str:
    """A path below a directory, written as that system writes it."""
    separator = "\\" if platform == "win32" else "/"
    return separator.join((directory.rstrip(separator) if len(directory) > 1 else "", *names))


def _is_absolute(path: str, platform: str) -> bool:
    if platform != "win32":
        return path.startswith("/")
    # a drive and a root, or a share: `\name` and `C:name` depend on where one is
    return path[1:3] in (":\\", ":/") or path.startswith("\\\\")
