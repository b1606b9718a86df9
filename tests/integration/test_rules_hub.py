"""Live rules from the hub to a site and back: who may set them, why, what they raise, and what people say of that."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from belvedere.foundation.clock import DAY_US, SECOND_US
from belvedere.foundation.errors import BelvedereError
from belvedere.hub.rules.book import KEPT_US
from belvedere.hub.rules.desk import SHADOW_US
from belvedere.link.client import SiteLink
from belvedere.link.health import Hint
from belvedere.link.messages import Reply, Request
from belvedere.link.records import Record
from belvedere.link.rules import Alarm
from belvedere.link.seeing import Event, Events, FindEvents, GetThumbnail, Thumbnail
from belvedere.link.wire import failure_of
from belvedere.media.objects import ObjectKind
from belvedere.site.rules.room import RuleRoom
from belvedere.site.rules.store import RuleStore
from belvedere.site.storage.index import Index
from belvedere.vision.objects.found import Box, Detection
from hub_stage import HubStage, hub_stage, status_of

LINE: dict[str, Any] = {"kind": "line", "line": [[0.5, 1.0], [0.5, 0.0]], "cool_down_s": 0}
STAY: dict[str, Any] = {"kind": "dwell", "seconds": 30, "objects": [1]}
WHY_PEOPLE = "Cycles were taken from this shed on nine nights since May; nobody has business there after eleven."


class NoHints:
    """Pictures that are well."""

    def hints(self, camera: str) -> tuple[Hint, ...]:
        return ()


@dataclass
class Watching:
    """A hub and its site, whose rules are the real ones."""

    stage: HubStage
    room: RuleRoom
    link: SiteLink

    async def meet(self) -> None:
        await self.stage.hub.rules.meet("main", self.link)

    def walk(self) -> None:
        """Somebody crosses the line from left to right, within ten seconds."""
        for step in range(20):
            x = 0.3 + 0.4 * step / 19
            self.stage.clock.advance(SECOND_US // 2)
            found = [Detection(ObjectKind.PERSON, 0.5, Box(x - 0.05, 0.4, x + 0.05, 0.6))]
            self.room.on_sightings("gate", "sub", self.stage.clock.now_us(), found)


@asynccontextmanager
async def watching(folder: Path) -> AsyncIterator[Watching]:
    async with hub_stage(folder / "hub") as stage:
        index = Index(folder / "index.db", stage.clock)
        room = RuleRoom(RuleStore(index), NoHints(), stage.clock)
        answers = room.answers()

        def answer(request: Request) -> Reply | None:
            try:
                return answers[type(request)](request) if type(request) in answers else None
            except BelvedereError as error:
                return failure_of(error)

        stage.site.status, stage.site.answer = status_of(), answer
        link = SiteLink(stage.site.connect)
        try:
            yield Watching(stage, room, link)
        finally:
            await link.close()
            index.close()


def body(watch: dict[str, Any], base: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "camera": "gate",
        "base": base,
        "name": "At the gate",
        "reason": "Cars come in here",
        "watch": watch,
        **more,
    }


async def made(browser: httpx.AsyncClient, watch: dict[str, Any], **more: Any) -> dict[str, Any]:
    answer = await browser.post("/api/rules", json=body(watch, **more))
    assert answer.status_code == 201, answer.text
    wanted = more.get("name", "At the gate")
    (found,) = (each for each in answer.json()["rules"] if each["name"] == wanted)
    assert isinstance(found, dict)
    return found


async def test_a_rule_counts_for_a_week_then_raises_and_is_judged(tmp_path: Path) -> None:
    async with watching(tmp_path) as at, at.stage.signed_in("sue", "supervisor") as sue:
        rule = await made(sue, LINE)
        assert (rule["state"], rule["site"], rule["version"]) == ("shadow", "waiting", 1)
        await at.meet()
        at.walk()
        await at.meet()
        (shown,) = (await sue.get("/api/rules")).json()["rules"]
        assert (shown["shadow"], shown["raised"], shown["site"]) == (1, 0, "watching")
        assert shown["pictures_a_second"] == pytest.approx(2.0)
        assert (await sue.get("/api/alarms")).json()["alarms"] == []

        at.stage.clock.advance(SHADOW_US)
        async with at.stage.signed_in("olu") as ann:  # sessions of before the week are over
            at.walk()
            at.walk()
            await at.meet()
            await at.meet()
            alarms = (await ann.get("/api/alarms")).json()["alarms"]
            assert [each["rule_name"] for each in alarms] == ["At the gate"] * 2
            for alarm, verdict in zip(alarms, ("true", "false"), strict=True):
                judged = await ann.post(f"/api/alarms/{alarm['id']}/judge", json={"verdict": verdict, "note": "a fox"})
                assert judged.json()["judged_by"] == "olu"
            (shown,) = (await ann.get("/api/rules")).json()["rules"]
            assert (shown["state"], shown["raised"], shown["false_rate"]) == ("on", 2, 0.5)
            assert (await ann.get("/api/alarms", params={"verdict": "open"})).json()["alarms"] == []
            first = (await ann.get("/api/alarms", params={"limit": 1})).json()
            rest = (await ann.get("/api/alarms", params={"limit": 1, "before": first["next"]})).json()
            assert [each["id"] for each in (*first["alarms"], *rest["alarms"])] == [each["id"] for each in alarms]
            assert rest["next"] is None
        assert {"rule.set", "alarm.judged"} <= set(at.stage.kinds())


async def test_a_changed_rule_counts_again_and_a_new_name_does_not(tmp_path: Path) -> None:
    async with watching(tmp_path) as at:
        async with at.stage.signed_in("sue", "supervisor") as sue:
            rule = await made(sue, LINE)
        at.stage.clock.advance(SHADOW_US)
        async with at.stage.signed_in("rex", "register_editor") as rex:
            named = await rex.put(f"/api/rules/{rule['id']}", json=body(LINE, 1, name="By the gate"))
            assert named.json()["rules"][0]["state"] == "on"
            stale = await rex.put(f"/api/rules/{rule['id']}", json=body(LINE, 1))
            assert stale.status_code == 409
            changed = await rex.put(f"/api/rules/{rule['id']}", json=body({**LINE, "direction": 1}, 2))
            assert changed.json()["rules"][0]["state"] == "shadow"
            versions = (await rex.get(f"/api/rules/{rule['id']}/versions")).json()
            assert [each["version"] for each in versions] == [3, 2, 1]
            moved = await rex.put(f"/api/rules/{rule['id']}", json={**body(LINE, 3), "camera": "elsewhere"})
            assert moved.status_code == 404


async def test_a_rule_about_people_who_stay_needs_a_reason_and_ends_unless_it_is_reviewed(tmp_path: Path) -> None:
    async with watching(tmp_path) as at:
        now_us = at.stage.clock.now_us()
        review = {**STAY, "review_us": now_us + 30 * DAY_US}
        async with at.stage.signed_in("sue", "supervisor") as sue:
            for watch, reason in (
                (STAY, WHY_PEOPLE),
                (review, "loitering"),
                ({**STAY, "review_us": now_us + 400 * DAY_US}, WHY_PEOPLE),
                ({"kind": "crowd", "count": 4}, WHY_PEOPLE),
            ):
                assert (await sue.post("/api/rules", json=body(watch, reason=reason))).status_code == 400
            rule = await made(sue, review, reason=WHY_PEOPLE)
            assert rule["people"]
            assert (await made(sue, {**STAY, "objects": [4]}, name="Cars"))["people"] is False
        at.stage.clock.advance(30 * DAY_US)
        async with at.stage.signed_in("olu") as ann:
            states = {each["id"]: each["state"] for each in (await ann.get("/api/rules")).json()["rules"]}
            assert states[rule["id"]] == "review_due"


async def test_switching_off_reaches_the_site_and_the_dpo_only_switches_off(tmp_path: Path) -> None:
    async with watching(tmp_path) as at, at.stage.signed_in("sue", "supervisor") as sue:
        rule = await made(sue, LINE)
        await at.meet()
        assert at.room.cameras == {"gate"}
        async with at.stage.signed_in("dora", "dpo") as dora:
            address = f"/api/rules/{rule['id']}/switch"
            assert (await dora.post(address, json={"on": False, "reason": ""})).status_code == 400
            off = await dora.post(address, json={"on": False, "reason": "No basis for this one"})
            assert off.json()["rules"][0]["state"] == "off"
            assert (await dora.post(address, json={"on": True, "reason": "No basis for this one"})).status_code == 403
        await at.meet()
        assert at.room.cameras == frozenset()
        again = await sue.post(f"/api/rules/{rule['id']}/switch", json={"on": True, "reason": "Basis was found"})
        assert again.json()["rules"][0]["shadow_until_us"] == rule["shadow_until_us"], "it minds what it minded before"


async def test_what_a_site_should_not_have_raised_is_refused(tmp_path: Path) -> None:
    """Within the shadow time, of rules that are not, of another site's cameras; and one that comes twice is kept once."""
    async with watching(tmp_path) as at:
        async with at.stage.signed_in("sue", "supervisor") as sue:
            rule = await made(sue, LINE)
        now_us, desk = at.stage.clock.now_us(), at.stage.hub.rules
        late_us = now_us + SHADOW_US
        good = Alarm(1, "alarm_1", rule["id"], 1, "gate", "line", 1, late_us, late_us, 0.5, (0, 0, 1, 1), "A person.")
        wrong = [
            msgspec.structs.replace(good, id="a2", time_us=now_us),
            msgspec.structs.replace(good, id="a3", rule="rule_other"),
            msgspec.structs.replace(good, id="a4", version=9),
            msgspec.structs.replace(good, id="a5", camera="yard"),
        ]
        records = [Record("rule_alarm", late_us, msgspec.json.encode(each).decode()) for each in (*wrong, good, good)]
        desk.hear("main", records)
        desk.hear("elsewhere", records)
        async with at.stage.signed_in("olu") as ann:
            assert [each["id"] for each in (await ann.get("/api/alarms")).json()["alarms"]] == ["alarm_1"]
        at.stage.clock.advance(KEPT_US + SHADOW_US + DAY_US)
        assert desk.book.forget() == 1


