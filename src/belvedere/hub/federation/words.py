"""What hubs of different controllers say to each other: msgspec structs, JSON, version 1. The page docs/reference/federation.md is
the same for people who write the other side.

A *letter* is what is said: signed once, kept by both for good, known by the SHA-256 of its bytes. A *delivery* carries one
letter, fresh each time, and is answered with a *receipt*. Nothing here carries a picture, a camera's id, a path or a command.
"""

from enum import StrEnum
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from belvedere.foundation.errors import BadInput

VERSION = 1
LONGEST_LETTER = 48 << 10  # bytes of its JSON
LONGEST_DELIVERY = 128 << 10
LONGEST_PART = 1 << 20
LONGEST_PACKAGE = 1 << 40

HubId = Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]
Digest = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
Id = Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{8,64}$")]
Nonce = Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]
Code = Annotated[str, Meta(pattern="^[a-z0-9_]{1,32}$")]
Line = Annotated[str, Meta(max_length=200)]
Text = Annotated[str, Meta(max_length=4_000)]
TimeUs = Annotated[int, Meta(ge=0, le=2**53)]
Lat = Annotated[float, Meta(ge=-90, le=90)]
Lon = Annotated[float, Meta(ge=-180, le=180)]


class Why(StrEnum):
    """Reason codes of a question. Others may be sent; a hub answers those that its policy for the partner names."""

    CRIME = "crime"
    MISSING_PERSON = "missing_person"
    ROAD_COLLISION = "road_collision"
    PUBLIC_SAFETY = "public_safety"
    LEGAL_CLAIM = "legal_claim"


class Basis(StrEnum):
    """Legal bases of a question or request (United Kingdom)."""

    LAW_ENFORCEMENT = "dpa2018_part3"
    CRIME_EXEMPTION = "dpa2018_schedule2_2"
    VITAL_INTERESTS = "ukgdpr_6_1_d"
    PUBLIC_TASK = "ukgdpr_6_1_e"
    LEGAL_CLAIMS = "dpa2018_schedule2_5"


class RequestState(StrEnum):
    """How far a formal request is, as the holder tells. `sent` and `delivered` are the requester's own and never told."""

    SENT = "sent"
    RECEIVED = "received"
    REFUSED = "refused"
    DECIDED = "decided"
    READY = "ready"
    DELIVERED = "delivered"


class Said(msgspec.Struct, frozen=True, tag_field="what"):
    """Base of what a letter says."""


class Circle(msgspec.Struct, frozen=True, tag_field="shape", tag="circle"):
    """All within `radius_m` metres of a point (WGS 84, degrees)."""

    lat: Lat
    lon: Lon
    radius_m: Annotated[float, Meta(ge=10, le=5_000)]


class Polygon(msgspec.Struct, frozen=True, tag_field="shape", tag="polygon"):
    """All within a ring of [longitude, latitude], not closed."""

    points: Annotated[tuple[tuple[Lon, Lat], ...], Meta(min_length=3, max_length=64)]


class Question(Said, frozen=True, tag="question"):
    """Do you hold footage of this place between these moments?"""

    place: Circle | Polygon
    from_us: TimeUs
    to_us: TimeUs
    reason: Code
    basis: Code
    reference: Annotated[str, Meta(min_length=1, max_length=100)]  # the asker's own, such as a crime number


class HoldingsAnswer(Said, frozen=True, tag="answer"):
    """`answer`: yes, no, unknown (a site is away: another answer follows), refused (`code` and `words` say why).

    `hold` and `until_us`: with yes and unknown, what is kept from deletion, and until when. `cameras`: where the holder's policy
    tells it.
    """

    question: Id
    answer: Annotated[str, Meta(pattern="^(yes|no|unknown|refused)$")]
    code: Annotated[str, Meta(pattern="^[a-z0-9_]{0,32}$")] = ""
    words: Text = ""
    hold: Annotated[str, Meta(max_length=64)] = ""
    until_us: TimeUs | None = None
    cameras: int | None = None


class FormalRequest(Said, frozen=True, tag="request"):
    """Please disclose footage: the formal request of one controller to another, about a question that was answered yes."""

    question: Id
    wanted: Text
    necessity: Text  # why it is needed, and why no less would do
    reason: Code
    basis: Code
    reference: Annotated[str, Meta(min_length=1, max_length=100)]
    officer: Annotated[str, Meta(min_length=1, max_length=200)]  # who answers for it: name and office


