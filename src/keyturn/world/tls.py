"""The TLS context of all connections: system trust, extra authorities, a client certificate (T17, T18)."""

from __future__ import annotations

import os
import ssl
from typing import TYPE_CHECKING

from keyturn.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLES = ("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "CLAUDE_CODE_CLIENT_CERT", "CLAUDE_CODE_CLIENT_KEY")


class TlsContext:
    """A verifying context, made anew when a variable or a file of it changes."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self._context: ssl.SSLContext | None = None
        self._made_of: object = None

    def context(self) -> ssl.SSLContext:
        """Made by hand, because the default one would honour SSLKEYLOGFILE (T17).

        Raises: ConfigurationError naming the variable whose file cannot be used.
        """
        files = {name: self._env.get(name) or "" for name in VARIABLES}
        state = tuple((name, path, _mark(path)) for name, path in files.items())
        if self._context is None or state != self._made_of:
            self._context, self._made_of = _make_context(files), state
        return self._context


def _make_context(files: Mapping[str, str]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_default_certs()
    for name in ("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"):
        if files[name]:
            try:
                context.load_verify_locations(cafile=files[name])
            except (OSError, ssl.SSLError):
                raise ConfigurationError(
                    f"{name} names a file that holds no readable certificates: {files[name]}",
                    hint=f"correct it, or unset it: env -u {name} keyturn …",
                    variable=name,
                ) from None
    if files["CLAUDE_CODE_CLIENT_CERT"]:
        try:
            context.load_cert_chain(files["CLAUDE_CODE_CLIENT_CERT"], files["CLAUDE_CODE_CLIENT_KEY"] or None)
        except (OSError, ssl.SSLError):
            raise ConfigurationError(
                "the client certificate of CLAUDE_CODE_CLIENT_CERT and CLAUDE_CODE_CLIENT_KEY "
                "cannot be loaded",
                hint="check that both files exist, are readable, belong together and have no passphrase",
                variable="CLAUDE_CODE_CLIENT_CERT",
            ) from None
    return context


def _mark(path: str) -> object:
    try:
        state = os.stat(path)
    except OSError:
        return None
    return (state.st_ino, state.st_mtime_ns, state.st_size)
