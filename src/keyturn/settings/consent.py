"""The record of consent: `trust.json` in the state directory, outside every project (T2).

For each canonical path it has the hash of every item and file that a person agreed to. No text of a
project is copied into it: a command could hold a key.
"""

from __future__ import annotations

from keyturn import jsontext
from keyturn.errors import StoreCorrupt, StoreError
from keyturn.values import Value
from keyturn.world import directories, files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from keyturn.world import World
    from keyturn.world.locks import FileLock

VERSION = 1
LOCK_SECONDS = 10.0


class Consent(Value):
    """That a person agreed: when, in Unix seconds, and to what, as names and hashes."""

    __slots__ = ("given_at", "items", "project")
    given_at: float
    items: Mapping[str, str]
    project: str


def recorded(world: World, project: str) -> tuple[Mapping[str, str] | None, str | None]:
    """What was agreed to for a canonical path, or None; and what keeps the record from being read, if so.

    Whatever is wrong with the record, nothing is trusted for it.
    """
    try:
        found = _entries(world).get(project)
    except StoreError as error:
        return None, error.message
    return (found.items if found is not None else None), None


def all_recorded(world: World) -> tuple[Consent, ...]:
    """Every consent, by path. Raises: StoreError."""
    entries = _entries(world)
    return tuple(entries[path] for path in sorted(entries))


def grant(world: World, project: str, items: Mapping[str, str]) -> None:
    """Record consent for a canonical path, durably, in place of an earlier one.

    Raises: StoreError, Unavailable.
    """
    _change(world, project, Consent(project=project, given_at=world.now(), items=dict(items)))


def withdraw(world: World, project: str) -> bool:
    """Forget consent; False when there was none. Raises: StoreError, Unavailable."""
    return project in _entries(world) and _change(world, project, None)


def differences(given: Mapping[str, str], now: Mapping[str, str | None]) -> tuple[str, ...]:
    """The names of what is new, gone or other than it was; what cannot be held to anything always is."""
    names = {*given, *now}
    return tuple(sorted(n for n in names if now.get(n) is None or given.get(n) != now.get(n)))


def path_of(world: World) -> str:
    """Where the record lies. Raises: ConfigurationError."""
    return f"{world.state_dir()}/trust.json"


def _change(world: World, project: str, entry: Consent | None) -> bool:
    path = path_of(world)
    directories.make_private_directory(world.state_dir())
    lock = _lock(world)
    lock.acquire(seconds=LOCK_SECONDS)
    try:
        entries = _entries(world)
        known = entries.pop(project, None) is not None
        if entry is not None:
            entries[project] = entry
        files.sweep(path)
        files.write_durably(path, _written(entries))
    finally:
        lock.release()
    return known


def _lock(world: World) -> FileLock:
    from keyturn.world.locks import FileLock

    return FileLock(f"{world.state_dir()}/trust.lock", world)


def _entries(world: World) -> dict[str, Consent]:
    path = path_of(world)
    found = files.read_private(path)
    if found is None:
        return {}
    try:
        raw = jsontext.parse_object(found.text)
        if raw.get("version") != VERSION:
            raise StoreCorrupt(
                f"{path} was written by another version of keyturn (version {raw.get('version')!r:.20})",
                hint="use the newer keyturn, or move the file away and trust again",
                path=path,
            )
        return {project: _entry(project, fields) for project, fields in raw["projects"].items()}
    except (jsontext.NotJson, KeyError, TypeError, AttributeError, ValueError) as error:
        why = str(error) if isinstance(error, jsontext.NotJson) else "a field is missing or of a wrong kind"
        raise StoreCorrupt(
            f"{path} is damaged: {why}",
            hint=f"move it away, and trust again: mv {path} {path}.old",
            path=path,
        ) from None


def _entry(project: str, fields: Any) -> Consent:  # noqa: ANN401 - JSON, checked here
    items = {str(name): value for name, value in fields["items"].items() if isinstance(value, str)}
    if len(items) != len(fields["items"]):
        raise TypeError
    return Consent(project=project, given_at=float(fields["given_at"]), items=items)


def _written(entries: Mapping[str, Consent]) -> str:
    projects = {
        path: {"given_at": entry.given_at, "items": dict(sorted(entry.items.items()))}
        for path, entry in sorted(entries.items())
    }
    return jsontext.dump({"version": VERSION, "projects": projects}, indent=2) + "\n"
