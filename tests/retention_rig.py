"""Retention beside the recorder's rig: nights go by when the test says so."""

from collections.abc import Sequence
from pathlib import Path

from belvedere.foundation.clock import DAY_US, HOUR_US, SECOND_US, SimulatedClock
from belvedere.link.retention import ClassOrder, Decision, HoldOrder, Orders
from belvedere.media.stream import StreamKind
from belvedere.site.retention.keeper import RetentionKeeper
from belvedere.site.retention.orders import OrderBook
from belvedere.site.storage.disk import Files
from recorder_rig import Rig

MIDNIGHT_US = 20_700 * DAY_US


class RetentionRig(Rig):
    """A recorder's rig that begins at a midnight, keeps footage for 31 days, and has a keeper whose ticks the test makes."""

    def __init__(
        self,
        folder: Path,
        *,
        files: Files | None = None,
        start_us: int = MIDNIGHT_US + 9 * HOUR_US,
        clock: SimulatedClock | None = None,
        slug: str = "cam-01",
    ) -> None:
        self.revision, self.slug = 0, slug
        super().__init__(folder, files=files, clock=clock or SimulatedClock(start_us))
        self.keep()

    def keep(self) -> None:
        """A fresh keeper and order book, as after a start of the site."""
        boot = int(str(self.rows("SELECT max(id) FROM boot")[0][0]))
        self.keeper = RetentionKeeper(
            self.index, self.keyring, [self.disk], self.clock, boot=boot, next_seq=self._next_seq, default_days=31
        )
        self.book = OrderBook(self.index, self.clock, "main", self.folder / "hub.pub")

    def footage_of(self, halves: int, *, kind: StreamKind = StreamKind.MAIN, size: int = 2_000) -> int:
        """Record so many half seconds from now on; returns when they begin."""
        start_us = self.clock.now_us()
        track = self.track(kind)
        self.record(track, range(halves), start_us, per_cycle=10, size=size)
        self.end(track)
        return start_us

    def order(
        self,
        *holds: HoldOrder,
        classes: Sequence[ClassOrder] = (),
        cameras: dict[str, str] | None = None,
        decisions: Sequence[Decision] = (),
    ) -> None:
        """Orders of the hub, as the site takes them in."""
        self.revision += 1
        now_us = self.clock.now_us()
        orders = Orders(1, "main", self.revision, now_us, tuple(classes), cameras or {}, holds, tuple(decisions))
        assert self.book.apply(orders)

    def hold(self, start_us: int, end_us: int, *, name: str = "hold_1", ended_us: int | None = None) -> HoldOrder:
        now_us = self.clock.now_us()
        return HoldOrder(
            id=name,
            cameras=("cam-01",),
            from_us=start_us,
            to_us=end_us,
            owner="Ada",
            reason="Broken door",
            reference="C-17",
            placed_us=now_us,
            expires_us=now_us + 90 * DAY_US,
            ended_us=ended_us,
            ended_why="Done" if ended_us else "",
        )

    def pass_days(self, days: int, *, step_us: int = 6 * HOUR_US) -> None:
        """Let days go by, with a tick every few hours."""
        for _ in range(days * DAY_US // step_us):
            self.clock.advance(step_us)
            self.keeper.tick()

    def seconds(self) -> list[tuple[int, int]]:
        """Wall seconds of all footage, as spans of runs from the timeline's own statement, joined where they touch."""
        found: list[tuple[int, int]] = []
        for start, end in self.rows("SELECT start_us, end_us FROM run WHERE end_us > start_us ORDER BY start_us"):
            if found and found[-1][1] == start:
                found[-1] = (found[-1][0], int(str(end)))
            else:
                found.append((int(str(start)), int(str(end))))
        return found

    def counts(self) -> tuple[int, int]:
        """Segments that are footage, and in quarantine."""
        footage = self.rows("SELECT count(*) FROM segment")[0][0]
        waiting = self.rows("SELECT count(*) FROM quarantine")[0][0]
        return int(str(footage)), int(str(waiting))

    def accounts_agree(self) -> None:
        """Sum of rows = bytes on disk = counters, exactly."""
        kept = int(str(self.rows("SELECT coalesce(sum(bytes), 0) FROM segment")[0][0]))
        waiting = int(str(self.rows("SELECT coalesce(sum(bytes), 0) FROM quarantine")[0][0]))
        counted = int(str(self.rows("SELECT coalesce(sum(bytes_kept), 0) FROM stream")[0][0]))
        on_disk = sum(self.files.size(name) for name in self.files.names())
        assert counted == kept
        assert on_disk == kept + waiting
        assert self.rows("SELECT count(*) FROM garbage") == [(0,)]


HALF_US = SECOND_US // 2
