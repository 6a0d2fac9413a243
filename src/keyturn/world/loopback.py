"""Listening sockets on the loopback addresses, 127.0.0.1 and ::1 on one port, and never on another."""

from __future__ import annotations

import errno
import os
import socket
from typing import TYPE_CHECKING

from keyturn.errors import ConfigurationError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["bind", "bind_both"]

FOUR, SIX = "127.0.0.1", "::1"
_TRIES = 20
_MAX_PORT = 65535
_NO_FAMILY = frozenset(
    getattr(errno, name)
    for name in ("EAFNOSUPPORT", "EADDRNOTAVAIL", "EPROTONOSUPPORT", "EPFNOSUPPORT")
    if hasattr(errno, name)
)


def bind(address: str, port: int) -> socket.socket:
    """Listen on one address; port 0 takes a free one. Raises `OSError` as the system gives it."""
    made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            # A port whose last connections linger can be taken again at once; one in use cannot.
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        else:
            made.setsockopt(socket.SOL_SOCKET, getattr(socket, "SO_EXCLUSIVEADDRUSE"), 1)  # noqa: B009 - Windows only
        if made.family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind((address, port))
        made.listen(128)
        made.settimeout(0)
    except BaseException:
        made.close()
        raise
    return made


def bind_both(port: int, bind: Callable[[str, int], socket.socket] = bind) -> list[socket.socket]:
    """Listen on both addresses with the same port, random for 0; on one, where the machine has only one.

    Browsers differ in what `localhost` means, and a stranger on the other address would be handed the code.
    """
    if not 0 <= port <= _MAX_PORT:
        message = f"callback port {port} is not between 1 and {_MAX_PORT}"
        raise UsageError(message, hint="leave --callback-port out for a free port", port=port)
    for _ in range(_TRIES):
        four = _attempt(bind, FOUR, port)
        if isinstance(four, OSError) and four.errno not in _NO_FAMILY:
            raise _unusable(port, four)
        chosen = port if isinstance(four, OSError) else four.getsockname()[1]
        six = _attempt(bind, SIX, chosen)
        if not isinstance(six, OSError):
            return [six] if isinstance(four, OSError) else [four, six]
        if six.errno in _NO_FAMILY and not isinstance(four, OSError):
            return [four]
        if not isinstance(four, OSError):
            four.close()
        if port or six.errno != errno.EADDRINUSE:
            raise _unusable(chosen, six)
    message = f"no port is free on both {FOUR} and {SIX}"
    raise ConfigurationError(message, hint="name one with --callback-port, or use --no-browser")


def _attempt(bind: Callable[[str, int], socket.socket], address: str, port: int) -> socket.socket | OSError:
    try:
        return bind(address, port)
    except OSError as error:
        return error


def _unusable(port: int, error: OSError) -> ConfigurationError:
    if error.errno in _NO_FAMILY:
        message = f"this machine has neither {FOUR} nor {SIX} to listen on"
        return ConfigurationError(message, hint="run keyturn login --no-browser and paste the code")
    taken = error.errno == errno.EADDRINUSE
    why = "is taken by another program" if taken else f"cannot be used: {error.strerror}"
    message = f"port {port} for the browser's answer {why}"
    hint = "name another with --callback-port, or leave the option out for a free one"
    return ConfigurationError(message, hint=hint, port=port)
