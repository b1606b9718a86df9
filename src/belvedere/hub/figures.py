"""Figures for Prometheus, to this machine only. They count; they name no person and no camera.

`FIGURES` is the one list of them; docs/reference/metrics.md is kept equal to it by a test.
"""

import asyncio
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from belvedere.foundation.clock import SECOND_US
from belvedere.foundation.errors import BelvedereError, Refused
from belvedere.hub.access.doors import public
from belvedere.hub.context import HubContext
from belvedere.hub.health.words import WORDS
from belvedere.hub.reach import hub_of
from belvedere.hub.room import Room
from belvedere.link.health import HealthReport
from belvedere.link.messages import IngestStatus, SiteStatus
from belvedere.link.seeing import GetSeeing, Seeing

router = Room()


@dataclass(frozen=True, slots=True)
class Figure:
    """One name in `/metrics`. A counter is shown with `_total` behind its name."""

    name: str
    kind: str  # gauge, counter
    unit: str
    text: str
    label: str = ""  # at most one, and its values are bounded: see metrics.md

    @property
    def shown(self) -> str:
        return f"{self.name}_total" if self.kind == "counter" else self.name


FIGURES = (
    Figure("belvedere_site_up", "gauge", "0 or 1", "1 while the site answers."),
    Figure("belvedere_site_started_seconds", "gauge", "seconds since 1970", "When the site's recorder started."),
    Figure("belvedere_sessions", "gauge", "sessions", "Open sessions."),
    Figure("belvedere_log_entries", "gauge", "entries", "Entries of the audit log."),
    Figure("belvedere_grants_issued", "counter", "grants", "Grants issued since start."),
    Figure("belvedere_refusals", "counter", "asks", "Asks and uses refused since start."),
    Figure("belvedere_logins_limited", "counter", "log-ins", "Log-ins turned away unread."),
    Figure("belvedere_cameras", "gauge", "cameras", "Cameras that the site knows and that are switched on."),
    Figure("belvedere_streams", "gauge", "streams", "Streams by state.", "state"),
    Figure("belvedere_incoming_bits_per_second", "gauge", "bit/s", "What comes in, all cameras together.", "stream"),
    Figure("belvedere_lost_packets", "counter", "packets", "Packets of present streams lost on their way to the site."),
    Figure("belvedere_reconnects", "counter", "connections", "Connections made to present streams."),
    Figure("belvedere_gaps_day", "gauge", "gaps", "Gaps of half a second and more in the last 24 hours.", "stream"),
    Figure("belvedere_missing_day_seconds", "gauge", "seconds", "Footage missing of the last 24 hours.", "stream"),
    Figure(
        "belvedere_clock_error_seconds_max", "gauge", "seconds", "The largest error of a camera's clock, either way."
    ),
    Figure("belvedere_hints", "gauge", "cameras", "Cameras whose picture should be looked at.", "kind"),
    Figure("belvedere_tickets_open", "gauge", "tickets", "Open fault tickets.", "kind"),
    Figure("belvedere_outages_planned", "gauge", "outages", "Planned work that lasts or is to come."),
    Figure("belvedere_looks", "counter", "pictures", "Pictures whose figures were asked for, for the hints."),
    Figure("belvedere_looks_failed", "counter", "pictures", "Those that could not be decoded."),
    Figure("belvedere_states_dropped", "counter", "changes", "Changes of state not kept, because there were too many."),
    Figure("belvedere_ingest_processes", "gauge", "processes", "Processes that read cameras."),
    Figure("belvedere_ingest_frames_left_out", "counter", "frames", "Frames that belong to no recorded run."),
    Figure("belvedere_ingest_live_left_out", "counter", "frames", "Frames not sent on live: the queue was full."),
    Figure("belvedere_ingest_queue_bytes", "gauge", "bytes", "Waiting in ingest processes for the recorder."),
    Figure("belvedere_ingest_pauses", "counter", "pauses", "Times the recorder did not read: its disks were behind."),
    Figure("belvedere_ingest_frozen", "counter", "connections", "Connections ended: the same picture came again."),
    Figure("belvedere_ingest_connecting", "gauge", "connections", "Connections to cameras being made."),
    Figure("belvedere_ingest_waiting_to_connect", "gauge", "streams", "Streams that wait for their turn to connect."),
    Figure("belvedere_viewer_frames_left_out", "counter", "frames", "Frames not shown to viewers who were too slow."),
    Figure("belvedere_sandbox", "gauge", "0 or 1", "1 for what holds the site's decoders.", "level"),
    Figure("belvedere_time_answers", "counter", "answers", "Answers of the time service."),
    Figure("belvedere_time_limited", "counter", "asks", "Asks of the time service that came too often."),
    Figure("belvedere_seeing_running", "gauge", "0 or 1", "1 while the site looks for objects."),
    Figure("belvedere_seeing_pictures", "counter", "pictures", "Pictures looked at for objects."),
    Figure("belvedere_seeing_failed", "counter", "pictures", "Those that came to nothing."),
    Figure("belvedere_seeing_missed", "counter", "pictures", "Passing pictures that there was no time to look at."),
    Figure("belvedere_seeing_crowded", "counter", "objects", "Objects beyond what one picture may hold."),
    Figure("belvedere_seeing_restarts", "counter", "processes", "Times a process that looks ended by itself."),
    Figure("belvedere_seeing_cpu_seconds", "counter", "seconds", "Processor time spent on looking."),
    Figure("belvedere_seeing_waiting_seconds", "gauge", "seconds", "Recordings that nobody looked at."),
    Figure("belvedere_disk_size_bytes", "gauge", "bytes", "Size of a footage disk.", "disk"),
    Figure("belvedere_disk_free_bytes", "gauge", "bytes", "Free space of a footage disk.", "disk"),
    Figure("belvedere_disk_ok", "gauge", "0 or 1", "1 while a footage disk takes footage.", "disk"),
    Figure("belvedere_disk_pending_bytes", "gauge", "bytes", "Footage taken in and not durable yet.", "disk"),
    Figure("belvedere_disk_kept_days", "gauge", "days", "How far back the footage on a disk reaches.", "disk"),
    Figure(
        "belvedere_disk_days_left", "gauge", "days", "Until a disk is full; absent where age makes room first.", "disk"
    ),
)
_BY_NAME = {figure.name: figure for figure in FIGURES}
_PATIENCE_S = 5.0
_SANDBOXES = ("bubblewrap", "landlock", "limits")
_STATES = ("connecting", "recording", "waiting", "denied", "refused", "off", "imported")


