"""A masked working copy: made by the hub from pieces that the site masks, checked offline, never taken for evidence."""

import asyncio
import hashlib
import json
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from typer.testing import CliRunner

from belvedere.cli.main import app
from belvedere.foundation.errors import Refused, Unavailable
from belvedere.hub.evidence import copy as copying
from belvedere.hub.evidence.order import EVIDENCE, WORKING_COPY, Order, check_order
from belvedere.hub.evidence.verify import verify_pack
from belvedere.link.masked import MaskedPiece, ReadCopy
from belvedere.policy.grant import Action, Grant
from belvedere.policy.signed import open_signed
from belvedere.site.masked.room import MaskedRoom
from evidence_stage import BREAK_US, BrokenArchive, EvidenceStage, evidence_stage


@dataclass
class Room:
    """Stands for the masked room: what it hands out is the piece itself. How people are hidden is tested at the site."""

    archive: BrokenArchive
    asked: list[ReadCopy] = field(default_factory=list)
    busy: int = 0  # times that it says it has no room
    hold: asyncio.Event = field(default_factory=asyncio.Event)
    held: asyncio.Event = field(default_factory=asyncio.Event)

    def needed(self, grant: Grant, camera: str) -> bool:
        return False

    async def copy(self, grant: Grant, ask: ReadCopy) -> MaskedPiece:
        self.asked.append(ask)
        self.held.set()
        await self.hold.wait()
        if self.busy:
            self.busy -= 1
            raise Unavailable("As many as it makes at a time.", advice="Later.")
        where = (ask.camera, ask.stream, ask.segment, ask.start, ask.end)
        data = b"".join(self.archive.read(grant, Action.EXPORT, *where))
        init = self.archive.init(grant, ask.camera, self.archive.film.config.config_id)
        digest = hashlib.sha256(data).digest()
        return MaskedPiece(init.codec_string, 640, 360, init.data, data, len(self.asked) == 1, digest)


@dataclass
class Copying:
    stage: EvidenceStage
    room: Room

    async def order(self, **changes: object) -> dict[str, Any]:
        words = self.stage.order(kind="working_copy") | changes
        answer = await self.stage.browser.post("/api/exports", json=words)
        assert answer.status_code == 201, answer.text
        return cast(dict[str, Any], answer.json())

    async def line(self, export_id: str) -> dict[str, Any]:
        return cast(dict[str, Any], (await self.stage.browser.get(f"/api/exports/{export_id}")).json())


@pytest.fixture
async def copies(tmp_path: Path) -> AsyncIterator[Copying]:
    made: list[Room] = []

    def room(archive: BrokenArchive) -> MaskedRoom:
        made.append(Room(archive))
        return cast(MaskedRoom, made[0])

    async with evidence_stage(tmp_path, masked=room) as stage:
        yield Copying(stage, made[0])


async def test_a_working_copy_names_what_it_was_made_from_and_says_that_it_is_no_evidence(
    copies: Copying, tmp_path: Path
) -> None:
    copies.room.hold.set()
    stage = copies.stage
    export = await stage.finished((await copies.order())["id"])
    assert (export["state"], export["kind"], export["message"]) == ("ready", "working_copy", "")
    path = await stage.pack(export, tmp_path / "copy.zip")
    with zipfile.ZipFile(path) as pack:
        manifest = json.loads(pack.read("manifest.json"))
        readme = pack.read("README.txt").decode()
    assert (manifest["format"], manifest["kind"]) == (2, "working copy (masked)")
    (camera,) = manifest["cameras"]
    sources = [source for clip in camera["clips"] for source in clip["sources"]]
    assert len(sources) == len(copies.room.asked) == 5
    assert {each.stream for each in copies.room.asked} == {"sub"}  # the small stream, where there is one
    assert all(len(source["sha256"]) == 64 for source in sources)
    assert camera["clips"][0]["blocks"] == 1 and camera["gaps"] and not camera["sound"]
    assert "THIS IS NOT EVIDENCE" in readme and "people hidden" in readme and "blocks as a whole" in readme
    for line in copies.room.asked[0].mark:
        assert len(line) < 73
    assert "Ann Operator" in copies.room.asked[0].mark[1] and stage.grant[-8:].upper() in copies.room.asked[0].mark[1]
    report = verify_pack(path, stage.public_key)
    assert report.valid and not report.evidence, report.problems
    assert any("not evidence" in fact for fact in report.facts)
    said = CliRunner().invoke(app, ["verify", str(path), "--key", stage.public_key.hex()])
    assert said.exit_code == 0 and "masked working copy, and no evidence" in said.output
    entry = next(each for each in stage.hub.audit.entries(limit=50) if each.kind == "export.started")
    assert entry.facts["kind"] == "working_copy"


