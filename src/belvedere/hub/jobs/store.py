"""The table of jobs: rows in, rows out. Blocking. Every write of an owner is fenced by the number of its attempt."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, RowMapping, insert, select, update

from belvedere.foundation.clock import Clock
from belvedere.hub.jobs.tables import job
from belvedere.hub.storage.engine import reading, writing

WAITING, RUNNING = "waiting", "running"
DONE, FAILED, CANCELLED = "done", "failed", "cancelled"
OPEN = (WAITING, RUNNING)
_LOOKED_AT = 50  # candidates of one look; more wait for the next


@dataclass(frozen=True, slots=True)
class Job:
    """One job. `words` say what to do, `notes` what is done of it. `attempts` counts how often it was taken."""

    id: str
    kind: str
    format: int
    words: dict[str, Any]
    notes: dict[str, Any]
    state: str
    progress: float
    message: str
    attempts: int
    cancel: bool
    owner: str
    lease_until_us: int
    not_before_us: int
    made_us: int
    begun_us: int | None
    ended_us: int | None


def add_job(connection: Connection, clock: Clock, job_id: str, kind: str, format: int, words: dict[str, Any]) -> None:
    """Enqueue in the transaction of `connection`, so that a job stands or falls with the row that it is about.

    Raises IntegrityError when there is one of that id.
    """
    connection.execute(
        insert(job).values(
            id=job_id,
            kind=kind,
            format=format,
            words=words,
            notes={},
            state=WAITING,
            progress=0.0,
            message="",
            attempts=0,
            cancel=False,
            owner="",
            lease_until_us=0,
            not_before_us=0,
            made_us=clock.now_us(),
        )
    )


class JobStore:
    """Rows of the table `job`."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def get(self, job_id: str) -> Job | None:
        with reading(self._engine) as connection:
            row = connection.execute(select(job).where(job.c.id == job_id)).mappings().one_or_none()
        return None if row is None else _job(row)

    def open(self, kind: str = "") -> list[Job]:
        """Jobs that are not over, oldest first; of one kind, or all."""
        query = select(job).where(job.c.state.in_(OPEN)).order_by(job.c.made_us, job.c.id)
        with reading(self._engine) as connection:
            return [
                _job(row) for row in connection.execute(query.where(job.c.kind == kind) if kind else query).mappings()
            ]

    def listed(self, job_ids: Collection[str]) -> dict[str, Job]:
        """Those of `job_ids` that there are."""
        with reading(self._engine) as connection:
            return {
                row["id"]: _job(row) for row in connection.execute(select(job).where(job.c.id.in_(job_ids))).mappings()
            }

    def take(
        self,
        kind: str,
        formats: Collection[int],
        owner: str,
        lease_us: int,
        ended: Callable[[Job], bool],
        *,
        only_cancelled: bool = False,
    ) -> "tuple[Job, bool] | None":
        """Take the oldest job that can be taken: it waits and is due, or `ended` says that its owner will not go on with it.

        Returns it as taken, and whether it was let go or never taken (false: its former owner may not know that it lost it).
        However many ask at once, one gets it: the row changes only where its attempt is still the one that was read.
        """
        now_us = self._clock.now_us()
        due = (job.c.state == WAITING) & (job.c.not_before_us <= now_us)
        which: list[ColumnElement[bool]] = [
            job.c.kind == kind,
            job.c.format.in_(formats),
            due | (job.c.state == RUNNING),
        ]
        if only_cancelled:
            which.append(job.c.cancel)
        query = select(job).where(*which).order_by(job.c.cancel.desc(), job.c.made_us, job.c.id).limit(_LOOKED_AT)
        with reading(self._engine) as connection:
            found = [_job(row) for row in connection.execute(query).mappings()]
        for one in found:
            if one.state == RUNNING and not ended(one):
                continue
            change = update(job).where(job.c.id == one.id, job.c.attempts == one.attempts, job.c.state == one.state)
            values = {
                "state": RUNNING,
                "owner": owner,
                "attempts": one.attempts + 1,
                "lease_until_us": now_us + lease_us,
            }
            with writing(self._engine) as connection:
                if connection.execute(change.values(**values, begun_us=one.begun_us or now_us)).rowcount != 1:
                    continue  # another one was first
                row = connection.execute(select(job).where(job.c.id == one.id)).mappings().one()
            return _job(row), one.state == WAITING
        return None

    def beat(self, mine: Job, lease_us: int, progress: float, message: str) -> bool | None:
        """Say that the owner is alive. None when the job is no longer its own, else whether somebody asked to give it up."""
        values = {"lease_until_us": self._clock.now_us() + lease_us, "progress": progress, "message": message}
        with writing(self._engine) as connection:
            if connection.execute(update(job).where(*_fence(mine)).values(**values)).rowcount != 1:
                return None
            return bool(connection.scalar(select(job.c.cancel).where(job.c.id == mine.id)))

    def note(self, mine: Job, notes: dict[str, Any]) -> bool:
        """Keep what is done. False when the job is no longer one's own."""
        return self._change(mine, {"notes": notes})

    def let_go(self, mine: Job, not_before_us: int, message: str, progress: float = 0.0) -> bool:
        """Put it back: somebody may take it from `not_before_us` on. False when it is no longer one's own."""
        values = {"state": WAITING, "owner": "", "not_before_us": not_before_us, "message": message}
        return self._change(mine, values | {"progress": progress})

    def end(self, mine: Job, state: str, message: str) -> bool:
        """Set its final state. False when it is no longer one's own."""
        values = {"state": state, "owner": "", "message": message, "ended_us": self._clock.now_us()}
        return self._change(mine, values | ({"progress": 1.0} if state == DONE else {}))

    def cancel(self, job_id: str) -> bool:
        """Ask to give a job up; whoever has it does so. False when it is over already."""
        with writing(self._engine) as connection:
            change = update(job).where(job.c.id == job_id, job.c.state.in_(OPEN)).values(cancel=True, not_before_us=0)
            return connection.execute(change).rowcount == 1

    def _change(self, mine: Job, values: dict[str, Any]) -> bool:
        with writing(self._engine) as connection:
            return connection.execute(update(job).where(*_fence(mine)).values(**values)).rowcount == 1


def _fence(mine: Job) -> tuple[ColumnElement[bool], ...]:
    return job.c.id == mine.id, job.c.attempts == mine.attempts, job.c.state == RUNNING


def _job(row: RowMapping) -> Job:
    return Job(**row)