class _Figures(Collector):
    """One reading of the hub."""

    def __init__(
        self, hub: HubContext, status: SiteStatus | None, report: HealthReport | None, seeing: Seeing | None
    ) -> None:
        self._hub = hub
        self._seeing = seeing
        self._status = status
        self._report = report

    def collect(self) -> list[Metric]:
        hub, status, report = self._hub, self._status, self._report
        found = [
            _plain("belvedere_site_up", status is not None),
            _plain("belvedere_sessions", hub.sessions.count()),
            _plain("belvedere_log_entries", hub.audit.checkpoint().size),
            _plain("belvedere_grants_issued", hub.grants.issued),
            _plain("belvedere_refusals", hub.grants.refused),
            _plain("belvedere_logins_limited", hub.tries.refused),
        ]
        tickets = hub.health.tickets.count_open()
        unknown = sum(count for kind, count in tickets.items() if kind not in WORDS)  # of a site newer than this hub
        kinds = [(kind, tickets.get(kind, 0)) for kind in sorted(WORDS)]
        found.append(_labelled("belvedere_tickets_open", [*kinds, ("other", unknown)]))
        if status is not None:
            found += _site_figures(status)
        if report is not None:
            found += _day_figures(report)
        if self._seeing is not None:
            found += _seeing_figures(self._seeing)
        return found


def _plain(name: str, value: float) -> Metric:
    figure = _BY_NAME[name]
    family = CounterMetricFamily if figure.kind == "counter" else GaugeMetricFamily
    return family(name, figure.text, value=value)


def _labelled(name: str, values: Iterable[tuple[str, float]]) -> Metric:
    figure = _BY_NAME[name]
    made = GaugeMetricFamily(name, figure.text, labels=[figure.label])
    for label, value in values:
        made.add_metric([label], value)
    return made


def _ingest_figures(status: IngestStatus) -> list[Metric]:
    return [
        _plain("belvedere_ingest_processes", status.processes),
        _plain("belvedere_ingest_frames_left_out", status.frames_left_out),
        _plain("belvedere_ingest_live_left_out", status.live_left_out),
        _plain("belvedere_ingest_queue_bytes", status.queue_bytes),
        _plain("belvedere_ingest_pauses", status.pauses),
        _plain("belvedere_ingest_frozen", status.frozen),
        _plain("belvedere_ingest_connecting", status.connecting),
        _plain("belvedere_ingest_waiting_to_connect", status.waiting_to_connect),
        _plain("belvedere_viewer_frames_left_out", status.viewer_frames_left_out),
        _labelled("belvedere_sandbox", [(level, status.confinement == level) for level in _SANDBOXES]),
        _plain("belvedere_time_answers", status.time_answers),
        _plain("belvedere_time_limited", status.time_limited),
    ]


