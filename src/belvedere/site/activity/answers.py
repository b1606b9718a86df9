"""What the site answers about activity. Each answer opens the grant itself and holds it against cameras and span."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from belvedere.foundation.clock import DAY_US, HOUR_US, SECOND_US, Clock
from belvedere.foundation.errors import BadInput, NotFound
from belvedere.link.activity import (
    MOST_BUCKETS,
    Activity,
    ActivityZones,
    AskMovement,
    CameraActivity,
    GetActivity,
    GetActivityZones,
    Movement,
    PutActivityZones,
)
from belvedere.link.messages import Answer, Reply, Request
from belvedere.media.stream import StreamKind
from belvedere.policy.grant import Action, Grant
from belvedere.site.activity.gate import Compared, gate_of
from belvedere.site.activity.laid import PAD_S, Laid, nothing
from belvedere.site.activity.look import Looker
from belvedere.site.activity.rate import RateControl, RateKind
from belvedere.site.activity.seconds import FROM_FRAMES, Seconds
from belvedere.site.activity.store import ActivityStore, Row

MOST_CAMERAS = 32
LONGEST_US = 40 * DAY_US
LONGEST_MOVEMENT_US = 26 * HOUR_US
_LOOK_US = 10 * SECOND_US  # of a person's patience, within the link's time for an answer


class Opener(Protocol):
    """Turns the hub's signed words into a grant. Raises Refused."""

    def open(self, wire: bytes) -> Grant: ...


Newest = Callable[[str, str], tuple[int, Seconds] | None]
"""Start and seconds of the segment of (camera, stream) that is being written, as far as the index knows it; or None."""

Pending = Callable[[str, str], list[Compared]]
"""Comparisons of (camera, stream) that are not beside their segments yet."""


