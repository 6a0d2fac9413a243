"""Each profile's files: record, lock, journal, side-car, and a login in a store that it does not use."""

from __future__ import annotations

import os

from keyturn.doctor import traces
from keyturn.doctor.findings import CLOCK, LOGIN, error, of_error, repair_of, warning
from keyturn.errors import AuthError, ConfigurationError, StoreCorrupt
from keyturn.login import Login
from keyturn.world import directories, files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keyturn.doctor.findings import Finding
    from keyturn.login import Record
    from keyturn.settings.config import Config
    from keyturn.world import World

# a record that is younger than now by more than this was written under another date
_FUTURE_SECONDS = 300.0
# a login that ends within this time is said to; one that is short from its start, in its last fifth
SOON_SECONDS = 3 * 86400.0


def examine(world: World, config: Config | None) -> list[Finding]:
    """Look at every profile that is configured or left a file."""
    from keyturn.settings.config import is_name

    directory = f"{world.state_dir()}/logins"
    found: list[Finding] = []
    names = {name for suffix in (".json", ".cache") for name in files.names(directory, suffix)}
    names = {name for name in names if is_name(name)}  # no other is a profile's, nor fit for a command
    names |= set(config.profiles) if config is not None else set()
    for name in sorted(names):
        found += _profile(world, config, directory, name)
    return found + traces.leftovers(directory, world.now())


def _profile(world: World, config: Config | None, directory: str, name: str) -> list[Finding]:
    from keyturn.stores import open_store

    try:
        kind = open_store(world, name, config.profile(name).store if config is not None else "auto").kind
    except ConfigurationError as failure:
        path = config.path if config is not None else None
        return [of_error(failure, path)]
    path = f"{directory}/{name}.{'json' if kind == 'file' else 'cache'}"
    found: list[Finding] = []
    record: Record | None = None
    try:
        record = read(path)
    except AuthError as failure:
        found.append(_unreadable(failure, path, name))
    if isinstance(record, Login):
        found += _login(world, config, record, path, kind)
    if kind == "keychain" and (record is not None or _is_configured(config, name)):
        found += _keychain(world, name)
    found += traces.lock(f"{directory}/{name}.lock", world)
    found += traces.journal(f"{directory}/{name}.journal", record, name, world.now())
    found += traces.trouble(f"{directory}/{name}.state", record, name, world.now())
    return found + _sibling(world, name, kind)


def read(path: str) -> Record | None:
    """A record or a keychain's cache, without taking or making a lock. Raises: StoreError, AuthError."""
    from keyturn.records import read_record

    found = files.read_private(path)
    return None if found is None else read_record(found.text, path)


def _unreadable(failure: AuthError, path: str, name: str) -> Finding:
    if isinstance(failure, StoreCorrupt):
        text = f"profile {name}: {failure.message}"
        return error(failure.code, text, path, f"keyturn login --profile {name}")
    return of_error(failure, path)


def _is_configured(config: Config | None, name: str) -> bool:
    return config is not None and name in config.profiles


def _login(world: World, config: Config | None, login: Login, path: str, kind: str) -> list[Finding]:
    from keyturn.scene import Scene
    from keyturn.sources import stored_login

    found: list[Finding] = []
    if kind == "file":
        try:
            directories.check_replaceable(path)
        except AuthError as failure:
            text = f"{failure.message}; {failure.hint}"
            found.append(error("record_mounted", text, path, repair_of(failure)))
    name = os.path.basename(path).rpartition(".")[0]
    ahead = login.issued_at - world.now()
    if ahead > _FUTURE_SECONDS:
        text = f"profile {name}: its login was made {_span(ahead)} from now, so a clock is or was wrong"
        found.append(warning("record_from_the_future", text, path, "sudo timedatectl set-ntp true", CLOCK))
    found += _end(login, name, path, world.now())
    if config is not None:
        try:
            scene = Scene(world, config, config.profile(name), "doctor")
            stored_login.look(scene.in_spite_of_damage())  # of which settings files are told by themselves
        except ConfigurationError as failure:
            found.append(of_error(failure, config.path))
        except AuthError:
            pass  # what a variable has to do with it is for `explain`; the store's own trouble is said above
    return found


def _end(login: Login, name: str, path: str, now: float) -> list[Finding]:
    """Whether the login has ended, is about to, or ends with its token."""
    repair = f"keyturn login --profile {name}"
    until = None if login.renewable or login.api_key is not None else login.expires_at
    if until is not None and until <= now:
        why = login.quarantine.reason if login.quarantine is not None else "it cannot be renewed"
        text = f"profile {name}: its token ran out {_span(now - until)} ago, and {why}"
        return [error("login_dead", text, path, repair, LOGIN)]
    if login.quarantine is not None:
        text = f"profile {name}: its login ends with its token: {login.quarantine.reason}"
        return [warning("login_ended", text, path, repair, LOGIN)]
    ends = min((at for at in (until, login.ends_at) if at is not None), default=None)
    if ends is not None and ends - now <= min(SOON_SECONDS, (ends - login.issued_at) / 5):
        when = f"ends in {_span(ends - now)}" if ends > now else f"ended {_span(now - ends)} ago"
        return [warning("login_expires", f"profile {name}: its login {when}", path, repair, LOGIN)]
    return []


def _keychain(world: World, name: str) -> list[Finding]:
    from keyturn.stores.secret_service import Item

    item = Item(world, name)
    try:
        item.prove_reachable()
    except AuthError as failure:
        return [of_error(failure, item.where)]
    return []


def _sibling(world: World, name: str, kind: str) -> list[Finding]:
    from keyturn.stores.siblings import sibling

    other = sibling(world, name, kind)
    if other is None:
        return []
    age = _span(max(0.0, world.now() - other.login.issued_at))
    text = (
        f"profile {name} keeps its login in the {kind} store, and another one, {age} old, "
        f"lies in the {other.store.kind} store; it is not used"
    )
    repair = f"keyturn login --profile {name} --store {kind}"
    return [warning("stale_sibling", text, other.store.where, repair)]


def _span(seconds: float) -> str:
    from keyturn.cli.times import span

    return span(seconds)
