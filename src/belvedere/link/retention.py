"""Messages about retention: what the hub orders, what the site plans, and what it has destroyed.

Orders are one signed document: the classes, which camera is in which, all holds, and decisions of people that a site carries
out once. A site keeps the newest it has seen and goes on by it while the hub is away. An older document changes nothing.
"""

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from belvedere.foundation.errors import BadInput, Refused
from belvedere.link.messages import Reply, Request

FORMAT = 1
MAX_ORDERS_BYTES = 4 << 20
_PREFIX = b"belvedere retention 1\n"


class ClassOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Cameras of this class keep footage for `days`. `reference`: the written decision behind an unusual number."""

    name: str
    days: int
    reference: str


class HoldOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Footage [from_us, to_us) of `cameras` that stays until the hold has ended. `ended_us`: None while it lives."""

    id: str
    cameras: tuple[str, ...]
    from_us: int
    to_us: int
    owner: str
    reason: str
    reference: str
    placed_us: int
    expires_us: int
    ended_us: int | None
    ended_why: str


class Decision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a person decided. `kind`: go or no (to a stopped night, up to `bytes`), restore (what `hold` covers)."""

    id: str
    kind: str
    by: str
    reason: str
    at_us: int
    night: int = 0
    bytes: int = 0
    hold: str = ""


class Orders(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that a hub orders of one site. Invariant: a later document has a higher `revision`."""

    format: int
    site: str
    revision: int
    issued_us: int
    classes: tuple[ClassOrder, ...]
    cameras: dict[str, str]  # slug: name of the class
    holds: tuple[HoldOrder, ...]
    decisions: tuple[Decision, ...]


def sign_orders(orders: Orders, key: Ed25519PrivateKey) -> "PutRetention":
    """`orders` as the hub sends them."""
    words = msgspec.json.encode(orders, order="sorted")
    if len(words) > MAX_ORDERS_BYTES:
        raise BadInput("There are too many holds for one site.", advice="End those that are not needed any more.")
    return PutRetention(words, key.sign(_PREFIX + words))


def open_orders(message: "PutRetention", public_key: bytes) -> Orders:
    """The orders that the hub with this key signed. Raises Refused."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(message.signature, _PREFIX + message.words)
        orders = msgspec.json.decode(message.words, type=Orders)
    except (InvalidSignature, ValueError, msgspec.MsgspecError) as error:
        raise Refused("These orders were not signed by the hub, or were changed.", advice="Send them again.") from error
    if orders.format != FORMAT:
        raise Refused(f"These orders have format {orders.format}.", advice="Update the site's software.")
    return orders


class PutRetention(Request, frozen=True, tag="put_retention"):
    """The hub's orders, signed; answered with `RetentionState`."""

    words: bytes
    signature: bytes


class GetRetention(Request, frozen=True, tag="get_retention"):
    """How retention stands; answered with `RetentionState`. Carries no picture, needs no grant."""


class GetDestructions(Request, frozen=True, tag="get_destructions"):
    """What was destroyed, lines above `after` in order; answered with `Destructions`."""

    after: int


class PlanLine(msgspec.Struct, frozen=True):
    """What a night takes of one camera. Segments that a hold touches stand apart."""

    camera: str
    class_name: str  # "" where the camera is in none
    days: int
    segments: int
    bytes: int
    oldest_us: int
    newest_us: int
    held_segments: int
    held_bytes: int


class NightPlan(msgspec.Struct, frozen=True):
    """What goes into quarantine at the beginning of day `night` (since 1970, UTC). `state`: "" while it lies ahead."""

    night: int
    at_us: int
    lines: tuple[PlanLine, ...]
    segments: int
    bytes: int
    held_segments: int
    held_bytes: int
    forecast_bytes: int
    exceeds: bool
    state: str


class QuarantineLine(msgspec.Struct, frozen=True):
    """What one night marked and is still there. `left_us`: how much running time of the site it has left."""

    night: int
    segments: int
    bytes: int
    left_us: int
    decided: str


class DiskHeadroom(msgspec.Struct, frozen=True):
    """`days` until the disk is short of space at the present rate; None: it never is, or too little is known yet."""

    name: str
    bytes_total: int
    bytes_free: int
    bytes_a_day: int
    days: float | None
    known: bool
    alarm: bool


class HeldState(msgspec.Struct, frozen=True):
    """What the site has of one hold. `quarantined`: segments that were on their way out when it came."""

    hold: str
    segments: int
    bytes: int
    quarantined: int


class RetentionState(Reply, frozen=True, tag="retention_state"):
    """`alarms`: sentences for people. `stopped`: the plan that a person has to decide on, if there is one.

    `in_force`: holds as the site heard of them, of its own cameras; a hub that was set back may not know them.
    """

    revision: int
    now_us: int
    default_days: int
    clock_trusted: bool
    tonight: NightPlan
    stopped: NightPlan | None
    quarantine: tuple[QuarantineLine, ...]
    disks: tuple[DiskHeadroom, ...]
    holds: tuple[HeldState, ...]
    alarms: tuple[str, ...]
    destructions: int  # number of the newest line
    in_force: tuple[HoldOrder, ...] = ()
    series: str = ""  # which count `destructions` is of: a box that was replaced begins another


class Destruction(msgspec.Struct, frozen=True):
    """Footage of one camera, stream and day (UTC) that no longer exists.

    `root`: RFC 6962 over the SHA-256 of its sealed segments, by time. `why`: age, space, held_space, or disk_gone (nobody
    deleted its files). `key_destroyed`: the key that sealed it is gone too; false while other footage under it is kept.
    """

    id: int
    camera: str
    stream: str
    day: int
    from_us: int
    to_us: int
    segments: int
    bytes: int
    root: str  # 64 hexadecimal digits
    why: str
    decided: str
    marked_us: int
    destroyed_us: int
    key_destroyed: bool


class Destructions(Reply, frozen=True, tag="destructions"):
    """In order; ask again behind the last while there are any."""

    lines: tuple[Destruction, ...]


REQUESTS = (PutRetention, GetRetention, GetDestructions)
REPLIES = (RetentionState, Destructions)