class ActivityAnswers:
    """Called in the uplink's threads. numpy, which strips are computed with, comes with the first question: a site that only
    records never has it.
    """

    def __init__(
        self, store: ActivityStore, looker: Looker, opener: Opener, clock: Clock, newest: Newest, pending: Pending
    ) -> None:
        self._store = store
        self._looker = looker
        self._opener = opener
        self._clock = clock
        self._newest = newest
        self._pending = pending

    def answers(self) -> Mapping[type[Request], Callable[[Any], Reply]]:
        """For `serve_link`."""
        return {
            GetActivity: self.activity,
            AskMovement: self.movement,
            PutActivityZones: self.put_zones,
            GetActivityZones: self.zones,
        }

    def activity(self, request: GetActivity) -> Activity:
        """Strips. Raises Refused, BadInput."""
        from belvedere.site.activity import series, strip

        _check(request.from_us, request.to_us, LONGEST_US)
        if not 1 <= request.buckets <= MOST_BUCKETS or not 1 <= len(request.cameras) <= MOST_CAMERAS:
            raise BadInput(
                f"A strip has 1 to {MOST_BUCKETS} parts and shows 1 to {MOST_CAMERAS} cameras.", advice="Ask for fewer."
            )
        grant = self._opener.open(request.grant)
        for camera in request.cameras:
            self._require(grant, camera, request.from_us, request.to_us)
        rates = self._store.rates()
        from_s, to_s = _whole_seconds(request.from_us, request.to_us)
        found = []
        for camera in request.cameras:
            kind, padded = self._padded(camera, from_s, to_s)
            known = rates.get((camera, kind))
            rate = known.rate if known is not None else RateControl(RateKind.UNCLEAR, 0.0, 0)
            drawn = strip.draw(series.of(padded), from_s, to_s, request.buckets, rate)
            ordered = rate.kind is not RateKind.CBR or strip.mostly_checked(drawn)
            found.append(
                CameraActivity(
                    camera, kind, drawn.values.tobytes(), drawn.checked.tobytes(), rate.kind, rate.confidence, ordered,
                    rate.text,
                )
            )  # fmt: skip
        return Activity(from_s * SECOND_US, to_s * SECOND_US, tuple(found))

    def movement(self, request: AskMovement) -> Movement:
        """Did anything move. Raises Refused, NotFound, BadInput, Unavailable."""
        from belvedere.site.activity import series, strip

        _check(request.from_us, request.to_us, LONGEST_MOVEMENT_US)
        camera, from_us, to_us = request.camera, request.from_us, request.to_us
        grant = self._opener.open(request.grant)
        self._require(grant, camera, from_us, to_us)
        from_s, to_s = _whole_seconds(from_us, to_us)
        kind, laid = self._padded(camera, from_s, to_s)
        padded = series.of(laid)
        trouble = ""
        part = padded.part(from_s, to_s)
        if request.look and strip.unseen(part):
            trouble = self._looker.look(grant, camera, kind, from_us, to_us, _LOOK_US).trouble
            padded = series.of(self._laid(camera, kind, laid.from_s, laid.from_s + len(laid)))
            part = padded.part(from_s, to_s)
        rate = self._store.rate(camera, kind)
        found = strip.stretches(part)
        sizes = strip.second_values(padded, from_s, to_s, rate)
        verdict = strip.judge(part, found, rate, sizes, trouble)
        recorded, checked = strip.counts(part)
        return Movement(
            camera, verdict.answer, verdict.method, verdict.text, found, recorded, checked, len(part) - recorded
        )

    def put_zones(self, request: PutActivityZones) -> Answer:
        """Replace a camera's zones. Raises NotFound."""
        self._store.put_zones(request.camera, request.zones)
        return Answer()

    def zones(self, request: GetActivityZones) -> ActivityZones:
        return ActivityZones(self._store.zones(request.camera))

    def _require(self, grant: Grant, camera: str, from_us: int, to_us: int) -> None:
        grant.require(Action.PLAYBACK, camera, now_us=self._clock.now_us(), start_us=from_us, end_us=to_us)

    def _padded(self, camera: str, from_s: int, to_s: int) -> tuple[str, Laid]:
        """The stream that knows most of the span, and its seconds with what its values depend on around it.

        The small stream where it has as much as the main one. Raises NotFound for a camera without any stream.
        """
        best: tuple[str, Laid] | None = None
        most = -1
        for kind in (StreamKind.SUB, StreamKind.MAIN):
            if kind not in self._store.streams(camera):
                continue
            laid = self._laid(camera, kind, from_s - PAD_S, to_s + PAD_S)
            known = laid.recorded(from_s, to_s)
            if known > most + (0 if best is None else (to_s - from_s) // 50):
                best, most = (kind, laid), known
            if known >= to_s - from_s - 5:
                break
        if best is None:
            raise NotFound(f"There is no camera {camera}.", advice="`belvedere camera list` names them.")
        return best

    def _laid(self, camera: str, kind: str, from_s: int, to_s: int) -> Laid:
        """What the index knows, and the newest seconds, which are durable but whose segment is not closed yet."""
        stream_id = self._store.streams(camera)[kind]
        laid = nothing(from_s, to_s)
        rows = self._store.rows(stream_id, from_s * SECOND_US, to_s * SECOND_US)
        newest = self._newest(camera, kind)
        if newest is not None:
            rows.append(Row(0, newest[0], FROM_FRAMES, newest[1], None))
        pending = self._pending(camera, kind)
        for row in rows:
            late = [each for each in pending if each.to_us > row.start_us and each.from_us < row.end_us]
            laid.lay(row.start_us, row.source, row.seconds, gate_of(row, late) if late else row.gate)
        return laid


def _check(from_us: int, to_us: int, longest_us: int) -> None:
    if not 0 <= from_us < to_us:
        raise BadInput("The span of time is empty.", advice="Give a start before the end.")
    if to_us - from_us > longest_us:
        raise BadInput("The span of time is too long.", advice=f"Ask for {longest_us // HOUR_US} hours or less.")


def _whole_seconds(from_us: int, to_us: int) -> tuple[int, int]:
    """The whole seconds within a span: nothing is told of what lies outside the grant. Raises BadInput when there is none."""
    from_s, to_s = -(-from_us // SECOND_US), to_us // SECOND_US
    if from_s >= to_s:
        raise BadInput("The span holds no whole second.", advice="Ask for a second or more.")
    return from_s, to_s
