"""Messages about activity: how busy a camera's picture was. It tells presence, so it needs a grant like footage.

Times are microseconds UTC. Values are bytes: 0 where nothing is known, else 1 (quiet) to 255 (as busy as can be).
"""

from typing import Annotated

import msgspec

from belvedere.link.messages import Reply, Request

MOST_BUCKETS = 4000
_Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
_Polygon = Annotated[tuple[tuple[_Share, _Share], ...], msgspec.Meta(min_length=3, max_length=64)]
Zones = Annotated[tuple[_Polygon, ...], msgspec.Meta(max_length=32)]


class GetActivity(Request, frozen=True, tag="get_activity"):
    """Activity of some cameras over [from_us, to_us) in `buckets` equal parts; answered with `Activity`. Needs PLAYBACK."""

    grant: bytes
    cameras: tuple[str, ...]
    from_us: int
    to_us: int
    buckets: int


class AskMovement(Request, frozen=True, tag="ask_movement"):
    """Did anything move here in [from_us, to_us)? Answered with `Movement`. Needs PLAYBACK.

    `look`: compare keyframes of seconds that nobody has looked at, as far as that goes within some seconds of work.
    """

    grant: bytes
    camera: str
    from_us: int
    to_us: int
    look: bool


class PutActivityZones(Request, frozen=True, tag="put_activity_zones"):
    """Parts of a camera's picture in which movement does not count, as polygons in shares of width and height.

    Answered with `Answer`. Local administration only. What was compared before stays as it is.
    """

    camera: str
    zones: Zones


class GetActivityZones(Request, frozen=True, tag="get_activity_zones"):
    """Answered with `ActivityZones`. Carries no picture, needs no grant."""

    camera: str


class CameraActivity(msgspec.Struct, frozen=True):
    """One camera's strip. Bucket n covers [from + n x step, from + (n + 1) x step).

    `values`: the busiest second of each bucket. `checked`: how much of a bucket's footage keyframe comparison has looked at,
    0 to 255; the rest rests on packet sizes. `rate_control` as in site/activity/rate.py, `text` the same in words; with
    `ordered` false, sizes of this camera say next to nothing.
    """

    camera: str
    stream: str
    values: bytes
    checked: bytes
    rate_control: str
    confidence: float
    ordered: bool
    text: str


class Activity(Reply, frozen=True, tag="activity"):
    from_us: int
    to_us: int
    cameras: tuple[CameraActivity, ...]


class Moved(msgspec.Struct, frozen=True):
    """[start_us, end_us) with movement; `share` of the picture changed at most (0 to 1)."""

    start_us: int
    end_us: int
    share: float


class Movement(Reply, frozen=True, tag="movement"):
    """`answer`: yes, no, or unclear. `method` in words names what the answer rests on; `text` is the whole answer in words.

    Seconds: `recorded` have footage, `checked` of them were compared, `missing` have none.
    """

    camera: str
    answer: str
    method: str
    text: str
    moved: tuple[Moved, ...]
    recorded_s: int
    checked_s: int
    missing_s: int


class ActivityZones(Reply, frozen=True, tag="activity_zones"):
    zones: Zones


REQUESTS = (GetActivity, AskMovement, PutActivityZones, GetActivityZones)
REPLIES = (Activity, Movement, ActivityZones)
