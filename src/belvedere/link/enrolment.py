"""How a site becomes known to a hub: the token that a person carries, the site's own key, the request, what comes back.

The token names the hub's authority by its SHA-256, so that the site trusts nothing that the token's maker did not.
"""

import base64
import hashlib
import re
from dataclasses import dataclass, field

import msgspec
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from belvedere.foundation.errors import BadInput
from belvedere.foundation.ids import is_slug

TOKEN_BYTES = 16
LINK_NAME = (
    "hub.link.belvedere.internal"  # what the hub's certificate says; sites check for it, whatever address they dial
)
LONGEST_REQUEST = 8 << 10  # bytes of a signing request
_TOKEN = re.compile(r"bv1\.([a-z0-9-]{1,48})\.([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})")
_WRONG_TOKEN = "Copy the whole line that the hub showed; it is good once, for 15 minutes."


@dataclass(frozen=True, slots=True)
class SiteToken:
    """What one person makes at the hub and another types at the site. `authority`: SHA-256 of its certificate (DER)."""

    site: str
    secret: bytes = field(repr=False)
    authority: bytes

    def __str__(self) -> str:
        return f"bv1.{self.site}.{_plain(self.secret)}.{_plain(self.authority)}"

    @property
    def hashed(self) -> str:
        """How the hub keeps it: SHA-256 in hex."""
        return hashlib.sha256(self.secret).hexdigest()


def read_token(text: str) -> SiteToken:
    """The token in what a person typed. Raises BadInput."""
    match = _TOKEN.fullmatch("".join(text.split()))
    if match is None or not is_slug(match[1]):
        raise BadInput("This is no site token.", advice=_WRONG_TOKEN)
    return SiteToken(match[1], _bytes(match[2]), _bytes(match[3]))


def _plain(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def make_site_key() -> ec.EllipticCurvePrivateKey:
    """A fresh key for a site's certificate (P-256, which every TLS library speaks)."""
    return ec.generate_private_key(ec.SECP256R1())


def make_request(site: str, key: ec.EllipticCurvePrivateKey) -> bytes:
    """A signing request (PKCS #10, DER) for `site`."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, site)])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.DER)


def read_request(data: bytes) -> tuple[str, ec.EllipticCurvePublicKey]:
    """Site and key of a signing request whose signature holds. Nothing else in it counts. Raises BadInput."""
    try:
        if len(data) > LONGEST_REQUEST:
            raise ValueError("it is too long")
        request = x509.load_der_x509_csr(data)
        key = request.public_key()
        names = request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        if not request.is_signature_valid or len(names) != 1:
            raise ValueError("it is not signed by its own key, or names nobody")
        site = names[0].value
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadInput(f"The site's request makes no sense: {error}.", advice="Run the same version there.") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise BadInput("The site's key is of another kind than P-256.", advice="Run the same version there.")
    if not isinstance(site, str) or not is_slug(site):
        raise BadInput("The site's request names no site.", advice="Run the same version there.")
    return site, key


def fingerprint(key: ec.EllipticCurvePublicKey) -> str:
    """What two people compare: the first 128 bits of the SHA-256 of the public key (SPKI, DER), in eight groups."""
    spki = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    digits = hashlib.sha256(spki).hexdigest()[:32]
    return " ".join(digits[at : at + 4] for at in range(0, 32, 4))


class Ask(msgspec.Struct, frozen=True):
    """A site asks to be let in. `secret` is the token's; `version` that of its software; `machine` what it calls itself."""

    secret: bytes
    request: bytes
    version: str
    machine: str


class Asked(msgspec.Struct, frozen=True):
    """It is known now; with `id` it asks how that went. `fingerprint` as the hub shows it."""

    id: str
    fingerprint: str


class Papers(msgspec.Struct, frozen=True):
    """How it went. `state`: waiting, refused, in. With `in` come the certificate, the authority's (DER) and the hub's log key."""

    state: str
    reason: str = ""
    certificate: bytes = b""
    authority: bytes = b""
    hub_key: bytes = b""
    hub: str = ""


class Renewal(msgspec.Struct, frozen=True):
    """A site whose certificate is still good asks for the next one."""

    request: bytes
