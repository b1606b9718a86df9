"""A break-glass card: made by two people at the hub, opened by two at the site without it, reviewed when the hub is back."""

import re
from pathlib import Path

import cv2
import numpy
import pytest
from sqlalchemy import select, update

from belvedere.cli.site_card import _export, read_half
from belvedere.foundation.clock import DAY_US, SECOND_US, SimulatedClock
from belvedere.foundation.errors import BadInput, Conflict, KeyAway, NotFound, Refused
from belvedere.hub.approvals.glass_store import GlassStore
from belvedere.hub.cards.desk import CardsDesk
from belvedere.hub.cards.sheet import sheet_of
from belvedere.hub.cards.tables import site_card
from belvedere.hub.context import open_hub
from belvedere.hub.custody.local import KeyOffice
from belvedere.hub.evidence.verify import verify_pack
from belvedere.hub.fleet.records import RecordBook
from belvedere.hub.storage.engine import reading, writing
from belvedere.hub.watchers.tables import dpo_item
from belvedere.link.card import OpenCard
from belvedere.media.card import new_half
from belvedere.site.outbox.store import Outbox
from card_stage import NAMES, REASON, answering, desk_of, shoot, together
from custody_stage import CAMERA, hold, kept_site


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock()


async def test_two_people_open_footage_without_the_hub_and_it_is_reviewed_when_it_is_back(
    tmp_path: Path, clock: SimulatedClock
) -> None:
    with kept_site(tmp_path / "data", clock) as site:
        desk = desk_of(site)
        async with together(site, desk) as both:
            await both.exchange(site)
            made = hold(KeyOffice(site.settings, both.hub.engine, clock), tmp_path / "sheets")
            assert made.escrow.name
            start_us = shoot(site)
            site.next_day()
            for _ in range(3):
                await both.exchange(site)
            assert site.local == 0, "before the card: the day was forgotten, only hub and officers can open it"
            with pytest.raises(Refused, match="second person"):
                begun = await both.cards.begin(both.people[0], "main")
                await both.cards.confirm(both.people[0], begun.card.id)
            first, second, card_id = await both.card()
            later_us = shoot(site)
            site.next_day()
            for _ in range(4):
                await both.exchange(site)
            assert site.local == 0, "with a card in force keys are forgotten as before"
            kept = int(str(site.rig.rows("SELECT count(DISTINCT day) FROM day_key_copy")[0][0]))
            assert site.rig.rows("SELECT count(*) FROM day_key_copy")[0][0] == 3 * kept, "hub, officers, card"
            outbox = Outbox(site.rig.index, clock)
            outbox.begin(bytes(32))
            grants = both.kinds("grant.issued")
            assert len(grants) == 1

        # The hub is gone.
        settings = tmp_path / "data"
        moment_us, end_us = start_us + 2 * SECOND_US, later_us + 4 * SECOND_US
        async with answering(site, desk):
            for wrong in ((first, new_half()), (first, first), (second, second)):
                with pytest.raises(Refused, match="Nothing was opened"):
                    await _export(
                        settings, wrong, NAMES, REASON, (CAMERA,), moment_us, moment_us + 1, tmp_path / "x.zip"
                    )
            both_halves = (second, first)  # in whichever order they are typed
            for names, reason, cameras in (
                (("Ivy Stone", "ivy  stone"), REASON, (CAMERA,)),
                (NAMES, "police", (CAMERA,)),
                (NAMES, REASON, ("elsewhere",)),
            ):
                with pytest.raises((BadInput, NotFound)):
                    await _export(
                        settings, both_halves, names, reason, cameras, moment_us, moment_us + 1, tmp_path / "x.zip"
                    )
            early_us = start_us - 40 * DAY_US
            with pytest.raises(Refused, match="does not cover this time"):
                desk.open_card(OpenCard(both_halves, NAMES, REASON, (CAMERA,), early_us, early_us + SECOND_US))
            with pytest.raises(NotFound, match="not touched"):
                await _export(settings, both_halves, NAMES, REASON, (CAMERA,), 5, 6, tmp_path / "x.zip")
            assert desk.put is not None and not site.rig.rows("SELECT * FROM card_entry"), "nothing was spent"
            out = tmp_path / "evidence.zip"
            await _export(settings, both_halves, NAMES, REASON, (CAMERA,), later_us, end_us, out)
            key = site.custodian.state().box_key
            report = verify_pack(out, key)
            assert report.valid and report.key_confirmed, report.problems
            assert "Ivy Stone and Sergeant Paul Reed" in " ".join(report.facts)
            assert not verify_pack(out, bytes(32)).valid
            with pytest.raises(Refused, match="used at"):
                await _export(settings, both_halves, NAMES, REASON, (CAMERA,), later_us, end_us, tmp_path / "y.zip")
            assert len(site.rig.keyring.released) == 0, "what was opened is shut again"
            camera_id, day = site.rig.rows("SELECT camera_id, max(day) FROM day_key")[0]
            with pytest.raises(KeyAway):
                site.rig.keyring.get(int(str(camera_id)), int(str(day)))
        with pytest.raises(Exception, match="never"):
            site.rig.index.write().__enter__().execute("DELETE FROM card_entry")

        # It is back: the outbox brings what was done, whether the site's link stands or not.
        batch = outbox.batch(0)
        assert batch is not None and [record.kind for record in batch.records] == ["site_card", "site_card"]
        async with open_hub(site.settings, clock=clock) as hub:
            RecordBook(hub.engine, clock).take("main", batch)
            await CardsDesk(hub).turn()
            kinds = [entry.kind for entry in reversed(hub.audit.entries(limit=100)) if entry.kind.startswith("card.")]
            assert kinds == ["card.begun", "card.begun", "card.made", "card.opened", "card.told"]
            opened = next(entry for entry in hub.audit.entries(limit=100) if entry.kind == "card.opened")
            assert opened.facts["names"] == list(NAMES) and opened.facts["reason"] == REASON
            glass = GlassStore(hub.engine).all()[0]
            assert glass.reviewed_us is None and glass.user_name == "Ivy Stone and Sergeant Paul Reed"
            with reading(hub.engine) as connection:
                rules = list(connection.scalars(select(dpo_item.c.rule)))
            assert rules.count("break_glass.opened") == 1
        async with together(site, desk) as both:
            for _ in range(2):
                await both.exchange(site)
            assert both.kinds("card.")[3:] == ["card.opened", "card.told", "card.ended"], "told twice, entered once"
            assert both.cards.book.card(card_id).state(clock.now_us()) == "used"
            for _ in range(2):
                await both.exchange(site)
            assert site.rig.rows("SELECT count(*) FROM day_key_copy")[0][0] == 2 * kept, "nothing is sealed for it now"


