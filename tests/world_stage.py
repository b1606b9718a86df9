"""The estate of `outbox_stage` in a worse world: clocks are set, the hub's disk is full, papers are copied. With faults to plant.

Two rules of that world are the product's own limits: a backup of the hub is restored only while the site still keeps what was sent
since (three days), and not across a change of the site's clock, by which those days are counted.
"""

from pathlib import Path

import msgspec

from belvedere.foundation.clock import DAY_US
from belvedere.foundation.errors import LinkFault, StorageFault
from belvedere.hub.fleet.records import RecordBook
from belvedere.hub.fleet.tables import site_mark
from belvedere.hub.storage import writing
from belvedere.link.configuration import LineLimits
from belvedere.link.records import LANES, METADATA, Batch
from belvedere.site.outbox.store import KEPT_SENT_US
from belvedere.site.uplink.budget import FLOOR_BYTES_S, LineBudget, Use
from outbox_stage import Estate, live


class World(Estate):
    """`wrong`: what is wrong besides what the hub holds, "" when nothing is."""

    lanes: tuple[int, ...] = LANES

    def __post_init__(self) -> None:
        super().__post_init__()
        self.full, self.wrong, self.backed_up_us = False, "", 0
        self.budget = LineBudget(self.clock, lambda: LineLimits(8_000))

    def step_clock(self) -> None:
        """Somebody sets the site's clock, up to three days either way."""
        self.clock.step(self.chance.randrange(-3 * DAY_US, 3 * DAY_US))
        if self.backup is not None:
            self.backup.close()
            self.backup = None

    def fill_disk(self) -> None:
        """The hub's disk is full from now on, or has room again."""
        self.full = not self.full

    def admit(self, run: bytes) -> bool:
        """Whether the hub takes this machine's call: the one that is on the line answers, so another one is refused."""
        return run == b"first"

    def twin(self) -> None:
        """A machine with a copy of papers and index calls, and sends what happened there."""
        batch = self.outbox.batch(METADATA)
        if batch is not None and self.admit(b"twin"):
            strange = tuple(msgspec.structs.replace(each, body='{"source":"twin"}') for each in batch.records)
            self.book.take("rowan", msgspec.structs.replace(batch, records=strange))

    def viewer(self, change: int) -> None:
        """The budget hears of a viewer, or of one who leaves."""
        self.budget.live += change

    def look_live(self) -> None:
        """Somebody looks while records wait: a batch may be no larger than its floor carries in two seconds."""
        self.viewer(1)
        if self.budget.most_bytes() > 2 * FLOOR_BYTES_S or self.budget.wait_s(Use.LIVE):
            self.wrong = "records do not give way to live pictures"
        self.viewer(-1)

    def exchange(self, batch: Batch) -> int:
        if self.full and batch.records:
            return self.no_room(batch)
        return super().exchange(batch)

    def no_room(self, batch: Batch) -> int:
        """What a hub with a full disk answers."""
        raise LinkFault("The hub can't keep records now.")

    def send(self) -> bool:
        urgent = self.outbox.batch(0) is not None
        for lane in self.lanes:
            batch = self.outbox.batch(lane)
            if batch is not None:
                if urgent and lane:
                    self.wrong = "an alert waited behind another lane"
                try:
                    self.outbox.received(batch.epoch, lane, self.exchange(batch))
                except LinkFault:
                    pass
                return True
        return False

    def back_up_hub(self) -> None:
        super().back_up_hub()
        self.backed_up_us = self.clock.now_us()

    def restore_hub(self) -> None:
        if self.clock.now_us() - self.backed_up_us < KEPT_SENT_US:
            super().restore_hub()


class _Hasty(RecordBook):
    def take(self, site: str, batch: Batch) -> int:
        claimed = batch.first + len(batch.records)
        return claimed if batch.records and self.taken % 2 else super().take(site, batch)


class _AcknowledgesFirst(World):
    def __post_init__(self) -> None:
        super().__post_init__()
        self.book = _Hasty(self.engine, self.clock)


class _MarksApart(World):
    def exchange(self, batch: Batch) -> int:
        if batch.records and self.chance.random() < 0.05:  # the mark is moved, and the power goes before the records
            with writing(self.engine) as connection:
                connection.execute(site_mark.update().values(next_seq=batch.first + len(batch.records)))
            raise LinkFault("The answer was lost.")
        return super().exchange(batch)


class _Starves(World):
    lanes = tuple(reversed(LANES))


class _TakesTwins(World):
    def admit(self, run: bytes) -> bool:
        return True


class _HearsNoViewer(World):
    def viewer(self, change: int) -> None:
        pass


class _FullIsFine(World):
    def no_room(self, batch: Batch) -> int:
        return batch.first + len(batch.records)


PLANTED: dict[str, type[World]] = {
    "acknowledged before it is committed": _AcknowledgesFirst,
    "the mark is not in the records' transaction": _MarksApart,
    "a lane starves behind a longer one": _Starves,
    "a second machine with the same papers is taken": _TakesTwins,
    "the budget hears of no viewer": _HearsNoViewer,
    "a full disk is no reason to refuse": _FullIsFine,
}


def sound(world: World, steps: int) -> bool:
    """Live through a life, bring everything home, and say whether it is all there: once, in order, without a hole."""
    acts = [world.step_clock, world.fill_disk, world.twin, world.look_live]
    try:
        for _ in range(4):
            live(world, steps // 4)
            world.chance.choice(acts)()
        world.full = False
        world.drain()
        whole = world.held() == world.told and world.book.gaps() == []
        return whole and not world.wrong and world.outbox.standing().waiting == 0
    except (AssertionError, StorageFault):  # the hub claims what never was, or refuses what must fit
        return False
    finally:
        world.close()


def dwell(folder: Path, make: type[World], seed: int, steps: int) -> bool:
    """One life in a folder of its own."""
    folder.mkdir()
    return sound(make(folder, seed), steps)
