"""Suggestions for asking less: which cameras saw movement, when, and which see the place at all. Pure.

Each suggestion is a whole, narrower ask. A camera of which nothing is known is never dropped for want of movement.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from belvedere.foundation.clock import HOUR_US, MINUTE_US
from belvedere.hub.approvals.ask import Wanted
from belvedere.policy.grant import Action

PAD_US = 2 * MINUTE_US  # kept on both sides of movement
_WORTH = 0.8  # a shorter span is worth saying below this share of the one asked for
_SHORT_US = HOUR_US
_BEYOND = frozenset({Action.EXPORT})  # what can be asked for once there is something to take out


@dataclass(frozen=True, slots=True)
class Busy:
    """When one camera saw movement. `moved` is None where it is not known; else minutes [start_us, end_us), in order."""

    moved: tuple[tuple[int, int], ...] | None
    moved_s: int | None


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A narrower ask and why."""

    id: str
    text: str
    wanted: Wanted


def movement_of(values: bytes, checked: bytes, ordered: bool, from_us: int, to_us: int) -> Busy:
    """What a strip tells. A value counts as movement from `_MOVED` up; a strip of which half is not known says nothing.

    `ordered` false: sizes of this camera say nothing, so only what was compared counts.
    """
    if not values or to_us <= from_us:
        return Busy(None, None)
    step = (to_us - from_us) / len(values)
    usable = [value > 0 and (ordered or seen > 0) for value, seen in zip(values, checked, strict=True)]
    if sum(usable) * 2 < len(values):
        return Busy(None, None)
    spans: list[tuple[int, int]] = []
    moved_us = 0
    for at, (value, known) in enumerate(zip(values, usable, strict=True)):
        if not known or value < _MOVED:
            continue
        start, end = from_us + round(at * step), from_us + round((at + 1) * step)
        moved_us += end - start
        if spans and start - spans[-1][1] <= 0:
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((start, end))
    return Busy(tuple(spans), round(moved_us / 1_000_000))


_MOVED = 64  # of 255: a quarter of the way from quiet to as busy as can be


def suggest(
    wanted: Wanted,
    busy: Mapping[str, Busy],
    sees: Callable[[str], bool | None],
    now_us: int,
) -> list[Suggestion]:
    """Narrower asks, the best first. `sees`: whether a camera sees the incident's place, None where nobody knows."""
    found: list[Suggestion] = []

    def add(name: str, text: str, narrower: Wanted) -> None:
        if narrower != wanted and narrower.within(wanted) and all(narrower != each.wanted for each in found):
            found.append(Suggestion(name, text, narrower))

    count = len(wanted.cameras)
    moving = tuple(c for c in wanted.cameras if c not in busy or busy[c].moved is None or busy[c].moved != ())
    past = wanted.to_us <= now_us
    shorter = _hull(wanted, [busy[c].moved or () for c in moving if c in busy]) if past else None
    all_known = all(c in busy and busy[c].moved is not None for c in moving)
    if past and moving and len(moving) < count:
        saw = f"{_these(len(moving), count)} saw movement then" if all_known else f"{count - len(moving)} saw none"
        if shorter and all_known:
            add("moved-and-when", f"{saw}, and only then", replace(_span(wanted, shorter), cameras=moving))
        add("moved", f"{saw}", replace(wanted, cameras=moving))
    if shorter and all_known:
        add("when", f"Nothing moved outside {_minutes(shorter)} of these {_length(wanted)}", _span(wanted, shorter))
    near = tuple(camera for camera in wanted.cameras if sees(camera) is not False)
    if near and len(near) < count:
        add("place", f"{_these(len(near), count)} can see the place", replace(wanted, cameras=near))
    lean = tuple(action for action in wanted.actions if action not in _BEYOND)
    if lean:
        add("look-first", "To look first; to take it out can be asked for then", replace(wanted, actions=lean))
    if wanted.lasts_us > _SHORT_US:
        add("hour", "For one hour", replace(wanted, lasts_us=_SHORT_US))
    return found


def _hull(wanted: Wanted, spans: Sequence[Sequence[tuple[int, int]]]) -> tuple[int, int] | None:
    """From the first to the last movement with some time on both sides; None where that is hardly shorter."""
    flat = [span for each in spans for span in each]
    if not flat:
        return None
    start = max(wanted.from_us, min(span[0] for span in flat) - PAD_US)
    end = min(wanted.to_us, max(span[1] for span in flat) + PAD_US)
    return (start, end) if end - start < _WORTH * (wanted.to_us - wanted.from_us) else None


def _span(wanted: Wanted, span: tuple[int, int]) -> Wanted:
    return replace(wanted, from_us=span[0], to_us=span[1])


def _these(some: int, of: int) -> str:
    return f"This {some} of {of} cameras" if some == 1 else f"These {some} of {of} cameras"


def _minutes(span: tuple[int, int]) -> str:
    minutes = max(1, round((span[1] - span[0]) / MINUTE_US))
    return f"{minutes} minute{'' if minutes == 1 else 's'}"


def _length(wanted: Wanted) -> str:
    return _minutes((wanted.from_us, wanted.to_us)).rstrip("s") + "s"