class RequestTold(Said, frozen=True, tag="request_state"):
    """How far a request is. `number`: the holder's own. State: received, refused, decided, ready."""

    request: Id
    number: Line
    state: Annotated[str, Meta(pattern="^(received|refused|decided|ready)$")]
    words: Text = ""


class PackageOffer(Said, frozen=True, tag="package"):
    """A sealed package lies ready to be fetched. Its bytes are opaque here; `manifest_sha256` is of the manifest inside."""

    package: Id
    request: Id
    bytes: Annotated[int, Meta(gt=0, le=LONGEST_PACKAGE)]
    sha256: Digest
    manifest_sha256: Digest


class PackageReceipt(Said, frozen=True, tag="package_receipt"):
    """All of it arrived, with this SHA-256."""

    package: Id
    request: Id
    bytes: int
    sha256: Digest
    received_us: TimeUs


class KeyChange(Said, frozen=True, tag="key_change"):
    """From now on the sender also signs with this key; the present one counts for seven days more. `proof`: by the new key."""

    public_key: Annotated[bytes, Meta(min_length=32, max_length=32)]
    proof: Annotated[bytes, Meta(min_length=64, max_length=64)]


AnySaid = Question | HoldingsAnswer | FormalRequest | RequestTold | PackageOffer | PackageReceipt | KeyChange
KINDS: dict[type[Said], str] = {
    Question: "question",
    HoldingsAnswer: "answer",
    FormalRequest: "request",
    RequestTold: "request_state",
    PackageOffer: "package",
    PackageReceipt: "package_receipt",
    KeyChange: "key_change",
}


class Signed(msgspec.Struct, frozen=True):
    """Bytes and who signed them. `key`: SHA-256 of the public key."""

    key: Digest
    words: bytes
    signature: Annotated[bytes, Meta(min_length=64, max_length=64)]


class Letter(msgspec.Struct, frozen=True):
    """What is said, once and for good. The same id never carries other words."""

    version: int
    id: Id
    sender: HubId
    recipient: HubId
    made_us: TimeUs
    said: AnySaid


class Delivery(msgspec.Struct, frozen=True):
    """One try to deliver a letter. `nonce` is used once, `at_us` is now."""

    version: int
    sender: HubId
    recipient: HubId
    at_us: TimeUs
    nonce: Nonce
    letter: Signed


class Receipt(msgspec.Struct, frozen=True):
    """The answer. `outcome`: taken (kept and logged), refused (for good), later (try again). `sha256`: of the letter's bytes."""

    version: int
    nonce: Nonce
    outcome: Annotated[str, Meta(pattern="^(taken|refused|later)$")]
    sha256: Annotated[str, Meta(pattern="^([0-9a-f]{64})?$")]
    at_us: TimeUs
    code: Annotated[str, Meta(pattern="^[a-z0-9_]{0,32}$")] = ""
    words: Text = ""


class PartAsk(msgspec.Struct, frozen=True):
    """Bytes of a package from `start`, LONGEST_PART at most."""

    version: int
    sender: HubId
    recipient: HubId
    at_us: TimeUs
    nonce: Nonce
    package: Id
    start: Annotated[int, Meta(ge=0)]


class PartHead(msgspec.Struct, frozen=True):
    """Comes before the bytes of a part and vouches for them."""

    version: int
    nonce: Nonce
    package: Id
    start: int
    bytes: int
    sha256: Digest


class PartnerDocument(msgspec.Struct, frozen=True):
    """What a hub says of itself. `authority`: DER of its private certificate authority, empty where a public one vouches."""

    format: int
    hub: HubId
    controller: Annotated[str, Meta(min_length=1, max_length=200)]
    contact: Annotated[str, Meta(min_length=1, max_length=500)]
    address: Annotated[str, Meta(pattern=r"^[A-Za-z0-9.\-\[\]:]{1,240}:[0-9]{1,5}$")]
    key: Annotated[bytes, Meta(min_length=32, max_length=32)]
    authority: Annotated[bytes, Meta(max_length=4096)] = b""


_Shape = TypeVar("_Shape", bound=msgspec.Struct)


def encode(words: msgspec.Struct) -> bytes:
    """JSON, names sorted, no spaces."""
    return msgspec.json.encode(words, order="sorted")


def decode(data: bytes, shape: type[_Shape]) -> _Shape:
    """The other way. Unknown fields are passed over. Raises BadInput."""
    try:
        return msgspec.json.decode(data, type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput(f"This makes no sense: {error}.", advice="Both hubs have to speak the same version.") from error
