"""Why a certificate was not believed: inspection, a chain with a gap, a date, or another name (P36, T18)."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from keyturn.clean import clean
from keyturn.world.certificates import read
from keyturn.world.tls import trusts_nobody

if TYPE_CHECKING:
    import ssl

    from keyturn.errors import Unavailable
    from keyturn.world.certificates import Certificate
    from keyturn.world.chains import Chain
    from keyturn.world.failures import Way

__all__ = ["explain", "gap"]

# OpenSSL's numbers (X509_V_ERR_…)
_NOT_YET, _EXPIRED = 9, 10
_SELF_SIGNED = 18
_OTHER_NAME = (62, 64)
NOBODY_HINT = "install them, on Debian: sudo apt-get install ca-certificates"
_CLOCK = "compare this machine's clock: date -u"


def explain(failure: ssl.SSLCertVerificationError, way: Way, *, seconds: float) -> Unavailable:
    """What is wrong with the certificate, whose it is, and what to do about it."""
    chain, of_proxy = _presented(way, seconds)
    who, through = way.host, way.through
    if of_proxy and way.proxy is not None:
        who, through = f"the proxy {way.proxy.place}", ""
    first = chain[0] if chain else None
    number = failure.verify_code
    if number in (_NOT_YET, _EXPIRED):
        return _outside_its_time(number, who, through, chain, way)
    if number in _OTHER_NAME:
        names = f" (it is for {', '.join(first.names[:3])})" if first and first.names else ""
        what = f"the certificate of {who} is for another name{names}{through}"
        return way.error(what, "tls_name", "check the address: keyturn explain")
    if first is None:
        what = f"no trusted TLS connection to {who}{through}: {clean(failure.verify_message, 80)}"
        return way.error(what, "tls", _trust(way))
    if number == _SELF_SIGNED:
        what = f"{who} presents a certificate that it has signed itself ({first.subject}){through}"
        return way.error(what, "tls_untrusted", f"if that is right, {_trust(way)}")
    return _unknown(chain, who, through, way)


def _unknown(chain: Chain, who: str, through: str, way: Way) -> Unavailable:
    """The error for a certificate that no authority known here has signed."""
    if trusts_nobody(way.trusted):
        what = f"{who} cannot be verified{through}: this machine knows no certificate authority at all"
        return way.error(what, "tls_nobody", NOBODY_HINT)
    missing = gap(chain, way.trusted)
    if missing is not None:
        what = f"{who} does not send the certificate of {missing}, which has signed its own{through}"
        hint = f"whoever runs it must send the whole chain; until then {_trust(way, 'intermediate')}"
        return way.error(what, "tls_incomplete", hint)
    issuer = chain[-1].issuer
    why = "an authority that is not trusted here"
    if issuer in {root.subject for root in _roots(way.trusted)}:
        why = "and the authority of that name that is trusted here is another, perhaps its predecessor"
    what = f"{who} presents a certificate of {issuer}, {why}{through}"
    return way.error(what, "tls_untrusted", f"if your company inspects TLS, {_trust(way)}")


def gap(chain: Chain, trusted: ssl.SSLContext) -> str | None:
    """The authority whose certificate a server has left out; None when its chain is as whole as it gets.

    A server that sends its own certificate alone has left one out if an authority of this machine's could be
    behind it: the certificate says where its issuer's lies, as those of public authorities do, or its issuer
    belongs to an organisation whose root is trusted. Who inspects TLS signs with an authority of its own.
    """
    if len(chain) != 1 or chain[0].self_signed:
        return None
    only = chain[0]
    roots = _roots(trusted)
    if only.issuer in {root.subject for root in roots}:
        return None  # nothing is missing between the two, but one is not the other
    known = {root.organisation for root in roots} - {None}
    return only.issuer if only.fetches_issuer or only.organisation in known else None


def _roots(trusted: ssl.SSLContext) -> list[Certificate]:
    """The authorities that are loaded; those that are looked up in a directory when needed are not."""
    return [one for one in map(read, trusted.get_ca_certs(binary_form=True)) if one is not None]


def _outside_its_time(number: int, who: str, through: str, chain: Chain, way: Way) -> Unavailable:
    late = number == _EXPIRED
    wrong = _wrong_one(chain, late=late)
    when = f" on {wrong.ends if late else wrong.begins}" if wrong else ""
    by = f" (of {wrong.issuer})" if wrong else ""
    says = f"has expired{when}" if late else f"begins only{when}" if when else "is not valid yet"
    what = f"the certificate of {who} {says}{by}{through}"
    return way.error(
        what, "tls_expired" if late else "tls_not_yet", f"{_CLOCK}; else whoever runs it must renew it"
    )


def _wrong_one(chain: Chain, *, late: bool) -> Certificate | None:
    """The certificate of the chain that ends first, or begins last."""
    if not chain:
        return None
    return min(chain, key=lambda one: one.ends) if late else max(chain, key=lambda one: one.begins)


def _presented(way: Way, seconds: float) -> tuple[Chain, bool]:
    """The chain that was not believed, and whether it is the proxy's own."""
    from keyturn.world.chains import presented

    try:
        if urlsplit(way.url).scheme == "https":
            return presented(way.url, way.proxy, way.trusted, seconds=seconds), False
    except Exception:  # noqa: BLE001, S110 - it failed before; this look is for the words of the message alone
        pass
    if way.proxy is None or not way.proxy.encrypted:
        return (), False
    try:
        return presented(f"{way.proxy.place}/", None, way.trusted, seconds=seconds), True
    except Exception:  # noqa: BLE001 - as above
        return (), True


def _trust(way: Way, what: str = "ca") -> str:
    """The command that names an authority, or that adds to the file which is named already."""
    named = next((name for name in ("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS") if way.files.get(name)), None)
    if named is not None:
        return f"add its certificate to the file of {named}: cat {what}.pem >> {quote(way.files[named])}"
    return f"name its certificate: export SSL_CERT_FILE=/path/to/{what}.pem"