async def test_it_waits_its_turn_and_can_be_given_up(copies: Copying) -> None:
    stage, room = copies.stage, copies.room
    first, second, third = [await copies.order() for _ in range(3)]
    async with asyncio.timeout(60):
        await room.held.wait()
    assert "one export is made at a time" in (await copies.line(second["id"]))["message"]
    for wanted in (second, first):
        given_up = await stage.browser.delete(f"/api/exports/{wanted['id']}")
        assert given_up.status_code == 200, given_up.text
    room.hold.set()
    assert (await stage.finished(third["id"]))["state"] == "ready"
    for wanted in (first, second):
        line = await copies.line(wanted["id"])
        assert (line["state"], line["message"]) == ("cancelled", "You cancelled this export.")
    assert sorted(path.name for path in stage.hub.settings.exports_folder.iterdir()) == [f"{third['id']}.zip"]
    kinds = [each.kind for each in stage.hub.audit.entries(limit=50)]
    assert kinds.count("export.cancelled") == 2 and kinds.count("export.failed") == 0
    late = await stage.browser.delete(f"/api/exports/{third['id']}")
    assert late.status_code == 409
    assert (await stage.browser.delete("/api/exports/export_unknown")).status_code == 404


async def test_people_who_watch_come_first(copies: Copying, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "AGAIN_S", 0.0)
    copies.room.busy = 3
    copies.room.hold.set()
    assert (await copies.stage.finished((await copies.order())["id"]))["state"] == "ready"
    assert len(copies.room.asked) == 5 + 3


async def test_a_masked_access_makes_copies_only(copies: Copying) -> None:
    stage = copies.stage
    ann = stage.hub.users.find("ann")
    assert ann is not None
    usable = await stage.hub.grants.use(
        ann,
        stage.grant,
        Action.EXPORT,
        ["gate"],
        stage.start_us,
        stage.start_us + 1,
    )
    masked = msgspec.structs.replace(open_signed(usable.wire, stage.public_key, stage.clock), masked=True)
    order = Order(usable.wire, masked, "x", ("gate",), stage.start_us, stage.start_us + BREAK_US)
    now_us = stage.clock.now_us()
    with pytest.raises(Refused, match="masked pictures only"):
        check_order(replace(order, kind=EVIDENCE), now_us)
    check_order(replace(order, kind=WORKING_COPY), now_us)


async def test_a_copy_passed_off_as_evidence_is_found_out(copies: Copying, tmp_path: Path) -> None:
    copies.room.hold.set()
    export = await copies.stage.finished((await copies.order())["id"])
    path = await copies.stage.pack(export, tmp_path / "copy.zip")
    folder = tmp_path / "unpacked"
    with zipfile.ZipFile(path) as pack:
        pack.extractall(folder)
    words = json.loads((folder / "manifest.json").read_bytes())

    def said(**changes: object) -> tuple[str, ...]:
        changed = msgspec.json.encode(words | changes)
        (folder / "manifest.json").write_bytes(changed)
        (folder / "manifest.sig").write_bytes(copies.stage.hub.key.sign(changed))
        return verify_pack(folder, copies.stage.public_key).problems

    assert any("about another export" in problem for problem in said(format=1, kind="evidence"))
    assert any("calls itself something else" in problem for problem in said(format=1))
    assert any("calls itself something else" in problem for problem in said(kind="evidence"))
    words["cameras"][0]["clips"][0]["sources"][0]["sha256"] = "0"
    assert any("what it was made from" in problem for problem in said())
