"""HTTP messages as values, and what a URL says about where a secret would go."""

from __future__ import annotations

from keyturn.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

LOOPBACK_HOSTS = ("127.0.0.1", "::1", "localhost")


class Request(Value):
    """One request, not yet sent; `body` may hold secrets, so it is not shown.

    With `connect_seconds` it is given up when it is not on its way by then, and nothing has been sent.
    """

    __slots__ = ("body", "connect_seconds", "headers", "method", "url")
    body: bytes
    connect_seconds: float | None
    headers: Mapping[str, str]
    method: str
    url: str

    def __repr__(self) -> str:
        return f"Request({self.method} {self.url})"


class Response(Value):
    """One whole answer; header names are lower case."""

    __slots__ = ("body", "headers", "status")
    body: bytes
    headers: Mapping[str, str]
    status: int

    def __repr__(self) -> str:
        return f"Response({self.status})"


class Origin(Value):
    """Scheme, host and port: what a credential is bound to (T13)."""

    __slots__ = ("host", "port", "scheme")
    host: str
    port: int
    scheme: str

    @property
    def loopback(self) -> bool:
        """Whether the host *is* one of this machine's own names; a prefix or suffix does not count (T10)."""
        return self.host in LOOPBACK_HOSTS

    @property
    def confidential(self) -> bool:
        """Whether a secret may travel there: https, or no further than this machine."""
        return self.scheme == "https" or self.loopback

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = {"https": 443, "http": 80}[self.scheme]
        return f"{self.scheme}://{host}" if self.port == usual else f"{self.scheme}://{host}:{self.port}"


def origin(url: str) -> Origin:
    """The origin of an http or https URL.

    Raises: ValueError with the reason, without the URL (it may hold a password).
    """
    # By hand: importing urllib.parse costs more than reading a stored login does, and it lets hosts pass that
    # other readers of URLs take for other hosts.
    if any(character <= " " or character > "~" for character in url):
        raise ValueError("it holds a space, a control character or a non-ASCII character")
    if "\\" in url:
        raise ValueError("it holds a backslash")
    scheme, mark, rest = url.partition("://")
    scheme = scheme.lower()
    if not mark or scheme not in ("https", "http"):
        raise ValueError("it does not start with https:// or http://")
    for end in "/?#":
        rest = rest.partition(end)[0]
    if "@" in rest:
        raise ValueError("it holds user information")
    if rest.startswith("["):
        host, end, tail = rest[1:].partition("]")
        allowed, port = "0123456789abcdef:.", tail[1:]
        if not end or ":" not in host or tail[:1] not in ("", ":"):
            raise ValueError("its host is malformed")
    else:
        host, _, port = rest.partition(":")
        allowed = "abcdefghijklmnopqrstuvwxyz0123456789.-_"
    host = host.lower()
    if not host:
        raise ValueError("it names no host")
    if any(character not in allowed for character in host):
        raise ValueError("its host is malformed")
    return Origin(scheme=scheme, host=host, port=_port(port, scheme))


def _port(text: str, scheme: str) -> int:
    if not text:
        return {"https": 443, "http": 80}[scheme]
    number = text.lstrip("0") if text.isascii() and text.isdigit() else ""
    if not 0 < len(number) <= 5 or int(number) >= 1 << 16:  # noqa: PLR2004 - the digits of 65535
        raise ValueError("its port is not a number from 1 to 65535")
    return int(number)
