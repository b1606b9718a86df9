"""How busy a second was, 0 to 1, from packet sizes or keyframe differences. It orders; it never discards.

Sizes are compared with the camera's own quiet: a low quantile of the minutes around, in octaves, so that codec, picture
size, GOP and bitrate cancel. Where light or noise changes for good (night, infrared, rain), quiet is measured anew from
there. Perf research B4 has what such values are worth: much on variable bitrate, nothing on constant bitrate.
"""

import warnings
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from belvedere.site.activity.series import Floats, Series, share_of

BLOCK_S = 300
AROUND = 6  # blocks on each side that tell what quiet is
PAD_S = (2 * AROUND + 1) * BLOCK_S  # seconds on each side of a span that its values depend on
MOVED_SHARE = 0.0015  # a change of more than this share of the picture between two keyframes is movement
_LEAST_KNOWN = 20  # seconds of a block, for it to say anything
_QUIET = 20.0  # percentile of a block, and of the blocks around
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
    """log2 of the mean bytes of an inter frame; by_qp: as it would be at one QP (bits fall by half each 6 steps)."""
    sizes = series.frame_bytes
    out = np.full(len(sizes), np.nan)
    np.log2(sizes, out=out, where=sizes > 0)
    if by_qp:
        qp = series.qp
        out = out + np.where(np.isnan(qp), np.nan, qp / 6)
    return out


def quiet_of(log_sizes: Floats) -> Quiet:
    """Quiet of each block of BLOCK_S seconds; `log_sizes` begins at a block's begin and holds whole blocks."""
    blocks = log_sizes.reshape(-1, BLOCK_S)
    known = np.sum(~np.isnan(blocks), axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # blocks without any footage
        low, middle = np.nanpercentile(blocks, [_QUIET, 50.0], axis=1)
    low = np.where(known >= _LEAST_KNOWN, low, np.nan)
    noise = np.where(known >= _LEAST_KNOWN, (middle - low) / 0.84, np.nan)
    switches = _switches(low)
    level, spread = np.full(len(low), np.nan), np.full(len(low), np.nan)
    edges = [0, *switches, len(low)]
    for begin, end in pairwise(edges):
        for block in range(begin, end):
            around = slice(max(begin, block - AROUND), min(end, block + AROUND + 1))
            if np.all(np.isnan(low[around])):
                continue
            level[block] = np.nanpercentile(low[around], _QUIET)
            spread[block] = np.nanpercentile(noise[around], _QUIET)
    return Quiet(level, np.maximum(spread, _LEAST_NOISE), tuple(switches))


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
    values: Floats = np.clip((log_sizes - level - 1.5 * noise) / _OCTAVES, 0.0, 1.0)
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
