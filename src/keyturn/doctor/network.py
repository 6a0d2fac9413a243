"""The way to the servers: proxies, certificates, and with --network each host with who vouches for it."""

from __future__ import annotations

from keyturn.doctor.findings import CLOCK, NETWORK, error, note, of_error, quote, repair_of, warning
from keyturn.errors import AuthError, ConfigurationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from keyturn.doctor.findings import Finding
    from keyturn.wire import Response
    from keyturn.world import World

_SKEW_SECONDS, _SKEW_IGNORED = 90.0, 86400.0
_SET_CLOCK = "sudo timedatectl set-ntp true"
NETWORK_SECONDS = 10.0
# a certificate of this machine's that ends within this time is about to be missed
_SOON_SECONDS = 3 * 86400.0


def examine(world: World, places: dict[str, str], *, ask: bool) -> list[Finding]:
    """Look at the variables, and at `places`: who asks, by address. The servers are asked only with `ask`."""
    found = [*_certificates(world), *_unread(world)]
    for url, who in places.items():
        found += _way(world, who, url)
    if ask:
        for url, who in places.items():
            found += _server(world, who, url)
    return found


def _certificates(world: World) -> Iterator[Finding]:
    from keyturn.world.tls import CERTIFICATE, VARIABLES, trusts_nobody

    if any(world.network_variable(name) for name in VARIABLES):
        try:
            world.transport.tls()
        except AuthError as failure:
            yield of_error(failure)
            return
    if trusts_nobody(world.transport.tls()):
        text = "this machine knows no certificate authority at all, so no server can be verified"
        yield error("tls_nobody", text, None, "sudo apt-get install ca-certificates", CLOCK)
    path = world.network_variable(CERTIFICATE)
    if path is not None:
        yield from _client_certificate(world, path, CERTIFICATE)


def _client_certificate(world: World, path: str, variable: str) -> Iterator[Finding]:
    """It has been loaded just now; what matters is how long it lasts."""
    from keyturn.world.certificates import of_file

    first = of_file(path)
    if first is None:
        return
    day = _date(world.now())
    text = f"the client certificate of {variable} ({first.subject})"
    look = f"openssl x509 -noout -subject -issuer -dates -in {quote(path)}"
    if first.ends < day:
        yield error("client_certificate", f"{text} has ended on {first.ends}", path, look, NETWORK)
    elif first.ends <= _date(world.now() + _SOON_SECONDS):
        yield warning("client_certificate", f"{text} ends on {first.ends}", path, look, NETWORK)


def _unread(world: World) -> Iterator[Finding]:
    """What people set for other programs and think to have set for this one."""
    for name in ("ALL_PROXY", "all_proxy"):
        value = (world.network_variable(name) or "").lower()
        if value and not any(
            world.network_variable(other)
            for other in ("https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY")
        ):
            text = f"{name} is set, and keyturn goes by HTTPS_PROXY, HTTP_PROXY and NO_PROXY alone"
            repair: str | None = f'export HTTPS_PROXY="${name}"'
            if "://" in value and not value.startswith(("http://", "https://")):
                text += "; the proxy in it is of a kind that keyturn does not speak to"
                repair = None  # in HTTPS_PROXY it would stop every request
            yield note("proxy_not_read", text, name, repair)
            return


def _way(world: World, who: str, url: str) -> list[Finding]:
    from keyturn.wire import origin

    try:
        proxy = world.transport.proxy(url)
    except AuthError as failure:
        return [of_error(failure)]
    if proxy is None:
        return []
    text = f"{who} reaches {origin(url)} through the proxy {proxy.place} of {proxy.variable}"
    return [note("proxy", text, str(origin(url)))]


def _server(world: World, who: str, url: str) -> list[Finding]:
    """Any answer will do: it shows the way to be open, and its date is the server's clock."""
    from keyturn.wire import Request, origin

    place = str(origin(url))
    before = world.now()
    try:
        request = Request(method="GET", url=f"{url.rstrip('/')}/", headers={"Accept": "*/*"}, body=b"")
        answer = world.send(request, seconds=NETWORK_SECONDS)
    except ConfigurationError as failure:
        return [of_error(failure, place)]
    except AuthError as failure:
        text = f"{who} cannot reach it: {failure.message}"
        return [error(_code(failure), text, place, repair_of(failure) or f"curl -v {place}/", NETWORK)]
    return [*_vouched(world, url, place), *_clock(answer, place, (before + world.now()) / 2)]


def _code(failure: AuthError) -> str:
    """What stands in the way, where that is known: the codes of a certificate and of a proxy."""
    return failure.code if failure.code.startswith(("tls", "proxy_")) else "unreachable"


def _vouched(world: World, url: str, place: str) -> list[Finding]:
    """Who has signed the certificate that was just believed: in a company that is often its own proxy."""
    try:
        chain = world.chain(url, seconds=NETWORK_SECONDS)
    except AuthError:
        return []  # it went away meanwhile, and has been reached
    if not chain:
        return []
    text = f"reached; {chain[-1].issuer} vouches for it, until {min(one.ends for one in chain)}"
    return [note("server", text, place)]


def _clock(answer: Response, place: str, now: float) -> list[Finding]:
    served = _seconds_of(answer.headers.get("date", ""))
    if served is None:
        return []
    skew = now - served
    if abs(skew) < _SKEW_SECONDS:
        return []
    side = "ahead of" if skew > 0 else "behind"
    text = f"the clock of this machine is {abs(skew):.0f} s {side} that of {place}"
    if abs(skew) > _SKEW_IGNORED:
        return [error("clock", f"{text}; one of the two is wrong by days", place, _SET_CLOCK, CLOCK)]
    return [warning("clock", text, place, _SET_CLOCK, CLOCK)]


def _seconds_of(date: str) -> float | None:
    from email.utils import parsedate_to_datetime

    try:
        return parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError):
        return None


def _date(seconds: float) -> str:
    import time

    return time.strftime("%Y-%m-%d", time.gmtime(seconds))
