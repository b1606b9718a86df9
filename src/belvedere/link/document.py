"""What a site is, as one document, and the hub's order to be so: signed, with a version, and the document beside it.

The order names the document by its SHA-256; the document itself has the cameras' passwords in it, so it goes over the link
alone and is kept nowhere in the clear. A site looks first, if it is asked to, and takes all of it or nothing.
"""

import hashlib
from typing import Any

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from belvedere.foundation.errors import BadInput, Refused
from belvedere.link.masked import Polygons
from belvedere.link.messages import Reply, Request

FORMAT = 2
_FORMATS = (1, FORMAT)
ORDER_FORMAT = 1
LONGEST_DOCUMENT = 8 << 20
_PREFIX = b"belvedere site order 1\n"


class CameraEntry(msgspec.Struct, frozen=True):
    """One camera with its addresses as they were entered, user name and password in them."""

    camera: str
    name: str
    enabled: bool
    main_url: str
    sub_url: str


class RetentionEntry(msgspec.Struct, frozen=True):
    name: str
    days: int
    reference: str


class SoundEntry(msgspec.Struct, frozen=True):
    """The newest decision on a camera's sound, as it was taken."""

    camera: str
    on: bool
    because: str
    set_by: str
    set_us: int


class MaskEntry(msgspec.Struct, frozen=True):
    camera: str
    version: int
    polygons: Polygons


class MakeEntry(msgspec.Struct, frozen=True):
    """What a camera is, and who told so."""

    camera: str
    make: str
    model: str
    firmware: str
    told_by: str
    told_us: int


class DeviceEntry(msgspec.Struct, frozen=True):
    """The ONVIF device that a camera is, user name and password in it."""

    camera: str
    address: str
    username: str
    password: str


class LineEntry(msgspec.Struct, frozen=True):
    """What the hub ordered of the line, as it was signed: a box that belongs to another hub does not go by it."""

    version: int
    words: bytes
    signature: bytes


class Document(msgspec.Struct, frozen=True):
    """`settings`: the `[site]` section without OWN_SETTINGS; the clock sources are in it. `disks`: roles in order.

    `classes` and `members`: retention classes and which camera is in which, from the hub's orders of `retention_revision`.
    Format 1 ends after `members`.
    """

    format: int
    settings: dict[str, Any]
    cameras: tuple[CameraEntry, ...]
    classes: tuple[RetentionEntry, ...]
    members: dict[str, str]
    retention_revision: int = 0
    disks: tuple[str, ...] = ()
    sound: tuple[SoundEntry, ...] = ()
    masks: tuple[MaskEntry, ...] = ()
    makes: tuple[MakeEntry, ...] = ()
    devices: tuple[DeviceEntry, ...] = ()
    line: LineEntry | None = None


def write_document(document: Document) -> bytes:
    """Canonical JSON: equal documents are equal bytes."""
    return msgspec.json.encode(document, order="sorted")


def read_document(plain: bytes) -> Document:
    """Raises BadInput."""
    try:
        found = msgspec.json.decode(plain, type=Document)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadInput(
            f"This is no site document: {error}.", advice="Make it with `belvedere site document`."
        ) from error
    if found.format not in _FORMATS:
        raise BadInput(f"This site document has format {found.format}.", advice="Use a newer Belvedere.")
    return found


class SiteOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the hub signs. `sha256`: hex, of the document's canonical JSON. A higher version comes after a lower one."""

    format: int
    site: str
    version: int
    issued_us: int
    sha256: str


class PutSiteDocument(Request, frozen=True, tag="put_site_document"):
    """Be this; answered with `SiteDocumentState`. `look`: only say what it would change.

    `words` and `signature`: the signed `SiteOrder`. Refused when it is older than what the site has, or another's.
    """

    words: bytes
    signature: bytes
    document: bytes
    look: bool = False


class GetSiteDocumentState(Request, frozen=True, tag="get_site_document_state"):
    """Which order the site has taken last; answered with `SiteDocumentState`. Carries no picture and no secret."""


class SiteDocumentState(Reply, frozen=True, tag="site_document_state"):
    """`version` 0: none was ordered by this hub. `now`: SHA-256 (hex) of what the site is now. No secret is in any line.

    `changes`: what the document in the question changes, or changed: what, before, after. `left`: what is different from it
    all the same, because it is not an order's to change.
    """

    version: int
    sha256: str
    taken_us: int
    now: str
    changes: tuple[tuple[str, str, str], ...] = ()
    left: tuple[tuple[str, str, str], ...] = ()


REQUESTS = (PutSiteDocument, GetSiteDocumentState)
REPLIES = (SiteDocumentState,)


def sha256_of(document: bytes) -> str:
    """How an order names a document."""
    return hashlib.sha256(document).hexdigest()


def sign_order(
    document: bytes, site: str, version: int, now_us: int, key: Ed25519PrivateKey, *, look: bool = False
) -> PutSiteDocument:
    """The order as the hub sends it."""
    words = msgspec.json.encode(SiteOrder(ORDER_FORMAT, site, version, now_us, sha256_of(document)), order="sorted")
    return PutSiteDocument(words, key.sign(_PREFIX + words), document, look)


def open_order(words: bytes, signature: bytes, public_key: bytes) -> SiteOrder:
    """The order that the hub with this key signed. Raises Refused."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, _PREFIX + words)
        order = msgspec.json.decode(words, type=SiteOrder)
    except (InvalidSignature, ValueError, msgspec.MsgspecError) as error:
        raise Refused("This order was not signed by the hub, or was changed.", advice="Order it again.") from error
    if order.format != ORDER_FORMAT:
        raise Refused(f"This order has format {order.format}.", advice="Update the site's software.")
    return order