def _site_figures(status: SiteStatus) -> list[Metric]:
    streams = [stream for camera in status.cameras for stream in camera.streams]
    states = [stream.state for stream in streams]
    errors = [abs(stream.clock_error_us) for stream in streams if stream.clock_error_us is not None]
    rates = [(kind, sum(s.bits_per_second for s in streams if s.stream == kind)) for kind in ("main", "sub")]
    found = [
        _plain("belvedere_site_started_seconds", status.started_us / SECOND_US),
        _plain("belvedere_cameras", sum(camera.enabled for camera in status.cameras)),
        _labelled("belvedere_streams", [(state, states.count(state)) for state in _STATES]),
        _labelled("belvedere_incoming_bits_per_second", rates),
        _plain("belvedere_lost_packets", sum(stream.lost_packets for stream in streams)),
        _plain("belvedere_reconnects", sum(stream.reconnects for stream in streams)),
        _labelled("belvedere_disk_size_bytes", [(disk.name, disk.bytes_total) for disk in status.disks]),
        _labelled("belvedere_disk_free_bytes", [(disk.name, disk.bytes_free) for disk in status.disks]),
        _labelled("belvedere_disk_ok", [(disk.name, disk.state == "ok") for disk in status.disks]),
    ]
    if status.ingest is not None:
        found += _ingest_figures(status.ingest)
    if errors:
        found.append(_plain("belvedere_clock_error_seconds_max", max(errors) / SECOND_US))
    return found


def _day_figures(report: HealthReport) -> list[Metric]:
    streams = [stream for camera in report.cameras for stream in camera.streams]
    gaps = [(kind, sum(s.gaps_day for s in streams if s.stream == kind)) for kind in ("main", "sub")]
    missing = [
        (kind, sum(s.missing_day_us for s in streams if s.stream == kind) / SECOND_US) for kind in ("main", "sub")
    ]
    hints = [hint.kind for camera in report.cameras for hint in camera.hints]
    kinds = [kind for kind in sorted(WORDS) if WORDS[kind].hint]
    left = [(disk.name, disk.days_left) for disk in report.disks if disk.days_left is not None]
    kept = [(disk.name, disk.kept_days) for disk in report.disks if disk.kept_days is not None]
    return [
        _labelled("belvedere_gaps_day", gaps),
        _labelled("belvedere_missing_day_seconds", missing),
        _labelled("belvedere_hints", [(kind, hints.count(kind)) for kind in kinds]),
        _plain("belvedere_outages_planned", len(report.outages)),
        _plain("belvedere_looks", report.looks),
        _plain("belvedere_looks_failed", report.looks_failed),
        _plain("belvedere_states_dropped", report.states_dropped),
        _labelled("belvedere_disk_pending_bytes", [(disk.name, disk.pending_bytes) for disk in report.disks]),
        _labelled("belvedere_disk_kept_days", kept),
        _labelled("belvedere_disk_days_left", left),
    ]


def _seeing_figures(seeing: Seeing) -> list[Metric]:
    counts = seeing.counts
    return [
        _plain("belvedere_seeing_running", seeing.state == "running"),
        _plain("belvedere_seeing_pictures", counts.pictures),
        _plain("belvedere_seeing_failed", counts.failed),
        _plain("belvedere_seeing_missed", counts.missed),
        _plain("belvedere_seeing_crowded", counts.crowded),
        _plain("belvedere_seeing_restarts", counts.restarts),
        _plain("belvedere_seeing_cpu_seconds", counts.cpu_us / SECOND_US),
        _plain("belvedere_seeing_waiting_seconds", sum(camera.waiting_s for camera in seeing.cameras)),
    ]


async def _seeing(hub: HubContext) -> Seeing | None:
    """How analysis stands; None while the site does not tell."""
    try:
        async with asyncio.timeout(_PATIENCE_S):
            return await hub.link.ask(GetSeeing(), Seeing)
    except (BelvedereError, TimeoutError):
        return None


@router.get("/metrics", include_in_schema=False)
@public
async def metrics(request: Request) -> Response:
    """Prometheus text. Answers this machine only."""
    # A proxy on this machine speaks for strangers: what it forwards names another client, or says so in a header.
    client = request.client.host if request.client is not None else ""
    if not _is_loopback(client) or "x-forwarded-for" in request.headers or "forwarded" in request.headers:
        raise Refused("Figures are for this machine only.", advice="Ask from the hub itself.")
    hub = hub_of(request)
    status = await hub.state.status()
    report = await hub.health.report() if status is not None else None
    seeing = await _seeing(hub) if status is not None else None

    def make() -> bytes:
        registry = CollectorRegistry()
        registry.register(_Figures(hub, status, report, seeing))
        return generate_latest(registry)

    return Response(await run_in_threadpool(make), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
