"""Custody of keys over the link: recipients, sealed copies, roots of camera-days, and the release of a key under a grant.

What changes something at the site carries words that the hub signed: `SignedWords`, an Ed25519 signature over the words
behind a fixed prefix. Sealed keys are boxes of `media.keybox`; no key travels in the clear.
"""

from typing import TypeVar

import msgspec

from belvedere.foundation.errors import BadInput
from belvedere.link.messages import Reply, Request
from belvedere.media.keybox import recipient_name

PREFIX = b"belvedere custody 1\n"
CERTIFICATE_PREFIX = b"belvedere disposal 1\n"  # before what a box signs when it is disposed of
HUB, BREAK_GLASS = "hub", "break_glass"  # roles of recipients
PAGE = 200  # copies, roots or notes in one message


class Recipient(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody for whom keys are sealed. `title`: for people."""

    role: str
    title: str
    public_key: bytes

    @property
    def name(self) -> str:
        return recipient_name(self.public_key)


class RecipientList(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="recipients"):
    """Whom every camera-day key is sealed for. The tag keeps one signed word from passing for another."""

    issued_us: int
    recipients: tuple[Recipient, ...]


class Acknowledgement(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="acknowledgement"):
    """What the hub holds durably. Copies: (camera, day, recipient, SHA-256 of the box)."""

    box: str
    copies: tuple[tuple[str, int, str, bytes], ...]
    roots: tuple[tuple[str, int, int], ...]  # camera, day, version
    notes: tuple[tuple[str, int, str], ...]  # camera, day, what


class NewCopy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A key that the hub sealed anew, where the site can't."""

    camera: str
    day: int
    box: bytes
    key_check: bytes


class NewCopies(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="copies"):
    box: str
    copies: tuple[NewCopy, ...]


class SignedWords(msgspec.Struct, frozen=True):
    words: bytes
    signature: bytes


class PutRecipients(Request, frozen=True, tag="put_recipients"):
    """Seal keys for these; answered with `CustodyState`."""

    signed: SignedWords


class GetCustody(Request, frozen=True, tag="get_custody"):
    """What the hub has not acknowledged yet; answered with `Custody`, a page at a time."""


class Acknowledge(Request, frozen=True, tag="acknowledge_custody"):
    """The hub holds these now; answered with `CustodyState`."""

    signed: SignedWords


class PutCopies(Request, frozen=True, tag="put_key_copies"):
    """Keep these boxes beside the others; answered with `CustodyState`."""

    signed: SignedWords


class GetCopies(Request, frozen=True, tag="get_key_copies"):
    """Boxes sealed for one recipient, behind (camera, day); answered with `Copies`. For recovery."""

    recipient: str
    camera: str
    day: int


class AskKey(Request, frozen=True, tag="ask_key"):
    """Which key opens this segment; answered with `KeyAsk`. The grant has to cover some of it."""

    grant: bytes
    action: str
    camera: str
    stream: str
    segment: int


class ReleaseKey(Request, frozen=True, tag="release_key"):
    """A camera-day key under a grant, sealed for the site's running process; answered with `Answer`."""

    grant: bytes
    camera: str
    day: int
    box: bytes


class ProveSegment(Request, frozen=True, tag="prove_segment"):
    """Proof that the segment with this moment is in its camera-day's root; answered with `SegmentProof`. Shows no picture."""

    camera: str
    stream: str
    at_us: int


class GetDocument(Request, frozen=True, tag="get_site_document"):
    """The site's configuration for a replacement, sealed for the hub; answered with `SiteDocument`."""


class SealedCopy(msgspec.Struct, frozen=True):
    camera: str
    day: int
    recipient: str
    box: bytes
    key_check: bytes


class DayRoot(msgspec.Struct, frozen=True):
    """Merkle root of a camera-day. `deleted`: leaves whose footage is gone."""

    camera: str
    day: int
    version: int
    leaves: int
    deleted: int
    root: bytes
    made_us: int


class KeyNote(msgspec.Struct, frozen=True):
    """What became of the site's own copy (`forgotten`) or of all copies (`destroyed`)."""

    camera: str
    day: int
    what: str
    at_us: int


class CustodyState(Reply, frozen=True, tag="custody_state"):
    """How keys stand at the site. `box`: UUID of the recorder; `box_key`: its Ed25519 public key."""

    box: str
    box_key: bytes
    local_days: int  # camera-days whose key the site can open by itself
    away_days: int  # camera-days whose key only the hub or the officers can open
    waiting: int  # copies that the hub has not acknowledged
    other_copies: int  # sealed for recipients that are not in the list any more
    held_keys: int  # keys of held segments, which stay at the site


class Custody(Reply, frozen=True, tag="custody"):
    box: str
    copies: tuple[SealedCopy, ...]
    roots: tuple[DayRoot, ...]
    notes: tuple[KeyNote, ...]


class Copies(Reply, frozen=True, tag="key_copies"):
    """In order of camera and day; fewer than PAGE: the last page."""

    copies: tuple[SealedCopy, ...]


class KeyAsk(Reply, frozen=True, tag="key_ask"):
    """`held`: the site has it under this grant. `release_key`: X25519 public key of the running process."""

    box: str
    camera: str
    day: int
    held: bool
    copies: tuple[SealedCopy, ...]
    release_key: bytes


class SegmentProof(Reply, frozen=True, tag="segment_proof"):
    """`leaf`: canonical JSON of the segment; it is leaf `index` of `leaves` under `root`, version `version` of its day."""

    box: str
    camera: str
    day: int
    version: int
    index: int
    leaves: int
    root: bytes
    leaf: bytes
    path: tuple[bytes, ...]


class SiteDocument(Reply, frozen=True, tag="site_document"):
    """`sealed`: a box for the hub's wrapping key with the document; `sha256` of what is inside, to know it again."""

    box: str
    sealed: bytes
    sha256: bytes


REQUESTS = (
    PutRecipients,
    GetCustody,
    Acknowledge,
    PutCopies,
    GetCopies,
    AskKey,
    ReleaseKey,
    ProveSegment,
    GetDocument,
)
REPLIES = (CustodyState, Custody, Copies, KeyAsk, SegmentProof, SiteDocument)


_Words = TypeVar("_Words", RecipientList, Acknowledgement, NewCopies)


def release_info(grant_id: str, camera: str, day: int) -> bytes:
    """What a released key is bound to."""
    return f"belvedere key release 1\n{grant_id}\n{camera}\n{day}\n".encode()


def document_info(box: str) -> bytes:
    """What a site's sealed document is bound to."""
    return f"belvedere site document 1\n{box}\n".encode()


def signed_bytes(words: bytes) -> bytes:
    """What the hub's signature covers."""
    return PREFIX + words


def write_words(words: RecipientList | Acknowledgement | NewCopies) -> bytes:
    return msgspec.msgpack.encode(words)


def read_recipients(words: bytes) -> RecipientList:
    """Raises BadInput."""
    return _read(words, RecipientList)


def read_acknowledgement(words: bytes) -> Acknowledgement:
    """Raises BadInput."""
    return _read(words, Acknowledgement)


def read_new_copies(words: bytes) -> NewCopies:
    """Raises BadInput."""
    return _read(words, NewCopies)


def _read(words: bytes, kind: type[_Words]) -> _Words:
    try:
        return msgspec.msgpack.decode(words, type=kind)
    except msgspec.MsgspecError as error:
        raise BadInput(
            f"The hub's words about keys make no sense: {error}.", advice="Run the same version on hub and site."
        ) from error
