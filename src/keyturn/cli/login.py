"""`keyturn login`: by browser, by paste, from a token answer or with an API key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keyturn.auth import Auth
from keyturn.clean import clean
from keyturn.cli.person import TerminalPerson
from keyturn.cli.typed import add_flags, applied, check_rememberable, flag_of, remember, typed_of
from keyturn.errors import AuthError, NoCredential, Rejected, Unavailable, UsageError
from keyturn.settings.config import read_config
from keyturn.stores import login_of, open_store

if TYPE_CHECKING:
    import argparse

    from keyturn.cli.terminal import Terminal
    from keyturn.login import Login
    from keyturn.settings.config import Profile

_INPUT_LIMIT = 1024 * 1024
_TEXT_LIMIT = 1000


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `login`."""
    add_flags(parser)
    way = parser.add_mutually_exclusive_group()
    way.add_argument(
        "--no-browser", action="store_true", help="show the address and read the code from standard input"
    )
    way.add_argument(
        "--device", action="store_true", help="log in with a code on another device (not in this version)"
    )
    way.add_argument("--from-json", metavar="-", help="store the token answer on standard input")
    way.add_argument(
        "--with-api-key", action="store_true", help="store the API key on standard input, or ask for it"
    )
    parser.add_argument(
        "--callback-port", type=int, default=0, metavar="PORT", help="the loopback port to listen on"
    )
    parser.add_argument(
        "--yes", action="store_true", help="agree without being asked, also to replacing another account"
    )


def run(options: argparse.Namespace, terminal: Terminal) -> int:
    """Log in, store it, remember what was typed, and say what holds now."""
    _check_way(options)
    world = terminal.world
    config = read_config(world)
    name, _ = config.chosen(options.profile, world)
    typed = typed_of(options)
    before = config.profile(name)
    profile = applied(before, typed)
    if set(typed) == {"store"} and not (options.from_json or options.with_api_key):
        from keyturn.cli.move import moved

        if moved(terminal, config, before, typed):
            return 0
    person = TerminalPerson(terminal)
    chosen = not (profile.issuer or profile.token_url or options.from_json or options.with_api_key)
    if chosen:
        typed |= _choose(profile, person, terminal)
        options.with_api_key = typed.pop("with_api_key", False)
        profile = applied(before, typed)
    check_rememberable(world, config, name, typed)
    login = _log_in(options, terminal, profile, person, typed)
    if login is None:
        _say_nothing_changed(terminal, profile)
        _warn_of_unapplied(terminal, before, typed)
        return 0
    remember(world, config, name, typed)
    _forget_former_store(terminal, before, profile)
    _report(terminal, login, profile)
    if chosen:
        _verify(terminal, profile)
    return 0


def _check_way(options: argparse.Namespace) -> None:
    if options.device:
        raise UsageError(
            "login by device code is not in this version of keyturn",
            hint="log in with a code to paste: keyturn login --no-browser",
            code="no_device_login",
        )
    if options.from_json not in (None, "-"):
        raise UsageError(
            "--from-json reads standard input only, so that no token is left in a file by accident",
            hint="run: keyturn login --from-json - < token.json",
        )


def _choose(profile: Profile, person: TerminalPerson, terminal: Terminal) -> dict[str, Any]:
    if not person.present:
        raise NoCredential(
            f"profile {profile.name} names no authority to log in to, and {terminal.why_not_ask}",
            hint="name one: keyturn login --issuer https://… --api-base-url https://…; "
            "or pipe an API key in: keyturn login --with-api-key < key.txt; or set ANTHROPIC_API_KEY",
            code="no_authority",
        )
    from keyturn.cli.chooser import choose

    return choose(person, terminal.world)


