"""The activity strip, and what it rests on. Pure."""

from dataclasses import dataclass

import numpy as np

from belvedere.foundation.clock import SECOND_US
from belvedere.link.activity import Moved
from belvedere.site.activity.rate import RateControl, RateKind
from belvedere.site.activity.series import Bytes, Floats, Series, share_of
from belvedere.site.activity.value import MOVED_SHARE, buckets, gate_values, moved, size_values

_JOIN_S = 4  # movement with so short a pause is one
_LEAST_UNSEEN_S, _MOST_UNSEEN_S = 4, 30  # a "no" may leave this much of a span unseen, or a twentieth of it


@dataclass(frozen=True, slots=True)
class Strip:
    """`values`: 0 unknown, 1 to 255. `checked`: share of a bucket's footage that was compared, 0 to 255."""

    values: Bytes
    checked: Bytes


def as_bytes(values: Floats) -> Bytes:
    """0 to 1 as 1 to 255; NaN as 0."""
    out: Bytes = np.where(np.isnan(values), 0, 1 + np.rint(254 * np.nan_to_num(values))).astype(np.uint8)
    return out


def second_values(padded: Series, from_s: int, to_s: int, rate: RateControl) -> Floats:
    """How busy each second of [from_s, to_s) was: by keyframes where they were compared, else by sizes.

    `padded` reaches PAD_S further on both sides.
    """
    skip = from_s - padded.from_s
    cut = slice(skip, skip + to_s - from_s)
    sizes = size_values(padded, by_qp=rate.by_qp)[cut]
    gate = gate_values(padded)[cut]
    out: Floats = np.where(np.isnan(gate), sizes, gate)
    return out


def draw(padded: Series, from_s: int, to_s: int, count: int, rate: RateControl) -> Strip:
    """The strip of [from_s, to_s) in `count` buckets, at most one a second."""
    values = second_values(padded, from_s, to_s, rate)
    part = padded.part(from_s, to_s)
    count = max(1, min(count, len(values)))
    edges = (np.arange(count) * len(values)) // count
    recorded = np.add.reduceat(part.recorded.astype(np.int64), edges)
    looked = np.add.reduceat(((part.gate > 0) & part.recorded).astype(np.int64), edges)
    checked = np.divide(255 * looked, recorded, out=np.zeros(count), where=recorded > 0)
    return Strip(as_bytes(buckets(values, count)), checked.astype(np.uint8))


def mostly_checked(drawn: Strip) -> bool:
    """Whether half of some bucket's footage was compared."""
    return bool(np.any(drawn.checked > 127))


def unseen(series: Series) -> bool:
    """Whether there is footage that was not compared."""
    return bool(np.any(series.recorded & (series.gate == 0)))


def counts(series: Series) -> tuple[int, int]:
    """Seconds recorded, and those of them that were compared."""
    return int(np.sum(series.recorded)), int(np.sum((series.gate > 0) & series.recorded))


def stretches(series: Series) -> tuple[Moved, ...]:
    """Stretches in which keyframes saw movement, short pauses bridged."""
    at = np.flatnonzero(moved(series) & series.recorded)
    if not len(at):
        return ()
    share = share_of(series.gate)
    cuts = np.flatnonzero(np.diff(at) > _JOIN_S) + 1
    return tuple(
        Moved(
            (series.from_s + int(part[0])) * SECOND_US,
            (series.from_s + int(part[-1]) + 1) * SECOND_US,
            round(float(np.nanmax(share[part])), 4),
        )
        for part in np.split(at, cuts)
    )


@dataclass(frozen=True, slots=True)
class Verdict:
    """Did anything move: yes, no or unclear, on what grounds, in words."""

    answer: str
    method: str
    text: str


def judge(series: Series, found: tuple[Moved, ...], rate: RateControl, sizes: Floats, trouble: str = "") -> Verdict:
    """The verdict over a whole span. Only compared keyframes say yes or no; sizes never do."""
    recorded, checked = counts(series)
    missing = len(series) - recorded
    gap = f" No footage for {_seconds(missing)} of it." if missing else ""
    if not recorded:
        return Verdict("unclear", "none", "Nothing was recorded then.")
    compared = f"keyframes compared ({_seconds(checked)} of {_seconds(recorded)})"
    limit = f"{MOVED_SHARE:.2%} of the picture"
    if found:
        more = f" {_seconds(recorded - checked)} were not looked at.{_because(trouble)}" if checked < recorded else ""
        times = f"{len(found)} times" if len(found) > 1 else "once"
        return Verdict("yes", compared, f"Yes, {times}: more than {limit} changed between keyframes.{more}{gap}")
    if recorded - checked <= max(_LEAST_UNSEEN_S, min(_MOST_UNSEEN_S, recorded // 20)):
        left = f" {_seconds(recorded - checked)} were not looked at." if checked < recorded else ""
        return Verdict(
            "no",
            compared,
            f"No: never more than {limit} changed between one keyframe and the next. "
            f"What came and went between two of them, or was smaller, is not seen.{left}{gap}",
        )
    if rate.kind is RateKind.CBR or np.all(np.isnan(sizes)):
        hint = "Packet sizes of this camera say little."
    else:
        busiest = float(np.nanmax(sizes))
        hint = "Packet sizes look " + ("quiet." if busiest < 0.15 else "busy." if busiest > 0.5 else "a little busy.")
    return Verdict(
        "unclear",
        f"{compared}; packet sizes, which only order",
        f"Not clear: {_seconds(recorded - checked)} were not looked at.{_because(trouble)} {hint}{gap}",
    )


def _because(trouble: str) -> str:
    return f" {trouble}" if trouble else ""


def _seconds(count: int) -> str:
    if count < 120:
        return f"{count} s"
    return f"{count // 60} min" if count % 60 == 0 else f"{count // 60} min {count % 60} s"
