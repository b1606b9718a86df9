"""Search over HTTP: cut to the grant, logged with its words, refused with words; clothing takes a second person, once."""

from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from belvedere.foundation.clock import HOUR_US, SECOND_US
from belvedere.foundation.errors import Refused
from belvedere.hub.access.grants import UsableGrant
from belvedere.hub.search.clothing import SEARCH_MADE, digest_of, require_approved
from belvedere.hub.search.shapes import FacetsIn
from belvedere.link.messages import Reply, Request
from belvedere.link.seeing import (
    CountEvents,
    Covered,
    Event,
    EventCounts,
    Events,
    FindEvents,
    GetSeeing,
    GetThumbnail,
    Seeing,
    Thumbnail,
)
from belvedere.policy.grant import Action
from hub_stage import HubStage, gate, hub_stage, status_of
from recorder_stage import grant as made_grant

BOX = (0.4, 0.4, 0.6, 0.8)


class Seer:
    """Answers as a site does, from a list of events; remembers what it was asked."""

    def __init__(self, *events: Event) -> None:
        self.events = events
        self.asked: list[Request] = []

    def __call__(self, request: Request) -> Reply | None:
        self.asked.append(request)
        match request:
            case FindEvents(limit=limit, before=before):
                start = int(before or 0)
                end = start + limit
                covered = tuple(Covered(each.camera, 100, 90, 5, 5) for each in request.cameras)
                more = str(end) if end < len(self.events) else ""
                return Events(self.events[start:end], covered, more, "One camera.")
            case CountEvents(cameras=cameras, from_us=from_us, step_us=step_us):
                return EventCounts(from_us, step_us, tuple((1, 2) for _ in cameras))
            case GetSeeing():
                return Seeing("no_model", "Run `belvedere models fetch`.", "", "", 0.0, ())
            case GetThumbnail():
                return Thumbnail(b"JPEG", 4, 3, 1)
        return None


def event(number: int, best_us: int) -> Event:
    return Event(
        number, "gate", "sub", 5, 3, 0, best_us, best_us + SECOND_US, best_us, 0.8, BOX, 3, -1, 1, "m", "a van"
    )


async def searching(stage: HubStage, browser: httpx.AsyncClient, seer: Seer) -> str:
    """The site answers as `seer` does; a duty grant's id."""
    stage.site.status, stage.site.answer = status_of(), seer
    answer = await browser.post("/api/grants", json={"purpose": "duty"})
    assert answer.is_success, answer.text
    found: str = answer.json()["id"]
    return found


def logged(stage: HubStage, kind: str) -> list[dict[str, Any]]:
    return [entry.facts for entry in reversed(stage.hub.audit.entries(limit=1000)) if entry.kind == kind]


