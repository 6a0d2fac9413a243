"""What programs leave beside a record: locks, journals, troubles, and files of those that were killed."""

from __future__ import annotations

import os

from keyturn.cli.times import rfc3339, span
from keyturn.doctor.findings import LOGIN, error, note, of_error, quote, warning
from keyturn.doctor.holders import holder
from keyturn.errors import AuthError
from keyturn.login import Login
from keyturn.oauth.renew import WAIT_SECONDS
from keyturn.oauth.spend import SENDINGS
from keyturn.stores.journal import JournalFile
from keyturn.stores.sidecar import FARTHEST_SECONDS, SideCarFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keyturn.doctor.findings import Finding
    from keyturn.doctor.holders import Holder
    from keyturn.login import Record
    from keyturn.world import World

# a writer needs milliseconds; what is older was left by one that was killed
_WRITING_SECONDS = 60.0


def lock(path: str, world: World) -> list[Finding]:
    """Who holds it, and for how long."""
    held = holder(path, world)
    if held is None:
        return []
    if held.since is None:
        return [
            warning("lock_held", "somebody holds it, and did not say who", path, f"fuser -v {quote(path)}")
        ]
    seconds = world.now() - held.since
    text = f"process {held.pid} on {held.host} has held it for {span(seconds)}"
    if seconds <= WAIT_SECONDS:
        return [note("lock_held", text, path, _at(held, f"ps -p {held.pid}", path, world))]
    text = f"{text}, longer than anybody waits for it"
    return [warning("lock_held", text, path, _at(held, f"kill {held.pid}", path, world))]


def _at(held: Holder, command: str, path: str, world: World) -> str:
    """A command about a process, for the machine on which its number means that process and no other."""
    if not (held.pid.isascii() and held.pid.isdigit()):
        return f"fuser -v {quote(path)}"
    return command if held.host == world.host() else f"ssh {quote(held.host)} {command}"


def journal(path: str, record: Record | None, name: str, now: float) -> list[Finding]:
    """A renewal whose outcome is not known, and a login that could be saved nowhere else."""
    book = JournalFile(path)
    try:
        rescued, intent = book.rescued(), book.intent()
    except AuthError as failure:
        return [of_error(failure, path)]
    if rescued is not None and isinstance(record, Login) and _is_about(rescued.replaces, record):
        text = (
            f"profile {name}: a renewed login could not be saved and waits here; every renewal tries it again"
        )
        return [error("login_waits_in_journal", text, path, f"keyturn token --profile {name} > /dev/null")]
    if intent is None and rescued is None:
        return []
    if intent is None or not isinstance(record, Login) or not _is_about(intent, record):
        text = f"profile {name}: it speaks of a login that is not stored any more, and will be dropped"
        return [note("journal_stale", text, path, f"rm {quote(path)}")]
    since = f"the answer to a renewal was lost at {rfc3339(intent.at)}, {span(now - intent.at)} ago"
    if intent.attempt >= SENDINGS:
        text = f"profile {name}: {since}, and so was that to the second try: the login cannot be renewed"
        return [error("answer_lost", text, path, f"keyturn login --profile {name}", LOGIN)]
    text = f"profile {name}: {since}; it is tried once more when the current token has run out"
    return [note("renewal_unsettled", text, path, f"keyturn token --profile {name} > /dev/null")]


def trouble(path: str, record: Record | None, name: str, now: float) -> list[Finding]:
    """How the last renewal failed, if nothing has happened to the login since."""
    last = SideCarFile(path).read()
    if last is None or not isinstance(record, Login):
        return []
    if record.refresh_token is not None and record.identity.refresh_hash != last.refresh_hash:
        return []
    ago = f"{span(now - last.at)} ago" if last.at <= now else "by a clock that was ahead"
    text = f"profile {name}: the last renewal failed {ago} ({last.message})"
    if now < last.retry_at <= now + FARTHEST_SECONDS:
        text += f"; the next try is in {span(last.retry_at - now)}"
    return [note("renewal_failed", text, path, "keyturn doctor --network")]


def leftovers(directory: str, now: float) -> list[Finding]:
    """Files of writers that were killed, and damaged records that were moved aside."""
    found: list[Finding] = []
    try:
        entries = sorted(os.listdir(directory))
    except OSError:
        return []
    for entry in entries:
        path = f"{directory}/{entry}"
        try:
            age = now - os.lstat(path).st_mtime
        except OSError:
            continue
        if entry.startswith(".") and entry.endswith(".tmp") and age > _WRITING_SECONDS:
            text = f"a writer that was killed left it {span(age)} ago; the next renewal settles it"
            found.append(note("leftover", text, path))
        elif ".json.corrupt-" in entry:
            text = f"a damaged record that was moved aside {span(age)} ago; a token in it may still be alive"
            found.append(warning("damaged_copy", text, path, f"rm {quote(path)}"))
    return found


def _is_about(said: object, login: Login) -> bool:
    """By login and generation: a keychain's cache has no refresh token to compare."""
    return (getattr(said, "login_id", None), getattr(said, "generation", None)) == (
        login.login_id,
        login.generation,
    )