async def test_a_site_whose_index_was_made_anew_is_heard_from_the_beginning(tmp_path: Path) -> None:
    async with watching(tmp_path) as at:
        async with at.stage.signed_in("sue", "supervisor") as sue:
            await made(sue, LINE)
        at.stage.clock.advance(SHADOW_US)
        await at.meet()
        for _ in range(3):
            at.walk()
        await at.meet()
        fresh = Index(tmp_path / "fresh.db", at.stage.clock)
        try:
            at.room = RuleRoom(RuleStore(fresh), NoHints(), at.stage.clock)
            answers = at.room.answers()
            at.stage.site.answer = lambda request: answers[type(request)](request) if type(request) in answers else None
            await at.meet()
            at.walk()
            await at.meet()
            await at.meet()
        finally:
            fresh.close()
        async with at.stage.signed_in("olu") as ann:
            assert len((await ann.get("/api/alarms")).json()["alarms"]) == 4


async def test_a_site_that_is_away_gets_its_rules_when_it_is_back(tmp_path: Path) -> None:
    async with watching(tmp_path) as at, at.stage.signed_in("sue", "supervisor") as sue:
        up, at.stage.site.status = at.stage.site.status, None
        await made(sue, LINE)
        with pytest.raises(BelvedereError):
            await at.meet()
        at.stage.site.status = up
        await at.meet()
        assert at.room.cameras == {"gate"}


