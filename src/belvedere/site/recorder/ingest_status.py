"""What the ingest processes count, put together for the site's status."""

from collections.abc import Iterable
from typing import Protocol

from belvedere.link.messages import IngestStatus
from belvedere.site.ingest.messages import IngestFigures
from belvedere.site.recorder.intake import WorkerConnection
from belvedere.site.sandbox.start import confinement

_NOTHING = IngestFigures(0, 0, 0, 0, 0, 0)


class LiveCounters(Protocol):
    """The live side's count of frames that slow viewers missed."""

    frames_dropped: int


class TimeCounters(Protocol):
    """The time service's counts."""

    answered: int
    limited: int


def ingest_status(
    workers: Iterable[WorkerConnection], live: LiveCounters | None, service: TimeCounters | None
) -> IngestStatus:
    """Callable from any thread. The first call tries how well this machine confines, which takes a tenth of a second."""
    here = [worker for worker in workers if worker.hello is not None and worker.hello.kind == "ingest"]
    figures = [worker.figures or _NOTHING for worker in here]
    held = confinement()
    return IngestStatus(
        confinement=held.level,
        words=held.words,
        refused=held.refused,
        processes=len(here),
        frames_left_out=sum(each.left_out for each in figures),
        live_left_out=sum(each.live_left_out for each in figures),
        viewer_frames_left_out=live.frames_dropped if live is not None else 0,
        queue_bytes=sum(each.queue_bytes for each in figures),
        pauses=sum(worker.pauses for worker in here),
        frozen=sum(each.frozen for each in figures),
        connecting=sum(each.connecting for each in figures),
        waiting_to_connect=sum(each.waiting for each in figures),
        time_answers=service.answered if service is not None else 0,
        time_limited=service.limited if service is not None else 0,
    )
