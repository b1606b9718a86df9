"""Activity in the site index: series out, differences of keyframes and recognised rate control in. Thread-safe."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import msgspec

from belvedere.foundation.clock import SECOND_US
from belvedere.foundation.errors import NotFound
from belvedere.media.stream import Codec
from belvedere.site.activity.decoder_pipe import Zones
from belvedere.site.activity.laid import Laid, nothing
from belvedere.site.activity.rate import UNKNOWN, RateControl, RateKind
from belvedere.site.activity.seconds import SECOND, Seconds, unpack
from belvedere.site.storage.index import Index


@cache
def statements() -> Mapping[str, str]:
    """The named statements of activity.sql."""
    text = (files("belvedere.site.activity") / "activity.sql").read_text("utf-8")
    parts = re.split(r"^-- name: (\w+)\n", text, flags=re.MULTILINE)[1:]
    return {name: body.strip() for name, body in zip(parts[::2], parts[1::2], strict=True)}


@dataclass(frozen=True, slots=True)
class Row:
    """One segment's activity."""

    segment_id: int
    start_us: int
    source: int
    seconds: Seconds
    gate: bytes | None  # a byte a second, as `gate.share_byte`

    @property
    def end_us(self) -> int:
        return self.start_us + self.count * SECOND_US

    @property
    def count(self) -> int:
        """How many seconds."""
        return len(self.seconds) // SECOND.size


@dataclass(frozen=True, slots=True)
class KnownRate:
    """A stream's rate control and when it was recognised."""

    rate: RateControl
    seen_us: int


class ActivityStore:
    """What the index knows about activity."""

    def __init__(self, index: Index) -> None:
        self._index = index

    def streams(self, camera: str) -> dict[str, int]:
        """Ids of a camera's picture streams by kind; also of one that was removed. Empty for an unknown camera."""
        return dict(self._index.read().execute(statements()["streams_of"], {"camera": camera}).fetchall())

    def rows(self, stream_id: int, from_us: int, to_us: int) -> list[Row]:
        """Rows that touch [from_us, to_us), in order. A row that can't be read is left out."""
        db = self._index.read()
        unfinished = {row[0] for row in db.execute(statements()["unfinished_imports"], {"stream_id": stream_id})}
        span = {"stream_id": stream_id, "from_us": from_us, "to_us": to_us}
        found = []
        for segment_id, start_us, source, sizes, gate in db.execute(statements()["series"], span):
            if segment_id in unfinished:
                continue
            try:
                seconds = unpack(sizes)
            except ValueError:
                continue
            row = Row(segment_id, start_us, source, seconds, gate)
            if row.end_us > from_us:
                found.append(row)
        return found

    def laid(self, stream_id: int, from_s: int, to_s: int) -> Laid:
        """Wall seconds [from_s, to_s) of a stream. A camera-day takes some 1,500 rows."""
        laid = nothing(from_s, to_s)
        for row in self.rows(stream_id, from_s * SECOND_US, to_s * SECOND_US):
            laid.lay(row.start_us, row.source, row.seconds, row.gate)
        return laid

    def put_gates(self, gates: Iterable[tuple[int, Row, bytes]]) -> None:
        """Keep what keyframe differences told about rows of streams, in one transaction. Raises StorageFault."""
        values = [
            {"stream_id": stream_id, "start_us": row.start_us, "segment_id": row.segment_id, "gate": gate}
            for stream_id, row, gate in gates
        ]
        if values:
            with self._index.write() as db:
                db.executemany(statements()["put_gate"], values)

    def rates(self) -> dict[tuple[str, str], KnownRate]:
        """Rate control of every stream that was looked at, by camera and kind."""
        rows = self._index.read().execute(statements()["rates"]).fetchall()
        return {
            (camera, stream): KnownRate(RateControl(RateKind(kind), confidence, seconds), seen_us)
            for camera, stream, kind, confidence, seconds, seen_us in rows
        }

    def rate(self, camera: str, stream: str) -> RateControl:
        """Rate control of one stream, UNKNOWN before it was looked at."""
        found = self.rates().get((camera, stream))
        return UNKNOWN if found is None else found.rate

    def rates_due(self, *, day_ago_us: int, hour_ago_us: int) -> list[int]:
        """Streams whose rate control is to be recognised now."""
        rows = self._index.read().execute(
            statements()["rates_due"], {"day_ago_us": day_ago_us, "hour_ago_us": hour_ago_us}
        )
        return [row[0] for row in rows.fetchall()]

    def last_us(self, stream_id: int) -> int | None:
        """Start of the newest row of a stream."""
        row = self._index.read().execute(statements()["last_activity"], {"stream_id": stream_id}).fetchone()
        return None if row is None else row[0]

    def put_rate(self, stream_id: int, rate: RateControl, seen_us: int) -> None:
        """Keep what was recognised. Raises StorageFault."""
        values = {"stream_id": stream_id, "kind": rate.kind, "confidence": rate.confidence, "seconds": rate.seconds}
        with self._index.write() as db:
            db.execute(statements()["put_rate"], values | {"seen_us": seen_us})

    def zones(self, camera: str) -> Zones:
        """Polygons of a camera in which movement does not count."""
        row = self._index.read().execute(statements()["zones"], {"camera": camera}).fetchone()
        return () if row is None else msgspec.msgpack.decode(row[0], type=Zones)

    def put_zones(self, camera: str, zones: Zones) -> None:
        """Replace a camera's zones. What was compared before stays as it is. Raises NotFound, StorageFault."""
        with self._index.write() as db:
            changed = db.execute(
                statements()["put_zones"], {"camera": camera, "polygons": msgspec.msgpack.encode(zones)}
            ).rowcount
        if not changed:
            raise NotFound(f"There is no camera {camera}.", advice="`belvedere camera list` names them.")

    def parameter_sets(self, camera: str, kind: str, config_id: str) -> tuple[Codec, tuple[bytes, ...]]:
        """Codec and parameter sets of a stream's configuration. Raises NotFound."""
        row = (
            self._index.read()
            .execute(statements()["parameter_sets"], {"camera": camera, "kind": kind, "config_id": config_id})
            .fetchone()
        )
        if row is None:
            raise NotFound(f"{camera} has no configuration {config_id}.", advice="Ask again.")
        return Codec(row[0]), msgspec.msgpack.decode(row[1], type=tuple[bytes, ...])
