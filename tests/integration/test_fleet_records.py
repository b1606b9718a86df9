"""From an event at a site to the hub's database: in order, once, whatever the line, the processes and the backups do."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from belvedere.foundation.clock import DAY_US, SimulatedClock
from belvedere.foundation.errors import LinkFault
from belvedere.hub.fleet.records import RecordBook
from belvedere.link.health import Fault
from belvedere.link.records import ALERTS, METADATA, MOST_RECORDS, Batch, Received, Record, pack, unpack
from belvedere.site.outbox.sender import HttpsPost, Sender
from belvedere.site.outbox.store import KEPT_SENT_US, Outbox
from belvedere.site.storage.index import Index
from fleet_stage import fleet_stage
from outbox_stage import HUB, Estate, hub_engine, live

EPOCH = bytes(range(16))


def batch(first: int, count: int, lane: int = METADATA) -> Batch:
    return Batch(
        EPOCH, lane, first, 5, tuple(Record("seen", at, f'{{"n":{at}}}') for at in range(first, first + count))
    )


@pytest.mark.parametrize("seed", range(12))
def test_a_life_of_lost_words_restarts_and_backups_ends_with_everything_once_and_in_order(
    tmp_path: Path, seed: int
) -> None:
    estate = Estate(tmp_path, seed)
    try:
        live(estate, 60)
        estate.drain()
        assert estate.held() == estate.told
        assert estate.book.gaps() == [] and estate.outbox.standing().waiting == 0
        assert estate.commits > 0
    finally:
        estate.close()


def test_the_simulation_finds_a_hub_that_answers_before_it_commits(tmp_path: Path) -> None:
    class Hasty(RecordBook):
        def take(self, site: str, batch: Batch) -> int:
            claimed = batch.first + len(batch.records)
            return claimed if batch.records and self.taken % 2 else super().take(site, batch)

    found = 0
    for seed in range(6):
        folder = tmp_path / str(seed)
        folder.mkdir()
        estate = Estate(folder, seed)
        estate.book = Hasty(estate.engine, estate.clock)
        try:
            for _ in range(40):
                estate.happen()
                estate.send()
            while estate.send():
                pass
            found += estate.held() != estate.told or bool(estate.book.gaps())
        finally:
            estate.close()
    assert found > 0


def test_the_hub_keeps_what_is_new_passes_over_what_it_has_and_writes_down_what_is_missing() -> None:
    engine = hub_engine()
    book = RecordBook(engine, SimulatedClock())
    heard: list[tuple[str, int]] = []
    book.hear("seen", lambda site, records: heard.append((site, len(records))))
    assert book.take("rowan", batch(1, 0)) == 1
    assert book.take("rowan", batch(1, 3)) == 4
    assert book.take("rowan", batch(1, 3)) == 4 and book.take("rowan", batch(2, 4)) == 6
    assert book.take("elm", batch(1, 1)) == 2 and book.take("rowan", batch(1, 1, ALERTS)) == 2
    assert (book.count("rowan"), book.count("elm"), book.repeated) == (6, 1, 5)
    assert book.gaps() == []
    assert book.take("rowan", batch(9, 2)) == 11
    (gap,) = book.gaps()
    assert (gap.site, gap.lane, gap.first, gap.end) == ("rowan", METADATA, 6, 9)
    assert heard == [("rowan", 3), ("rowan", 2), ("elm", 1), ("rowan", 1), ("rowan", 2)]
    engine.dispose()


def test_batches_that_make_no_sense_are_refused_and_cost_little() -> None:
    assert unpack(pack(batch(1, 2))) == batch(1, 2)
    bomb = b"x\x9c" + b"\0" * 100
    for wrong in (b"", b"nonsense", bomb, pack(batch(1, 2))[:-1]):
        with pytest.raises(LinkFault):
            unpack(wrong)
    for broken in (
        batch(0, 1),
        batch(1, 1, 7),
        batch(1, MOST_RECORDS + 1),
        msgspec.structs.replace(batch(1, 1), epoch=b""),
    ):
        with pytest.raises(LinkFault, match="rules"):
            unpack(pack(broken))


def test_an_outbox_is_silent_before_there_is_a_hub_and_begins_anew_for_another(tmp_path: Path) -> None:
    estate = Estate(tmp_path, 1)
    try:
        estate.outbox.end()
        for _ in range(5):
            estate.happen()
        assert estate.outbox.standing().waiting == 0 and estate.outbox.question(0) is None
        assert estate.outbox.begin(HUB), "faults that are open are told"
        standing = estate.outbox.standing()
        opened, batch = standing.waiting, estate.outbox.batch(0)
        assert batch is not None and standing.oldest_us == batch.records[0].time_us
        assert opened == len(estate.told[0]) and not estate.outbox.begin(HUB)
        first = estate.outbox.question(0)
        assert estate.outbox.begin(b"another") and first is not None
        assert not estate.outbox.received(first.epoch, 0, 1), "the answer of the former hub comes late"
    finally:
        estate.close()


def test_what_was_sent_stays_for_a_hub_that_is_set_back_and_goes_after_three_days(tmp_path: Path) -> None:
    estate = Estate(tmp_path, 2)
    try:
        for _ in range(20):
            estate.happen()
        while estate.send():
            pass
        estate.outbox.tidy()
        estate.outbox.received(estate.outbox.question(0).epoch, 1, 1)  # type: ignore[union-attr]
        assert estate.outbox.standing().waiting == len(estate.told[1])
        estate.drain()
        estate.clock.advance(KEPT_SENT_US + DAY_US)
        assert estate.outbox.tidy() == 0
        estate.outbox.received(estate.outbox.question(0).epoch, 1, 1)  # type: ignore[union-attr]
        assert estate.outbox.batch(1) is None, "nothing of them is left to send"
    finally:
        estate.close()


def test_what_waited_long_for_its_line_stays_as_long_after_it_was_sent(tmp_path: Path) -> None:
    estate = Estate(tmp_path, 2)
    try:
        for _ in range(20):
            estate.happen()
        estate.clock.advance(KEPT_SENT_US + DAY_US)
        estate.drain()
        assert estate.outbox.tidy() == 0
        for lane in (ALERTS, METADATA):  # the hub comes back from a backup made before
            estate.outbox.received(estate.outbox.question(0).epoch, lane, 1)  # type: ignore[union-attr]
        assert estate.outbox.standing().waiting == len(estate.told[ALERTS]) + len(estate.told[METADATA])
        assert estate.outbox.batch(ALERTS).first == 1  # type: ignore[union-attr]
    finally:
        estate.close()


def test_an_outbox_that_grew_too_long_drops_the_least_urgent_first_and_the_hub_sees_the_hole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("belvedere.site.outbox.store.MOST_KEPT", 30)
    estate = Estate(tmp_path, 3)
    try:
        for _ in range(60):
            estate.happen()
        assert estate.outbox.tidy() == 30
        estate.drain()
        (gap,) = estate.book.gaps()
        assert (gap.lane, gap.first, gap.end) == (METADATA, 1, 31)
        assert estate.held()[ALERTS] == estate.told[ALERTS] and estate.held()[METADATA] == estate.told[METADATA][30:]
    finally:
        estate.close()


async def test_alerts_go_before_what_waits_longer_in_other_lanes(tmp_path: Path) -> None:
    estate = Estate(tmp_path, 4)
    lanes: list[int] = []

    async def post(data: bytes) -> bytes:
        sent = unpack(data)
        lanes.append(sent.lane)
        return msgspec.msgpack.encode(Received(estate.book.take("rowan", sent)))

    try:
        for _ in range(30):
            estate.happen()
        sender = Sender(estate.outbox, post, estate.clock)
        assert await sender.ask() and lanes == [0, 1, 2]
        while await sender.send_one():
            pass
        assert lanes[3:] == [0, 1] and sender.sent == 30
        assert estate.held() == estate.told
    finally:
        estate.close()


async def test_records_reach_the_hub_over_https_and_become_tickets(tmp_path: Path) -> None:
    async with fleet_stage(tmp_path) as stage:
        box = stage.box("rowan", "gate")
        await stage.let_in(box)
        index = Index(tmp_path / "rowan" / "index.db", stage.clock)
        outbox = Outbox(index, stage.clock)
        post = HttpsPost(box.papers.tls, box.papers.place)
        try:
            outbox.begin(box.papers.hub_digest())
            now_us = stage.clock.now_us()
            with index.write() as db:
                db.execute(
                    "INSERT INTO fault (id, subject, kind, detail, first_us, last_us, times, changed_us)"
                    " VALUES ('fault_1', 'camera:gate', 'silent', 'No picture.', ?, ?, 1, ?)",
                    (now_us, now_us, now_us),
                )
            sender = Sender(outbox, post, stage.clock)
            assert await sender.ask() and await sender.send_one() and not await sender.send_one()
            assert stage.hub.fleet.records.count("rowan") == 1
            ticket = await asyncio.to_thread(stage.hub.health.tickets.ticket, "fault_1")
            assert (ticket.site_id, ticket.kind, ticket.detail) == ("rowan", "silent", "No picture.")
            tickets, told = (
                stage.hub.health.tickets,
                Fault("fault_1", "camera:gate", "silent", "x", 1, 2, 9, 3, "healthy", 4),
            )
            await asyncio.to_thread(tickets.take_in, "elm", [told])
            assert await asyncio.to_thread(tickets.ticket, "fault_1") == ticket, "another site can't alter it"
            await stage.hub.fleet.desk.revoke(stage.ann, "rowan", "stolen")
            with pytest.raises(Exception, match="opens nothing"):
                await sender.ask()
        finally:
            post.close()
            index.close()
