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
