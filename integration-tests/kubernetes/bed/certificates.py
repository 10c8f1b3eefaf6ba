"""Certificates that are worth nothing outside one test run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_DAYS = 7


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate and its key as PEM files."""

    certificate: Path
    key: Path


class Authority:
    """Signs certificates for clients or servers, and keeps them in a folder."""

    def __init__(self, name: str, folder: Path) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _subject(name)
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        own = self._build(self._name, self._key.public_key(), authority=True)
        self.certificate = folder / f"{name}.crt"
        self.certificate.write_bytes(_pem(own.sign(self._key, hashes.SHA256())))

    def client(self, user: str, groups: Sequence[str] = (), *, file: str) -> Pair:
        """Return a certificate that says it is *user* of *groups* to an API server."""
        return self._issue(
            _subject(user, groups), ExtendedKeyUsageOID.CLIENT_AUTH, file
        )

    def server(self, names: Sequence[str], *, file: str) -> Pair:
        """Return a certificate of a server with these host names and addresses."""
        usage = ExtendedKeyUsageOID.SERVER_AUTH
        alternatives = x509.SubjectAlternativeName([_host(name) for name in names])
        return self._issue(_subject(file), usage, file, alternatives)

    def _issue(
        self,
        subject: x509.Name,
        usage: x509.ObjectIdentifier,
        file: str,
        *extensions: x509.ExtensionType,
    ) -> Pair:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._build(subject, key.public_key(), authority=False)
        for extension in (x509.ExtendedKeyUsage([usage]), *extensions):
            builder = builder.add_extension(extension, critical=False)
        pair = Pair(
            certificate=self._folder / f"{file}.crt", key=self._folder / f"{file}.key"
        )
        pair.certificate.write_bytes(_pem(builder.sign(self._key, hashes.SHA256())))
        write_key(key, pair.key)
        return pair

    def _build(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, *, authority: bool
    ) -> x509.CertificateBuilder:
        """The extensions are those that Python verifies strictly since 3.13."""
        now = datetime.now(UTC)
        issuer = self._key.public_key()
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=5))
            .not_valid_after(now + timedelta(days=_DAYS))
            .add_extension(x509.BasicConstraints(authority, None), critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key), critical=False
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer),
                critical=False,
            )
            .add_extension(_key_usage(authority=authority), critical=True)
        )


def signing_pair(folder: Path) -> Pair:
    """Make the key that signs tokens of ServiceAccounts; its other half is public."""
    key = ec.generate_private_key(ec.SECP256R1())
    pair = Pair(certificate=folder / "tokens.pub", key=folder / "tokens.key")
    write_key(key, pair.key)
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    pair.certificate.write_bytes(public)
    return pair


def write_key(key: ec.EllipticCurvePrivateKey, path: Path) -> None:
    """Write *key* so that only its owner can read it."""
    text = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.touch(mode=0o600)
    path.write_bytes(text)


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_encipherment=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _subject(name: str, groups: Sequence[str] = ()) -> x509.Name:
    """A user is the common name, its groups are organizations."""
    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    return x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _host(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
