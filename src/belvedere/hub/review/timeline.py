"""The timeline: what was recorded, and what is missing with the reason. Pure."""

from collections.abc import Sequence

from pydantic import BaseModel, Field

from belvedere.foundation.clock import DAY_US
from belvedere.hub.evidence.gaps import find_gaps
from belvedere.hub.fleet.away import AwayOut
from belvedere.link.messages import CameraTimeline, Run

LOOK_BACK_US = 7 * DAY_US  # how far before the span to look for the run whose end explains the gap at its start


class RunOut(BaseModel):
    """An unbroken stretch, cut to the span asked for."""

    start_us: int
    end_us: int
    imported: bool
    lost_packets: int
    growing: bool


class GapOut(BaseModel):
    """Footage that is missing; `reason` is a code, `text` the same in words."""

    start_us: int
    end_us: int
    reason: str
    text: str


class CameraTimelineOut(BaseModel):
    id: str
    runs: list[RunOut]
    gaps: list[GapOut]


class TimelineOut(BaseModel):
    """Timelines of some cameras over [from_us, to_us), cut to what the grant covers."""

    from_us: int
    to_us: int
    cameras: list[CameraTimelineOut]
    away: list[AwayOut] = Field(default=[], description="Sites that did not answer; their cameras are left out.")


def draw(camera: CameraTimeline, from_us: int, to_us: int, now_us: int) -> CameraTimelineOut:
    """Runs and gaps of one camera within [from_us, to_us). What lies after now is no gap, and neither is a growing run's edge."""
    runs = sorted(camera.runs, key=lambda run: run.start_us)
    until_us = min(to_us, now_us)
    covered = [(run.start_us, max(run.end_us, until_us) if _grows(run) else run.end_us) for run in runs]
    gaps = find_gaps(from_us, until_us, _within(covered, from_us, until_us), runs) if from_us < until_us else ()
    return CameraTimelineOut(
        id=camera.camera,
        runs=[
            RunOut(
                start_us=max(run.start_us, from_us),
                end_us=min(run.end_us, to_us),
                imported=run.imported,
                lost_packets=run.lost_packets,
                growing=_grows(run),
            )
            for run in runs
            if run.end_us > from_us and run.start_us < to_us
        ],
        gaps=[GapOut(start_us=gap.start_us, end_us=gap.end_us, reason=gap.reason, text=gap.text) for gap in gaps],
    )


def _grows(run: Run) -> bool:
    return run.end_reason == ""


def _within(spans: Sequence[tuple[int, int]], from_us: int, to_us: int) -> list[tuple[int, int]]:
    return [span for span in spans if span[1] > from_us and span[0] < to_us]
