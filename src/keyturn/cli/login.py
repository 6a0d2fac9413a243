"""`keyturn login`: by browser, by paste, by device code, from a token answer or with an API key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keyturn.cli.logged_in import (
    answer,
    forget_former_store,
    report,
    say_nothing_changed,
    verify_now,
    warn_of_unapplied,
)
from keyturn.cli.person import TerminalPerson
from keyturn.cli.showing import Showing
from keyturn.cli.times import moment, rfc3339
from keyturn.cli.typed import add_flags, applied, check_rememberable, remember, typed_of
from keyturn.errors import NoCredential, UsageError
from keyturn.oauth.pending import PendingFile
from keyturn.settings.config import read_config
from keyturn.settings.forced import check_before
from keyturn.stores import open_store

if TYPE_CHECKING:
    import argparse

    from keyturn.cli.terminal import Terminal
    from keyturn.login import Login
    from keyturn.settings.config import Profile

_INPUT_LIMIT = 1024 * 1024


class _Begun(Exception):
    """A login that was begun: its address, and until when it can be finished, in Unix seconds."""

    def __init__(self, url: str, until: float) -> None:
        super().__init__(url)
        self.url = url
        self.until = until


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `login`."""
    add_flags(parser)
    way = parser.add_mutually_exclusive_group()
    way.add_argument(
        "--no-browser", action="store_true", help="show the address and read the code from standard input"
    )
    way.add_argument(
        "--device", action="store_true", help="show a code to type in on any other device (RFC 8628)"
    )
    way.add_argument(
        "--begin", action="store_true", help="show the address and leave; finish with --code-file"
    )
    way.add_argument(
        "--code-file", metavar="FILE", help="finish a login that was begun here; - is standard input"
    )
    way.add_argument("--from-json", metavar="-", help="store the token answer on standard input")
    way.add_argument(
        "--with-api-key", action="store_true", help="store the API key on standard input, or ask for it"
    )
    parser.add_argument(
        "--callback-port", type=int, default=0, metavar="PORT", help="the loopback port to listen on"
    )
    parser.add_argument(
        "--expires",
        type=moment,
        metavar="DATE",
        help="when the API key ends (2026-12-31), to be warned early",
    )
    parser.add_argument("--qr", action="store_true", help="draw the address for a phone's camera as well")
    parser.add_argument(
        "--copy", action="store_true", help="send the address to the terminal's clipboard (OSC 52)"
    )
    parser.add_argument("--url-file", metavar="FILE", help="write the address to a file as well")
    parser.add_argument(
        "--yes", action="store_true", help="agree without being asked, also to replacing another account"
    )


def run(options: argparse.Namespace, terminal: Terminal) -> int:
    """Log in, on the route that is chosen; the exit status. Raises: AuthError."""
    if not typed_of(options) and not _has_way(options):
        from keyturn.cli.cloud import on_route

        cloud = on_route(options, terminal)
        if cloud is not None:
            status: int = cloud.log_in(options, terminal)
            return status
    return _log_in_here(options, terminal)


def _log_in_here(options: argparse.Namespace, terminal: Terminal) -> int:
    """Log in, store it, remember what was typed, and say what holds now."""
    world = terminal.world
    _check_way(options, world.now())
    config = read_config(world)
    name, _ = config.chosen(options.profile, world)
    typed = typed_of(options)
    before = config.profile(name)
    if options.code_file is not None:
        from keyturn.cli import finish

        return finish.run(options, terminal, config, before, typed)
    profile = applied(before, typed)
    if set(typed) == {"store"} and not (options.from_json or options.with_api_key):
        from keyturn.cli.move import moved

        if moved(terminal, config, before, typed):
            return 0
    showing = Showing(terminal, qr=options.qr, copy=options.copy, url_file=options.url_file)
    person = TerminalPerson(terminal, showing)
    chosen = not (profile.issuer or profile.token_url or options.from_json or options.with_api_key)
    if chosen:
        typed |= _choose(profile, person, terminal)
        if "cloud" in typed:
            from keyturn.cli.cloud import set_up

            return set_up(typed["cloud"], options, terminal)
        options.with_api_key = typed.pop("with_api_key", False)
        profile = applied(before, typed)
    check_rememberable(world, config, name, typed)
    check_before(world, profile.api_base_url, key=bool(options.with_api_key))
    try:
        login = _log_in(options, terminal, profile, person, typed)
    except _Begun as begun:
        until = rfc3339(begun.until)
        answer(
            terminal,
            f"begun; to be finished by {until}: keyturn login --profile {name} --code-file FILE",
            {"profile": name, "changed": False, "url": begun.url, "until": until},
        )
        return 0
    if login is None:
        say_nothing_changed(terminal, profile)
        warn_of_unapplied(terminal, before, typed)
        return 0
    remember(world, config, name, typed if before.route is None else {**typed, "route": None})
    forget_former_store(terminal, before, profile)
    report(terminal, login, profile)
    if chosen:
        verify_now(terminal, profile)
    return 0


