"""The desk of jobs: takes them from the table, keeps their leases, does them one at a time for each kind.

What a process leaves unfinished, by ending or by being killed, is taken by the next or by another one, with its notes.
Queue and rows live in the hub's own database: a job is enqueued in the transaction of the row that it is about.
"""

import asyncio
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from belvedere.foundation.clock import SECOND_US, Clock
from belvedere.foundation.errors import BelvedereError, StorageFault
from belvedere.hub.jobs.owner import Owner
from belvedere.hub.jobs.store import CANCELLED, DONE, FAILED, OPEN, Job, JobStore
from belvedere.hub.jobs.work import Handler, Later, NotOurs, Work
from belvedere.hub.storage.engine import writing

LEASE_US = 60 * SECOND_US
BEAT_S = 5.0
LOOK_S = 5.0  # for jobs that another process enqueued or left
MOST_DEATHS = 5  # of processes in the middle of one job
_AGAIN_US = 60 * SECOND_US  # after an end that could not be written
_DEATHS = "deaths"

_log = structlog.get_logger()


class JobDesk:
    """Does jobs in this process. `serve` a handler to begin, `stop` at the end; `poke` after enqueueing."""

    def __init__(self, engine: Engine, clock: Clock, folder: Path) -> None:
        """`folder` holds the locks by which processes of this machine know that another is dead."""
        self.store = JobStore(engine, clock)
        self._engine = engine
        self._clock = clock
        self._folder = folder
        self._owner: Owner | None = None
        self._workers: dict[str, asyncio.Task[None]] = {}
        # Invariant: a job taken by this process is in `_held` from before anybody else of it looks until its end is written.
        self._held: set[str] = set()
        self._running: dict[str, tuple[Work, asyncio.Task[None]]] = {}
        self._wakes: dict[str, asyncio.Event] = {}
        self._idle: dict[str, asyncio.Event] = {}
        self._stopping = False

    async def serve(self, handler: Handler) -> None:
        """Begin to do the jobs of `handler`, those of earlier processes first."""
        if self._owner is None:
            self._owner = await asyncio.to_thread(Owner, self._folder, self._clock, LEASE_US)
            named = {job.owner for job in await asyncio.to_thread(self.store.open)}
            await asyncio.to_thread(self._owner.sweep, named.__contains__)
        self._stopping = False
        self._wakes[handler.kind] = asyncio.Event()
        self._idle[handler.kind] = asyncio.Event()
        self._workers[handler.kind] = asyncio.create_task(self._work(handler), name=f"jobs {handler.kind}")

    async def stop(self) -> None:
        """Stop working. What is in hand is let go, with its notes, and goes on when somebody takes it."""
        self._stopping = True
        workers, self._workers = list(self._workers.values()), {}
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        if self._owner is not None:
            left = await asyncio.to_thread(self.store.open)
            mine = any(job.owner == self._owner.id for job in left)  # one that was just being taken
            self._owner.close(named=mine)
            self._owner = None

    def poke(self, kind: str) -> None:
        """Look for jobs of `kind` now."""
        if kind in self._wakes:
            self._idle[kind].clear()
            self._wakes[kind].set()

    async def idle(self, kind: str) -> None:
        """Wait until this process has looked and found nothing of `kind` to do. What waits for a time is not due."""
        self.poke(kind)
        await self._idle[kind].wait()

    def in_hand(self, job_id: str) -> Work | None:
        """A job that this process is doing: its progress is newer than the row's."""
        running = self._running.get(job_id)
        return None if running is None else running[0]

    async def cancel(self, job_id: str) -> bool:
        """Ask to give a job up; False when it is over, or can't be undone any more."""
        running = self._running.get(job_id)
        if running is not None and running[0].settled:
            return False
        job = await asyncio.to_thread(self.store.get, job_id)
        if job is None or not await asyncio.to_thread(self.store.cancel, job_id):
            return False
        running = self._running.get(job_id)
        if running is not None and not running[0].settled:
            running[1].cancel()
        self.poke(job.kind)
        return True

    # Working ------------------------------------------------------------------------------------------------------

    async def _work(self, handler: Handler) -> None:
        wake, idle = self._wakes[handler.kind], self._idle[handler.kind]
        current: asyncio.Task[None] | None = None
        try:
            while True:
                wake.clear()
                taken = await self._take(handler, only_cancelled=current is not None)
                if taken is not None:
                    work, given_up = taken, taken.job.cancel
                    task = asyncio.create_task(self._do(handler, work, given_up), name=work.job.id)
                    task.add_done_callback(lambda _: wake.set())
                    if current is not None:
                        await task  # quick: a waiting one that was given up, beside the one that runs
                    else:
                        current = task
                    continue
                if current is None and not wake.is_set():
                    idle.set()
                try:
                    async with asyncio.timeout(LOOK_S):
                        await wake.wait()
                except TimeoutError:
                    pass
                if current is not None and current.done():
                    current = None
        finally:
            if current is not None:
                current.cancel()
                await asyncio.gather(current, return_exceptions=True)

    async def _take(self, handler: Handler, *, only_cancelled: bool) -> Work | None:
        owner = self._owner
        assert owner is not None
        dead: set[str] = set()

        def ended(job: Job) -> bool:
            if job.owner == owner.id:
                if job.id in self._held:
                    return False
                dead.add(job.id)  # its end could not be written
                return True
            if owner.is_dead(job.owner):
                dead.add(job.id)
                return True
            return owner.lease_is_over(job)

        def take() -> tuple[Job, bool] | None:
            return self.store.take(
                handler.kind, handler.formats, owner.id, LEASE_US, ended, only_cancelled=only_cancelled
            )

        try:
            found = await asyncio.to_thread(take)
        except SQLAlchemyError:  # the database is away or busy: the next look may do
            _log.warning("jobs not looked for", kind=handler.kind, exc_info=True)
            return None
        if found is None:
            return None
        job, let_go = found
        self._held.add(job.id)
        owner.forget(job.id)
        if not let_go:
            job.notes[_DEATHS] = int(job.notes.get(_DEATHS, 0)) + 1
        return Work(job, self.store, clean=let_go or job.id in dead)

    async def _do(self, handler: Handler, work: Work, given_up: bool) -> None:
        job = work.job
        task = asyncio.create_task(
            handler.give_up(work) if given_up else self._begin(handler, work), name=f"job {job.id}"
        )
        self._running[job.id] = work, task
        beats = asyncio.create_task(self._beat(work, task))
        try:
            await self._finish(handler, work, task, given_up)
        except NotOurs:
            _log.warning("job taken by another process", job=job.id, attempt=job.attempts)
        except BelvedereError as error:  # such as a log that can't be written: nobody was told, so it is tried again
            _log.error("job not ended", job=job.id, error=str(error))
            await asyncio.to_thread(self.store.let_go, job, self._clock.now_us() + _AGAIN_US, str(error), work.share)
        except SQLAlchemyError:  # its row keeps its notes, and somebody goes on with it
            _log.exception("job not written", job=job.id)
        finally:
            task.cancel()
            beats.cancel()
            await asyncio.gather(task, beats, return_exceptions=True)
            self._running.pop(job.id, None)
            self._held.discard(job.id)

    async def _begin(self, handler: Handler, work: Work) -> None:
        if work.notes.get(_DEATHS):
            await work.note()
            if work.notes[_DEATHS] > MOST_DEATHS:
                raise StorageFault(
                    f"The hub ended {work.notes[_DEATHS]} times in the middle of this.",
                    advice="Report it with its log.",
                )
        await handler.run(work)

    async def _finish(self, handler: Handler, work: Work, task: "asyncio.Task[None]", given_up: bool) -> None:
        try:
            await asyncio.wait((task,))
        except asyncio.CancelledError:  # this process ends
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            if not task.cancelled() and task.exception() is None:
                await self._end(work, CANCELLED if given_up else DONE, "")
            else:
                await asyncio.to_thread(self.store.let_go, work.job, 0, "", work.share)
            raise
        try:
            task.result()
        except asyncio.CancelledError:
            job = await asyncio.to_thread(self.store.get, work.job.id)
            if job is None or job.attempts != work.job.attempts or job.state not in OPEN:
                raise NotOurs from None
            if job.cancel:
                await handler.give_up(work)
                await self._end(work, CANCELLED, "")
            else:  # the lease could not be kept
                await asyncio.to_thread(self.store.let_go, work.job, 0, "", work.share)
        except Later as later:
            until_us = self._clock.now_us() + int(later.after_s * SECOND_US)
            if not await asyncio.to_thread(self.store.let_go, work.job, until_us, later.message, work.share):
                raise NotOurs from None
        except (NotOurs, SQLAlchemyError):
            raise
        except BelvedereError as error:  # refused, site away, disk full: the person is told
            await self._end(work, FAILED, await handler.fail(work, error))
        # Anything else is a defect: it fails this job, and must not stop the next.
        except Exception as error:  # noqa: BLE001
            _log.error("job broke", job=work.job.id, exc_info=error)
            await self._end(work, FAILED, await handler.fail(work, error))
        else:
            await self._end(work, CANCELLED if given_up else DONE, "")

    async def _end(self, work: Work, state: str, message: str) -> None:
        if not await asyncio.to_thread(self.store.end, work.job, state, message):
            raise NotOurs

    async def _beat(self, work: Work, task: "asyncio.Task[None]") -> None:
        """Keep the lease; end the work when it is lost, or when it could not be kept for as long as it lasts."""
        held_us = self._clock.monotonic_us()
        while True:
            await asyncio.sleep(BEAT_S)
            begun_us = self._clock.monotonic_us()
            try:
                asked = await asyncio.to_thread(self.store.beat, work.job, LEASE_US, work.share, work.message)
            except SQLAlchemyError:
                if begun_us - held_us >= LEASE_US // 2:
                    task.cancel()
                    return
                continue
            held_us = begun_us
            if asked is None or (asked and not work.settled):
                task.cancel()
                return


async def enqueue(
    desk: JobDesk, engine: Engine, clock: Clock, job_id: str, kind: str, format: int, words: dict[str, Any]
) -> None:
    """Enqueue a job by itself; see `add_job` to do it with other rows."""
    from belvedere.hub.jobs.store import add_job

    def add() -> None:
        with writing(engine) as connection:
            add_job(connection, clock, job_id, kind, format, words)

    await asyncio.to_thread(add)
    desk.poke(kind)
