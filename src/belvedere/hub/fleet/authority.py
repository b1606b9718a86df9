"""The hub's private certificate authority: signs certificates of sites and its own for the link's listener (RFC 5280).

P-256 keys in PEM files beside the hub's signing key, readable by their owner only. Nothing else trusts this authority.
"""

import hashlib
import os
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from belvedere.foundation.clock import DAY_US, SECOND_US, Clock
from belvedere.foundation.errors import StorageFault
from belvedere.link.enrolment import LINK_NAME

SITE_DAYS = 30
_AUTHORITY_DAYS = 3650
_SERVER_DAYS = 365
_SERVER_RENEWED_DAYS = 60  # before it runs out, at a start of the hub
_BACK_DAYS = 31  # a certificate of the hub began so long ago, so that a site whose clock is behind still trusts it


class Authority:
    """One hub's authority. Blocks for moments; makes its key at first use. Raises StorageFault when that can't be kept."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._key, self.certificate = self._own()
            self._server()
        except (OSError, ValueError) as error:
            raise StorageFault(
                f"The hub's certificate authority in {folder} can't be read or made: {error}.",
                advice="Check the folder's owner, or restore it from a backup: `belvedere restore`.",
            ) from error

    @property
    def der(self) -> bytes:
        """The authority's certificate."""
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def digest(self) -> bytes:
        """SHA-256 of it, which site tokens carry."""
        return hashlib.sha256(self.der).digest()

    def certify(self, site: str, key: ec.EllipticCurvePublicKey) -> x509.Certificate:
        """A certificate for a site, good for SITE_DAYS."""
        return self._sign(site, key, SITE_DAYS, 1, [], ExtendedKeyUsageOID.CLIENT_AUTH)

    def server_context(self) -> ssl.SSLContext:
        """TLS 1.3 only; who shows a certificate must show one of this authority's; who shows none is nobody."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_cert_chain(self._folder / "server.pem", self._folder / "server.key")
        context.load_verify_locations(cadata=self.der)
        context.verify_mode = ssl.CERT_OPTIONAL
        context.set_alpn_protocols(["http/1.1"])
        return context

    def _own(self) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
        key_file, file = self._folder / "authority.key", self._folder / "authority.pem"
        if not key_file.exists():
            if file.exists():
                raise ValueError("its key is missing, its certificate is there")
            key = ec.generate_private_key(ec.SECP256R1())
            _write(key_file, _key_pem(key))
            _write(file, _pem(self._self_signed(key)))
        key = _read_key(key_file)
        if not file.exists():  # ended between the two
            _write(file, _pem(self._self_signed(key)))
        certificate = x509.load_pem_x509_certificate(file.read_bytes())
        if certificate.public_key() != key.public_key():
            raise ValueError("key and certificate do not belong together")
        return key, certificate

    def _self_signed(self, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
        name = _name("Belvedere link authority")
        begin_us = self._clock.now_us() - _BACK_DAYS * DAY_US
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(_time(begin_us))
            .not_valid_after(_time(begin_us + _AUTHORITY_DAYS * DAY_US))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )

    def _server(self) -> None:
        """The listener's certificate, made anew when it is near its end."""
        file, key_file = self._folder / "server.pem", self._folder / "server.key"
        if file.exists() and key_file.exists():
            certificate = x509.load_pem_x509_certificate(file.read_bytes())
            ours = certificate.public_key() == _read_key(key_file).public_key()
            left_us = int(certificate.not_valid_after_utc.timestamp()) * SECOND_US - self._clock.now_us()
            if ours and left_us > _SERVER_RENEWED_DAYS * DAY_US:
                return
        key = ec.generate_private_key(ec.SECP256R1())
        names: list[x509.GeneralName] = [x509.DNSName(LINK_NAME)]
        made = self._sign(LINK_NAME, key.public_key(), _SERVER_DAYS, _BACK_DAYS, names, ExtendedKeyUsageOID.SERVER_AUTH)
        _write(key_file, _key_pem(key))
        _write(file, _pem(made))

    def _sign(
        self,
        subject: str,
        key: ec.EllipticCurvePublicKey,
        days: int,
        back_days: int,
        names: Sequence[x509.GeneralName],
        use: x509.ObjectIdentifier,
    ) -> x509.Certificate:
        now_us = self._clock.now_us()
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(subject))
            .issuer_name(self.certificate.subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(_time(now_us - back_days * DAY_US))
            .not_valid_after(_time(now_us + days * DAY_US))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([use]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self._key, hashes.SHA256())


def digest_of(certificate: bytes) -> str:
    """What a certificate (DER) is known by here: SHA-256 in hex."""
    return hashlib.sha256(certificate).hexdigest()


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _time(time_us: int) -> datetime:
    return datetime.fromtimestamp(time_us // SECOND_US, UTC)


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _read_key(path: Path) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(path.read_bytes(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError(f"{path.name} holds another kind of key")
    return key


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all, for its owner only."""
    near = path.with_name(f"{path.name}.{os.getpid()}.new")
    descriptor = os.open(near, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    near.replace(path)
