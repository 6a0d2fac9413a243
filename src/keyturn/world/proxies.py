"""Which proxy a request goes through: HTTPS_PROXY, HTTP_PROXY and what NO_PROXY excepts from them (T18)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keyturn.errors import ConfigurationError, frameless
from keyturn.values import Secret, Value
from keyturn.wire import origin

if TYPE_CHECKING:
    from collections.abc import Callable
    from ipaddress import IPv4Address, IPv6Address

    from keyturn.wire import Origin

__all__ = ["Proxy", "choose", "tells_of_this_machine"]
# where a cloud tells a machine about itself; through a proxy it would tell about the machine of the proxy
_OF_THIS_MACHINE = ("169.254.169.254", "169.254.170.2", "metadata", "metadata.google.internal")
_METADATA_ELSEWHERE = ("GCE_METADATA_HOST", "GCE_METADATA_ROOT")  # or host and port of its own

# As they are, these end the host for readers of addresses: of a password that begins with digits, half would
# be a port, and what stands before it a host that everybody is shown.
_ENDS = frozenset(" /?#\\")


class Proxy(Value):
    """A proxy and the variable that names it; `url` may hold a password, `place` never does."""

    __slots__ = ("password", "place", "url", "variable")
    password: Secret | None
    place: str
    url: str
    variable: str

    def __repr__(self) -> str:
        return f"Proxy({self.place} of {self.variable})"

    @property
    def has_credentials(self) -> bool:
        """Whether its address brings a user name or a password."""
        return "@" in self.url

    @property
    def encrypted(self) -> bool:
        """Whether it is spoken to over TLS."""
        return self.url.startswith("https://")


@frameless
def choose(variable: Callable[[str], str | None], url: str) -> Proxy | None:
    """The proxy of a URL; loopback never has one (T10). Raises: ConfigurationError naming the variable.

    The small spelling of a variable comes before the capital one, as for curl. A program that was started by
    a web server does not believe HTTP_PROXY: there it is a header of whoever asks.
    """
    target = origin(url)
    if target.loopback or tells_of_this_machine(target.host) or _is_metadata(target, variable):
        return None
    if _is_excepted(target, variable("no_proxy") or variable("NO_PROXY") or ""):
        return None
    names = ["https_proxy", "HTTPS_PROXY"] if target.scheme == "https" else []
    names += ["http_proxy"] if variable("REQUEST_METHOD") else ["http_proxy", "HTTP_PROXY"]
    for name in names:
        if text := (variable(name) or "").strip():
            return _checked(text, name)
    return None


def tells_of_this_machine(host: str) -> bool:
    """Whether the host is a metadata server's, which is asked in plain http and by nobody else."""
    return host.rstrip(".") in _OF_THIS_MACHINE


def _is_metadata(target: Origin, variable: Callable[[str], str | None]) -> bool:
    """Whether a variable says that the metadata server is there: what it tells travels in the clear."""
    if target.scheme == "https":
        return False
    for name in _METADATA_ELSEWHERE:
        try:
            if target == origin(f"http://{(variable(name) or '').strip()}"):
                return True
        except ValueError:  # not set, or no host
            continue
    return False


def _checked(text: str, name: str) -> Proxy:
    scheme, mark, rest = text.partition("://")
    if not mark:
        scheme, rest = "http", text  # as curl and its kin read it
    scheme = scheme.lower()
    user, at, address = rest.rpartition("@")  # what is before the @ stays secret
    address = address.partition("/")[0]
    if scheme in ("http", "https") and user.isprintable() and _ENDS.isdisjoint(user):
        try:
            place = origin(f"{scheme}://{address}")
        except ValueError:
            pass
        else:
            return Proxy(
                password=_password(user),
                place=str(place),
                url=f"{scheme}://{user}{at}{address}",
                variable=name,
            )
    raise ConfigurationError(
        f"{name} names no proxy that keyturn can use",
        hint=f"set it as http://host:port or https://host:port, with signs such as / in a password as %2F; "
        f"or unset it: env -u {name} keyturn …",
        variable=name,
    )


def _password(user: str) -> Secret | None:
    """The password as it is sent, so that logs mask it as they mask every secret."""
    from urllib.parse import unquote

    password = unquote(user.partition(":")[2])
    return Secret(password) if password else None


def _is_excepted(target: Origin, rules: str) -> bool:
    host = target.host.rstrip(".")
    address = _address(host)
    for rule in rules.replace(",", " ").split():
        wanted, port = _split(rule.lower())
        if port is not None and port != str(target.port):
            continue
        if wanted == "*" or _names(wanted, host, address):
            return True
    return False


def _split(rule: str) -> tuple[str, str | None]:
    """Host and port of a rule: `host:443`, `[::1]:443`; an IPv6 address without brackets has no port."""
    if rule.startswith("["):
        host, _, tail = rule[1:].partition("]")
        return host, tail[1:] if tail.startswith(":") else None
    if rule.count(":") == 1:
        host, _, port = rule.partition(":")
        return host, port
    return rule, None


def _names(wanted: str, host: str, address: IPv4Address | IPv6Address | None) -> bool:
    if address is not None:
        return _holds(wanted, address)
    name = wanted.removeprefix("*").strip(".")
    return bool(name) and (host == name or host.endswith(f".{name}"))


def _holds(wanted: str, address: IPv4Address | IPv6Address) -> bool:
    """Whether a rule is this address, or a network with it; no name is ever resolved for that."""
    from ipaddress import ip_network

    try:
        return address in ip_network(wanted, strict=False)
    except ValueError:
        return False


def _address(host: str) -> IPv4Address | IPv6Address | None:
    from ipaddress import ip_address

    try:
        return ip_address(host)
    except ValueError:
        return None
