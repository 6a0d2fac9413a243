"""What `keyturn login` says and does once a login is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keyturn.auth import Auth
from keyturn.clean import clean
from keyturn.cli.typed import flag_of
from keyturn.errors import AuthError, Rejected, Unavailable
from keyturn.stores import login_of, open_store

if TYPE_CHECKING:
    from keyturn.cli.terminal import Terminal
    from keyturn.login import Login
    from keyturn.settings.config import Profile

_TEXT_LIMIT = 1000


def forget_former_store(terminal: Terminal, before: Profile, after: Profile) -> None:
    """A login that is made in another store leaves no live copy behind, and running programs follow it."""
    former = open_store(terminal.world, before.name, before.store)
    to = open_store(terminal.world, after.name, after.store).kind
    if former.kind == to:
        return
    from keyturn.oauth.move import retire

    try:
        retire(terminal.world, before.name, former.kind, to)
    except AuthError as error:
        terminal.warn(f"the former login in {former.where} could not be removed: {error.message}")


def say_nothing_changed(terminal: Terminal, profile: Profile) -> None:
    """The login that came is the one that is stored."""
    text = f"profile {profile.name} holds this login already; nothing was changed"
    answer(terminal, text, {"profile": profile.name, "changed": False})
    kept = login_of(open_store(terminal.world, profile.name, profile.store).glance())
    if kept is not None and kept.quarantine is not None:
        terminal.warn(f"it has ended: {kept.quarantine.reason}; provide a new one, or run keyturn login")


def warn_of_unapplied(terminal: Terminal, before: Profile, typed: dict[str, Any]) -> None:
    """A login that stays as it is stays with what it was made with, whatever was typed this time."""
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in typed.items()}
    names = [flag_of(name) for name, value in values.items() if getattr(before, name) != value]
    if names:
        terminal.warn(
            f"{', '.join(names)} did not count, because the login is the one that is stored; "
            f"to apply them: keyturn logout --profile {before.name}, then provide a new login"
        )


def report(terminal: Terminal, login: Login, profile: Profile) -> None:
    """Say whose login is stored where, and what still comes before it."""
    auth = Auth(profile=profile.name, world=terminal.world)
    where = clean(auth.scene().store.where, _TEXT_LIMIT)
    who = clean(login.who or "an unnamed account")
    what = "the API key is" if login.kind == "api_key" else f"logged in as {who};"
    found = auth.explain()
    winner = found.winner
    facts = {
        "profile": profile.name,
        "changed": True,
        "kind": login.kind,
        "account": clean(login.who) if login.who else None,
        "where": where,
        "winner": winner.source.id if winner is not None else None,
    }
    answer(terminal, f"{what} stored in profile {profile.name} ({where})", facts)
    if winner is not None and winner.source.id != "stored-login":
        terminal.warn(f"{winner.source.name} still comes first; see: keyturn explain")
    elif winner is not None and winner.offer is None:
        terminal.warn(f"it cannot be used yet: {winner.why}")
    for warning in found.warnings:
        terminal.warn(warning)


def answer(terminal: Terminal, text: str, facts: dict[str, Any]) -> None:
    """The answer of a login, for people or for programs."""
    if terminal.json:
        terminal.print_json({"version": 1, **facts})
    else:
        terminal.print(text)


def verify_now(terminal: Terminal, profile: Profile) -> None:
    """The chooser ends in what works, or in an error with the next command."""
    from keyturn.verify import verify

    terminal.flush()
    found = verify(Auth(profile=profile.name, source="stored-login", world=terminal.world))
    if found.verdict == "accepted":
        terminal.note(f"verified: {found.detail}")
        return
    if found.verdict == "rejected":
        raise Rejected(
            f"it is stored, but does not work: {found.detail}",
            hint="log in again: keyturn login; or remove it: keyturn logout",
            code="not_accepted",
        )
    raise Unavailable(
        f"it is stored, but could not be verified: {found.detail}",
        hint="try it again: keyturn status --verify",
        code="not_verified",
    )