def _log_in(
    options: argparse.Namespace,
    terminal: Terminal,
    profile: Profile,
    person: TerminalPerson,
    typed: dict[str, Any],
) -> Login | None:
    world = terminal.world
    store = open_store(world, profile.name, profile.store)
    if options.from_json:
        from keyturn.oauth.provision import from_json

        return from_json(_stdin(terminal, person), world, profile, store, person, yes=options.yes)
    if options.with_api_key:
        from keyturn.oauth.provision import from_api_key

        key = _typed_key(person) if person.present else _stdin(terminal, person)
        return from_api_key(key, world, profile, store, person, yes=options.yes)
    if not person.present and (not options.no_browser or _is_terminal(terminal)):
        raise NoCredential(
            f"logging in needs a person on a terminal, and {terminal.why_not_ask}",
            hint="on a machine nobody logs in on: keyturn login --from-json - or --with-api-key; "
            "to pipe a code in: keyturn login --no-browser",
            code="no_terminal",
        )
    from keyturn.oauth.asking import Wish
    from keyturn.oauth.authority import metadata_of
    from keyturn.oauth.login import log_in

    metadata = metadata_of(world, profile)
    if profile.api_base_url is None and metadata.api_base_url is None and person.present:
        # a login must know where it may go; the sandbox says so itself, everybody else is asked
        answer = person.ask("address of the API this login is for (https://…): ")
        # as for the issuer: people type host names
        typed |= {"api_base_url": answer if "://" in answer else f"https://{answer}"} if answer else {}
        profile = applied(profile, typed)
    wish = Wish(browser=not options.no_browser, callback_port=options.callback_port, yes=options.yes)
    return log_in(world, profile, store, person, wish, metadata)


def _typed_key(person: TerminalPerson) -> str:
    key = person.ask_secret("API key (not shown): ")
    if not key.strip():
        raise UsageError(
            "no API key was typed, nothing was changed",
            hint="run keyturn login --with-api-key again, and paste the key",
            code="no_key",
        )
    return key


def _stdin(terminal: Terminal, person: TerminalPerson) -> str:
    """All of standard input. Raises: NoCredential for a terminal that nobody may be asked on, UsageError."""
    stream = terminal.stdin
    if _is_terminal(terminal):
        if not person.present:
            raise NoCredential(
                f"standard input is a terminal, and {terminal.why_not_ask}",
                hint="pipe it in: keyturn login … < FILE",
                code="no_terminal",
            )
        person.say("paste the token answer, then press Enter and Ctrl-D (it shows on the screen):")
    found: bytes | str = getattr(stream, "buffer", stream).read(_INPUT_LIMIT + 1)
    if len(found) > _INPUT_LIMIT:
        raise UsageError("standard input holds more than 1 MiB", hint="give just the token answer or the key")
    text = found.decode("utf-8", "replace") if isinstance(found, bytes) else found
    return text.removeprefix("\ufeff")  # some shells begin every pipe with it


def _is_terminal(terminal: Terminal) -> bool:
    return terminal.stdin.isatty()


def _forget_former_store(terminal: Terminal, before: Profile, after: Profile) -> None:
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


def _say_nothing_changed(terminal: Terminal, profile: Profile) -> None:
    text = f"profile {profile.name} holds this login already; nothing was changed"
    _answer(terminal, text, {"profile": profile.name, "changed": False})
    kept = login_of(open_store(terminal.world, profile.name, profile.store).glance())
    if kept is not None and kept.quarantine is not None:
        terminal.warn(f"it has ended: {kept.quarantine.reason}; provide a new one, or run keyturn login")


def _warn_of_unapplied(terminal: Terminal, before: Profile, typed: dict[str, Any]) -> None:
    """A login that stays as it is stays with what it was made with, whatever was typed this time."""
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in typed.items()}
    names = [flag_of(name) for name, value in values.items() if getattr(before, name) != value]
    if names:
        terminal.warn(
            f"{', '.join(names)} did not count, because the login is the one that is stored; "
            f"to apply them: keyturn logout --profile {before.name}, then provide a new login"
        )


def _report(terminal: Terminal, login: Login, profile: Profile) -> None:
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
    _answer(terminal, f"{what} stored in profile {profile.name} ({where})", facts)
    if winner is not None and winner.source.id != "stored-login":
        terminal.warn(f"{winner.source.name} still comes first; see: keyturn explain")
    elif winner is not None and winner.offer is None:
        terminal.warn(f"it cannot be used yet: {winner.why}")
    for warning in found.warnings:
        terminal.warn(warning)


def _answer(terminal: Terminal, text: str, facts: dict[str, Any]) -> None:
    if terminal.json:
        terminal.print_json({"version": 1, **facts})
    else:
        terminal.print(text)


def _verify(terminal: Terminal, profile: Profile) -> None:
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
