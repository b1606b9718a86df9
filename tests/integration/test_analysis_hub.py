"""Analysis at the hub: switched on by the data protection officer, a grant a day for the site, and jobs for cases."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from authenticator import Authenticator
from belvedere.foundation.clock import DAY_US, HOUR_US
from belvedere.foundation.errors import BelvedereError, NotFound
from belvedere.hub.access.sessions import SignedIn
from belvedere.link.client import SiteLink
from belvedere.link.grants import EndGrants
from belvedere.link.messages import Answer, Reply, Request
from belvedere.link.seeing import AnalyseSpan, Analysis, EndAnalysis, GetAnalysis, GetSeeing, PutAnalysisGrant, Seeing
from belvedere.link.wire import failure_of
from belvedere.policy.grant import Action, Grant
from belvedere.policy.signed import GrantOpener
from belvedere.site.grants.analysis import AnalysisGrant
from belvedere.site.grants.ended import EndedGrants
from belvedere.site.storage.index import Index
from hub_stage import HubStage, status_of
from passkey_stage import add, confirm, stage_of


class Opening(GrantOpener):
    """The opener of a site, which says how far the log was seen to reach."""

    def reached(self) -> int:
        return self.mark.size


@dataclass
class Spans:
    """Spans that a site was asked to analyse, and how far it says that it is."""

    asked: list[AnalyseSpan] = field(default_factory=list)
    state: str = "running"
    done_s: int = 40
    ended: list[bool] = field(default_factory=list)

    def answer(self, request: Request) -> Reply | None:
        if isinstance(request, AnalyseSpan):
            self.asked.append(request)
            return Answer()
        if isinstance(request, EndAnalysis):
            self.ended.append(request.pause)
            self.state = "paused" if request.pause else "done"
            return Answer()
        if isinstance(request, GetAnalysis):
            if request.job not in {each.job for each in self.asked}:
                raise NotFound("This site knows no such job.", advice="Ask for the analysis again.")
            return Analysis(request.job, self.state, 100, self.done_s, 7, 3, "")
        return (
            Seeing("running", "", "nanodet-g/1", "openvino bf16", 6.9, ()) if isinstance(request, GetSeeing) else None
        )


@dataclass
class Analysing:
    """A hub and a site that keeps its grant as the real one does."""

    stage: HubStage
    grant: AnalysisGrant
    spans: Spans
    link: SiteLink

    async def meet(self) -> None:
        await self.stage.hub.analysis.orders.meet("main", self.link)

    def held(self, camera: str = "gate") -> Grant | None:
        now_us = self.stage.clock.now_us()
        return self.grant.give(camera, now_us - HOUR_US, now_us)

    async def follow(self) -> bool:
        return await self.stage.hub.analysis.jobs.follow()


@asynccontextmanager
async def analysing(folder: Path) -> AsyncIterator[Analysing]:
    async with stage_of(folder / "hub") as stage:
        public = stage.hub.key.public_key().public_bytes_raw()
        (folder / "hub.pub").write_bytes(public)
        index = Index(folder / "index.db", stage.clock)
        opener = EndedGrants(Opening(public, stage.clock), index, folder / "hub.pub", stage.clock)
        grant, spans = AnalysisGrant(opener, folder, stage.clock), Spans()

        def answer(request: Request) -> Reply | None:
            try:
                if isinstance(request, PutAnalysisGrant):
                    return grant.put(request)
                if isinstance(request, EndGrants):
                    return opener.end(request)
                if isinstance(request, AnalyseSpan):
                    opener.open(request.grant)
                return spans.answer(request)
            except BelvedereError as error:
                return failure_of(error)

        stage.site.status, stage.site.answer = status_of(), answer
        link = SiteLink(stage.site.connect)
        try:
            yield Analysing(stage, grant, spans, link)
        finally:
            await link.close()
            index.close()


def order(at: Analysing, **more: Any) -> dict[str, Any]:
    review_us = at.stage.clock.now_us() + 90 * DAY_US
    return {"dpia": "DPIA-2026-04", "reason": "Searches of cases take days", "review_us": review_us, **more}


async def confirmed(browser: httpx.AsyncClient, key: Authenticator, body: dict[str, Any]) -> httpx.Response:
    """Switched on, with the passkey that the hub asks for."""
    needed = await browser.put("/api/analysis/sites/main", json=body)
    assert needed.status_code == 403, needed.text
    assert (await confirm(browser, key, needed.json()["error"]["act"])).status_code == 200
    return await browser.put("/api/analysis/sites/main", json=body)


async def site_of(browser: httpx.AsyncClient) -> dict[str, Any]:
    (found,) = (await browser.get("/api/analysis")).json()["sites"]
    assert isinstance(found, dict)
    return found


async def test_a_site_analyses_by_a_grant_of_a_day_until_it_is_switched_off(tmp_path: Path) -> None:
    async with analysing(tmp_path) as at:
        clock = at.stage.clock
        async with at.stage.signed_in("dora", "dpo") as dora, at.stage.signed_in("mo", "manager") as mo:
            key = Authenticator()
            await add(dora, key)
            await at.meet()
            assert at.held() is None and (await site_of(mo))["order"] is None
            assert (await mo.put("/api/analysis/sites/main", json=order(at))).status_code == 403
            late = {"review_us": clock.now_us() + 400 * DAY_US}
            for wrong in ({"dpia": " "}, late, {"review_us": clock.now_us()}, {"reason": "because  "}):
                answer = await dora.put("/api/analysis/sites/main", json=order(at, **wrong))
                assert answer.status_code == 400, answer.text
            assert (await dora.put("/api/analysis/sites/moon", json=order(at))).status_code == 404
            assert (await confirmed(dora, key, order(at))).status_code == 200
            await at.meet()
            grant = at.held()
            assert (
                grant is not None and grant.actions == {Action.ANALYSE} and grant.expires_us <= clock.now_us() + DAY_US
            )
            shown = await site_of(mo)
            assert shown["grant"]["id"] == grant.id and shown["grant"]["told_us"] is not None
            assert (shown["state"], shown["provider"], shown["ms_a_picture"]) == ("running", "openvino bf16", 6.9)
        clock.advance(11 * HOUR_US)
        await at.meet()
        assert at.held() == grant, "no new one while half a day is left"
        clock.advance(2 * HOUR_US)
        await at.meet()
        second = at.held()
        assert second is not None and second.id != grant.id
        clock.advance(12 * DAY_US)
        assert at.held() is None, "the hub was away for longer than a day"
        await at.meet()
        third = at.held()
        assert third is not None
        user = await asyncio.to_thread(at.stage.hub.users.find, "dora")
        assert user is not None
        signed = SignedIn(user, "key", "csrf", False, clock.now_us() + HOUR_US)
        await at.stage.hub.analysis.orders.switch_off(signed, "main", "The trial is over")
        await at.meet()
        assert at.held() is None
        kinds = at.stage.kinds()
        assert kinds.count("grant.issued") == 3
        assert {"analysis.switched_on", "analysis.switched_off"} <= set(kinds)


async def test_an_overdue_review_ends_it_and_the_log_says_so(tmp_path: Path) -> None:
    async with analysing(tmp_path) as at:
        async with at.stage.signed_in("dora", "dpo") as dora:
            key = Authenticator()
            await add(dora, key)
            soon = order(at, review_us=at.stage.clock.now_us() + 2 * HOUR_US)
            assert (await confirmed(dora, key, soon)).status_code == 200
        await at.meet()
        held = at.held()
        assert held is not None and held.expires_us == soon["review_us"]
        at.stage.clock.advance(3 * HOUR_US)
        for _ in range(2):
            await at.meet()
        assert at.held() is None
        (kept,) = (await asyncio.to_thread(at.stage.hub.analysis.orders.orders)).values()
        assert kept.ended_us is not None and at.stage.kinds().count("analysis.lapsed") == 1


async def begun(browser: httpx.AsyncClient, at: Analysing, **more: Any) -> httpx.Response:
    now_us = at.stage.clock.now_us()
    asked = {
        "purpose": "investigation",
        "case": "CR/26/1",
        "cameras": ["gate"],
        "from_us": now_us - DAY_US,
        "to_us": now_us,
    }
    grant = (await browser.post("/api/grants", json=asked)).json()
    body = {"grant": grant["id"], "name": "Bin store", "cameras": ["gate"], "from_us": now_us - DAY_US, "to_us": now_us}
    return await browser.post("/api/analysis/jobs", json=body | more)


async def jobs_of(browser: httpx.AsyncClient) -> list[dict[str, Any]]:
    found = (await browser.get("/api/analysis/jobs")).json()["jobs"]
    assert isinstance(found, list)
    return found


async def test_a_job_is_brought_to_its_site_followed_paused_resumed_and_done(tmp_path: Path) -> None:
    async with analysing(tmp_path) as at, at.stage.signed_in("ivy", "investigator") as ivy:
        job = (await begun(ivy, at)).json()
        assert (job["state"], job["case"], job["left_s"]) == ("running", "CR/26/1", -1)
        assert await at.follow()
        (shown,) = await jobs_of(ivy)
        assert (shown["wanted_s"], shown["done_s"], shown["left_s"], shown["found"]) == (100, 40, 7, 3)
        assert [each.camera for each in at.spans.asked] == ["gate"]
        await at.follow()
        assert len(at.spans.asked) == 1, "a site is asked once"
        assert (await ivy.post(f"/api/analysis/jobs/{job['id']}/pause")).json()["state"] == "paused"
        assert at.spans.ended == [True]
        at.spans.state = "running"  # the site had not heard
        assert not await at.follow()
        assert at.spans.ended == [True, True]
        assert (await ivy.post(f"/api/analysis/jobs/{job['id']}/pause")).status_code == 409
        assert (await ivy.post(f"/api/analysis/jobs/{job['id']}/resume", json={})).json()["state"] == "running"
        at.spans.state, at.spans.done_s = "done", 100
        await at.follow()
        (shown,) = await jobs_of(ivy)
        assert (shown["state"], shown["done_s"], len(at.spans.asked)) == ("done", 100, 2)
        assert (await ivy.post(f"/api/analysis/jobs/{job['id']}/end")).status_code == 409
        async with at.stage.signed_in("ian", "investigator") as ian, at.stage.signed_in("sue", "supervisor") as sue:
            assert await jobs_of(ian) == [] and len(await jobs_of(sue)) == 1
            assert (await ian.post(f"/api/analysis/jobs/{job['id']}/resume", json={})).status_code == 404
        assert at.stage.kinds().count("analysis.changed") == 2


async def test_a_job_outlives_a_site_that_is_away_one_that_forgot_and_its_end(tmp_path: Path) -> None:
    async with analysing(tmp_path) as at, at.stage.signed_in("ivy", "investigator") as ivy:
        status, at.stage.site.status = at.stage.site.status, None
        job = (await begun(ivy, at)).json()
        assert await at.follow() and at.spans.asked == []
        at.stage.site.status = status
        await at.follow()
        at.spans.asked.clear()  # its index was made anew
        for _ in range(2):
            await at.follow()
        assert len(at.spans.asked) == 1
        at.stage.site.status = None
        assert (await ivy.post(f"/api/analysis/jobs/{job['id']}/end")).json()["state"] == "ended"
        await at.follow()
        assert at.spans.ended == []
        at.stage.site.status = status
        await at.follow()
        assert at.spans.ended == [False]
        (shown,) = await jobs_of(ivy)
        assert (shown["state"], shown["parts"][0]["state"]) == ("ended", "done")


async def test_a_job_needs_a_grant_for_all_of_it_and_fails_in_words_when_that_is_over(tmp_path: Path) -> None:
    async with analysing(tmp_path) as at, at.stage.signed_in("ivy", "investigator") as ivy:
        now_us = at.stage.clock.now_us()
        late: dict[str, Any] = {"from_us": now_us - 3 * DAY_US}
        wrongs: list[dict[str, Any]] = [late, {"cameras": ["moon"]}, {"grant": "grant_0"}, {"to_us": 1}]
        for wrong, status in zip(wrongs, (403, 403, 403, 400), strict=True):
            answer = await begun(ivy, at, **wrong)
            assert answer.status_code == status, answer.text
        status_here, at.stage.site.status = at.stage.site.status, None
        job = (await begun(ivy, at)).json()
        for grant in (await ivy.get("/api/grants")).json()["grants"]:
            await ivy.delete(f"/api/grants/{grant['id']}")
        at.stage.site.status = status_here
        await at.follow()
        (shown,) = await jobs_of(ivy)
        assert shown["state"] == "failed" and "access" in shown["parts"][0]["text"]
        assert (await ivy.post(f"/api/analysis/jobs/{job['id']}/resume", json={})).status_code == 403
        other = {"purpose": "investigation", "case": "CR/26/1", "cameras": ["gate"]}
        span = {"from_us": job["from_us"], "to_us": job["to_us"]}
        grant = (await ivy.post("/api/grants", json=other | span)).json()["id"]
        resumed = await ivy.post(f"/api/analysis/jobs/{job['id']}/resume", json={"grant": grant})
        assert resumed.json()["state"] == "running"
        await at.follow()
        assert len(at.spans.asked) == 1
