"""An index with cameras, streams and events, put there without any footage."""

from collections.abc import Iterable
from pathlib import Path

from belvedere.foundation.clock import SECOND_US, Clock
from belvedere.site.seeing.facets import EventRecord
from belvedere.site.storage.index import Index

COLUMNS = (
    "id, camera_id, stream_id, segment_id, kind, shade, upper, lower, start_us, end_us, best_us, confidence, box_left, box_top, "
    "box_right, box_bottom, sightings, heading, detail, model_id, path"
)


def new_index(path: Path, clock: Clock, cameras: int) -> Index:
    """Cameras cam-01 and on, each with a small stream of the same number."""
    index = Index(path, clock)
    with index.write() as db:
        db.execute("INSERT INTO seen_model (id, name) VALUES (1, 'tiny/1')")
        for number in range(1, cameras + 1):
            slug = f"cam-{number:02}"
            db.execute("INSERT INTO camera VALUES (?, ?, ?, NULL, 1, 0, 0)", (number, slug, slug))
            db.execute("INSERT INTO stream (id, camera_id, kind) VALUES (?, ?, 'sub')", (number, number))
    return index


def record(number: int, camera: int, kind: int, best_us: int, **fields: int) -> EventRecord:
    """An event of two seconds in the middle of the picture, unless said otherwise."""
    given: dict[str, int] = {
        "upper": 0, "lower": 0, "start_us": best_us - SECOND_US, "end_us": best_us + SECOND_US, "confidence": 8000,
        "left": 4000, "top": 4000, "right": 6000, "bottom": 6000, "sightings": 3, "heading": -1, "detail": 1,
    }  # fmt: skip
    return EventRecord(
        id=number,
        camera_id=camera,
        stream_id=camera,
        kind=kind,
        best_us=best_us,
        model_id=1,
        path=b"",
        **(given | fields),
    )


def put(index: Index, events: Iterable[EventRecord], vehicles: Iterable[int] = (3, 4, 5)) -> None:
    """Write events as the product's own statement would."""
    shaded = set(vehicles)
    with index.write() as db:
        db.executemany(
            f"INSERT INTO seen_event ({COLUMNS}) VALUES ({','.join('?' * 21)})",
            [
                (
                    e.id, e.camera_id, e.stream_id, 1, e.kind, e.upper if e.kind in shaded else 0, e.upper, e.lower, e.start_us,
                    e.end_us, e.best_us, e.confidence, e.left, e.top, e.right, e.bottom, e.sightings, e.heading, e.detail, 1,
                    e.path,
                )
                for e in events
            ],
        )  # fmt: skip
