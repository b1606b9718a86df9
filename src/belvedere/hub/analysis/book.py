"""Jobs of analysis as the hub keeps them. Blocks."""

from dataclasses import dataclass

import msgspec
from sqlalchemy import Engine, insert, select, update
from sqlalchemy.engine import Row

from belvedere.foundation.clock import Clock
from belvedere.foundation.errors import NotFound
from belvedere.hub.analysis.tables import analysis_job, analysis_part
from belvedere.hub.storage.engine import reading, writing
from belvedere.hub.storage.metadata import access_grant
from belvedere.link.seeing import Analysis

OPEN = ("running", "paused")  # states of a job that is not over


@dataclass(frozen=True, slots=True)
class Job:
    """Analyse these cameras over this span, for this case. `state`: running, paused, ended, done or failed."""

    id: str
    name: str
    case: str
    account_id: str
    made_by: str
    made_us: int
    grant_id: str
    cameras: tuple[str, ...]
    from_us: int
    to_us: int
    state: str
    over_us: int | None


@dataclass(frozen=True, slots=True)
class JobPart:
    """One site's share, as it said last. `asked` of its cameras were brought to the site since the job went on."""

    job: str
    site: str
    cameras: tuple[str, ...]
    asked: int
    state: str
    wanted_s: int
    done_s: int
    left_s: int
    found: int
    words: str
    heard_us: int | None


class JobBook:
    """Rows of jobs and of their parts."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def put(self, job: Job, shares: dict[str, tuple[str, ...]]) -> None:
        """A new job; `shares`: its cameras by site."""
        with writing(self._engine) as connection:
            connection.execute(
                insert(analysis_job).values(
                    id=job.id,
                    name=job.name,
                    case_ref=job.case,
                    account_id=job.account_id,
                    made_by=job.made_by,
                    made_us=job.made_us,
                    grant_id=job.grant_id,
                    cameras=_text(job.cameras),
                    from_us=job.from_us,
                    to_us=job.to_us,
                    state=job.state,
                    over_us=None,
                )
            )
            for site, cameras in shares.items():
                connection.execute(
                    insert(analysis_part).values(
                        job_id=job.id,
                        site_id=site,
                        cameras=_text(cameras),
                        asked=0,
                        state="",
                        wanted_s=0,
                        done_s=0,
                        left_s=-1,
                        found=0,
                        words="",
                        heard_us=None,
                    )
                )

    def jobs(self, case: str = "", limit: int = 200) -> list[Job]:
        """Newest first; with `case` those of one case."""
        which = (analysis_job.c.case_ref == case,) if case else ()
        query = select(analysis_job).where(*which).order_by(analysis_job.c.made_us.desc()).limit(limit)
        with reading(self._engine) as connection:
            return [_job(row) for row in connection.execute(query).all()]

    def open_since(self, since_us: int) -> list[Job]:
        """Jobs that are worked on or paused, and those ended since `since_us`, oldest first."""
        ended = (analysis_job.c.state == "ended") & (analysis_job.c.over_us > since_us)
        query = select(analysis_job).where(analysis_job.c.state.in_(OPEN) | ended).order_by(analysis_job.c.made_us)
        with reading(self._engine) as connection:
            return [_job(row) for row in connection.execute(query).all()]

    def running(self) -> list[Job]:
        """Jobs that are worked on, oldest first."""
        query = select(analysis_job).where(analysis_job.c.state == "running").order_by(analysis_job.c.made_us)
        with reading(self._engine) as connection:
            return [_job(row) for row in connection.execute(query).all()]

    def job(self, job_id: str) -> Job:
        """Raises NotFound."""
        with reading(self._engine) as connection:
            row = connection.execute(select(analysis_job).where(analysis_job.c.id == job_id)).one_or_none()
        if row is None:
            raise NotFound("There is no such analysis.", advice="Look at the list of analyses.")
        return _job(row)

    def parts(self, job_ids: list[str]) -> dict[str, list[JobPart]]:
        """The parts of each of these jobs, by site."""
        query = select(analysis_part).where(analysis_part.c.job_id.in_(job_ids)).order_by(analysis_part.c.site_id)
        found: dict[str, list[JobPart]] = {each: [] for each in job_ids}
        with reading(self._engine) as connection:
            for row in connection.execute(query).all():
                found[row.job_id].append(_part(row))
        return found

    def asked(self, job_id: str, site: str, count: int, words: str) -> None:
        """So many cameras were brought to the site."""
        self._part(job_id, site, {"asked": count, "words": words})

    def heard(self, job_id: str, site: str, told: Analysis) -> None:
        """What the site said of its part."""
        values: dict[str, object] = {
            "state": told.state,
            "wanted_s": told.wanted_s,
            "done_s": told.done_s,
            "left_s": told.left_s,
            "found": told.found,
            "words": told.text,
            "heard_us": self._clock.now_us(),
        }
        self._part(job_id, site, values)

    def failed(self, job_id: str, site: str, words: str) -> None:
        """The site can't do its part."""
        self._part(job_id, site, {"state": "failed", "words": words, "heard_us": self._clock.now_us()})

    def set(self, job_id: str, state: str, *, grant_id: str = "", again: bool = False) -> None:
        """Another state. `again`: its sites are asked anew, under `grant_id` if it is given."""
        over_us = None if state in OPEN else self._clock.now_us()
        values: dict[str, object] = {"state": state, "over_us": over_us}
        if grant_id:
            values["grant_id"] = grant_id
        with writing(self._engine) as connection:
            connection.execute(update(analysis_job).where(analysis_job.c.id == job_id).values(**values))
            if again:
                here = analysis_part.c.job_id == job_id
                connection.execute(update(analysis_part).where(here).values(asked=0, state="", words="", left_s=-1))

    def wire(self, grant_id: str) -> bytes | None:
        """The signed words of a grant that was not ended, None otherwise."""
        query = select(access_grant.c.wire).where(
            access_grant.c.id == grant_id,
            access_grant.c.ended_us.is_(None),
            access_grant.c.expires_us > self._clock.now_us(),
        )
        with reading(self._engine) as connection:
            return connection.scalar(query)

    def _part(self, job_id: str, site: str, values: dict[str, object]) -> None:
        which = analysis_part.c.job_id == job_id, analysis_part.c.site_id == site
        with writing(self._engine) as connection:
            connection.execute(update(analysis_part).where(*which).values(**values))


def _text(names: tuple[str, ...]) -> str:
    return msgspec.json.encode(sorted(names)).decode()


def _names(text: str) -> tuple[str, ...]:
    return tuple(msgspec.json.decode(text, type=list[str]))


def _job(row: Row[tuple[object, ...]]) -> Job:
    return Job(
        row.id,
        row.name,
        row.case_ref,
        row.account_id,
        row.made_by,
        row.made_us,
        row.grant_id,
        _names(row.cameras),
        row.from_us,
        row.to_us,
        row.state,
        row.over_us,
    )


def _part(row: Row[tuple[object, ...]]) -> JobPart:
    return JobPart(
        row.job_id,
        row.site_id,
        _names(row.cameras),
        row.asked,
        row.state,
        row.wanted_s,
        row.done_s,
        row.left_s,
        row.found,
        row.words,
        row.heard_us,
    )
