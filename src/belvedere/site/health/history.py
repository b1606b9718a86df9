"""What streams did: sampled while it happens, settled by the hour from the runs that exist, summed by the month."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from belvedere.foundation.clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US
from belvedere.link.health import CameraUptime, Hour, StateChange, StreamHealth
from belvedere.link.messages import StreamStatus
from belvedere.site.health.clocks import drift_ppm
from belvedere.site.health.hours import (
    Coverage,
    HourRecord,
    MonthSum,
    Samples,
    Span,
    coverage,
    day_and_hour,
    hour_of,
    hour_record,
)
from belvedere.site.health.store import KEPT_DAYS, HealthStore, StreamRow

SETTLE_AFTER_US = MINUTE_US  # an hour is settled so long after its end: by then its rows are durable
LAG_US = 10 * SECOND_US  # what came in later than this may not be durable yet, and is not asked for
MOST_CHANGES = 60  # of a stream's state kept in an hour; being switched on and off is always kept
SHOWN_GAPS = 12
MOST_HOURS = 40 * 24
_OFF = ("off", "imported")


class History:
    """Samples and settled hours of all streams. `sample`, `settle` and `flush` belong to one thread; the rest to any."""

    def __init__(self, store: HealthStore) -> None:
        self._store = store
        self._samples: dict[int, Samples] = {}
        self._counters: dict[int, tuple[int, int]] = {}  # reconnects and lost packets at the last look
        self._states = store.last_states()
        self._changes: dict[int, int] = {}  # kept in this hour
        self._drift: dict[int, float | None] = {}
        self._month_sums: dict[tuple[int, str], MonthSum] = {}
        self._hour_us = 0
        self.states_dropped = 0

    # While it happens.

    def sample(self, row: StreamRow, status: StreamStatus, now_us: int) -> None:
        """One look at a stream."""
        at = self._samples.setdefault(row.id, Samples())
        if status.state == "recording" and status.fps > 0:
            at.add(status.fps, status.bits_per_second, status.gop_seconds)
            at.clock_error_us = status.clock_error_us
        reconnects, lost = self._counters.get(row.id, (status.reconnects, status.lost_packets))
        at.reconnects += max(0, status.reconnects - reconnects)
        at.lost += max(0, status.lost_packets - lost)
        self._counters[row.id] = (status.reconnects, status.lost_packets)

    def note_states(self, states: Sequence[tuple[StreamRow, str, str]], now_us: int) -> None:
        """Keep what changed of states. Those that are too many in an hour are counted, not kept."""
        if hour_of(now_us) != self._hour_us:
            self._hour_us = hour_of(now_us)
            self._changes.clear()
        kept = []
        for row, state, message in states:
            before = self._states.get(row.id, ("", ""))
            if before[0] == state:
                continue
            switched = (state in _OFF) != (before[0] in _OFF)
            count = self._changes.get(row.id, 0)
            if count >= MOST_CHANGES and not switched:
                self.states_dropped += 1
                continue
            self._changes[row.id] = count + 1
            self._states[row.id] = (state, message)
            kept.append((row.id, StateChange(now_us, state, message)))
        if kept:
            self._store.put_states(kept)

    # By the hour.

    def settle(self, now_us: int) -> int:
        """Write the records of all hours that are over. Returns how many hours that were."""
        until_us = hour_of(now_us - SETTLE_AFTER_US)
        rows = self._store.all_streams()
        mark_us = self._store.settled_us()
        known = mark_us is not None
        if mark_us is None:
            firsts = [us for row in rows if (us := self._store.first_run_us(row.id)) is not None]
            mark_us = hour_of(min([*firsts, until_us]))
        mark_us = max(mark_us, hour_of(now_us - KEPT_DAYS * DAY_US))
        if until_us <= mark_us:
            if not known:
                self._store.put_hours({}, mark_us)  # from now on, hours without any footage count too
            return 0
        found: dict[tuple[int, int], dict[int, HourRecord]] = {}
        for row in rows:
            earlier = self._store.days(row.id, mark_us // DAY_US, until_us // DAY_US)
            wanted = self._store.wanted(row.id, mark_us, until_us)
            if not wanted and not earlier:
                continue
            runs = self._store.runs(row.id, mark_us, until_us)
            for hour_us in range(mark_us, until_us, HOUR_US):
                spans = _cut(wanted, hour_us)
                day, hour = day_and_hour(hour_us)
                samples = self._samples.pop(row.id, Samples()) if hour_us == until_us - HOUR_US else Samples()
                if before := earlier.get(day, {}).get(hour):
                    samples.take_in(before)
                if not spans and not samples.count:
                    continue
                near = [run for run in runs if run.start_us < hour_us + HOUR_US]
                record = hour_record(coverage(near, spans), sum(b - a for a, b in spans), hour_us, samples)
                found.setdefault((row.id, day), {})[hour] = record
        self._store.put_hours(found, until_us)
        self._month_sums.clear()
        self._drift = {
            row.id: drift_ppm(self._store.clock_points(row.id, now_us - DAY_US)) for row in self._store.streams()
        }
        return (until_us - mark_us) // HOUR_US

    def flush(self, now_us: int) -> None:
        """Keep what was sampled of the hour that is not over yet, for the next start to go on from."""
        day, hour = day_and_hour(hour_of(now_us))
        found: dict[tuple[int, int], dict[int, HourRecord]] = {}
        for stream_id, samples in self._samples.items():
            if before := self._store.days(stream_id, day, day).get(day, {}).get(hour):
                samples.take_in(before)
            found[stream_id, day] = {hour: samples.record()}
        self._samples = {}
        if found:
            self._store.put_hours(found, None)

    # What people ask.

    def covered(self, row: StreamRow, from_us: int, to_us: int) -> tuple[Coverage, int]:
        """What is recorded of a span, and how much of it should be; what may not be durable yet is left out by the caller."""
        wanted = self._store.wanted(row.id, from_us, to_us)
        runs = self._store.runs(row.id, from_us, to_us) if wanted else []
        return coverage(runs, wanted), sum(b - a for a, b in wanted)

    def stream_health(self, row: StreamRow, clock_error_us: int | None, now_us: int) -> StreamHealth:
        """The last 24 hours, and today by UTC."""
        until_us = now_us - LAG_US
        day_us = until_us - DAY_US
        midnight_us = until_us - until_us % DAY_US
        day, _ = self.covered(row, day_us, until_us)
        today = [(max(hole.start_us, midnight_us), hole.end_us) for hole in day.holes if hole.end_us > midnight_us]
        reasons: dict[str, int] = {}
        for gap in day.gaps:
            reasons[gap.reason] = reasons.get(gap.reason, 0) + 1
        hours = [record for _, record in self._records(row.id, hour_of(day_us), until_us)]
        now = self._samples.get(row.id, Samples())
        return StreamHealth(
            stream=row.stream,
            gaps_today=sum(gap.end_us > midnight_us for gap in day.gaps),
            missing_today_us=sum(b - a for a, b in today),
            gaps_day=len(day.gaps),
            missing_day_us=sum(hole.end_us - hole.start_us for hole in day.holes),
            gaps=tuple(day.gaps[-SHOWN_GAPS:]),
            reasons=reasons,
            reconnects_day=sum(record.reconnects for record in hours) + now.reconnects,
            lost_day=sum(record.lost_packets for record in hours) + now.lost,
            clock_error_us=clock_error_us,
            drift_ppm=self._drift.get(row.id),
        )

    def hours(self, row: StreamRow, from_us: int, to_us: int) -> tuple[Hour, ...]:
        """Settled hours of a stream in [from_us, to_us), MOST_HOURS at most."""
        found = [_hour(hour_us, record) for hour_us, record in self._records(row.id, from_us, to_us)]
        return tuple(hour for hour in found[-MOST_HOURS:] if hour.expected_us or hour.fps is not None)

    def uptime(
        self, rows: Sequence[StreamRow], months: int, outages: Sequence[tuple[str, Span]], now_us: int
    ) -> list[CameraUptime]:
        """Months of each camera, by its main stream where it has one. `outages`: camera ("" for all) and span."""
        chosen: dict[str, StreamRow] = {}
        for row in rows:
            if row.camera not in chosen or row.stream == "main":
                chosen[row.camera] = row
        spans = month_spans(now_us, months)
        found = []
        for camera, row in chosen.items():
            mine = [span for of, span in outages if of in ("", camera)]
            settled_us = self._store.settled_us() or hour_of(now_us)
            shown = []
            for name, (start_us, end_us) in spans:
                total = self._month_sum(row, name, start_us, min(end_us, settled_us), mine)
                if end_us > settled_us:
                    total = self._with_present(
                        total, row, max(start_us, settled_us), min(end_us, now_us - LAG_US), mine
                    )
                if total.expected_us:
                    shown.append(total.month(name))
            found.append(CameraUptime(camera, row.stream, tuple(shown)))
        return found

    def outages_changed(self) -> None:
        """Months are to be summed anew."""
        self._month_sums.clear()

    def _month_sum(self, row: StreamRow, name: str, start_us: int, end_us: int, outages: Sequence[Span]) -> MonthSum:
        known = self._month_sums.get((row.id, name))
        if known is None:
            known = MonthSum()
            for hour_us, record in self._records(row.id, start_us, end_us):
                known.add(record, hour_us, outages)
            self._month_sums[row.id, name] = known
        return known

    def _with_present(
        self, settled: MonthSum, row: StreamRow, start_us: int, end_us: int, outages: Sequence[Span]
    ) -> MonthSum:
        """A month with the hours since the last settled one, which are read from the runs."""
        total = MonthSum(settled.expected_us, settled.recorded_us, settled.planned_us, dict(settled.reasons))
        for hour_us in range(hour_of(start_us), max(start_us, end_us), HOUR_US):
            found, expected_us = self.covered(row, max(hour_us, start_us), min(hour_us + HOUR_US, end_us))
            total.add(hour_record(found, expected_us, hour_us, Samples()), hour_us, outages)
        return total

    def _records(self, stream_id: int, from_us: int, to_us: int) -> Iterator[tuple[int, HourRecord]]:
        """Stored hours that begin in [from_us, to_us), in order."""
        for day, hours in self._store.days(stream_id, from_us // DAY_US, max(from_us, to_us - 1) // DAY_US).items():
            for hour, record in hours.items():
                hour_us = day * DAY_US + hour * HOUR_US
                if from_us <= hour_us < to_us:
                    yield hour_us, record


def month_spans(now_us: int, months: int) -> list[tuple[str, Span]]:
    """The last `months` calendar months in UTC, the present one last."""
    at = datetime.fromtimestamp(now_us // SECOND_US, UTC)
    year, month = at.year, at.month
    spans: list[tuple[str, Span]] = []
    for _ in range(months):
        following = (year + month // 12, month % 12 + 1)
        start, end = datetime(year, month, 1, tzinfo=UTC), datetime(*following, 1, tzinfo=UTC)
        span = (int(start.timestamp()) * SECOND_US, int(end.timestamp()) * SECOND_US)
        spans.insert(0, (f"{year:04}-{month:02}", span))
        year, month = (year, month - 1) if month > 1 else (year - 1, 12)
    return spans


def _cut(spans: Sequence[Span], hour_us: int) -> list[Span]:
    cut = ((max(a, hour_us), min(b, hour_us + HOUR_US)) for a, b in spans)
    return [(a, b) for a, b in cut if a < b]


def _hour(hour_us: int, record: HourRecord) -> Hour:
    seen = record.samples > 0
    return Hour(
        start_us=hour_us,
        expected_us=record.expected_us,
        recorded_us=record.recorded_us,
        gaps=record.gaps,
        fps=record.fps if seen else None,
        bits_per_second=record.bits_per_second if seen else None,
        gop_seconds=record.gop_seconds if seen else None,
        reconnects=record.reconnects,
        lost_packets=record.lost_packets,
        clock_error_us=record.clock_error_us,
    )
