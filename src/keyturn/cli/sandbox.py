"""`keyturn sandbox`: an authority and an API on this machine, until Ctrl-C."""

from __future__ import annotations

from keyturn.errors import ConfigurationError
from keyturn.sandbox.place import API_PORT, AUTHORITY_PORT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from keyturn.cli.terminal import Terminal
    from keyturn.sandbox import Sandbox

VERSION = 1


def add_options(parser: ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument(
        "--port", type=_port, metavar="N", help=f"of the authority; else {AUTHORITY_PORT}, or any free one"
    )
    parser.add_argument(
        "--api-port", type=_port, metavar="N", help=f"of the API; else {API_PORT}, or any free one"
    )
    parser.add_argument(
        "--lifetime", type=_lifetime, default=3600.0, metavar="1h", help="of access tokens (s, m, h, d)"
    )


def _lifetime(text: str) -> float:
    from argparse import ArgumentTypeError

    from keyturn.cli.times import duration

    seconds = duration(text)
    if seconds == 0:
        raise ArgumentTypeError("a token must live for a second at least")
    return seconds


def run(options: Namespace, terminal: Terminal) -> int:
    """Serve until interrupted. Raises: ConfigurationError (a port is taken, the extra is missing)."""
    from threading import Event

    sandbox = _started(options)
    try:
        if terminal.json:
            terminal.print_json(as_json(sandbox))
        else:
            from keyturn.sandbox import configuration_text

            terminal.print(configuration_text(sandbox).rstrip("\n"))
        terminal.flush()
        terminal.note("the sandbox runs until Ctrl-C")
        Event().wait()
    finally:
        sandbox.stop()
    return 0


def as_json(sandbox: Sandbox) -> dict[str, object]:
    """Where it listens, what it accepts, and the variables that lead to it on other routes."""
    from keyturn.sandbox import route_variables

    return {
        "version": VERSION,
        "issuer": sandbox.issuer,
        "client_id": sandbox.client_id,
        "api_base_url": sandbox.api_base_url,
        "api_key": sandbox.api_key,
        "routes": route_variables(sandbox),
    }


def _started(options: Namespace) -> Sandbox:
    from keyturn.sandbox import Sandbox

    try:
        return _at_home_or_anywhere(Sandbox, options)
    except ModuleNotFoundError:
        raise ConfigurationError(
            "the sandbox needs packages that are not installed",
            hint="install them with: pip install 'keyturn[sandbox]'",
            code="extra_missing",
        ) from None
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise ConfigurationError(
            f"the sandbox cannot listen: {reason}",
            hint="choose other ports with --port and --api-port, or leave them out for free ones",
            code="port_busy",
        ) from None


def _at_home_or_anywhere(make: type[Sandbox], options: Namespace) -> Sandbox:
    """On the usual ports, where `keyturn login` looks for it, and on free ones when those are taken."""
    ports = (options.port or AUTHORITY_PORT, options.api_port or API_PORT)
    try:
        return make(authority_port=ports[0], api_port=ports[1], lifetime=options.lifetime).start()
    except OSError:
        if options.port and options.api_port:
            raise
        free = (options.port or 0, options.api_port or 0)
        return make(authority_port=free[0], api_port=free[1], lifetime=options.lifetime).start()


def _port(text: str) -> int:
    from argparse import ArgumentTypeError

    if not (text.isascii() and text.isdigit() and len(text) < 6 and 0 < int(text) < 65536):  # noqa: PLR2004 - ports
        raise ArgumentTypeError("it is not a port: 1 to 65535")
    return int(text)
