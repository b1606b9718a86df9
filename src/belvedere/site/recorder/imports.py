"""Imports under way at the recorder: opened, ended, given up. On the recorder's event loop."""

from collections.abc import Callable, MutableMapping
from functools import partial

import structlog

from belvedere.foundation.clock import Clock
from belvedere.foundation.errors import BadInput, BelvedereError
from belvedere.site.ingest import messages as m
from belvedere.site.recorder.events import Abort, Finish
from belvedere.site.recorder.importing import ImportJob, open_import
from belvedere.site.recorder.intake import WorkerConnection
from belvedere.site.recorder.track import Track
from belvedere.site.recorder.writer import DiskWriter
from belvedere.site.storage.cameras import Cameras, StreamRef
from belvedere.site.storage.index import Index

log = structlog.get_logger()


class Imports:
    """The jobs of each importing connection, by handle.

    `give_handle` makes a handle for a job and `drop_handle` forgets it; `soon` brings a call from a disk's thread to the loop.
    """

    def __init__(
        self,
        index: Index,
        cameras: Cameras,
        clock: Clock,
        pick_writer: Callable[[StreamRef], DiskWriter],
        give_handle: Callable[[ImportJob], int],
        drop_handle: Callable[[int], None],
        soon: Callable[[Callable[[], None]], Callable[[], None]],
    ) -> None:
        self._index = index
        self._cameras = cameras
        self._clock = clock
        self._pick_writer = pick_writer
        self._give_handle = give_handle
        self._drop_handle = drop_handle
        self._soon = soon
        self._held: MutableMapping[WorkerConnection, dict[int, ImportJob]] = {}

    def __contains__(self, connection: WorkerConnection) -> bool:
        return connection in self._held

    def joined(self, connection: WorkerConnection) -> None:
        """An importer has connected."""
        self._held[connection] = {}

    def job(self, connection: WorkerConnection, handle: int) -> ImportJob | None:
        return self._held.get(connection, {}).get(handle)

    def open(self, connection: WorkerConnection, message: m.ImportOpen) -> None:
        """Begin an import. Raises BadInput, NotFound, Conflict."""
        jobs = self._held.get(connection)
        if jobs is None:
            raise BadInput("An ingest process can't import.")
        others = [job for held in self._held.values() for job in held.values()]
        ref, limit_us = open_import(message, self._index, self._cameras, self._clock, others)
        track = Track(ref, import_start_us=message.start_us, provenance=message.source)
        reached_us = message.start_us + message.duration_us
        job = ImportJob(ref, track, self._pick_writer(ref), message.start_us, limit_us, reached_us)
        handle = self._give_handle(job)
        jobs[handle] = job
        connection.send(m.ImportReady(handle))

    def end(self, connection: WorkerConnection, handle: int) -> None:
        """All of an import has come; it is answered once it is durable. Raises BadInput."""
        job = self.job(connection, handle)
        if job is None or job.finishing:
            raise BadInput("There is no such import.")
        job.finishing = True

        def done(problem: BelvedereError | None, segments: int, size: int) -> None:
            self._soon(partial(self._done, connection, handle, problem, segments, size))()

        job.writer.offer(Finish(job.track, done))

    def _done(
        self, connection: WorkerConnection, handle: int, problem: BelvedereError | None, segments: int, size: int
    ) -> None:
        self._drop_handle(handle)
        self._held.get(connection, {}).pop(handle, None)
        if problem is not None:
            connection.send(m.Trouble(problem.code, problem.message, problem.advice))
        else:
            connection.send(m.ImportDone(handle, segments, size))

    def drop(self, connection: WorkerConnection) -> None:
        """The connection is over: what it had not finished goes."""
        for handle, job in self._held.pop(connection, {}).items():
            self._drop_handle(handle)
            if not job.finishing:
                log.warning("import_broken_off", camera=job.ref.camera)
                job.writer.offer(Abort(job.track))
