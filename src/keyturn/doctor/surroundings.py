"""What a login needs beside its store: the clock, certificates, proxies, and with --network the servers."""

from __future__ import annotations

import time

from keyturn.doctor.findings import error, note, of_error, warning
from keyturn.errors import AuthError, Unavailable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from keyturn.doctor.findings import Finding
    from keyturn.settings.config import Config
    from keyturn.world import World

# keyturn is younger than this: an earlier date is a clock that lost its battery
_EARLIEST = 1_760_000_000.0
_SKEW_SECONDS, _SKEW_IGNORED = 90.0, 86400.0
_SET_CLOCK = "sudo timedatectl set-ntp true"
NETWORK_SECONDS = 10.0


def examine(world: World, config: Config | None, *, network: bool) -> list[Finding]:
    """Look at clock and variables; ask the servers only with `network`."""
    found = [*_clock(world), *_certificates(world)]
    places = dict.fromkeys(_servers(config)) if config is not None else {}
    for name, url in places:
        found += _way(world, name, url)
    if network:
        for name, url in places:
            found += _server(world, name, url)
    return found


def _clock(world: World) -> Iterator[Finding]:
    if world.now() < _EARLIEST:
        text = f"the clock of this machine says {_date(world.now())}, so every login looks fresh to it"
        yield error("clock", text, None, _SET_CLOCK, 8)
    if not hasattr(time, "CLOCK_BOOTTIME"):
        text = "this system has no clock that counts suspend: after a sleep, tokens are found dead by use"
        yield note("no_boot_clock", text, None)
    elif time.clock_gettime(time.CLOCK_BOOTTIME) + 1 < time.monotonic():
        text = "the clock that counts suspend (CLOCK_BOOTTIME) is behind the one that does not"
        yield warning("clock", text, None, "cat /proc/self/timens_offsets")


def _certificates(world: World) -> list[Finding]:
    from keyturn.world.tls import VARIABLES

    if not any(world.variable(name) for name in VARIABLES):
        return []
    try:
        world.transport.tls()
    except AuthError as failure:
        return [of_error(failure)]
    return []


def _servers(config: Config) -> Iterator[tuple[str, str]]:
    for name, profile in sorted(config.profiles.items()):
        for url in (profile.issuer or profile.token_url, profile.api_base_url):
            if url is not None:
                yield name, url


def _way(world: World, name: str, url: str) -> list[Finding]:
    from keyturn.wire import origin

    try:
        proxy = world.transport.proxy(url)
    except AuthError as failure:
        return [of_error(failure)]
    if proxy is None:
        return []
    return [
        note("proxy", f"requests of profile {name} to {origin(url)} go through a proxy", str(origin(url)))
    ]


def _server(world: World, name: str, url: str) -> list[Finding]:
    """Any answer will do: it shows the way to be open, and its date is the server's clock."""
    from keyturn.wire import Request, origin

    place = str(origin(url))
    before = world.now()
    try:
        request = Request(method="GET", url=f"{url.rstrip('/')}/", headers={"Accept": "*/*"}, body=b"")
        answer = world.send(request, seconds=NETWORK_SECONDS)
    except Unavailable as failure:
        text = f"profile {name} cannot reach it: {failure.message}"
        return [error("unreachable", text, place, f"curl -v {place}/", Unavailable.exit)]
    except AuthError as failure:
        return [of_error(failure, place)]
    served = _seconds_of(answer.headers.get("date", ""))
    if served is None:
        return []
    skew = (before + world.now()) / 2 - served
    if abs(skew) < _SKEW_SECONDS:
        return []
    side = "ahead of" if skew > 0 else "behind"
    text = f"the clock of this machine is {abs(skew):.0f} s {side} that of {place}"
    if abs(skew) > _SKEW_IGNORED:
        return [error("clock", f"{text}; one of the two is wrong by days", place, _SET_CLOCK, 8)]
    return [warning("clock", text, place, _SET_CLOCK)]


def _seconds_of(date: str) -> float | None:
    from email.utils import parsedate_to_datetime

    try:
        return parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError):
        return None


def _date(seconds: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(seconds))
