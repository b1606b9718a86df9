"""How busy a second was, 0 to 1, from packet sizes or keyframe differences. It orders; it never discards.

Sizes are compared with the camera's own quiet: a low quantile of the minutes around, in octaves, so that codec, picture
size, GOP and bitrate cancel. Where light or noise changes for good (night, infrared, rain), quiet is measured anew from
there. Perf research B4 has what such values are worth: much on variable bitrate, nothing on constant bitrate.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from belvedere.site.activity.laid import AROUND, BLOCK_S
from belvedere.site.activity.series import Floats, Series, share_of

LONGEST_GROUP_S = 8
MOVED_SHARE = 0.0015  # a change of more than this share of the picture between two keyframes is movement
_LEAST_KNOWN = 20  # seconds of a block, for it to say anything
_QUIET = 20.0  # percentile of a block, and of the blocks around
_LOWEST = 5.0
_NOISE_SPREAD = 0.80  # standard deviations between those two percentiles of a normal distribution
_CALM = 0.1  # values below are within noise
_BELOW = 0.5  # octaves below quiet that are told apart
_OCTAVES = 3.0  # this many above quiet is as busy as can be
_LEAST_NOISE = 0.04  # octaves
_SWITCH_OCTAVES = 0.6  # the quiet of the half hours before and after differ by more: another light
_SIDE = 3  # blocks compared on each side of a switch
_LOWEST_SHARE, _HIGHEST_SHARE = 0.0005, 0.25


@dataclass(frozen=True, slots=True)
class Quiet:
    """What quiet is, block by block: log2 of bytes a frame, and its noise in octaves. NaN where too little is known."""

    level: Floats
    noise: Floats
    switches: tuple[int, ...]  # blocks at which another light begins


def corrected(series: Series, *, by_qp: bool) -> Floats:
    """log2 of the mean bytes of an inter frame over a group of pictures around each second.

    One second alone tells where in its group it lies (the clock in the picture, the frames that mend a keyframe), so the mean
    goes over a whole group, `group_s`. by_qp: as it would be at one QP (bits fall by half each 6 steps).
    """
    sizes = series.seconds["inter_bytes"].astype(np.float64)
    frames = series.seconds["inter_frames"].astype(np.float64)
    if by_qp:
        qp = series.qp
        frames = np.where(np.isnan(qp), 0.0, frames)
        sizes = np.where(np.isnan(qp), 0.0, sizes * np.exp2((np.nan_to_num(qp) - 26) / 6))
    group = group_s(series)
    total, count = _moving_sum(sizes, group), _moving_sum(frames, group)
    out = np.full(len(sizes), np.nan)
    known = (frames > 0) & (total > 0)
    np.divide(total, count, out=out, where=known)
    np.log2(out, out=out, where=known)
    return out


def group_s(series: Series) -> int:
    """Seconds between keyframes, 1 to LONGEST_GROUP_S; longer groups repeat too seldom to matter."""
    gaps = np.diff(np.flatnonzero(series.seconds["key_frames"] > 0))
    middle = float(np.median(gaps)) if len(gaps) else 1.0
    return round(middle) if 1.0 <= middle <= LONGEST_GROUP_S else 1


def _moving_sum(values: Floats, width: int) -> Floats:
    """Sums over `width` neighbours of each element, itself included; fewer at the ends."""
    summed = np.concatenate(([0.0], np.cumsum(values)))
    line = np.arange(len(values))
    first = np.maximum(0, line - (width - 1) // 2)
    last = np.minimum(len(values), line + width // 2 + 1)
    out: Floats = summed[last] - summed[first]
    return out


def quiet_of(log_sizes: Floats) -> Quiet:
    """Quiet of each block of BLOCK_S seconds; `log_sizes` begins at a block's begin and holds whole blocks."""
    blocks = log_sizes.reshape(-1, BLOCK_S)
    # Noise is told by the quiet side alone: the busy side is what is looked for.
    lowest, low = _quantiles(blocks, (_LOWEST, _QUIET), _LEAST_KNOWN)
    noise = (low - lowest) / _NOISE_SPREAD
    switches = _switches(low)
    regime = np.zeros(len(low), np.int64)
    regime[switches] = 1
    regime = np.cumsum(regime)
    # Each block with those around it, a row each; what lies in another light does not count.
    around = np.arange(len(low))[:, None] + np.arange(-AROUND, AROUND + 1)[None, :]
    inside = (around >= 0) & (around < len(low))
    around = np.clip(around, 0, len(low) - 1)
    inside &= regime[around] == regime[:, None]
    (level,) = _quantiles(np.where(inside, low[around], np.nan), (_QUIET,), 1)
    (spread,) = _quantiles(np.where(inside, noise[around], np.nan), (_QUIET,), 1)
    return Quiet(level, np.maximum(spread, _LEAST_NOISE), tuple(switches))


