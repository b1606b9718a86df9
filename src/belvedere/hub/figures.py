"""Figures for Prometheus, to this machine only. They count; they name no person and no camera."""

import ipaddress

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from belvedere.foundation.errors import Refused
from belvedere.hub.access.doors import public
from belvedere.hub.context import HubContext
from belvedere.hub.reach import hub_of
from belvedere.link.messages import SiteStatus

router = APIRouter()


class _Figures(Collector):
    """One reading of the hub."""

    def __init__(self, hub: HubContext, status: SiteStatus | None) -> None:
        self._hub = hub
        self._status = status

    def collect(self) -> list[Metric]:
        hub, status = self._hub, self._status
        found: list[Metric] = [
            GaugeMetricFamily("belvedere_site_up", "1 while the site answers.", value=status is not None),
            GaugeMetricFamily("belvedere_sessions", "Open sessions.", value=hub.sessions.count()),
            GaugeMetricFamily("belvedere_log_entries", "Entries of the audit log.", value=hub.audit.checkpoint().size),
            CounterMetricFamily("belvedere_grants_issued", "Grants issued since start.", value=hub.grants.issued),
            CounterMetricFamily("belvedere_refusals", "Asks and uses refused since start.", value=hub.grants.refused),
            CounterMetricFamily("belvedere_logins_limited", "Log-ins turned away unread.", value=hub.tries.refused),
        ]
        streams = GaugeMetricFamily("belvedere_streams", "Streams by state.", labels=["state"])
        free = GaugeMetricFamily("belvedere_disk_free_bytes", "Free space of a footage disk.", labels=["disk"])
        if status is not None:
            states = [stream.state for camera in status.cameras for stream in camera.streams]
            for state in sorted(set(states)):
                streams.add_metric([state], states.count(state))
            for disk in status.disks:
                free.add_metric([disk.name], disk.bytes_free)
        return [*found, streams, free]


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

    def make() -> bytes:
        registry = CollectorRegistry()
        registry.register(_Figures(hub, status))
        return generate_latest(registry)

    return Response(await run_in_threadpool(make), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
