"""`keyturn token`: the secret, for programs that take one. The only command that prints one (T16)."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from keyturn.auth import Auth
    from keyturn.cli.terminal import Terminal

VERSION = 1


def add_options(parser: ArgumentParser) -> None:
    """Add the options of the command."""
    from keyturn.cli.times import duration

    parser.add_argument("--header", action="store_true", help="print `Name: value` lines, as for curl -H @-")
    parser.add_argument(
        "--min-ttl",
        type=duration,
        metavar="10m",
        help="at least so long to live (s, m, h, d); renewed once if it must be, else exit 4",
    )


def run(options: Namespace, terminal: Terminal) -> int:
    """Run the command; the exit status. Raises: AuthError."""
    from keyturn.cli.chosen import auth_of
    from keyturn.errors import UsageError

    if options.header and options.json:
        raise UsageError("--header and --json exclude each other", hint="choose one of them")
    return show(auth_of(options, terminal), terminal, header=options.header, min_ttl=options.min_ttl)


def show(auth: Auth, terminal: Terminal, *, header: bool = False, min_ttl: float | None = None) -> int:
    """Print the winner's secret, or keys as a credential_process does; nothing when they cannot be had.

    Raises: what `Auth.credential` and `Auth.lasting` raise; UsageError for a header of keys that sign.
    """
    credential = auth.credential() if min_ttl is None else auth.lasting(min_ttl)
    if credential.kind in ("aws", "none"):
        from keyturn.bedrock.printing import process_object
        from keyturn.cli.times import rfc3339

        given = process_object(credential, rfc3339(credential.expires_at), header=header)
    else:
        given = None
    if terminal.is_terminal:
        terminal.warn("this is a secret, and now it is on your screen; pipe it to where it is needed")
    if given is not None:
        terminal.print_json(given)  # the one form that other programs take keys in, with --json or without
    elif terminal.json:
        from keyturn.cli.times import rfc3339

        terminal.print_json(
            {
                "version": VERSION,
                "kind": credential.kind,
                "token": credential.secret.reveal(),
                "expires_at": rfc3339(credential.expires_at),
                "audience": credential.audience,
            }
        )
    elif header:
        for name, value in credential.headers().items():
            terminal.print(f"{name}: {value}")
    else:
        terminal.print(credential.secret.reveal())
    return 0
