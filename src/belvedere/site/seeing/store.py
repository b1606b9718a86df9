"""What was seen, in the site index: looks and events in, and what is needed to go on. Thread-safe."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

from belvedere.media.objects import VEHICLES
from belvedere.site.seeing.sightings import PARTS, pack_path, shares
from belvedere.site.storage.index import Index
from belvedere.vision.events.presence import Presence

NOBODY, QUIET, LOOKED = 0, 1, 2
"""What a byte of `seen.looked` says of its second."""


@cache
def statements() -> Mapping[str, str]:
    """The named statements of seeing.sql."""
    text = (files("belvedere.site.seeing") / "seeing.sql").read_text("utf-8")
    parts = re.split(r"^-- name: (\w+)\n", text, flags=re.MULTILINE)[1:]
    return {name: body.strip() for name, body in zip(parts[::2], parts[1::2], strict=True)}


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment as far as it is durable."""

    id: int
    start_us: int
    dur_us: int
    growing: int = 0

    @property
    def end_us(self) -> int:
        return self.start_us + self.dur_us


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of a segment. `looked`: a byte a second; `sightings` as packed in sightings.py."""

    segment_id: int
    model_id: int
    detail: int
    looked: bytes
    sightings: bytes


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event to keep. Invariant: `segment_id` holds the presence's `best_us`."""

    id: int
    segment_id: int
    detail: int
    model_id: int
    presence: Presence

    def values(self) -> dict[str, object]:
        """For the statement `put_event`."""
        seen = self.presence
        left, top, right, bottom = shares(seen.box)
        return {
            "id": self.id,
            "segment_id": self.segment_id,
            "kind": int(seen.kind),
            "shade": int(seen.upper) if seen.kind in VEHICLES else 0,
            "upper": int(seen.upper),
            "lower": int(seen.lower),
            "start_us": seen.start_us,
            "end_us": seen.end_us,
            "best_us": seen.best_us,
            "confidence": round(seen.confidence * PARTS),
            "box_left": left,
            "box_top": top,
            "box_right": right,
            "box_bottom": bottom,
            "sightings": seen.sightings,
            "heading": seen.heading,
            "detail": self.detail,
            "model_id": self.model_id,
            "path": pack_path(seen.path),
        }


@dataclass(slots=True)
class Writing:
    """What one transaction keeps. `replaced`: segment and detail whose older events go first."""

    seen: list[Seen] = field(default_factory=list)
    events: list[EventRow] = field(default_factory=list)
    dropped: list[int] = field(default_factory=list)
    lanes: dict[int, bytes] = field(default_factory=dict)
    replaced: list[tuple[int, int]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.seen or self.events or self.dropped or self.lanes or self.replaced)


class SeenStore:
    """What the index knows of objects."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._models: dict[str, int] = {}

    @property
    def index(self) -> Index:
        return self._index

    def model_id(self, name: str) -> int:
        """The number of a model. Raises StorageFault."""
        known = self._models.get(name)
        if known is None:
            with self._index.write() as db:
                db.execute(statements()["put_model"], {"name": name})
                known = self._models[name] = int(db.execute(statements()["model"], {"name": name}).fetchone()[0])
        return known

    def models(self) -> dict[int, str]:
        """Names of all models that ever looked here, by number."""
        return dict(self._index.read().execute(statements()["models"]).fetchall())

    def streams(self) -> dict[tuple[str, str], int]:
        """Ids of all picture streams by camera and kind, also of removed cameras."""
        rows = self._index.read().execute(statements()["streams"]).fetchall()
        return {(camera, kind): number for camera, kind, number in rows}

    def cameras(self) -> dict[str, int]:
        """Ids of all cameras by slug."""
        return dict(self._index.read().execute(statements()["cameras"]).fetchall())

    def segments(self, stream_id: int, from_us: int, to_us: int) -> list[Segment]:
        """Durable segments that touch [from_us, to_us), in order."""
        span = {"stream_id": stream_id, "from_us": from_us, "to_us": to_us}
        return [Segment(*row) for row in self._index.read().execute(statements()["segments"], span).fetchall()]

    def seen(self, segment_id: int) -> Seen | None:
        """What is known of a segment."""
        row = self._index.read().execute(statements()["seen_of"], {"segment_id": segment_id}).fetchone()
        return None if row is None else Seen(segment_id, row[2], row[3], row[0], row[1])

    def newest_us(self, camera: str) -> int:
        """Start of the newest segment of a camera that was looked at, 0 when none was."""
        row = self._index.read().execute(statements()["newest_seen"], {"camera": camera}).fetchone()
        return int(row[0] or 0)

    def lane(self, stream_id: int) -> bytes | None:
        """Where gathering of a stream stands."""
        row = self._index.read().execute(statements()["lane"], {"stream_id": stream_id}).fetchone()
        return None if row is None else row[0]

    def event_id(self) -> int:
        """A number for a new event, never used before."""
        return self._index.next_id("seen_event")

    def write(self, writing: Writing) -> None:
        """Keep it all in one transaction. Raises StorageFault."""
        if not writing:
            return
        say = statements()
        with self._index.write() as db:
            for segment_id, detail in writing.replaced:
                db.execute(say["gone_events"], {"segment_id": segment_id, "detail": detail})
            db.executemany(
                say["put_seen"],
                [
                    {
                        "segment_id": each.segment_id,
                        "model_id": each.model_id,
                        "detail": each.detail,
                        "looked": each.looked,
                        "sightings": each.sightings,
                    }
                    for each in writing.seen
                ],
            )
            db.executemany(say["drop_event"], [{"id": number} for number in writing.dropped])
            db.executemany(say["put_event"], [event.values() for event in writing.events])
            db.executemany(
                say["put_lane"], [{"stream_id": number, "state": state} for number, state in writing.lanes.items()]
            )


def holder(segments: Sequence[Segment], at_us: int) -> Segment | None:
    """The segment that holds a moment; None where none does, or it is not durable yet."""
    for segment in reversed(segments):
        if segment.start_us <= at_us < segment.end_us:
            return segment
    return None


def marked(looked: bytearray, start_us: int, from_us: int, to_us: int, state: int) -> None:
    """Say of the seconds of a segment that [from_us, to_us) covers that they are `state`; a better word is kept."""
    half = 500_000
    first = max(0, (from_us - start_us + half) // 1_000_000)
    last = (to_us - start_us + half) // 1_000_000
    if last > len(looked):
        looked.extend(bytes(max(0, min(last, 901) - len(looked))))
    for second in range(first, min(last, len(looked))):
        looked[second] = max(looked[second], state)
