"""What the site answers about health over the link. Each call runs in a thread of the uplink's."""

from collections.abc import Callable, Mapping
from typing import Any

from belvedere.foundation.clock import DAY_US, HOUR_US, Clock
from belvedere.foundation.errors import BadInput, NotFound
from belvedere.foundation.ids import new_id
from belvedere.link.health import (
    CameraHealth,
    CloseFault,
    DiskHealth,
    EndOutage,
    Faults,
    GetFaults,
    GetHealth,
    GetHours,
    GetUptime,
    HealthReport,
    Hours,
    Outage,
    OutageDeclared,
    PutOutage,
    Uptime,
)
from belvedere.link.messages import Answer, Reply, Request
from belvedere.site.health.monitor import Monitor
from belvedere.site.health.store import KEPT_DAYS, HealthStore, StreamRow
from belvedere.site.recorder.recorder import Recorder

MOST_MONTHS = 13
LONGEST_OUTAGE_US = 31 * DAY_US
BACKDATED_US = DAY_US  # an outage may be declared so long after it began, and no longer: uptime is no matter of wishes
LONGEST_REASON = 300
MOST_OUTAGES = 500


class HealthAnswers:
    """Answers by kind of request: `answers` goes to `serve_link`."""

    def __init__(self, store: HealthStore, monitor: Monitor, recorder: Recorder, clock: Clock) -> None:
        self._store = store
        self._monitor = monitor
        self._recorder = recorder
        self._clock = clock

    @property
    def answers(self) -> Mapping[type[Request], Callable[[Any], Reply]]:
        return {
            GetHealth: self.report,
            GetUptime: self.uptime,
            GetHours: self.hours,
            GetFaults: self.faults,
            CloseFault: self.close_fault,
            PutOutage: self.put_outage,
            EndOutage: self.end_outage,
        }

    def report(self, _request: GetHealth) -> HealthReport:
        now_us = self._clock.now_us()
        planned = self._monitor.planned(now_us)
        feeds = {(feed.ref.camera, str(feed.ref.kind)): feed for feed in list(self._recorder.feeds.values())}
        cameras: dict[str, list[StreamRow]] = {}
        for row in self._store.streams():
            cameras.setdefault(row.camera, []).append(row)
        found = []
        for camera, rows in cameras.items():
            streams = []
            for row in rows:
                feed = feeds.get((camera, row.stream))
                error_us = feed.clock_error_us if feed is not None else None
                streams.append(self._monitor.history.stream_health(row, error_us, now_us))
            outage = planned.get(camera, planned.get("", ""))
            found.append(CameraHealth(camera, tuple(streams), self._monitor.hints(camera), outage))
        return HealthReport(
            now_us=now_us,
            cameras=tuple(found),
            disks=tuple(self._disks(now_us)),
            outages=self._store.outages(now_us),
            looks=self._monitor.eye.looks,
            looks_failed=self._monitor.eye.failed,
            states_dropped=self._monitor.history.states_dropped,
        )

    def _disks(self, now_us: int) -> list[DiskHealth]:
        known = self._monitor.disks()
        found = []
        for writer in self._recorder.writers:
            disk = known.get(writer.disk.name)
            kept = self._monitor.kept_days(writer, now_us)
            found.append(DiskHealth(writer.disk.name, disk.days_left if disk else None, kept, writer.pending_bytes))
        return found

    def uptime(self, request: GetUptime) -> Uptime:
        if not 1 <= request.months <= MOST_MONTHS:
            raise BadInput(f"Uptime is kept for {MOST_MONTHS} months.", advice=f"Ask for 1 to {MOST_MONTHS}.")
        now_us = self._clock.now_us()
        outages = [
            (each.camera, (each.start_us, each.end_us)) for each in self._store.outages(now_us - KEPT_DAYS * DAY_US)
        ]
        rows = self._store.streams()
        return Uptime(now_us, tuple(self._monitor.history.uptime(rows, request.months, outages, now_us)))

    def hours(self, request: GetHours) -> Hours:
        if not 0 <= request.from_us < request.to_us <= request.from_us + 40 * DAY_US:
            raise BadInput(
                "Hours are told of 40 days at most.", advice="Ask for a shorter span, its start before its end."
            )
        row = self._stream(request.camera, request.stream)
        hours = self._monitor.history.hours(row, request.from_us - request.from_us % HOUR_US, request.to_us)
        changes = self._store.states(row.id, request.from_us, request.to_us)
        return Hours(hours, tuple(changes))

    def faults(self, request: GetFaults) -> Faults:
        return Faults(self._clock.now_us(), self._monitor.faults(request.changed_us))

    def close_fault(self, request: CloseFault) -> Answer:
        self._monitor.close_fault(request.fault)
        return Answer()

    def put_outage(self, request: PutOutage) -> OutageDeclared:
        now_us = self._clock.now_us()
        if not request.start_us < request.end_us <= request.start_us + LONGEST_OUTAGE_US:
            raise BadInput("An outage ends after it starts, and lasts 31 days at most.", advice="Correct the times.")
        if request.start_us < now_us - BACKDATED_US or request.end_us <= now_us:
            raise BadInput(
                "An outage must be declared within a day of its start, and before it ends.",
                advice="What was missing before counts as missing; say why in the ticket.",
            )
        if not request.reason.strip() or len(request.reason) > LONGEST_REASON:
            raise BadInput(
                f"An outage needs a reason of up to {LONGEST_REASON} characters.", advice="Say what is done."
            )
        if request.camera and all(row.camera != request.camera for row in self._store.streams()):
            raise NotFound(f"There is no camera {request.camera}.", advice="Choose one that the site knows.")
        if len(self._store.outages(now_us)) >= MOST_OUTAGES:
            raise BadInput("Too many outages are planned.", advice="Take some back first.")
        outage = Outage(
            id=new_id("outage", self._clock),
            camera=request.camera,
            start_us=request.start_us,
            end_us=request.end_us,
            reason=request.reason.strip(),
            declared_by=request.declared_by,
            declared_us=now_us,
        )
        self._store.put_outage(outage)
        self._monitor.history.outages_changed()
        return OutageDeclared(outage)

    def end_outage(self, request: EndOutage) -> Answer:
        self._store.end_outage(request.outage, self._clock.now_us())
        self._monitor.history.outages_changed()
        return Answer()

    def _stream(self, camera: str, stream: str) -> StreamRow:
        for row in self._store.streams():
            if (row.camera, row.stream) == (camera, stream):
                return row
        raise NotFound(f"{camera} has no {stream} stream.", advice="Ask for one that the site knows.")