def _has_way(options: argparse.Namespace) -> bool:
    """Whether a way of logging in is named, which says that a login of keyturn's own is meant."""
    named = ("no_browser", "device", "begin", "code_file", "from_json", "with_api_key", "callback_port")
    return any(getattr(options, name) for name in named)


def _check_way(options: argparse.Namespace, now: float) -> None:
    if options.from_json not in (None, "-"):
        raise UsageError(
            "--from-json reads standard input only, so that no token is left in a file by accident",
            hint="run: keyturn login --from-json - < token.json",
        )
    given = options.from_json or options.with_api_key or options.code_file is not None
    shown = [flag for flag, on in (("--qr", options.qr), ("--copy", options.copy)) if on]
    shown += ["--url-file"] if options.url_file is not None else []
    if shown and given:
        raise UsageError(
            f"{', '.join(shown)} shows an address, and this way of logging in has none",
            hint="leave it out; or log in by browser: keyturn login",
        )
    if options.callback_port and (options.device or given):
        what = "--callback-port is where a browser's answer arrives, and this way of logging in has none"
        raise UsageError(what, hint="leave it out; or log in by browser: keyturn login --callback-port PORT")
    if options.expires is not None and not options.with_api_key:
        raise UsageError(
            "--expires is the end of an API key, and none is being stored",
            hint="run: keyturn login --with-api-key --expires 2026-12-31 < key.txt",
        )
    if options.expires is not None and options.expires <= now:
        raise UsageError(
            "--expires is in the past", hint="store a key that still works, with the date at which it ends"
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
        return from_api_key(key, world, profile, store, person, yes=options.yes, ends_at=options.expires)
    return _by_person(options, terminal, profile, person, typed)


def _by_person(
    options: argparse.Namespace,
    terminal: Terminal,
    profile: Profile,
    person: TerminalPerson,
    typed: dict[str, Any],
) -> Login:
    """A login that somebody confirms in a browser: here, elsewhere, or later."""
    _check_presence(options, terminal, person)
    from keyturn.oauth.asking import Wish
    from keyturn.oauth.authority import metadata_of

    world = terminal.world
    metadata = metadata_of(world, profile)
    if profile.api_base_url is None and metadata.api_base_url is None and person.present:
        # a login must know where it may go; the sandbox says so itself, everybody else is asked
        given = person.ask("address of the API this login is for (https://…): ")
        # as for the issuer: people type host names
        typed |= {"api_base_url": given if "://" in given else f"https://{given}"} if given else {}
        profile = applied(profile, typed)
    wish = Wish(
        browser=not options.no_browser,
        callback_port=options.callback_port,
        pending=PendingFile(world, profile.name, typed) if person.present or options.begin else None,
        yes=options.yes,
    )
    store = open_store(world, profile.name, profile.store)
    if options.device:
        from keyturn.oauth.device import log_in_by_device

        return log_in_by_device(world, profile, store, person, wish, metadata)
    from keyturn.oauth.login import begin, log_in

    if options.begin:
        raise _Begun(*begin(world, profile, store, person, wish, metadata))
    return log_in(world, profile, store, person, wish, metadata)


def _check_presence(options: argparse.Namespace, terminal: Terminal, person: TerminalPerson) -> None:
    """Raises: NoCredential where nobody would see or answer what this way of logging in asks."""
    if person.present or options.begin:
        return
    if options.device and terminal.forbidden is None:
        return  # nothing is typed here: the code may be read in the log of a container
    if options.no_browser and not _is_terminal(terminal):
        return
    raise NoCredential(
        f"logging in needs a person on a terminal, and {terminal.why_not_ask}",
        hint="on a machine nobody logs in on: keyturn login --from-json - or --with-api-key; "
        "to pipe a code in: keyturn login --no-browser; to read one in a log: keyturn login --device",
        code="no_terminal",
    )


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