def _quantiles(rows: Floats, percents: tuple[float, ...], least: int) -> list[Floats]:
    """Percentiles of the known values of each row; NaN where fewer than `least` are known. Some ten times as quick as numpy's."""
    known = np.sum(~np.isnan(rows), axis=1)
    ordered = np.sort(rows, axis=1)  # NaN last
    line = np.arange(len(rows))
    out = []
    for percent in percents:
        at = np.maximum(known - 1, 0) * percent / 100
        below = at.astype(np.int64)
        above = np.minimum(below + 1, np.maximum(known - 1, 0))
        value = ordered[line, below] * (1 - (at - below)) + ordered[line, above] * (at - below)
        out.append(np.where(known >= least, value, np.nan))
    return out


def _switches(low: Floats) -> list[int]:
    """Blocks at which quiet jumps and stays: the sharpest within each stretch of candidates."""
    jumps = np.zeros(len(low))
    for block in range(_SIDE, len(low) - _SIDE + 1):
        before, after = low[block - _SIDE : block], low[block : block + _SIDE]
        if np.any(np.isnan(before)) or np.any(np.isnan(after)):
            continue
        # All of one side above all of the other: a passing van is no change of light.
        jumps[block] = max(after.min() - before.max(), before.min() - after.max(), 0.0)
    found: list[int] = []
    for block in map(int, np.flatnonzero(jumps > _SWITCH_OCTAVES)):
        near = jumps[max(0, block - _SIDE) : block + _SIDE + 1]
        if jumps[block] == near.max() and (not found or block - found[-1] > _SIDE):
            found.append(block)
    return found


def size_values(series: Series, *, by_qp: bool) -> Floats:
    """How busy each second was by its sizes, 0 to 1; NaN where nothing is known. See PAD_S for the ends of a span."""
    skip = series.from_s % BLOCK_S
    log_sizes = corrected(series, by_qp=by_qp)
    tail = -(skip + len(series)) % BLOCK_S
    padded = np.concatenate((np.full(skip, np.nan), log_sizes, np.full(tail, np.nan)))
    if not len(padded):
        return log_sizes
    quiet = quiet_of(padded)
    level = np.repeat(quiet.level, BLOCK_S)[skip : skip + len(series)]
    noise = np.repeat(quiet.noise, BLOCK_S)[skip : skip + len(series)]
    above = log_sizes - level
    edge = np.minimum(2.0 * noise, 1.0)
    # Within noise the order is kept too, in the lowest tenth.
    calm = _CALM * np.clip((above + _BELOW) / (edge + _BELOW), 0.0, 1.0)
    busy = _CALM + (1.0 - _CALM) * np.clip((above - edge) / (_OCTAVES - edge), 0.0, 1.0)
    values: Floats = np.where(above < edge, calm, busy)
    return values


def gate_values(series: Series) -> Floats:
    """How busy each second was by keyframe differences, 0 to 1; NaN where nobody looked."""
    share = share_of(series.gate)
    out = np.full(len(share), np.nan)
    span = np.log2(_HIGHEST_SHARE / _LOWEST_SHARE)
    np.log2(np.maximum(share, _LOWEST_SHARE) / _LOWEST_SHARE, out=out, where=~np.isnan(share))
    values: Floats = np.minimum(out / span, 1.0)
    return values


def moved(series: Series) -> NDArray[np.bool_]:
    """Seconds in which keyframe differences saw movement."""
    found: NDArray[np.bool_] = np.nan_to_num(share_of(series.gate), nan=0.0) >= MOVED_SHARE
    return found


def buckets(values: Floats, count: int) -> Floats:
    """The busiest second of each of `count` equal parts; NaN where nothing is known."""
    if not len(values) or count <= 0:
        return np.full(max(0, count), np.nan)
    edges = (np.arange(count) * len(values)) // count
    filled = np.where(np.isnan(values), -1.0, values)
    most = np.maximum.reduceat(filled, edges)
    return np.where(most < 0, np.nan, most)
