"""The settings of four scopes and of the environment: one effective value of each, with where it came from.

Highest first: managed, local, project, user; an `env` block of any of them comes before the environment
itself, which is never written to. `watch.py` finds the files, `reading.py` reads them.
"""

from __future__ import annotations

from keyturn.errors import ConfigurationError
from keyturn.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Literal

    from keyturn.errors import AuthError
    from keyturn.world import World

    Scope = Literal["managed", "local", "project", "user", "environment"]

# where they lie below the working directory
PROJECT_FILES = {"project": ".claude/settings.json", "local": ".claude/settings.local.json"}


class Setting(Value):
    """One effective value and where it came from; a list is its JSON text. `value` may be a secret.

    `key` is as in the file ("apiKeyHelper", "env.ANTHROPIC_API_KEY"), or the name of an environment variable.
    """

    __slots__ = ("key", "path", "scope", "value")
    key: str
    path: str | None
    scope: Scope
    value: str

    @property
    def where(self) -> str:
        """For people: `apiKeyHelper in /home/me/.claude/settings.json`, or the environment variable."""
        return f"the environment variable {self.key}" if self.path is None else f"{self.key} in {self.path}"

    @property
    def name(self) -> str:
        """What errors call it: the variable's bare name, or the key and its file."""
        return self.key if self.path is None else self.where

    @property
    def remedy(self) -> str:
        """How to be rid of it: a prefix for one command, or what to take out of which file."""
        return f"env -u {self.key}" if self.path is None else f"take {self.key} out of {self.path}"

    @property
    def undo(self) -> str:
        """The remedy as a whole step: a variable for one command, a settings file by hand."""
        return self.remedy if self.path is not None else f"unset it for this command: {self.remedy} keyturn …"

    def __repr__(self) -> str:
        return f"Setting(key={self.key!r}, scope={self.scope!r}, path={self.path!r})"


class Settings(Value):
    """What all files say together. `found` holds one setting a key, `""` included, which cancels.

    `ignored` are lines for `explain`; `damages` are the errors of files or keys that cannot be used.
    """

    __slots__ = ("damages", "found", "ignored", "world")
    damages: tuple[AuthError, ...]
    found: Mapping[str, Setting]
    ignored: tuple[str, ...]
    world: World

    def get(self, key: str) -> Setting | None:
        """The effective setting of a key such as `apiKeyHelper`; empty is unset."""
        found = self.found.get(key)
        return found if found is not None and found.value.strip() else None

    def variable(self, name: str) -> Setting | None:
        """A variable: of the settings, else of the environment. KEYTURN_* count from the environment only."""
        if self.found and not name.startswith("KEYTURN_"):
            found = self.found.get(f"env.{name}")
            if found is not None:
                return found if found.value else None
        text = self.world.variable(name)
        return None if text is None else Setting(key=name, scope="environment", value=text)

    def canceller(self, name: str) -> Setting | None:
        """The setting that takes a variable away by giving it the empty value."""
        found = self.found.get(f"env.{name}")
        return found if found is not None and not found.value else None

    def __repr__(self) -> str:
        return f"Settings(found={[*self.found.values()]!r}, ignored={self.ignored!r})"


def no_project(world: World, place: str) -> str | None:
    """Why a directory is not a project: it is the home directory, or holds the person's own settings."""
    if place == world.canonical(world.home()):
        return "it is the home directory, which is no project"
    try:
        own = world.canonical(world.claude_dir())
    except ConfigurationError:
        return None
    if own == f"{place.rstrip('/')}/.claude":
        return "its .claude directory is the person's own (CLAUDE_CONFIG_DIR)"
    return None
