"""What a certificate says of itself, for messages about it: nothing here decides whom to trust.

X.509 (RFC 5280) in DER, as far as an error needs it. Python reads only certificates that it has verified, and
these are those that it could not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keyturn.clean import clean
from keyturn.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Certificate", "of_file", "read"]

_SEQUENCE, _VERSION, _EXTENSIONS = 0x30, 0xA0, 0xA3
_DNS_NAME, _ADDRESS = 0x82, 0x87
_COMMON_NAME, _ORGANISATION = b"\x55\x04\x03", b"\x55\x04\x0a"
_SUBJECT_NAMES = b"\x55\x1d\x11"
_AUTHORITY_INFORMATION = b"\x2b\x06\x01\x05\x05\x07\x01\x01"
_CA_ISSUERS = b"\x2b\x06\x01\x05\x05\x07\x30\x02"
_UTC_TIME = 0x17
_BMP_STRING = 0x1E
_CENTURY = 50  # RFC 5280 4.1.2.5.1: a year of two digits from 50 on is of the last century


class Certificate(Value):
    """Names are cleaned for showing; `begins` and `ends` are dates as YYYY-MM-DD.

    `fetches_issuer` says whether it tells where its issuer's certificate can be fetched, as those of public
    authorities do. `self_signed` means that it names itself as its issuer.
    """

    __slots__ = (
        "begins",
        "ends",
        "fetches_issuer",
        "issuer",
        "names",
        "organisation",
        "self_signed",
        "subject",
    )
    begins: str
    ends: str
    fetches_issuer: bool
    issuer: str
    names: tuple[str, ...]
    organisation: str | None
    self_signed: bool
    subject: str


def read(der: bytes) -> Certificate | None:
    """The certificate; None for bytes that are none."""
    try:
        return _read(der)
    except (ValueError, IndexError, StopIteration):
        return None


def of_file(path: str) -> Certificate | None:
    """The first certificate of a PEM file; None when there is none."""
    import ssl

    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read(1024 * 1024)
        begins = text.index("-----BEGIN CERTIFICATE-----")
        ends = text.index("-----END CERTIFICATE-----", begins)
        return read(ssl.PEM_cert_to_DER_cert(f"{text[begins:ends]}-----END CERTIFICATE-----"))
    except (OSError, ValueError):
        return None


def _read(der: bytes) -> Certificate:
    _, outer = next(_parts(der))
    _, body = next(_parts(outer))
    parts = _parts(body)
    tag, _ = next(parts)
    if tag == _VERSION:
        next(parts)  # the serial number
    next(parts)  # the algorithm
    (_, issuer), (_, validity), (_, subject) = next(parts), next(parts), next(parts)
    begins, ends = (_date(kind, value) for kind, value in _parts(validity))
    extensions = dict(_extensions(parts))
    by, of = _named(issuer), _named(subject)
    return Certificate(
        begins=begins,
        ends=ends,
        fetches_issuer=_CA_ISSUERS in extensions.get(_AUTHORITY_INFORMATION, b""),
        issuer=_shown(by),
        names=tuple(_alternatives(extensions.get(_SUBJECT_NAMES, b""))),
        organisation=by.get(_ORGANISATION),
        self_signed=issuer == subject,
        subject=_shown(of),
    )


def _parts(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and content of each element. Raises: IndexError, ValueError."""
    at = 0
    while at < len(data):
        tag, size = data[at], data[at + 1]
        at += 2
        if size & 0x80:
            count = size & 0x7F
            size = int.from_bytes(data[at : at + count], "big")
            at += count
        if at + size > len(data):
            raise ValueError("an element is longer than what holds it")
        yield tag, data[at : at + size]
        at += size


def _extensions(parts: Iterator[tuple[int, bytes]]) -> Iterator[tuple[bytes, bytes]]:
    for tag, content in parts:
        if tag == _EXTENSIONS:
            _, listed = next(_parts(content))
            for _, extension in _parts(listed):
                found = [value for _, value in _parts(extension)]
                yield found[0], found[-1]


def _named(name: bytes) -> dict[bytes, str]:
    """The attributes of a distinguished name that a person would look for."""
    found: dict[bytes, str] = {}
    for _, group in _parts(name):
        for _, pair in _parts(group):
            (_, kind), (tag, value) = _parts(pair)
            text = value.decode("utf-16-be" if tag == _BMP_STRING else "utf-8", "replace")
            found[kind] = clean(text, 100)
    return found


def _shown(name: dict[bytes, str]) -> str:
    common, organisation = name.get(_COMMON_NAME), name.get(_ORGANISATION)
    if common and organisation and organisation not in common:
        return f"{common} ({organisation})"
    return common or organisation or "an authority without a name"


def _alternatives(value: bytes) -> Iterator[str]:
    for _, listed in _parts(value):
        for tag, name in _parts(listed):
            if tag == _DNS_NAME:
                yield clean(name.decode("ascii", "replace"), 100)
            elif tag == _ADDRESS:
                from ipaddress import ip_address

                yield str(ip_address(name))


def _date(tag: int, value: bytes) -> str:
    text = value.decode("ascii")
    if tag == _UTC_TIME:
        text = f"{'19' if int(text[:2]) >= _CENTURY else '20'}{text}"
    if not text[:8].isdigit():
        raise ValueError("it has no date")
    return f"{text[:4]}-{text[4:6]}-{text[6:8]}"
