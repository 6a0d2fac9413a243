"""The TLS context of all connections: system trust, extra authorities, a client certificate (T17, T18)."""

from __future__ import annotations

import contextlib
import os
import ssl
from typing import TYPE_CHECKING

from keyturn.errors import ConfigurationError, frameless

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

AUTHORITIES = ("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS")
CERTIFICATE, KEY, PASSPHRASE = (
    "CLAUDE_CODE_CLIENT_CERT",
    "CLAUDE_CODE_CLIENT_KEY",
    "CLAUDE_CODE_CLIENT_KEY_PASSPHRASE",
)
VARIABLES = (*AUTHORITIES, CERTIFICATE, KEY)


class _LockedError(Exception):
    """A key wants a passphrase, and nobody has named one."""


class TlsContext:
    """A verifying context, made anew when a variable or a file of it changes."""

    def __init__(self, variable: Callable[[str], str | None]) -> None:
        self._variable = variable
        self._context: ssl.SSLContext | None = None
        self._made_of: tuple[object, ...] = ()

    def files(self) -> dict[str, str]:
        """The files that count, by variable; empty for one that is not set."""
        return {name: self._variable(name) or "" for name in VARIABLES}

    @frameless
    def context(self) -> ssl.SSLContext:
        """Made by hand, because the default one would honour SSLKEYLOGFILE (T17).

        Certificate and key are two files that nobody replaces in one moment. While they do not fit together,
        a program that has had a pair of them goes on with that one.

        Raises: ConfigurationError naming the variable whose file cannot be used.
        """
        files, passphrase = self.files(), self._variable(PASSPHRASE)
        trust = tuple((files[name], _mark(files[name])) for name in AUTHORITIES)
        pair = (files[CERTIFICATE], files[KEY], passphrase)
        state = (trust, pair, _mark(files[CERTIFICATE]), _mark(files[KEY]))
        if self._context is not None and state == self._made_of:
            return self._context
        context = _trusting(files)
        failure = _show(context, files, passphrase)
        if failure is None:
            self._context, self._made_of = context, state
        elif self._context is None or self._made_of[:2] != (trust, pair):
            raise failure
        return self._context


def trusts_nobody(context: ssl.SSLContext) -> bool:
    """Whether no authority is known at all, as in a small container; a directory of them counts unread."""
    if context.cert_store_stats()["x509_ca"]:
        return False
    directory = ssl.get_default_verify_paths().capath
    try:
        return not directory or not os.listdir(directory)
    except OSError:
        return True


def _trusting(files: Mapping[str, str]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_default_certs()
    _keep_the_system_s(context)
    for name in AUTHORITIES:
        if files[name]:
            try:
                context.load_verify_locations(cafile=files[name])
            except (OSError, ssl.SSLError):
                raise ConfigurationError(
                    f"{name} names a file that holds no readable certificates: {files[name]}",
                    hint=f"correct it, or unset it: env -u {name} keyturn …",
                    variable=name,
                ) from None
    return context


def _keep_the_system_s(context: ssl.SSLContext) -> None:
    """Load what OpenSSL itself leaves out when SSL_CERT_FILE is set: to us that file is an addition."""
    if not os.environ.get("SSL_CERT_FILE"):
        return  # it is loaded already
    path = ssl.get_default_verify_paths().openssl_cafile
    with contextlib.suppress(OSError, ssl.SSLError):  # most have a directory of them, and that is loaded
        context.load_verify_locations(cafile=path)


def _show(
    context: ssl.SSLContext, files: Mapping[str, str], passphrase: str | None
) -> ConfigurationError | None:
    """Load the client certificate, if one is named; what is wrong with it otherwise."""
    certificate, key = files[CERTIFICATE], files[KEY]
    if not certificate:
        if not key:
            return None
        hint = f"name its certificate too: export {CERTIFICATE}=/path/to/cert.pem"
        return ConfigurationError(f"{KEY} is set, and {CERTIFICATE} is not", hint=hint, variable=KEY)

    def answer() -> str:  # without it, OpenSSL would ask on the terminal
        if passphrase is None:
            raise _LockedError
        return passphrase

    try:
        context.load_cert_chain(certificate, key or None, answer)
    except _LockedError:
        name = KEY if key else CERTIFICATE
        return ConfigurationError(
            f"the key in {name} has a passphrase ({key or certificate})",
            hint=f"set {PASSPHRASE}, or name a key that has none",
            variable=PASSPHRASE,
        )
    except (OSError, ValueError) as error:
        return _unusable(error, certificate, key, passphrase)
    return None


def _unusable(error: Exception, certificate: str, key: str, passphrase: str | None) -> ConfigurationError:
    import shlex

    for name, path in ((CERTIFICATE, certificate), (KEY, key)):
        if path and not os.access(path, os.R_OK):
            hint = f"correct it, or unset it: env -u {name} keyturn …"
            return ConfigurationError(
                f"{name} names a file that cannot be read: {path}", hint=hint, variable=name
            )
    if getattr(error, "reason", None) == "KEY_VALUES_MISMATCH":
        return ConfigurationError(
            f"the files of {CERTIFICATE} and {KEY} do not belong together",
            hint=f"name the key of that certificate: export {KEY}=/path/to/key.pem",
            variable=KEY,
        )
    also = f", or {PASSPHRASE} is wrong" if passphrase is not None else ""
    return ConfigurationError(
        f"the client certificate of {CERTIFICATE} and {KEY} cannot be loaded{also}",
        hint=f"check that it is PEM: openssl x509 -noout -subject -in {shlex.quote(certificate)}",
        variable=CERTIFICATE,
    )


def _mark(path: str) -> object:
    if not path:
        return None
    try:
        state = os.stat(path)
    except OSError:
        return None
    return (state.st_ino, state.st_mtime_ns, state.st_size)