async def test_an_alarms_picture_needs_a_grant_and_is_the_event_of_that_moment(tmp_path: Path) -> None:
    async with watching(tmp_path) as at:
        async with at.stage.signed_in("sue", "supervisor") as sue:
            await made(sue, LINE)
        at.stage.clock.advance(SHADOW_US)
        await at.meet()
        at.walk()
        await at.meet()
        seen: list[Event] = []
        rules = at.stage.site.answer

        def answer(request: Request) -> Reply | None:
            if isinstance(request, FindEvents):
                return Events(tuple(seen), (), "", "")
            if isinstance(request, GetThumbnail):
                return Thumbnail(f"picture {request.event}".encode(), 320, 180, 1)
            return rules(request)

        at.stage.site.answer = answer
        async with at.stage.signed_in("olu") as olu:
            (alarm,) = (await olu.get("/api/alarms")).json()["alarms"]
            address = f"/api/alarms/{alarm['id']}/picture"
            assert (await olu.get(address, params={"grant": "grant_none"})).status_code == 403
            grant = {"grant": (await olu.post("/api/grants", json={"purpose": "duty"})).json()["id"]}
            assert (await olu.get(address, params=grant)).status_code == 404, "the site has no event of it yet"
            for number, left in ((1, 0.0), (2, 0.45), (3, 0.8)):
                when = alarm["time_us"]
                box = (left, 0.4, left + 0.1, 0.6)
                seen.append(Event(number, "gate", "sub", 1, 0, 0, when, when, when, 0.5, box, 2, 2, 1, "m"))
            assert (await olu.get(address, params=grant)).content == b"picture 2", "the one where the alarm was"
            assert (await olu.get("/api/alarms/alarm_none/picture", params=grant)).status_code == 404
        assert "view.thumbnail" in at.stage.kinds()
