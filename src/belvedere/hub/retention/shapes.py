"""What retention looks like over HTTP: shapes, and how rows and words of sites become them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from belvedere.hub.retention.desk import REVIEW_US
from belvedere.hub.retention.lost import LostHold
from belvedere.hub.retention.places import Standing
from belvedere.hub.retention.rules import MOST_CAMERAS, MOST_CLASSES
from belvedere.hub.retention.store import CertificateRow, HoldRow
from belvedere.link.retention import NightPlan


class _Out(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ClassOut(_Out):
    name: str
    days: int
    reference: str


class PlanLineOut(_Out):
    camera: str
    class_name: str
    days: int
    segments: int
    bytes: int
    oldest_us: int
    newest_us: int
    held_segments: int
    held_bytes: int


class PlanOut(_Out):
    night: int
    at_us: int
    lines: list[PlanLineOut]
    segments: int
    bytes: int
    held_segments: int
    held_bytes: int
    forecast_bytes: int
    exceeds: bool
    state: str


class QuarantineOut(_Out):
    night: int
    segments: int
    bytes: int
    left_us: int
    decided: str


class DiskOut(_Out):
    name: str
    bytes_total: int
    bytes_free: int
    bytes_a_day: int
    days: float | None
    known: bool
    alarm: bool


class HeldAt(BaseModel):
    """A hold at one site. `here`: the site has taken it in; figures are null until it has told of it."""

    site: str
    here: bool
    segments: int | None
    bytes: int | None
    quarantined: int | None


class HoldOut(BaseModel):
    id: str
    cameras: list[str]
    from_us: int
    to_us: int
    owner: str
    reason: str
    reference: str
    placed_us: int
    expires_us: int
    ended_us: int | None
    ended_why: str
    review_due: bool
    segments: int | None = Field(description="What its sites have of it, as they said last; null before any did.")
    bytes: int | None
    quarantined: int | None = Field(description="Segments that were on their way out when it came.")
    sites: list[HeldAt] = Field(description="The sites of its cameras; empty once it has ended.")


class LostHoldOut(BaseModel):
    """A hold that sites go by and this hub knows nothing of: it was restored from a backup of before."""

    id: str
    sites: list[str] = Field(description="Names of the sites that go by it.")
    cameras: list[str]
    from_us: int
    to_us: int
    owner: str
    reason: str
    reference: str
    placed_us: int
    expires_us: int
    segments: int
    bytes: int


class SiteRetentionOut(BaseModel):
    """How retention stands at one site, as it said at `heard_us`; a site that was never heard has said nothing."""

    site: str
    name: str
    own: bool
    state: Literal["ok", "behind", "away"] = Field(description="behind: it has not heard the newest orders")
    heard_us: int | None
    default_days: int | None
    clock_trusted: bool
    alarms: list[str]
    tonight: PlanOut | None
    stopped: PlanOut | None
    quarantine: list[QuarantineOut]
    disks: list[DiskOut]


class RetentionOut(BaseModel):
    now_us: int
    ceiling_days: int
    classes: list[ClassOut]
    cameras: dict[str, str]
    holds: list[HoldOut]
    ended: list[HoldOut]
    lost: list[LostHoldOut]
    sites: list[SiteRetentionOut]


class CertificateOut(_Out):
    id: str
    site: str
    site_name: str
    made_us: int
    cameras: int
    segments: int
    bytes: int
    from_us: int
    to_us: int
    whys: str


class CertificateList(BaseModel):
    certificates: list[CertificateOut]


class ClassIn(_In):
    name: str = Field(max_length=48)
    days: int
    reference: str = Field("", max_length=2_000)


class ClassesIn(_In):
    classes: list[ClassIn] = Field(max_length=MOST_CLASSES)
    cameras: dict[str, str]
    reason: str = Field(max_length=2_000)


class HoldIn(_In):
    cameras: list[str] = Field(min_length=1, max_length=MOST_CAMERAS)
    from_us: int
    to_us: int
    expires_us: int
    reason: str = Field(max_length=2_000)
    reference: str = Field("", max_length=200)


class ExtendIn(_In):
    expires_us: int
    reason: str = Field(max_length=2_000)


class WhyIn(_In):
    reason: str = Field(max_length=2_000)


class LostIn(_In):
    answer: Literal["end", "adopt"]
    reason: str = Field(max_length=2_000)


class DecisionIn(_In):
    site: str = Field("", max_length=48, description="Whose night it is; empty: the site on the hub's own machine.")
    night: int
    bytes: int = Field(description="The amount that was shown to the person who decides.")
    answer: Literal["go", "no"]
    reason: str = Field(max_length=2_000)


def hold_out(row: HoldRow, sites: list[HeldAt], now_us: int) -> HoldOut:
    """A hold, with what its sites have of it."""
    known = [each for each in sites if each.segments is not None]
    return HoldOut(
        id=row.id,
        cameras=list(row.cameras),
        from_us=row.from_us,
        to_us=row.to_us,
        owner=row.owner,
        reason=row.reason,
        reference=row.reference,
        placed_us=row.placed_us,
        expires_us=row.expires_us,
        ended_us=row.ended_us,
        ended_why=row.ended_why,
        review_due=row.ended_us is None and row.expires_us - now_us < REVIEW_US,
        segments=sum(each.segments or 0 for each in known) if known else None,
        bytes=sum(each.bytes or 0 for each in known) if known else None,
        quarantined=sum(each.quarantined or 0 for each in known) if known else None,
        sites=sites,
    )


def lost_out(found: LostHold, names: Mapping[str, str]) -> LostHoldOut:
    """One, with the names of its sites."""
    words = {name: getattr(found.row, name) for name in LostHoldOut.model_fields if hasattr(found.row, name)}
    sites = [names.get(each, each) for each in found.sites]
    return LostHoldOut(
        **words | {"cameras": list(found.row.cameras)}, sites=sites, segments=found.segments, bytes=found.bytes
    )


def held_at(row: HoldRow, standings: Sequence[Standing], site_of: Callable[[str], str]) -> list[HeldAt]:
    """The sites of a hold's cameras."""
    wanted = {site_of(camera) for camera in row.cameras}
    found = []
    for each in standings:
        if each.site not in wanted:
            continue
        states = {} if each.state is None else {one.hold: one for one in each.state.holds}
        held = states.get(row.id)
        found.append(
            HeldAt(
                site=each.site,
                here=held is not None,
                segments=None if held is None else held.segments,
                bytes=None if held is None else held.bytes,
                quarantined=None if held is None else held.quarantined,
            )
        )
    return found


def _plan_out(plan: NightPlan | None) -> PlanOut | None:
    return None if plan is None else PlanOut.model_validate(plan)


def site_out(standing: Standing, name: str, *, own: bool) -> SiteRetentionOut:
    """How one site stands."""
    state = standing.state
    return SiteRetentionOut.model_validate(
        {
            "site": standing.site,
            "name": name,
            "own": own,
            "state": standing.word,
            "heard_us": standing.heard_us,
            "default_days": None if state is None else state.default_days,
            "clock_trusted": state is None or state.clock_trusted,
            "alarms": [] if state is None else list(state.alarms),
            "tonight": _plan_out(None if state is None else state.tonight),
            "stopped": _plan_out(None if state is None else state.stopped),
            "quarantine": [] if state is None else [QuarantineOut.model_validate(one) for one in state.quarantine],
            "disks": [] if state is None else [DiskOut.model_validate(one) for one in state.disks],
        }
    )


def certificate_out(row: CertificateRow, site_name: str) -> CertificateOut:
    """A certificate without its file."""
    words = {name: getattr(row, name) for name in CertificateRow.__slots__ if name != "body"}
    return CertificateOut.model_validate({**words, "site_name": site_name})
