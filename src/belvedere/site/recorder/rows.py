"""The index rows that a run's durable state needs; what is not durable is not in them."""

import msgspec

from belvedere.site.activity.seconds import pack
from belvedere.site.recorder.run import OpenRun, Store
from belvedere.site.recorder.segment import OPEN, OpenSegment

Row = tuple[str, dict[str, object]]  # name of the statement, its values
# The order in which statements run in a transaction: what is referred to comes first.
ORDER = (
    "put_config", "new_run", "put_segment", "grow_segment", "put_activity", "count_stream", "anchor_run", "grow_run", "end_run",
)  # fmt: skip


class RunRows:
    """Rows of one run; `final` asks for its end too."""

    def __init__(self, run: OpenRun, store: Store) -> None:
        self._run = run
        self._store = store

    def all(self, *, final: bool) -> list[Row]:
        run = self._run
        rows: list[Row] = []
        segments = [segment for segment in run.dirty if segment.durable is not None]
        if segments:
            first = segments[0]
            if not run.in_index:
                rows += [("put_config", _config_row(run)), ("new_run", self._run_row(first.start_us))]
            elif first.place.ordinal == 0:
                rows.append(("anchor_run", {"id": run.id, "start_us": first.start_us}))
            for segment in segments:
                rows += self._segment_rows(segment)
            rows.append(("grow_run", self._grow_row(segments)))
        if final and run.ended is not None and (run.in_index or segments):
            rows.append(("end_run", end_row(run)))
        return rows

    def _run_row(self, start_us: int) -> dict[str, object]:
        run = self._run
        return {
            "id": run.id,
            "stream_id": run.ref.id,
            "config_id": run.config.config_id,
            "boot_id": self._store.boot,
            "start_us": start_us,
            "imported": int(run.imported),
            "provenance": run.provenance,
        }

    def _grow_row(self, segments: list[OpenSegment]) -> dict[str, object]:
        last = segments[-1]
        assert last.durable is not None
        lost = sum(s.durable.lost_packets - (s.indexed.lost_packets if s.indexed else 0) for s in segments if s.durable)
        return {"id": self._run.id, "end_us": last.wall_us(last.durable.end_90k), "lost_packets": lost}

    def _segment_rows(self, segment: OpenSegment) -> list[Row]:
        durable, indexed, place, run = segment.durable, segment.indexed, segment.place, self._run
        assert durable is not None
        if durable == indexed and segment.flags == segment.indexed_flags:
            return []
        grown: dict[str, object] = {
            "id": place.id,
            "dur_us": segment.wall_us(durable.end_90k) - segment.start_us,
            "media_dur_90k": durable.end_90k - place.media_start_90k,
            "bytes": durable.size,
            "plain_bytes": durable.plain_bytes,
            "sha256": durable.sha256,
            "lost_packets": durable.lost_packets,
            "fragments": segment.records(durable),
        }
        count: dict[str, object] = {
            "stream_id": run.ref.id,
            "bytes": durable.size - (indexed.size if indexed else 0),
            "segments": 0 if indexed else 1,
        }
        if indexed is not None and segment.flags == segment.indexed_flags and place.ordinal:
            return [("grow_segment", grown), ("count_stream", count)]
        fixed: dict[str, object] = {
            "stream_id": run.ref.id,
            "run_id": run.id,
            "config_id": run.config.config_id,
            "disk_id": self._store.disk.id,
            "boot_id": self._store.boot,
            "seq": place.seq,
            "ordinal": place.ordinal,
            "day": place.key_day,
            "start_us": segment.start_us,
            "media_start_90k": place.media_start_90k,
            "rate_ppm": place.rate_ppm,
            "kept_from_us": place.opened_us,
            "flags": segment.flags,
            "path": place.path,
        }
        rows: list[Row] = [("put_segment", grown | fixed), ("count_stream", count)]
        if segment.flags & OPEN == 0:
            sizes = pack(segment.tally.seconds(durable.records))
            activity = {"stream_id": run.ref.id, "start_us": segment.start_us, "segment_id": place.id, "sizes": sizes}
            rows.append(("put_activity", activity))
        return rows


def _config_row(run: OpenRun) -> dict[str, object]:
    config = run.config
    return {
        "stream_id": run.ref.id,
        "config_id": config.config_id,
        "codec": config.codec,
        "codec_string": config.codec_string,
        "width": config.width,
        "height": config.height,
        "parameter_sets": msgspec.msgpack.encode(config.parameter_sets),
        "init": config.init,
    }


def end_row(run: OpenRun) -> dict[str, object]:
    assert run.ended is not None
    return {"id": run.id, "end_reason": run.ended[0], "message": run.ended[1]}