async def test_a_search_is_cut_to_the_grant_logged_once_and_paged(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage, stage.signed_in() as browser:
        now_us = stage.clock.now_us()
        seer = Seer(*(event(number, now_us - number * HOUR_US) for number in range(1, 6)))
        held = await searching(stage, browser, seer)
        facets = {"kinds": [5], "cameras": ["gate", "foreign"], "from_us": 0, "to_us": now_us}
        ask: dict[str, Any] = {
            "grant": held,
            "words": "van at the gate",
            "facets": facets,
            "limit": 2,
            "order": "newest",
        }
        first = (await browser.post("/api/search", json=ask)).json()
        assert [each["id"] for each in first["events"]] == [1, 2]
        assert (first["events"][0]["colour"], first["events"][0]["sure"]) == ("white", "clear")
        assert first["cameras"] == ["gate"] and first["sites"][0]["state"] == "no_model"
        assert any("foreign" in each for each in first["cut"]) and any(
            "covers no more" in each for each in first["cut"]
        )
        told = first
        seen = [each["id"] for each in first["events"]]
        while told["next"]:
            told = (await browser.post("/api/search", json={**ask, "next": told["next"]})).json()
            seen += [each["id"] for each in told["events"]]
        assert seen == [1, 2, 3, 4, 5]
        counts = (
            await browser.post("/api/search/counts", json={"grant": held, **{n: ask[n] for n in ("words", "facets")}})
        ).json()
        assert counts["cameras"] == [{"camera": "gate", "counts": [1, 2]}]
        (made,) = logged(stage, "search.made")
        assert (made["words"], made["cameras"], made["grant"]) == ("van at the gate", ["gate"], held)
        assert [number for each in logged(stage, "search.shown") for number in each["events"]] == [
            f"gate:{number}" for number in seen
        ]
        question = next(each for each in seer.asked if isinstance(each, FindEvents))
        assert question.from_us > 0 and question.wanted.kinds == (5,)


async def test_thumbnails_are_never_kept_and_each_unsearched_one_is_logged(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage, stage.signed_in() as browser:
        best_us = stage.clock.now_us() - HOUR_US
        held = await searching(stage, browser, Seer(event(1, best_us)))
        await browser.post("/api/search", json={"grant": held, "words": "van"})
        for number, entries in ((1, 0), (2, 1)):
            query: dict[str, str | int] = {"grant": held, "at_us": best_us}
            answer = await browser.get(f"/api/search/thumbnail/gate/{number}", params=query)
            assert (answer.content, answer.headers["content-type"]) == (b"JPEG", "image/jpeg")
            assert answer.headers["cache-control"] == "no-store"
            assert len(logged(stage, "view.thumbnail")) == entries
        early: dict[str, str | int] = {"grant": held, "at_us": 1}
        assert (await browser.get("/api/search/thumbnail/gate/1", params=early)).status_code == 403


async def test_what_is_never_searched_for_is_refused_and_asks_no_site(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage, stage.signed_in() as browser:
        seer = Seer()
        held = await searching(stage, browser, seer)
        told = (await browser.get("/api/search/understood", params={"words": "black man near Alder Way"})).json()
        assert "race" in told["refusal"] and told["refused_words"] == "black man"
        answer = await browser.post("/api/search", json={"grant": held, "words": "black man near Alder Way"})
        assert answer.status_code == 403 and "race" in answer.json()["error"]["message"]
        clothes = {"grant": held, "words": "red coat", "facets": {"clothing": [4]}}
        answer = await browser.post("/api/search", json=clothes)
        assert answer.status_code == 403
        assert not any(isinstance(each, FindEvents) for each in seer.asked)
        assert logged(stage, "search.made") == []


async def test_words_become_facets(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage, stage.signed_in() as browser:
        told = (
            await browser.get("/api/search/understood", params={"words": "red van near the Gate last night flurble"})
        ).json()
        assert (told["facets"]["kinds"], told["facets"]["colours"], told["facets"]["cameras"]) == ([5], [4], ["gate"])
        assert [each["text"] for each in told["unread"]] == ["flurble"]
        assert {each["field"] for each in told["chips"]} == {"what", "colour", "where", "when"}
        told = (await browser.get("/api/search/understood", params={"words": "man in a red coat"})).json()
        assert told["facets"]["clothing"] == [4] and "switched off" in told["clothing"]


async def test_a_site_that_is_away_is_told(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage, stage.signed_in() as browser:
        held = await searching(stage, browser, Seer(event(1, stage.clock.now_us() - HOUR_US)))
        stage.hub.register.put_site("far", "Far estate")
        stage.hub.register.put_camera(gate(id="far-gate", site="far", name="Far gate"))
        stage.hub.link.forget()
        held = (await browser.post("/api/grants", json={"purpose": "duty"})).json()["id"]
        told = (await browser.post("/api/search", json={"grant": held, "words": "van"})).json()
        assert [each["id"] for each in told["events"]] == [1]
        assert [(each["site"], each["cameras"]) for each in told["away"]] == [("far", ["far-gate"])]


async def test_clothing_takes_the_words_that_were_approved_and_one_search(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage:
        facets, words = FacetsIn.model_validate({"clothing": [4]}), "Person in a red coat"
        held = made_grant(stage.clock, cameras=("gate",), actions=(Action.PLAYBACK, Action.SEARCH))
        approved = UsableGrant(b"", msgspec.structs.replace(held, case="CR/26/1", approver="user_2"))
        await stage.hub.audit.append("grant.issued", "user_1", {"grant": held.id, "words": "person in a  red coat"})

        async def refused(usable: UsableGrant, said: str, wanted: FacetsIn = facets) -> str:
            with pytest.raises(Refused) as found:
                await require_approved(stage.hub, usable, said, wanted)
            return found.value.message

        assert "switched off" in await refused(approved, words)
        stage.settings.search.clothing_dpia = "DPIA-2026-7"
        assert "second person" in await refused(UsableGrant(b"", held), words)
        assert "not the words" in await refused(approved, "person in a blue coat")
        assert "not the words" in await refused(approved, " ")
        await require_approved(stage.hub, approved, words, facets)
        facts = {"grant": held.id, "words": words, "digest": digest_of(words, facets), "clothing": True}
        await stage.hub.audit.append(SEARCH_MADE, "user_1", facts)
        await require_approved(stage.hub, approved, words, facets)  # going on with its list
        other = FacetsIn.model_validate({"clothing": [4], "kinds": [1]})
        assert "was used" in await refused(approved, words, other)
