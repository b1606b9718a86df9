"""What somebody wants exported, and whether it can be: evidence, or a masked working copy."""

from dataclasses import dataclass

from belvedere.foundation.clock import DAY_US, SECOND_US
from belvedere.foundation.errors import BadInput, Refused
from belvedere.foundation.ids import slug
from belvedere.hub.evidence.store import ExportRow
from belvedere.policy.grant import Action, Grant

EVIDENCE, WORKING_COPY = "evidence", "working_copy"
LONGEST_US = DAY_US
LONGEST_COPY_US = 4 * 3_600_000_000
"""Of all cameras of a working copy together: every second of it is decoded, masked and encoded again."""
MOST_CAMERAS = 64


@dataclass(frozen=True, slots=True)
class Order:
    """What to export. `wire` is the grant as the site wants it, `grant` the same opened. `kind`: EVIDENCE or WORKING_COPY."""

    wire: bytes
    grant: Grant
    name: str
    cameras: tuple[str, ...]
    start_us: int
    end_us: int
    note: str = ""
    kind: str = EVIDENCE


def pack_name(row: ExportRow) -> str:
    """What a downloaded pack is called."""
    return f"{slug(row.name) or 'export'}-{row.id[-8:]}.zip"


def check_order(order: Order, now_us: int) -> None:
    """Raise BadInput or Refused unless an order is whole, of bearable size, and within its grant."""
    if not order.cameras or len(order.cameras) > MOST_CAMERAS:
        raise BadInput(f"An export has 1 to {MOST_CAMERAS} cameras.", advice="Choose fewer.")
    if not 0 < order.end_us - order.start_us <= LONGEST_US:
        raise BadInput("An export covers more than nothing and at most a day.", advice="Move the marks.")
    if order.start_us >= now_us + SECOND_US:
        raise BadInput("That time has not come yet.", advice="Move the marks.")
    if len(order.name) > 200 or len(order.note) > 5_000:
        raise BadInput("The name or note is too long.", advice="Write at most 200 and 5,000 letters.")
    if order.kind == WORKING_COPY and (order.end_us - order.start_us) * len(order.cameras) > LONGEST_COPY_US:
        raise BadInput(
            "A masked working copy holds at most 4 hours of footage, all cameras together.",
            advice="Choose fewer cameras or less time.",
        )
    for camera in order.cameras:
        order.grant.require(Action.EXPORT, camera, now_us=now_us, start_us=order.start_us, end_us=order.end_us)
    if order.kind == EVIDENCE and order.grant.masked:
        raise Refused(
            "This access shows masked pictures only; evidence holds the originals.",
            advice="Make a masked working copy, or ask for access to unmasked pictures, with a reason.",
        )
