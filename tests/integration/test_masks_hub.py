"""Permanent masks at the hub: who may draw, history with reasons, pushed to the site, originals that need the DPO."""

import asyncio
import dataclasses
from dataclasses import dataclass, field
from pathlib import Path

from belvedere.hub.masks.desk import MASKS_CHANGED
from belvedere.link.masked import GetMasking, MaskedPiece, Masking, MasksHeld, PutMasks, ReadMasked, RenditionStatus
from belvedere.link.messages import Answer, GetPlaylist, Piece, Playlist, Reply, Request
from belvedere.policy.table import TABLE
from hub_stage import HubStage, hub_stage, status_of

WINDOW = [[0.1, 0.1], [0.3, 0.1], [0.3, 0.4]]
DOOR = [[0.6, 0.5], [0.7, 0.5], [0.7, 0.9], [0.6, 0.9]]


@dataclass
class MaskedSite:
    """A site that takes masks, and has one piece of footage, of the main stream only."""

    held: dict[str, MasksHeld] = field(default_factory=dict)
    asked: list[ReadMasked] = field(default_factory=list)
    start_us: int = 0

    def answer(self, request: Request) -> Reply | None:
        match request:
            case PutMasks():
                self.held[request.camera] = MasksHeld(request.camera, request.version, request.polygons)
                return Answer()
            case GetMasking():
                one = RenditionStatus("gate", "masked", 2, 21.5, 100, 0.1, False, 0)
                return Masking(24, 1, (one,), 3, 40.0, tuple(self.held.values()))
            case GetPlaylist():
                piece = Piece(7, "cfg", 1, self.start_us, 2_000_000, 0, 100, 900)
                pieces = (piece,) if request.stream == "main" else ()
                return Playlist(request.camera, request.stream, pieces, False)
            case ReadMasked():
                self.asked.append(request)
                return MaskedPiece("avc1.42c01f", 640, 360, b"init", b"masked bytes", False)
        return None


def told(stage: HubStage) -> MaskedSite:
    site = MaskedSite(start_us=stage.clock.now_us() - 60_000_000)
    stage.site.status = status_of()
    stage.site.answer = site.answer
    return site


async def test_masks_are_drawn_with_a_reason_kept_by_version_and_pushed(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage:
        site = told(stage)
        desk = stage.hub.masks
        assert not desk.master_needs_dpo("gate")
        async with (
            stage.signed_in("sue", "supervisor") as sue,
            stage.signed_in("dora", "dpo") as dora,
            stage.signed_in() as ann,
        ):
            first = {"base": 0, "polygons": [WINDOW], "reason": ""}
            assert (await sue.put("/api/masks/gate", json=first)).status_code == 400
            first["reason"] = "Windows of number 12"
            assert (await ann.put("/api/masks/gate", json=first)).status_code == 403
            assert (await sue.put("/api/masks/nowhere", json=first)).status_code == 404
            made = await sue.put("/api/masks/gate", json=first)
            assert made.status_code == 200, made.text
            assert made.json()["version"] == 1
            assert site.held["gate"].polygons == (tuple(tuple(corner) for corner in WINDOW),)
            assert (await sue.put("/api/masks/gate", json=first)).status_code == 409  # drawn on what is no more
            more = {"base": 1, "polygons": [WINDOW, DOOR], "reason": "The door beside it"}
            assert (await sue.put("/api/masks/gate", json=more)).status_code == 200
            less = {"base": 2, "polygons": [DOOR], "reason": "The flat stands empty"}
            refused = await sue.put("/api/masks/gate", json=less)
            assert refused.status_code == 403 and "data protection officer" in refused.text
            assert (await dora.put("/api/masks/gate", json=less)).status_code == 200
            seen = (await ann.get("/api/masks/gate")).json()
            assert [(each["version"], each["made_by"], len(each["polygons"])) for each in seen["history"]] == [
                (3, "dora", 1),
                (2, "sue", 2),
                (1, "sue", 1),
            ]
            assert seen["needs_dpo"] and not seen["may_draw"]
            figures = (await sue.get("/api/masking")).json()
            assert (figures["most"], figures["renditions"][0]["cpu_ms_per_s"]) == (24, 21.5)
        assert stage.kinds().count(MASKS_CHANGED) == 3
        assert desk.master_needs_dpo("gate")


async def test_a_site_that_was_away_gets_the_masks_later(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage:
        async with stage.signed_in("dora", "dpo") as dora:
            body = {"base": 0, "polygons": [DOOR], "reason": "The door of number 3"}
            assert (await dora.put("/api/masks/gate", json=body)).status_code == 200
        site = told(stage)
        pushing = asyncio.create_task(stage.hub.masks.run(stage.hub.link.of("main"), stage.hub.register.camera_ids))
        async with asyncio.timeout(20):
            while "gate" not in site.held:
                await asyncio.sleep(0.01)
        pushing.cancel()
        await asyncio.gather(pushing, return_exceptions=True)
        assert site.held["gate"].version == 1
    async with hub_stage(tmp_path) as stage:
        assert len(stage.hub.masks.of("gate")) == 1


async def test_a_masked_grant_plays_masked_pieces_each_logged_once(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage:
        duty = dataclasses.replace(TABLE.purposes["duty"], masked=True)
        stage.hub.grants._asking.base = dataclasses.replace(TABLE, purposes={**TABLE.purposes, "duty": duty})
        site = told(stage)
        _, stage.code = await asyncio.to_thread(stage.hub.users.create, "amy", "operator")
        async with stage.browser() as page:
            answer = await page.post("/api/session", json={"username": "amy", "password": stage.code})
            page.headers["X-Belvedere-CSRF"] = answer.json()["csrf"]
            grant = (await page.post("/api/grants", json={"purpose": "duty"})).json()
            assert grant["masked"]
            span = {"grant": grant["id"], "from_us": site.start_us, "to_us": site.start_us + 2_000_000}
            listed = await page.get("/api/play/gate/sub.m3u8", params=span)
            assert listed.status_code == 200, listed.text
            lines = listed.text.splitlines()
            assert not any("BYTERANGE" in line for line in lines)
            address = f"/api/play/gate/masked/main/7/100-900.m4s?grant={grant['id']}"
            assert lines[-2] == address.removeprefix("/api/play/gate/")
            began = await page.get(address.replace(".m4s", "/init.mp4"))
            got = await page.get(address)
            assert (began.content, got.content) == (b"init", b"masked bytes")
            assert {(each.stream, each.segment, each.start, each.end) for each in site.asked} == {("main", 7, 100, 900)}
            assert stage.kinds().count("view.playback") == 1
            beside = await page.get(address.replace("100-900", "100-901"))
            assert beside.status_code == 200
            assert stage.kinds().count("view.playback") == 2
