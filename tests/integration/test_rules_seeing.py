"""Live rules hear what the site's live keyframes show: from a decoder's picture to an alarm in the index."""

import asyncio
from pathlib import Path

from activity_stage import bring_in, cut, film, pictures
from belvedere.foundation.clock import SECOND_US
from belvedere.link.health import Hint
from belvedere.link.rules import ZONE, GetRules, LiveRule, PutRules, RulesHeld
from belvedere.media.activity import first_frame
from belvedere.media.objects import ObjectKind
from belvedere.site.rules.room import RuleRoom
from belvedere.site.rules.store import RuleStore
from seeing_stage import seeing, until


class NoHints:
    """Pictures that are well."""

    def hints(self, camera: str) -> tuple[Hint, ...]:
        return ()


async def test_what_a_live_keyframe_shows_raises_an_alarm(tmp_path: Path) -> None:
    config, frames = film(pictures(12, [(4, 9)]), gop_s=1)
    async with seeing(tmp_path) as s:
        await s.site.put_camera()
        rules = RuleRoom(RuleStore(s.site.index), NoHints(), s.site.clock)
        answers = rules.answers()
        answers[PutRules](PutRules(1, (LiveRule("r", 1, "cam-01", ZONE, objects=(1,), cool_down_s=3600.0),)))
        s.room.live.on_picture = rules.on_sightings
        start_us = (s.site.clock.now_us() // SECOND_US - 60) * SECOND_US
        sent = cut(frames, start_us)
        await bring_in(s.site, config, sent, start_us, "main")
        for each in sent:
            if each.keyframe and (found := first_frame(each.data)) is not None:
                at_us = each.arrival_us - each.duration_90k * 100 // 9
                picture = bytes(each.data[found[0] : sum(found)])
                s.room.live.picture("cam-01", "main", at_us, config, picture, 0.05)
                await until(lambda: not s.room.live.waiting)  # one after the other: what waits for long is left
        await asyncio.to_thread(s.room.live.stop)
        held = answers[GetRules](GetRules())
        assert isinstance(held, RulesHeld)
        (alarm,) = held.alarms
        assert (alarm.camera, alarm.object, alarm.kind) == ("cam-01", ObjectKind.PERSON, ZONE)
        assert 4 <= (alarm.time_us - start_us) / SECOND_US <= 10
        assert held.cameras[0].newest_us > alarm.time_us
