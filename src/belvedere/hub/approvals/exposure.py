"""About how many people an ask opens pictures of. An estimate, with a method and a width; never a count. Pure.

Seconds with movement, divided by how long somebody takes to cross the picture: range / walking pace. Movement is also cars, trees
and rain, and people come in groups or stand still: the truth lies anywhere between a third and three times that. On every camera
somebody counts anew. The width is an assumption, not a measurement; `docs/design/approvals.md` says what it rests on.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

WALK_M_S = 1.4  # about the unhurried walk of adults below 60, Bohannon and Andrews 2011
USUAL_RANGE_M = 30.0  # where the register does not know a camera's range
WIDTH = 3.0  # times less and times more
METHOD = (
    "Seconds with movement, by packet sizes and keyframes, divided by the time that somebody walking takes to cross the "
    "picture. Cars, trees and rain move too, groups count as one, and who passes two cameras counts twice: the truth may lie "
    "between a third and three times the middle. Nobody was counted."
)
UNKNOWN = "The site could not say how busy these cameras were, so nothing can be said about people."


@dataclass(frozen=True, slots=True)
class Exposure:
    """Passings of people before cameras, between `low` and `high`; None where nothing is known."""

    low: int | None
    high: int | None
    text: str
    method: str

    def words(self) -> dict[str, object]:
        return {"low": self.low, "high": self.high, "text": self.text, "method": self.method}


def round_125(value: float, *, up: bool) -> int:
    """To one digit of 1, 2 or 5: a figure with more digits would claim to know more than it does."""
    if value < 1:
        return 1 if up and value > 0 else 0
    magnitude = 10.0 ** math.floor(math.log10(value))
    steps = (1.0, 2.0, 5.0, 10.0)
    lead = value / magnitude
    near = min(s for s in steps if s >= lead - 1e-9) if up else max(s for s in steps if s <= lead + 1e-9)
    return round(near * magnitude)


def exposure(moved_s: Mapping[str, int | None], ranges_m: Mapping[str, float | None], blind: str = "") -> Exposure:
    """From seconds with movement of each camera, None where they are not known. `blind`: what the figures rest on besides."""
    known = {camera: seconds for camera, seconds in moved_s.items() if seconds is not None}
    if not known:
        return Exposure(None, None, "Not known.", UNKNOWN)
    middle = sum(
        seconds * WALK_M_S / max(5.0, ranges_m.get(camera) or USUAL_RANGE_M) for camera, seconds in known.items()
    )
    low, high = round_125(middle / WIDTH, up=False), round_125(middle * WIDTH, up=True)
    missing = len(moved_s) - len(known)
    text = "Nobody, as far as movement tells." if high == 0 else f"About {low:,} to {high:,} times somebody in view."
    if missing:
        text += f" {missing} of {len(moved_s)} cameras could not be judged and are not in it."
    return Exposure(low, high, text, " ".join(part for part in (METHOD, blind) if part))
