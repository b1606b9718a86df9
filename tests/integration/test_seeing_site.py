"""Objects at a site: found in passing and in stored pictures, in the index with their segments, and told to a grant."""

import asyncio
from pathlib import Path

from activity_stage import bring_in, cut, film, pictures
from belvedere.foundation.clock import SECOND_US
from belvedere.link.seeing import Events, FindEvents
from belvedere.media.activity import first_frame
from seeing_stage import SeeingStage, seeing, until


def ask(stage: SeeingStage, **options: object) -> Events:
    answer = stage.answers[FindEvents](stage.find(**options))
    assert isinstance(answer, Events)
    return answer


async def test_passing_keyframes_become_events(tmp_path: Path) -> None:
    config, frames = film(pictures(20, [(8, 14)]), gop_s=1)
    async with seeing(tmp_path) as s:
        await s.site.put_camera()
        start_us = (s.site.clock.now_us() // SECOND_US - 60) * SECOND_US
        sent = cut(frames, start_us)
        await bring_in(s.site, config, sent, start_us, "main")
        before: bytes | None = None
        for each in sent:
            if each.keyframe and (found := first_frame(each.data)) is not None:
                at_us = each.arrival_us - each.duration_90k * 100 // 9
                second = (at_us - start_us) / SECOND_US
                share = None if before is None else 0.05 if 7.5 < second < 15 else 0.0
                before = bytes(each.data[found[0] : sum(found)])
                s.room.live.picture("cam-01", "main", at_us, config, before, share)
        await until(lambda: not s.room.live.waiting)
        await asyncio.to_thread(s.room.live.stop)
        answer = ask(s)
        assert {(each.camera, each.stream, each.kind, each.model) for each in answer.events} == {
            ("cam-01", "main", 1, "bright/1")
        }
        # It runs too fast for one event; between them they cover what it did.
        assert abs(min(each.start_us for each in answer.events) - start_us - 8 * SECOND_US) <= SECOND_US
        assert abs(max(each.end_us for each in answer.events) - start_us - 13 * SECOND_US) <= SECOND_US
        (covered,) = answer.covered
        assert covered.recorded_s >= 19 and covered.looked_s >= 6 and covered.quiet_s >= 8, covered


async def test_stored_footage_is_looked_at_when_somebody_asks(tmp_path: Path) -> None:
    config, frames = film(pictures(20, [(8, 14)]), gop_s=1)
    async with seeing(tmp_path) as s:
        await s.site.put_camera()
        start_us = (s.site.clock.now_us() // SECOND_US - 7200) * SECOND_US
        await bring_in(s.site, config, cut(frames, start_us), start_us, "main")
        assert ask(s).events == ()
        answer = await asyncio.to_thread(ask, s, look=True)
        assert answer.events and answer.covered[0].waiting_s == 0, answer
        assert abs(min(event.start_us for event in answer.events) - start_us - 8 * SECOND_US) <= SECOND_US
        looked = s.room.process.pictures
        assert (await asyncio.to_thread(ask, s, look=True)).events == answer.events
        assert s.room.process.pictures == looked, "nothing is looked at twice"
