"""Clients of other libraries on keyturn's one transport: settings that change, and errors that explain (T18).

An httpx2 client keeps the certificates and the proxy that it was made with. One that lives as long as its
program would go on presenting a certificate that was replaced, or knocking at a proxy that is gone.
"""

from __future__ import annotations

import asyncio
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx2

from keyturn.world import failures

if TYPE_CHECKING:
    from collections.abc import Callable

    from keyturn.errors import Unavailable
    from keyturn.world.transport import Transport

__all__ = ["AsyncFollowing", "Following"]

_LOOK_SECONDS = 5.0
_PROXY_AUTHENTICATION = 407
# settings that a client can have in one life, at a time; an older one has long since nothing in flight
_KEPT = 8


class _Ways:
    """An inner transport for each way that requests have gone: a TLS context, a proxy, or neither."""

    def __init__(self, transport: Transport, make: Callable[..., Any]) -> None:
        self._transport, self._make = transport, make
        self._made: dict[object, Any] = {}
        self._lock = threading.Lock()

    def to(self, url: str) -> tuple[Any, Any]:
        """The transport for a URL as things are now, and one to close, if any. Raises: ConfigurationError."""
        proxy = self._transport.proxy(url)
        context, way = self._transport.settings(url)
        key = (context, proxy.url if proxy is not None else None)
        with self._lock:
            found = self._made.pop(key, None) or self._make(verify=context, proxy=way)
            self._made[key] = found  # the last one used is the last of them
            old = self._made.pop(next(iter(self._made))) if len(self._made) > _KEPT else None
        return found, old

    def all(self) -> list[Any]:
        """Every one of them; they are forgotten."""
        with self._lock:
            made, self._made = list(self._made.values()), {}
        return made

    def explained(self, error: httpx2.TransportError, url: str) -> httpx2.TransportError:
        """The same kind of error in keyturn's words, with keyturn's own as its cause."""
        way = self._transport.way(url)
        told: Unavailable | None = failures.refused_client(error, way)
        if told is None and isinstance(error, httpx2.ConnectError | httpx2.ProxyError):
            told = failures.unsent(error, way, seconds=_LOOK_SECONDS)
        if told is None:
            return error
        return _said(type(error), told)

    def refused(self, url: str) -> httpx2.TransportError:
        """The error for a proxy that wants a password."""
        return _said(httpx2.ProxyError, failures.proxy_wants_password(self._transport.way(url)))


class Following(httpx2.BaseTransport):
    """For an `httpx2.Client`. A request is handed on as it is; `limits` are those of the connections."""

    def __init__(self, transport: Transport, limits: httpx2.Limits) -> None:
        self._ways = _Ways(transport, partial(httpx2.HTTPTransport, trust_env=False, limits=limits))

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Raises: httpx2.TransportError; ConfigurationError, and then nothing was sent."""
        url = str(request.url)
        inner, old = self._ways.to(url)
        if old is not None:
            old.close()
        try:
            response: httpx2.Response = inner.handle_request(request)
        except httpx2.TransportError as error:
            told = self._ways.explained(error, url)
            if told is error:
                raise
        else:
            if response.status_code != _PROXY_AUTHENTICATION:
                return response
            response.close()
            told = self._ways.refused(url)
        raise told

    def close(self) -> None:
        """End all connections."""
        for inner in self._ways.all():
            inner.close()


class AsyncFollowing(httpx2.AsyncBaseTransport):
    """For an `httpx2.AsyncClient`; else as `Following`."""

    def __init__(self, transport: Transport, limits: httpx2.Limits) -> None:
        self._ways = _Ways(transport, partial(httpx2.AsyncHTTPTransport, trust_env=False, limits=limits))

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Raises: as `Following.handle_request`."""
        url = str(request.url)
        inner, old = self._ways.to(url)
        if old is not None:
            await old.aclose()
        try:
            response: httpx2.Response = await inner.handle_async_request(request)
        except httpx2.TransportError as error:
            told = await asyncio.to_thread(self._ways.explained, error, url)
            if told is error:
                raise
        else:
            if response.status_code != _PROXY_AUTHENTICATION:
                return response
            await response.aclose()
            told = self._ways.refused(url)
        raise told

    async def aclose(self) -> None:
        """End all connections."""
        for inner in self._ways.all():
            await inner.aclose()


def _said(kind: type[httpx2.TransportError], told: Unavailable) -> httpx2.TransportError:
    error = kind(f"{told.message} ({told.hint})")
    error.__cause__ = told
    return error
