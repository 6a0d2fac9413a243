"""A throw-away certificate authority, and certificates that it signs, good ones and each kind of bad one."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

from tests.secretscan import declare_store

if TYPE_CHECKING:
    from pathlib import Path

LOOPBACK = "127.0.0.1"
HOUR = dt.timedelta(hours=1)


class Authority:
    """An authority with its certificate in `file`, signed by itself or by the authority above it."""

    def __init__(
        self,
        folder: Path,
        name: str = "keyturn test authority",
        *,
        above: Authority | None = None,
        organisation: str | None = None,
    ) -> None:
        folder.mkdir(exist_ok=True)
        declare_store(folder)
        self._folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = _named(name, organisation)
        signer = above or self
        self.certificate = (
            _builder(self.name, signer.name, self.key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(signer.key, hashes.SHA256())
        )
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(self.pem)

    @property
    def pem(self) -> bytes:
        """Its certificate."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def signed(
        self,
        name: str,
        *hosts: str,
        ends: dt.timedelta = HOUR,
        begins: dt.timedelta = -HOUR,
        tells_issuer: bool = False,
        passphrase: str | None = None,
    ) -> Path:
        """A certificate for the hosts (127.0.0.1 unless given) and its key, in one file; times from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        alternatives = x509.SubjectAlternativeName([_alternative(host) for host in hosts or (LOOPBACK,)])
        builder = _builder(_named(name), self.name, key.public_key(), begins, ends)
        if tells_issuer:
            place = x509.UniformResourceIdentifier("http://ca.example/issuer.crt")
            access = x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, place)
            builder = builder.add_extension(x509.AuthorityInformationAccess([access]), critical=False)
        certificate = builder.add_extension(alternatives, critical=False).sign(self.key, hashes.SHA256())
        locked: Any = serialization.NoEncryption()
        if passphrase is not None:
            locked = serialization.BestAvailableEncryption(passphrase.encode())
        file = self._folder / f"{name}.pem"
        file.write_bytes(
            certificate.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked)
        )
        return file

    def server(
        self, *hosts: str, client_authority: Authority | None = None, send: bytes = b"", **options: Any
    ) -> ssl.SSLContext:
        """What a server needs; with a client authority it asks for a certificate of that.

        `send` are further certificates that it sends after its own; `options` are those of `signed`.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        pair = self.signed("server", *hosts, **options)
        pair.write_bytes(pair.read_bytes() + send)
        context.load_cert_chain(pair)
        if client_authority is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(client_authority.file)
        return context


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _named(name: str, organisation: str | None = None) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, name)]
    if organisation is not None:
        parts.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation))
    return x509.Name(parts)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    begins: dt.timedelta = -HOUR,
    ends: dt.timedelta = HOUR,
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + begins)
        .not_valid_after(now + ends)
    )
