"""A break-glass card: made by two people at the hub, opened by two at the site without it, reviewed when the hub is back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from belvedere.cli.site_card import _export, qr_svg, read_half, sheet
from belvedere.foundation.clock import DAY_US, SECOND_US, SimulatedClock
from belvedere.foundation.errors import BadInput, Conflict, KeyAway, NotFound, Refused
from belvedere.hub.access.users import User
from belvedere.hub.approvals.glass_store import GlassStore
from belvedere.hub.cards.desk import CardsDesk
from belvedere.hub.context import HubContext, open_hub
from belvedere.hub.custody.local import KeyOffice
from belvedere.hub.custody.release import ReleasingLink
from belvedere.hub.evidence.verify import verify_pack
from belvedere.hub.fleet.records import RecordBook
from belvedere.hub.register.cameras import Camera
from belvedere.hub.storage.engine import reading
from belvedere.hub.watchers.tables import dpo_item
from belvedere.link.card import OpenCard
from belvedere.media.card import new_half
from belvedere.site.card.desk import CardDesk
from belvedere.site.live.relay import Relay
from belvedere.site.outbox.store import Outbox
from belvedere.site.recorder.events import Add, Begin
from belvedere.site.recorder.track import Track
from belvedere.site.storage.sound import SoundBook
from belvedere.site.uplink.server import serve_link
from custody_stage import CAMERA, KeptSite, hold, kept_site
from link_stage import film

NAMES = ("Ivy Stone", "Sergeant Paul Reed")
REASON = "Police at the door: assault in the car park, log number 4711."


@dataclass
class Together:
    """Hub and site, joined by the link."""

    hub: HubContext
    cards: CardsDesk
    people: tuple[User, User]

    async def exchange(self, site: KeptSite) -> None:
        """One round of keys and cards."""
        await asyncio.to_thread(site.custodian.tend)
        link = self.hub.link.of("main")
        assert isinstance(link, ReleasingLink)
        await self.hub.custody.exchange(link)
        await self.cards.turn()

    async def card(self) -> tuple[bytes, bytes, str]:
        """A card made by two people."""
        first = await self.cards.begin(self.people[0], "main")
        second = await self.cards.confirm(self.people[1], first.card.id)
        return first.half, second.half, first.card.id

    def kinds(self, start: str) -> list[str]:
        entries = reversed(self.hub.audit.entries(limit=1000))
        return [entry.kind for entry in entries if entry.kind.startswith(start)]


def shoot(site: KeptSite) -> int:
    """Record four seconds that a player would show; gives when they begin."""
    shown, clock = film(), site.rig.clock
    start_us = clock.now_us()
    track = Track(site.rig.ref())
    site.rig.writer.offer(Begin(track, shown.config))
    for part in shown.fragments():
        clock.advance(SECOND_US // 2)
        site.rig.writer.offer(Add(track, replace(part, arrival_us=clock.now_us())))
        site.rig.writer.cycle()
    site.rig.end(track)
    return start_us


def desk_of(site: KeptSite) -> CardDesk:
    return CardDesk(
        "main",
        site.rig.index,
        site.rig.keyring,
        site.opener,
        site.rig.clock,
        hub_key_file=site.settings.hub_public_key_file,
        box_key_file=site.settings.site_folder / "keys" / "box.key",
    )


@asynccontextmanager
async def answering(site: KeptSite, desk: CardDesk) -> AsyncIterator[None]:
    """The site's socket."""
    answers = {**site.custodian.answers(), **site.held.answers, **desk.answers()}
    clock = site.rig.clock
    recorder: Any = site.archive._recorder
    recorder.sound_book, recorder.sounds, recorder.workers = SoundBook(site.rig.index, clock), {}, ()
    server = await serve_link(site.settings.link_socket, site.archive, Relay(clock), desk, clock, answers)
    try:
        yield
    finally:
        await server.close()


@asynccontextmanager
async def together(site: KeptSite, desk: CardDesk) -> AsyncIterator[Together]:
    async with open_hub(site.settings, clock=site.rig.clock) as hub, answering(site, desk):
        if not hub.register.list_cameras():
            hub.register.put_camera(Camera(CAMERA, "main", "Gate"))
            for name in ("mia", "sam"):
                hub.users.create(name, "manager", name.title())
        people = [hub.users.find(name) for name in ("mia", "sam")]
        assert people[0] is not None and people[1] is not None
        yield Together(hub, CardsDesk(hub), (people[0], people[1]))


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
            await both.cards._take("main", "", [changed])
            assert both.kinds("card.")[-1] == "card.log_broken"
            clock.advance(3601 * SECOND_US)
            with pytest.raises(Refused, match="shut again"):
                desk.open(opened.token)
            await both.cards.end(both.people[0], card_id, "revoked")
            with pytest.raises(Conflict, match="has ended"):
                await both.cards.end(both.people[0], card_id, "revoked")


def test_a_half_is_read_as_it_is_printed_and_a_slip_is_noticed() -> None:
    half = bytes(range(16))
    page = sheet("elm", "card_1", "A", half)
    line = page.split("<code>")[1].split("</code>")[0]
    assert read_half(line) == half and read_half(line.upper()) == half
    assert read_half(f"BELVEDERE-CARD:A:{'-'.join(line.split())}") == half
    slipped = line[:5] + ("1" if line[5] != "1" else "2") + line[6:]
    with pytest.raises(BadInput):
        read_half(slipped)
    assert "<svg" in qr_svg("x") and "http" not in page.replace("http://www.w3.org", "")
