"""Reaching a server within one limit, name and connection together, however many silent addresses it has."""

from __future__ import annotations

import socket
from _thread import start_new_thread
from typing import TYPE_CHECKING, Any

import httpcore2

from keyturn.world.locks import Done

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Reaching(httpcore2.SyncBackend):
    """Connects as httpx does, but its limit runs once: not anew with each address, and over the name too.

    Of what is left, an address gets an equal share with those behind it; a silent one leaves the rest theirs.
    """

    def __init__(self, left: Callable[[], float]) -> None:
        self._left = left

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        """Connect to the first address that answers. Raises: ConnectTimeout, ConnectError."""
        del timeout  # the same limit as ours, counted otherwise
        addresses = self._addresses(host, port)
        failure: Exception | None = None
        for number, address in enumerate(addresses):
            share = self._left() / (len(addresses) - number)
            if share <= 0:
                break
            try:
                return super().connect_tcp(address, port, share, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure or httpcore2.ConnectTimeout("timed out")

    def _addresses(self, host: str, port: int) -> list[str]:
        """What a name means; the resolver of the system knows no limit of ours, so it may be left behind."""
        if _is_address(host):
            return [host]
        found: list[str] = []
        failures: list[OSError] = []
        done = Done()

        def look() -> None:
            try:
                for *_, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
                    found.append(str(address[0]))
            except OSError as error:
                failures.append(error)
            except UnicodeError as error:  # a name that no resolver takes
                failures.append(OSError(str(error)))
            finally:
                done.set()

        try:
            start_new_thread(look, ())
        except RuntimeError as error:  # no thread can be had
            raise httpcore2.ConnectError(str(error)) from error
        if not done.wait(self._left()):
            raise httpcore2.ConnectTimeout(f"name resolution of {host} took too long")
        if failures:
            try:
                raise failures[0]
            except OSError as error:  # as its context too: the pool drops the cause
                raise httpcore2.ConnectError(str(error)) from error
        return list(dict.fromkeys(found))


def _is_address(host: str) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host)
        except (OSError, UnicodeError):
            continue
        return True
    return False
