"""Settings files: bytes in, settings out; strict JSON, and errors with file, line, column or key."""

from __future__ import annotations

from keyturn import jsontext
from keyturn.clean import clean
from keyturn.errors import AuthError, ConfigurationError, frameless
from keyturn.settings.layers import PROJECT_FILES, Setting, Settings, no_project
from keyturn.settings.parsing import CODE, COMMANDS, FORCED, parsed
from keyturn.world import files, places, texts
from keyturn.world.settings import NotUsable, drop_ins, read_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from keyturn.settings.layers import Scope
    from keyturn.world import World


_LONGEST_NAME = 128
# variables that keyturn reads, by how they begin; settings files hold many for other programs
_OURS = ("ANTHROPIC_", "AWS_", "CLAUDE_CODE_", "CLOUD_ML_REGION", "GCLOUD_", "GOOGLE_", "VERTEX_")


def is_of_keyturn(key: str) -> bool:
    """Whether a setting says anything to keyturn."""
    return not key.startswith("env.") or key.removeprefix("env.").startswith(_OURS)


class _Found:
    """What is gathered while the files are read, lowest scope first."""

    def __init__(self) -> None:
        self.settings: dict[str, Setting] = {}
        self.ignored: list[str] = []
        self.damages: list[AuthError] = []


def read(world: World) -> Settings:
    """The settings of all scopes; damage is told in `damages`, and what is whole counts all the same."""
    found = _Found()
    try:
        _read_own(found, "user", places.joined(world.claude_dir(), "settings.json"))
    except ConfigurationError as error:  # CLAUDE_CONFIG_DIR is not a path
        found.damages.append(error)
    _read_project(found, world)
    try:
        for path in _managed(world):
            _read_own(found, "managed", path)
    except NotUsable as unusable:
        found.damages.append(_unusable(drop_ins_of(world), unusable))
    return Settings(
        damages=tuple(reversed(found.damages)),  # what matters most first
        found=found.settings,
        ignored=tuple(found.ignored),
        world=world,
    )


def further_marks(world: World, *, managed: bool, project: bool) -> tuple[object, ...]:
    """Marks of what is only there on some machines: drop-ins, and the record of trust in projects."""
    marks: list[object] = []
    if managed:
        try:
            marks += [texts.trace(path) for path in _managed(world)]
        except NotUsable:
            marks.append("a directory that cannot be listed")
    if project:
        from keyturn.settings.consent import path_of

        marks.append(files.mark(path_of(world)))
    return tuple(marks)


def _managed(world: World) -> Iterator[str]:
    """The administrator's files, in the order they are laid over each other. Raises: NotUsable."""
    yield places.joined(world.managed_dir(), "managed-settings.json")
    for name in drop_ins(drop_ins_of(world)):
        yield places.joined(drop_ins_of(world), name)


def drop_ins_of(world: World) -> str:
    """The directory of the administrator's further files."""
    return places.joined(world.managed_dir(), "managed-settings.d")


def _unusable(path: str, unusable: NotUsable) -> AuthError:
    return ConfigurationError(f"{path} {unusable.why}", hint=unusable.hint, code=CODE, path=path)


def _read_own(found: _Found, scope: Scope, path: str) -> None:
    """A file of the administrator or of the user: whatever is wrong with it is an error."""
    try:
        content = read_bytes(path, closed=True)
    except NotUsable as unusable:
        found.damages.append(_unusable(path, unusable))
        return
    if content is not None:
        _take(found, scope, path, content)


def _read_project(found: _Found, world: World) -> None:
    """The working directory's files, if they are trusted; else nothing, not even what is wrong with them."""
    place = world.cwd()
    held: dict[str, bytes] = {}
    for scope, name in PROJECT_FILES.items():
        path = f"{place.rstrip('/')}/{name}"
        try:
            content = read_bytes(path)
        except NotUsable as unusable:
            found.ignored.append(f"{path} {unusable.why}")
            continue
        if content is not None:
            held[scope] = content
    if not held or no_project(world, place):
        return
    from keyturn.settings.trust import judge

    try:
        verdict = judge(world, place, held)
    except AuthError as error:  # a file that was trusted, and is damaged now
        found.damages.append(error)
        return
    for scope, content in held.items():
        path = f"{place.rstrip('/')}/{PROJECT_FILES[scope]}"
        if verdict.state == "trusted":
            _take(found, "local" if scope == "local" else "project", path, content)
        elif verdict.state == "changed":
            found.ignored.append(
                f"project settings not trusted ({path}): {clean(verdict.why)}; keyturn trust"
            )
        else:
            found.ignored.append(f"project settings not trusted ({path}); keyturn trust")


@frameless
def _take(found: _Found, scope: Scope, path: str, content: bytes) -> None:
    """Lay one file over what the lower ones said."""
    try:
        fields = parsed(path, content)
    except ConfigurationError as error:
        found.damages.append(error)
        return
    for key in (*COMMANDS, *FORCED):
        if key in fields:
            _keep(found, scope, path, key, fields[key])
    env = fields.get("env", {})
    if not isinstance(env, dict):
        found.damages.append(_wrong(path, "env", "an object of variables"))
        return
    for name, value in env.items():
        if scope in ("project", "local") and _never(name):
            found.ignored.append(f"{_shown(f'env.{name}')} in {path}: never taken from a project")
        else:
            _keep(found, scope, path, f"env.{name}", value)


def _keep(found: _Found, scope: Scope, path: str, key: str, value: object) -> None:
    text = _text(key, value)
    if text is None:
        wanted = "a text, or a list of them" if key == "forceLoginOrgUUID" else "a text"
        found.damages.append(_wrong(path, _shown(key), wanted))
    else:
        found.settings[key] = Setting(key=key, path=path, scope=scope, value=text)


def _text(key: str, value: object) -> str | None:
    if key.startswith("env."):
        # people write 1 and true in `env`, and mean what a shell would make of it
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int):
            return str(value)
    if key == "forceLoginOrgUUID" and isinstance(value, list):
        return jsontext.dump(value) if all(isinstance(item, str) for item in value) else None
    if not isinstance(value, str) or "\0" in value or any("\ud800" <= one <= "\udfff" for one in value):
        return None
    return value


def _shown(key: str) -> str:
    """A key as it may be told: what is no name may be a secret that went to the wrong side of the colon."""
    name = key.removeprefix("env.")
    return key if name.isascii() and name.isidentifier() and len(name) <= _LONGEST_NAME else "env.?"


def _never(name: str) -> bool:
    from keyturn.settings.never import never_from_project

    return never_from_project(name)


def _wrong(path: str, key: str, wanted: str) -> AuthError:
    return ConfigurationError(
        f"{path}: {key} is not {wanted}",
        hint=f"correct {key} in {path} by hand",
        code=CODE,
        path=path,
        key=key,
    )
