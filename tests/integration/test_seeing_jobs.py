"""Spans that somebody wants analysed: durable, paused and gone on with, the same after a kill as without one."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import pytest

from activity_stage import bring_in, cut, film, pictures
from belvedere.foundation.clock import SECOND_US
from belvedere.foundation.errors import NotFound, Refused
from belvedere.link.messages import Reply, Request
from belvedere.link.seeing import (
    AnalyseSpan,
    Analysis,
    CountEvents,
    EndAnalysis,
    Event,
    Events,
    FindEvents,
    GetAnalysis,
    GetSeeing,
    GetThumbnail,
    SearchIn,
    Seeing,
    Thumbnail,
    Wanted,
)
from belvedere.policy.grant import Action
from belvedere.site.seeing.pipe import Glance, Glanced
from recorder_rig import Killed
from recorder_stage import Stage, grant, stage
from seeing_stage import SeeingStage, seeing

LONG_S = 24


async def footage(site: Stage) -> int:
    """Film with something bright in two stretches, as if imported two hours ago. Returns its start."""
    config, frames = film(pictures(LONG_S, [(4, 8), (15, 20)]), gop_s=1)
    await site.put_camera()
    start_us = (site.clock.now_us() // SECOND_US - 7200) * SECOND_US
    await bring_in(site, config, cut(frames, start_us), start_us, "main")
    return start_us


def say(s: SeeingStage, request: Request) -> Reply:
    return s.answers[type(request)](request)


def span(start_us: int, **options: object) -> AnalyseSpan:
    given: dict[str, object] = {"grant": b"words", "job": "job_1", "camera": "cam-01", "from_us": start_us}
    return AnalyseSpan(**(given | {"to_us": start_us + LONG_S * SECOND_US} | options))  # type: ignore[arg-type]


def found(s: SeeingStage, start_us: int) -> tuple[Event, ...]:
    answer = cast(Events, say(s, s.find(from_us=start_us, to_us=start_us + LONG_S * SECOND_US, limit=500)))
    return answer.events


def plain(events: Sequence[Event]) -> list[tuple[object, ...]]:
    """Events without their numbers."""
    return sorted((e.kind, e.start_us, e.end_us, e.best_us, e.confidence, e.box, e.sightings) for e in events)


class Dying:
    """The site is killed at its n-th order to look."""

    def __init__(self, s: SeeingStage, left: int) -> None:
        self._see = s.room.process.see
        self._left = left

    def see(self, glances: Sequence[Glance]) -> tuple[list[Glanced], int]:
        self._left -= 1
        if not self._left:
            raise Killed
        return self._see(glances)


def without_thread(s: SeeingStage) -> None:
    """The test takes the steps itself."""
    assert s.room.jobs is not None
    s.room.jobs.stop()
    s.room.jobs._stopping = False


def steps(s: SeeingStage) -> None:
    jobs = s.room.jobs
    assert jobs is not None
    while jobs.step():
        pass


async def test_a_job_looks_at_its_span_and_says_how_far_it_is(tmp_path: Path) -> None:
    async with seeing(tmp_path) as s:
        await asyncio.to_thread(without_thread, s)
        start_us = await footage(s.site)
        say(s, span(start_us))
        say(s, span(start_us))  # asking again changes nothing
        told = cast(Analysis, say(s, GetAnalysis("job_1")))
        assert (told.state, told.wanted_s, told.done_s) == ("waiting", LONG_S, 0)
        say(s, EndAnalysis("job_1", pause=True))
        await asyncio.to_thread(steps, s)
        assert cast(Analysis, say(s, GetAnalysis("job_1"))).state == "paused" and not found(s, start_us)
        say(s, span(start_us))
        await asyncio.to_thread(steps, s)
        told = cast(Analysis, say(s, GetAnalysis("job_1")))
        assert (told.state, told.done_s, told.left_s) == ("done", LONG_S, 0)
        events = found(s, start_us)
        assert told.found == len(events) > 0
        seconds = {(e.start_us - start_us) // SECOND_US for e in events}
        assert all(3 <= second <= 9 or 14 <= second <= 21 for second in seconds) and len(seconds) >= 2
        looked = s.room.process.pictures
        say(s, span(start_us, job="job_2"))
        await asyncio.to_thread(steps, s)
        assert s.room.process.pictures == looked, "nothing is looked at twice"
        with pytest.raises(NotFound):
            say(s, EndAnalysis("job_9"))
        state = cast(Seeing, say(s, GetSeeing()))
        assert (state.state, state.model, [each.camera for each in state.cameras]) == (
            "running",
            "bright/1",
            ["cam-01"],
        )


async def test_killed_in_the_middle_it_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    async with seeing(tmp_path / "whole") as s:
        await asyncio.to_thread(without_thread, s)
        start_us = await footage(s.site)
        say(s, span(start_us))
        await asyncio.to_thread(steps, s)
        whole = [(e[0], *(int(cast(int, t)) - start_us for t in e[1:4]), *e[4:]) for e in plain(found(s, start_us))]
    async with stage(tmp_path / "killed") as site:
        start_us = await footage(site)
        kills = 0
        for picture in (2, 5, 99):
            s = SeeingStage(site)
            await asyncio.to_thread(without_thread, s)
            if picture == 2:
                say(s, span(start_us))
            dying = Dying(s, picture)
            s.room.process.see = dying.see  # type: ignore[method-assign]
            try:
                await asyncio.to_thread(steps, s)
            except Killed:
                kills += 1
                continue
            else:
                break
            finally:
                await asyncio.to_thread(s.room.stop)
        assert kills == 2
        events = s.answers[FindEvents](s.find(from_us=start_us, to_us=start_us + LONG_S * SECOND_US, limit=500))
        again = [
            (e[0], *(int(cast(int, t)) - start_us for t in e[1:4]), *e[4:]) for e in plain(cast(Events, events).events)
        ]
        assert again == whole


async def test_the_backlog_is_looked_at_under_the_sites_own_grant(tmp_path: Path) -> None:
    async with seeing(tmp_path) as s:
        await asyncio.to_thread(without_thread, s)
        start_us = await footage(s.site)
        await asyncio.to_thread(steps, s)
        assert not found(s, start_us), "nobody allowed it"
        s.room.standing = lambda camera, from_us, to_us: grant(s.site.clock, actions=(Action.ANALYSE,))
        await asyncio.to_thread(steps, s)
        assert found(s, start_us)
        looked = s.room.process.pictures
        await asyncio.to_thread(steps, s)
        assert s.room.process.pictures == looked


async def test_rows_go_with_their_segment(tmp_path: Path) -> None:
    async with seeing(tmp_path) as s:
        await asyncio.to_thread(without_thread, s)
        start_us = await footage(s.site)
        say(s, span(start_us))
        await asyncio.to_thread(steps, s)
        assert found(s, start_us)
        with s.site.index.write() as db:
            numbers = [number for (number,) in db.execute("SELECT id FROM segment").fetchall()]
            db.executemany("DELETE FROM segment WHERE id = ?", [(number,) for number in numbers])
        db = s.site.index.read()
        assert db.execute("SELECT count(*) FROM seen").fetchone() == (0,)
        assert db.execute("SELECT count(*) FROM seen_event").fetchone() == (0,)


async def test_a_picture_of_an_event_is_shown_to_a_grant(tmp_path: Path) -> None:
    async with seeing(tmp_path) as s:
        await asyncio.to_thread(without_thread, s)
        start_us = await footage(s.site)
        say(s, span(start_us))
        await asyncio.to_thread(steps, s)
        event = found(s, start_us)[0]
        shown = cast(Thumbnail, await asyncio.to_thread(say, s, GetThumbnail(b"", "cam-01", event.id)))
        assert shown.jpeg.startswith(b"\xff\xd8") and shown.taken_us == event.best_us
        with pytest.raises(NotFound):
            say(s, GetThumbnail(b"", "cam-01", 999))
        s.desk.held = grant(s.site.clock, to_us=event.best_us - SECOND_US)
        with pytest.raises(Refused):
            say(s, GetThumbnail(b"", "cam-01", event.id))


async def test_what_a_grant_does_not_cover_is_not_told(tmp_path: Path) -> None:
    async with seeing(tmp_path) as s:
        await asyncio.to_thread(without_thread, s)
        start_us = await footage(s.site)
        say(s, span(start_us))
        await asyncio.to_thread(steps, s)
        (covered,) = cast(Events, say(s, s.find())).covered
        assert covered.recorded_s == LONG_S
        with pytest.raises(Refused):
            say(s, s.find(wanted=Wanted(clothing=(4,))))
        s.desk.held = grant(s.site.clock, actions=(Action.PLAYBACK, Action.SEARCH))
        say(s, s.find(wanted=Wanted(clothing=(4,))))
        s.desk.held = grant(s.site.clock, from_us=start_us + SECOND_US)
        for request in (
            s.find(from_us=start_us),
            CountEvents(b"", (SearchIn("cam-01"),), start_us, start_us + SECOND_US, Wanted(), SECOND_US),
            span(start_us),
        ):
            with pytest.raises(Refused):
                say(s, request)
        s.desk.held = grant(s.site.clock, actions=(Action.ANALYSE,))
        with pytest.raises(Refused):
            say(s, s.find())
        say(s, span(start_us, job="job_3"))
