"""Taking in recordings: what is refused before a byte comes, and what an import may not run into."""

from dataclasses import dataclass

from belvedere.foundation.clock import SECOND_US, Clock, iso
from belvedere.foundation.errors import BadInput, Conflict
from belvedere.media.stream import StreamKind
from belvedere.site.ingest.messages import ImportOpen
from belvedere.site.recorder.timing import media_us
from belvedere.site.recorder.track import Track
from belvedere.site.recorder.writer import DiskWriter
from belvedere.site.storage.cameras import Cameras, StreamRef
from belvedere.site.storage.index import Index, statements

_FOREVER_US = 1 << 62
_SOURCE_LIMIT = 1000


@dataclass(slots=True)
class ImportJob:
    """One import under way. Invariant: its footage lies in [start_us, limit_us), where nothing else of the stream lies."""

    ref: StreamRef
    track: Track
    writer: DiskWriter
    start_us: int
    limit_us: int
    reached_us: int
    finishing: bool = False

    def check(self, start_90k: int, duration_90k: int) -> None:
        """Refuse a fragment that would run into existing footage. Raises Conflict."""
        run = self.track.run
        base_us = self.start_us if run is None else run.clock.run_start_us
        self.reached_us = max(self.reached_us, base_us + media_us(start_90k + duration_90k))
        if self.reached_us > self.limit_us + SECOND_US:
            raise _overlap(self.ref, self.limit_us)


def open_import(
    request: ImportOpen, index: Index, cameras: Cameras, clock: Clock, others: list[ImportJob]
) -> tuple[StreamRef, int]:
    """The stream to import into, and the wall time where the next footage begins.

    Raises NotFound (camera), BadInput (stream, time) and Conflict (footage of that time exists).
    """
    if request.stream_kind not in list(StreamKind):
        raise BadInput(f"There is no stream {request.stream_kind!r}.", advice="Import into main or sub.")
    if not 0 <= request.start_us <= clock.now_us() or request.duration_us < 0 or len(request.source) > _SOURCE_LIMIT:
        raise BadInput(
            "The recording's time is not in the past.", advice="Give the time at which it begins with --start."
        )
    ref = cameras.stream(request.camera, StreamKind(request.stream_kind))
    end_us = request.start_us + max(1, request.duration_us)
    span = {"stream_id": ref.id, "from_us": request.start_us, "to_us": _FOREVER_US}
    row = index.read().execute(statements()["overlap"], span).fetchone()
    limit_us = _FOREVER_US if row is None else int(row[0])
    for other in others:
        if other.ref == ref and other.reached_us >= request.start_us:
            limit_us = min(limit_us, other.start_us)
    if limit_us < end_us:
        raise _overlap(ref, limit_us)
    return ref, limit_us


def _overlap(ref: StreamRef, at_us: int) -> Conflict:
    return Conflict(
        f"{ref.camera} ({ref.kind}) has footage from {iso(at_us)} on already.",
        advice="Check --start; to keep both, import into another camera.",
    )
