"""Trust in a project: what its settings would do, and whether a person has agreed to just that.

Consent is to content, for one canonical path: what is hashed are the keys that keyturn uses, and every file
of the project that a command names (T2). It lies outside the project, and no byte of the project is
interpreted before there is a record for its path (T1): who writes a project has no vote on the trust in it.
"""

from __future__ import annotations

from keyturn.errors import Refused
from keyturn.settings import consent
from keyturn.settings.layers import PROJECT_FILES, no_project
from keyturn.settings.never import never_from_project
from keyturn.settings.parsing import COMMANDS, FORCED, parsed
from keyturn.settings.words import TooMany, named_files
from keyturn.values import Value
from keyturn.world.settings import NotUsable, read_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from keyturn.settings.layers import Setting
    from keyturn.world import World

FILE = "file "  # before the path of a file that a command names, in a record
_MISSING = "which of the named files are there"
_EVERY = f"{FILE}after file that a command names"
_NAMED = 3  # changes that one line names


class Item(Value):
    """One thing that a project's settings would have an effect with.

    `kind` is command, host, variable or policy; `scope` is that of the file; `value` is as it stands there.
    """

    __slots__ = ("key", "kind", "scope", "value")
    key: str
    kind: str
    scope: str
    value: object

    @property
    def name(self) -> str:
        """What it is called in a record and to a person: `apiKeyHelper in .claude/settings.json`."""
        return f"{self.key} in {PROJECT_FILES[self.scope]}"


class Contents(Value):
    """The settings of a project: what counts if they are trusted, and the variables that never do."""

    __slots__ = ("items", "never")
    items: tuple[Item, ...]
    never: tuple[str, ...]

    def commands(self) -> tuple[str, ...]:
        """The texts of its commands."""
        return tuple(
            item.value for item in self.items if item.kind == "command" and isinstance(item.value, str)
        )


class Verdict(Value):
    """Whether a project is trusted: `state` is trusted, untrusted or changed; `changed` names what is new.

    `why` says what keeps it from being trusted, for `explain`. It holds text of the project: clean it.
    """

    __slots__ = ("changed", "state", "why")
    changed: tuple[str, ...]
    state: str
    why: str


def is_trusted(world: World, project: str, files: Mapping[str, bytes]) -> bool:
    """Whether a person agreed to these settings, as bytes of each scope (project, local) that has a file.

    Raises: ConfigurationError with file, line and column, when a project that was trusted is damaged now.
    """
    return judge(world, project, files).state == "trusted"


def judge(world: World, project: str, files: Mapping[str, bytes]) -> Verdict:
    """As `is_trusted`, with what is missing or has changed. Raises: as that."""
    place = world.canonical(project)
    if reason := no_project(world, place):
        return Verdict(state="untrusted", changed=(), why=reason)
    given, trouble = consent.recorded(world, place)
    if given is None:
        return Verdict(state="untrusted", changed=(), why=trouble or "nobody has trusted it")
    changed = consent.differences(given, evidence(world, place, contents(place, files), given))
    if changed:
        return Verdict(
            state="changed", changed=changed, why=f"changed since it was trusted: {_listed(changed)}"
        )
    return Verdict(state="trusted", changed=(), why="")


def check_again(world: World, setting: Setting) -> None:
    """See, just before a command of a project runs, that it is still what a person agreed to.

    Everything is read anew. Raises: Refused when anything of it changed; ConfigurationError.
    """
    project = project_of(world, setting.path or "")
    files = read(project)
    verdict = judge(world, project, files)
    if verdict.state == "trusted" and not _still_says(contents(project, files), setting):
        verdict = verdict.replace(state="changed", why="it was changed in this moment")
    if verdict.state != "trusted":
        from shlex import quote  # whoever named the directory shall not write the next command

        raise Refused(
            f"{setting.key} of {setting.path} is not run: {verdict.why}",
            hint=f"look at it, and if it is right, trust it: keyturn trust {quote(project)}",
            code="untrusted",
            path=setting.path,
        )


def contents(project: str, files: Mapping[str, bytes]) -> Contents:
    """What the settings say, as far as keyturn uses it; commands first.

    Raises: ConfigurationError with file, line and column.
    """
    items: list[Item] = []
    never: dict[str, None] = {}
    for scope, place in PROJECT_FILES.items():
        if scope not in files:
            continue
        found = parsed(f"{project}/{place}", files[scope])
        items += [
            Item(key=key, kind="command", scope=scope, value=found[key]) for key in COMMANDS if key in found
        ]
        items += [
            Item(key=key, kind="policy", scope=scope, value=found[key]) for key in FORCED if key in found
        ]
        env = found.get("env", {})
        if not isinstance(env, dict):
            items.append(Item(key="env", kind="variable", scope=scope, value=env))
            continue
        never |= dict.fromkeys(name for name in env if never_from_project(name))
        items += [
            Item(key=f"env.{name}", kind=_kind(value), scope=scope, value=value)
            for name, value in env.items()
            if not never_from_project(name)
        ]
    order = ("command", "host", "variable", "policy")
    return Contents(items=tuple(sorted(items, key=lambda item: order.index(item.kind))), never=tuple(never))


def evidence(
    world: World, project: str, found: Contents, given: Mapping[str, str] | None = None
) -> dict[str, str | None]:
    """What consent is held to: a hash for each item, and for each file that a command names.

    With `given`, an earlier evidence, nothing new is said of files when the items differ already: the disk is
    not searched for what nobody has agreed to.
    """
    from keyturn.world.pins import pin

    held: dict[str, str | None] = {}
    for item in found.items:
        held[item.name] = _hash(_canonical(item.value))
    of_files = {n: v for n, v in (given or {}).items() if n.startswith(FILE) or n == _MISSING}
    if given is not None and {n: v for n, v in given.items() if n not in of_files} != held:
        return {**held, **of_files}
    missing: list[str] = []
    for text in found.commands():
        try:
            names = named_files(world, project, text)
        except TooMany:
            held[_EVERY] = None
            continue
        for path in names:
            state = pin(f"{project.rstrip('/')}/{path}")
            if state == "missing":
                missing.append(path)
            else:
                held[f"{FILE}{path}"] = state
    # by a hash: most words name no file, and one may be a secret
    held[_MISSING] = _hash("\0".join(sorted(missing)))
    return held


def read(project: str) -> dict[str, bytes]:
    """The settings files of a project as bytes, by scope; what may not be one is left out (T5)."""
    found: dict[str, bytes] = {}
    for scope, place in PROJECT_FILES.items():
        try:
            data = read_bytes(f"{project.rstrip('/')}/{place}")
        except NotUsable:
            continue
        if data is not None:
            found[scope] = data
    return found


def project_of(world: World, path: str) -> str:
    """The canonical path of the project that a settings file lies in."""
    return world.canonical(path.replace("\\", "/").rpartition("/.claude/")[0] or "/")


def _still_says(found: Contents, setting: Setting) -> bool:
    return any(item.key == setting.key and item.value == setting.value for item in found.items)


def _kind(value: object) -> str:
    """A variable that holds an address says where something is sent to."""
    return "host" if isinstance(value, str) and "://" in value else "variable"


def _canonical(value: object) -> str:
    """One spelling of a JSON value, whatever order its file has."""
    import json

    return json.dumps(value, sort_keys=True)


def _hash(text: str) -> str:
    from hashlib import sha256

    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _listed(changed: tuple[str, ...]) -> str:
    more = len(changed) - _NAMED
    return ", ".join(changed[:_NAMED]) + (f" and {more} more" if more > 0 else "")
