"""`keyturn sandbox`: an authority and an API on this machine, until Ctrl-C."""

from __future__ import annotations

from keyturn.errors import ConfigurationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from keyturn.cli.terminal import Terminal
    from keyturn.sandbox import Sandbox

VERSION = 1


def add_options(parser: ArgumentParser) -> None:
    """Add the options of the command."""
    from keyturn.cli.times import duration

    parser.add_argument(
        "--port", type=_port, default=0, metavar="N", help="of the authority; else any free one"
    )
    parser.add_argument(
        "--api-port", type=_port, default=0, metavar="N", help="of the API; else any free one"
    )
    parser.add_argument(
        "--lifetime", type=duration, default=3600.0, metavar="1h", help="of access tokens (s, m, h, d)"
    )


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
    """Where it listens and what it accepts."""
    return {
        "version": VERSION,
        "issuer": sandbox.issuer,
        "client_id": sandbox.client_id,
        "api_base_url": sandbox.api_base_url,
        "api_key": sandbox.api_key,
    }


def _started(options: Namespace) -> Sandbox:
    from keyturn.sandbox import Sandbox

    try:
        return Sandbox(
            authority_port=options.port, api_port=options.api_port, lifetime=options.lifetime
        ).start()
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


def _port(text: str) -> int:
    from argparse import ArgumentTypeError

    if not (text.isascii() and text.isdigit() and len(text) < 6 and 0 < int(text) < 65536):  # noqa: PLR2004 - ports
        raise ArgumentTypeError("it is not a port: 1 to 65535")
    return int(text)