async def test_a_log_that_does_not_hold_is_said_and_a_forged_list_is_not_taken(
    tmp_path: Path, clock: SimulatedClock
) -> None:
    with kept_site(tmp_path / "data", clock) as site:
        desk = desk_of(site)
        async with together(site, desk) as both:
            await both.exchange(site)
            start_us = shoot(site)
            first, second, card_id = await both.card()
            await both.exchange(site)
            asked = OpenCard((first, second), NAMES, REASON, (CAMERA,), start_us, start_us + SECOND_US)
            opened = desk.open_card(asked)
            honest = desk._ledger.entries(site.rig.index.read(), 0)[0]
            changed = honest.__class__(
                0, honest.time_us, honest.salt, honest.record.replace(b"4711", b"4712"), honest.checkpoint
            )
            await both.cards._intake.take("main", "", [changed])
            assert both.kinds("card.")[-1] == "card.log_broken"
            clock.advance(3601 * SECOND_US)
            with pytest.raises(Refused, match="shut again"):
                desk.open(opened.token)
            await both.cards.end(both.people[0], card_id)
            with pytest.raises(Conflict, match="has ended"):
                await both.cards.end(both.people[0], card_id)


def test_a_half_is_read_as_it_is_printed_and_a_slip_is_noticed() -> None:
    half = bytes(range(16))
    sheet = sheet_of("A", half)
    line = sheet.line
    assert read_half(line) == half and read_half(line.upper()) == half
    assert read_half(f"BELVEDERE-CARD:A:{'-'.join(line.split())}") == half
    slipped = line[:5] + ("1" if line[5] != "1" else "2") + line[6:]
    with pytest.raises(BadInput):
        read_half(slipped)
    scale = 8
    shown = numpy.full(((sheet.size + 8) * scale,) * 2, 255, numpy.uint8)
    for x, y in re.findall(r"M(\d+) (\d+)h1v1h-1z", sheet.qr):
        left, top = (int(x) + 4) * scale, (int(y) + 4) * scale
        shown[top : top + scale, left : left + scale] = 0
    assert read_half(cv2.QRCodeDetector().detectAndDecode(shown)[0]) == half


async def test_a_card_that_was_revoked_is_not_brought_back_by_a_hub_that_was_set_back(
    tmp_path: Path, clock: SimulatedClock
) -> None:
    with kept_site(tmp_path / "data", clock) as site:
        desk = desk_of(site)
        async with together(site, desk) as both:
            await both.exchange(site)
            start_us = shoot(site)
            first, second, card_id = await both.card()
            await both.exchange(site)
            await both.cards.end(both.people[0], card_id)
            await both.exchange(site)
            with writing(both.hub.engine) as connection:  # as a backup from before has it
                connection.execute(update(site_card).values(ended_us=None, ended_why=""))
            assert both.cards.book.card(card_id).state(clock.now_us()) == "in_force"
            await both.exchange(site)
            with pytest.raises(Refused, match="Nothing was opened"):
                desk.open_card(OpenCard((first, second), NAMES, REASON, (CAMERA,), start_us, start_us + SECOND_US))
            assert both.cards.book.card(card_id).state(clock.now_us()) == "revoked"
            assert both.kinds("card.")[-1] == "card.ended"
