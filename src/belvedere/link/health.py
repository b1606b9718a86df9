"""Messages about health: how cameras have done, faults, planned outages. None carries a picture, so none needs a grant.

Times are microseconds UTC. Who may decide about faults and outages the hub has settled before it asks.
"""

import msgspec

from belvedere.link.messages import Reply, Request


class GetHealth(Request, frozen=True, tag="get_health"):
    """What the last day was like; answered with `HealthReport`."""


class GetUptime(Request, frozen=True, tag="get_uptime"):
    """How much was recorded by month, of the last `months` (1 to 13) with this one; answered with `Uptime`."""

    months: int


class GetHours(Request, frozen=True, tag="get_hours"):
    """One stream's hours in [from_us, to_us), 40 days at most; answered with `Hours`."""

    camera: str
    stream: str
    from_us: int
    to_us: int


class GetFaults(Request, frozen=True, tag="get_faults"):
    """Faults that changed at or after `changed_us`, and all open ones; answered with `Faults`."""

    changed_us: int


class CloseFault(Request, frozen=True, tag="close_fault"):
    """A person closes a fault; answered with `Answer`. It comes back if it was healthy in between, or lasts a day longer."""

    fault: str


class PutOutage(Request, frozen=True, tag="put_outage"):
    """Declare that a camera ("" for the whole site) is to be off on purpose; answered with `OutageDeclared`."""

    camera: str
    start_us: int
    end_us: int
    reason: str
    declared_by: str


class EndOutage(Request, frozen=True, tag="end_outage"):
    """End a planned outage now, or take back one to come; answered with `Answer`."""

    outage: str


class GapSeen(msgspec.Struct, frozen=True):
    """A hole in what was recorded. `reason` as in `media.stream.EndReason`, or `off_line` when no run came before it."""

    start_us: int
    end_us: int
    reason: str


class StreamHealth(msgspec.Struct, frozen=True):
    """The last 24 hours of one stream, beside what `StreamStatus` says of this moment.

    `drift_ppm`: how fast its clock parts from ours, None when unknown; positive gains. `lost_share`: packets lost per
    packet sent, as far as it can be told. `gaps_*` count holes of half a second and more; `missing_*_us` sums all.
    """

    stream: str
    gaps_today: int
    missing_today_us: int
    gaps_day: int
    missing_day_us: int
    gaps: tuple[GapSeen, ...]  # the newest, a few
    reasons: dict[str, int]  # gaps of the day by reason
    reconnects_day: int
    lost_day: int
    clock_error_us: int | None
    drift_ppm: float | None


class Hint(msgspec.Struct, frozen=True):
    """Something about the picture that a person should look at. A guess, with what it rests on; never a certainty."""

    kind: str  # black, frozen, blurred, moved
    since_us: int
    rests_on: str


class CameraHealth(msgspec.Struct, frozen=True):
    camera: str
    streams: tuple[StreamHealth, ...]
    hints: tuple[Hint, ...]
    outage: str  # id of the planned outage that holds now, or ""


class Outage(msgspec.Struct, frozen=True):
    id: str
    camera: str
    start_us: int
    end_us: int
    reason: str
    declared_by: str
    declared_us: int


class DiskHealth(msgspec.Struct, frozen=True):
    """`days_left`: until this disk is full at the present rate, None when nothing comes in or footage goes as fast as it comes."""

    name: str
    days_left: float | None
    kept_days: float | None
    pending_bytes: int


class HealthReport(Reply, frozen=True, tag="health_report"):
    now_us: int
    cameras: tuple[CameraHealth, ...]
    disks: tuple[DiskHealth, ...]
    outages: tuple[Outage, ...]  # those that last or come
    looks: int  # pictures looked at since the start
    looks_failed: int
    states_dropped: int  # changes of state not kept, because there were too many


class Month(msgspec.Struct, frozen=True):
    """One camera's month. Invariant: recorded + planned + missing = expected, in microseconds."""

    month: str  # 2026-11, UTC
    expected_us: int  # while the camera was switched on, up to now
    recorded_us: int
    planned_us: int  # not recorded, in a planned outage
    missing_us: int  # not recorded, and not planned
    reasons: dict[str, int]  # missing_us by reason; planned ones are left out


class CameraUptime(msgspec.Struct, frozen=True):
    camera: str
    stream: str  # the one that it was computed from
    months: tuple[Month, ...]  # oldest first


class Uptime(Reply, frozen=True, tag="uptime"):
    now_us: int
    cameras: tuple[CameraUptime, ...]


class Hour(msgspec.Struct, frozen=True):
    """One hour of one stream. Figures that nobody measured are None."""

    start_us: int
    expected_us: int
    recorded_us: int
    gaps: int
    fps: float | None
    bits_per_second: float | None
    gop_seconds: float | None
    reconnects: int
    lost_packets: int
    clock_error_us: int | None


class StateChange(msgspec.Struct, frozen=True):
    at_us: int
    state: str
    message: str


class Hours(Reply, frozen=True, tag="hours"):
    hours: tuple[Hour, ...]
    changes: tuple[StateChange, ...]


class Fault(msgspec.Struct, frozen=True):
    """`subject`: `camera:SLUG`, `disk:NAME` or `site`. `kind`: see docs/guide/camera-faults.md."""

    id: str
    subject: str
    kind: str
    detail: str
    first_us: int
    last_us: int
    times: int
    closed_us: int | None
    closed_why: str
    changed_us: int


class Faults(Reply, frozen=True, tag="faults"):
    now_us: int
    faults: tuple[Fault, ...]


class OutageDeclared(Reply, frozen=True, tag="outage_declared"):
    outage: Outage


REQUESTS = (GetHealth, GetUptime, GetHours, GetFaults, CloseFault, PutOutage, EndOutage)
REPLIES = (HealthReport, Uptime, Hours, Faults, OutageDeclared)
