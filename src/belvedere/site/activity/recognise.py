"""Recognises how an encoder holds its bitrate, from sizes, keyframes and QP. Imported where numpy is: in the decoder process."""

import warnings
from itertools import pairwise

import numpy as np

from belvedere.site.activity.rate import LEAST_SECONDS, RateControl, RateKind
from belvedere.site.activity.series import Floats, Series

_WINDOW_S = 10
_RARE = 3  # percentiles left out at both ends; few cameras see anything for more than a small part of the day
_STEADY = 0.35  # relative width of what is left of the windows: below it the bitrate is held
_QP_MOVES = 2.5  # width of what is left of QP: above it the encoder steers
_CEILING = 0.85
_AT_CEILING = 0.10
_STEERED = 2.0


def recognise(series: Series) -> RateControl:
    """The rate control of a stream from a day (10 minutes at least) of it."""
    seconds = int(np.sum(series.recorded))
    if seconds < LEAST_SECONDS:
        return RateControl(RateKind.UNCLEAR, 0.0, seconds)
    smart = _smart(series)
    if smart:
        return RateControl(RateKind.SMART, smart, seconds)
    bytes_, qp = _windows(series)
    if len(bytes_) < LEAST_SECONDS // _WINDOW_S // 2:
        return RateControl(RateKind.UNCLEAR, 0.0, seconds)
    known = qp[~np.isnan(qp)]
    qp_width = _width(known) if len(known) > len(qp) // 2 else np.nan
    low, middle, high = np.percentile(bytes_, [_RARE, 50, 100 - _RARE])
    width = (high - low) / max(middle, 1.0)
    if width < _STEADY:
        return RateControl(*_steady(width, qp_width), seconds)
    ceiling = np.percentile(bytes_, 98)
    top = bytes_ >= _CEILING * ceiling
    share = float(np.mean(top))
    if np.isnan(qp_width):
        if share >= 2 * _AT_CEILING:
            return RateControl(RateKind.CAPPED, 0.4, seconds)
        return RateControl(RateKind.VBR, 0.6, seconds)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # no QP on one side
        rise = float(np.nanmedian(qp[top]) - np.nanmedian(qp[~top])) if 0 < share < 1 else 0.0
    # At a ceiling sizes stand still and QP moves. Sizes that stand still with their QP are only a steady picture.
    at_top = qp[top & ~np.isnan(qp)]
    steered = _width(at_top) if len(at_top) >= 5 else 0.0
    if share >= _AT_CEILING and rise >= 1.5 and steered >= _STEERED:
        return RateControl(RateKind.CAPPED, min(0.95, 0.5 + share), seconds)
    if qp_width < _QP_MOVES + 1.5:
        return RateControl(RateKind.VBR, 0.9 if qp_width < _QP_MOVES else 0.7, seconds)
    # Both move: bitrate is held over longer than a window, or the ceiling is rarely met.
    return RateControl(RateKind.CAPPED, 0.4, seconds)


def _steady(width: float, qp_width: float) -> tuple[RateKind, float]:
    """Sizes that hardly vary: held on purpose, or because nothing happened."""
    if np.isnan(qp_width):
        return RateKind.CBR, 0.5
    if qp_width >= _QP_MOVES:
        return RateKind.CBR, 0.95 if width < _STEADY / 2 else 0.8
    if qp_width >= 1.0:
        return RateKind.CBR, 0.5
    return RateKind.UNCLEAR, 0.3  # a still picture with a still quantiser


def _smart(series: Series) -> float:
    """Confidence that keyframes come at long and changing distances; 0 when they do not."""
    at = np.flatnonzero(series.seconds["key_frames"] > 0)
    gaps = np.diff(at)
    if len(gaps) < 8:
        # Hardly a keyframe in ten minutes or more of footage.
        return 0.6 if len(at) and np.sum(series.recorded) / len(at) > 60 else 0.0
    recorded = series.recorded
    whole = np.array([bool(np.all(recorded[a:b])) for a, b in pairwise(at)])
    gaps = gaps[whole]
    if len(gaps) < 8:
        return 0.0
    low, middle, high = np.percentile(gaps, [10, 50, 90])
    if middle > 4 and high >= 2 * low and high - low > 4:
        return 0.9
    return 0.5 if middle > 12 else 0.0


def _windows(series: Series) -> tuple[Floats, Floats]:
    """Bytes and mean QP of whole windows of ten recorded seconds."""
    count = len(series) // _WINDOW_S
    cut = slice(0, count * _WINDOW_S)
    total = (series.seconds["inter_bytes"].astype(np.float64) + series.seconds["key_bytes"])[cut]
    whole = np.all(series.recorded[cut].reshape(count, _WINDOW_S), axis=1)
    qp = series.qp[cut].reshape(count, _WINDOW_S)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # windows without any QP
        mean = np.nanmean(qp, axis=1) if count else np.zeros(0)
    return total.reshape(count, _WINDOW_S).sum(axis=1)[whole], mean[whole]


def _width(values: Floats) -> float:
    low, high = np.percentile(values, [_RARE, 100 - _RARE])
    return float(high - low)
