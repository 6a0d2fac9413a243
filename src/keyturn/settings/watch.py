"""Where the settings files lie and when they changed; what reads them is loaded once there is one."""

from __future__ import annotations

from keyturn.settings.layers import PROJECT_FILES, Settings
from keyturn.world import places, texts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from keyturn.world import World

# how long a running program goes without looking whether a settings file changed, as for logins (L18)
LOOK_SECONDS = 2.0


class Watch:
    """The settings of a machine as they are, read again when a file changed; asked at most every 2 s.

    A file that is damaged while a program runs is half written, as a rule: the program goes on with what it
    said before. `untrust` and a changed project are no damage and count at once, beside a damaged file too.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._settings: Settings | None = None
        self._whole: Settings | None = None
        self._marks: tuple[object, ...] = ()
        self._look_after = 0.0

    def settings(self) -> Settings:
        """As last looked at; what is damaged is in `damages`."""
        return self._settings if self._settings is not None else self._read()

    def network(self, name: str) -> str | None:
        """The value of a variable for `World.network`: proxies and certificates may stand in settings too."""
        self.look()
        found = self.settings().variable(name)
        return found.value if found is not None else None

    def look(self, *, now: bool = False) -> None:
        """See whether a file changed; `now` for whoever cannot wait 2 s for it."""
        if self._settings is None or (not now and self._world.clock() < self._look_after):
            return
        self._look_after = self._world.clock() + LOOK_SECONDS
        if marks_of(self._world) != self._marks:
            self._read()

    def _read(self) -> Settings:
        self._marks = marks_of(self._world)
        self._look_after = self._world.clock() + LOOK_SECONDS
        found = read_settings(self._world, self._marks)
        if not found.damages:
            self._whole = found
        elif self._whole is not None and _same_projects(self._whole, found):
            told = (f"{one.message}; what the settings said before still counts" for one in found.damages)
            found = self._whole.replace(ignored=(*self._whole.ignored, *told))
        self._settings = found
        return found


def _same_projects(before: Settings, now: Settings) -> bool:
    """Whether every project whose settings counted before is trusted still, or is what is damaged."""
    paths = (*(one.path for one in now.found.values()), *(str(one.facts.get("path")) for one in now.damages))
    trusted = {_directory(path) for path in paths if path is not None}
    return all(
        _directory(one.path or "") in trusted
        for one in before.found.values()
        if one.scope in ("project", "local")
    )


def _directory(path: str) -> str:
    return path.rpartition("/")[0]


def marks_of(world: World) -> tuple[object, ...]:
    """What changes whenever a settings file does; costs a few stats, and interprets nothing."""
    from keyturn.errors import ConfigurationError

    managed = world.managed_dir()
    try:
        user = texts.trace(places.joined(world.claude_dir(), "settings.json"))
    except ConfigurationError:
        user = (0, 0, 0)  # a CLAUDE_CONFIG_DIR that is none; reading says so
    at = world.cwd().rstrip("/")
    drop_ins = texts.trace(places.joined(managed, "managed-settings.d"))
    project = tuple(texts.trace(f"{at}/{name}") for name in PROJECT_FILES.values())
    marks = (texts.trace(places.joined(managed, "managed-settings.json")), drop_ins, user, *project)
    if drop_ins is None and project == (None, None):
        return marks
    from keyturn.settings.reading import further_marks

    return (*marks, further_marks(world, managed=drop_ins is not None, project=project != (None, None)))


def read_settings(world: World, marks: Sequence[object] | None = None) -> Settings:
    """The settings of all files. Raises nothing that a file could cause: see `Settings.damages`."""
    if not any(marks_of(world) if marks is None else marks):
        return Settings(damages=(), found={}, ignored=(), world=world)
    from keyturn.settings.reading import read

    return read(world)
