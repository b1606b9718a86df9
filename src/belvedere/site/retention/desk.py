"""Retention of one site as the rest of the house sees it: it starts, stops, and answers the hub and the command line."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from belvedere.foundation.clock import DAY_US, Clock, iso
from belvedere.link.messages import Reply, Request
from belvedere.link.retention import (
    Destructions,
    GetDestructions,
    GetRetention,
    HeldState,
    NightPlan,
    PutRetention,
    QuarantineLine,
    RetentionState,
)
from belvedere.site.retention.headroom import headroom
from belvedere.site.retention.keeper import QUARANTINE_US, RetentionKeeper
from belvedere.site.retention.orders import OrderBook, live_holds, revision
from belvedere.site.retention.plan import make_plan, night_of
from belvedere.site.retention.statements import statements
from belvedere.site.retention.telling import destructions
from belvedere.site.storage.disk import Disk
from belvedere.site.storage.index import Index
from belvedere.site.storage.keys import Keyring

if TYPE_CHECKING:
    from belvedere.foundation.settings import SiteSettings

_HELD_LOST_US = 30 * DAY_US  # so long is told that held footage had to go


class RetentionDesk:
    """The keeper, the order book and the report. `answers` goes to `serve_link`; its calls may come from any thread."""

    def __init__(
        self,
        settings: "SiteSettings",
        hub_key_file: Path,
        index: Index,
        keyring: Keyring,
        disks: Sequence[Disk],
        clock: Clock,
        boot: int,
    ) -> None:
        self.keeper = RetentionKeeper(
            index,
            keyring,
            disks,
            clock,
            boot=boot,
            next_seq=lambda: index.next_id("file"),
            default_days=settings.retention_days,
        )
        self.orders = OrderBook(index, clock, settings.id, hub_key_file)
        self._settings = settings
        self._index = index
        self._disks = disks
        self._clock = clock
        self.answers: Mapping[type[Request], Callable[[Any], Reply]] = {
            PutRetention: self._put,
            GetRetention: lambda _: self.state(),
            GetDestructions: lambda request: Destructions(destructions(index, request.after)),
        }

    def start(self) -> None:
        self.keeper.start()

    def stop(self) -> None:
        """Blocks until the present batch is done."""
        self.keeper.stop()

    def _put(self, request: PutRetention) -> RetentionState:
        if self.orders.take(request):
            self.keeper.wake()
        return self.state()

    def state(self) -> RetentionState:
        """How retention stands. Reads only."""
        now_us = self._clock.now_us()
        read = self._index.read()
        night = night_of(now_us)
        stopped = self._stopped()
        tonight = make_plan(self._index, night + 1, self._settings.retention_days)
        disks = tuple(
            headroom(self._index, disk, now_us, self._settings.min_free_bytes, self._settings.retention_days)
            for disk in self._disks
        )
        waiting = dict(read.execute(statements()["hold_quarantined"]).fetchall())
        sizes = {row[0]: row for row in read.execute(statements()["hold_sizes"]).fetchall()}
        live = live_holds(read)
        holds = tuple(
            HeldState(
                one.id,
                sizes[one.id][1] if one.id in sizes else 0,
                sizes[one.id][2] if one.id in sizes else 0,
                waiting.get(one.id, 0),
            )
            for one in live
        )
        quarantine = read.execute(
            "SELECT n.night, count(*), sum(q.bytes), max(0, ? - n.served_us), n.decided FROM quarantine q "
            "JOIN retention_night n ON n.night = q.night GROUP BY n.night ORDER BY n.night",
            (QUARANTINE_US,),
        )
        return RetentionState(
            revision=revision(read),
            now_us=now_us,
            default_days=self._settings.retention_days,
            clock_trusted=self.keeper.clock_trusted,
            tonight=tonight,
            stopped=stopped,
            quarantine=tuple(QuarantineLine(*row) for row in quarantine.fetchall()),
            disks=disks,
            holds=holds,
            alarms=(
                *self._alarms(stopped, waiting, now_us),
                *(_low(disk.name, disk.days) for disk in disks if disk.alarm),
            ),
            destructions=int(read.execute("SELECT coalesce(max(id), 0) FROM destruction").fetchone()[0]),
            in_force=tuple(live),
            series=str(read.execute("SELECT id FROM destruction_series").fetchone()[0]),
        )

    def _stopped(self) -> NightPlan | None:
        row = (
            self._index.read()
            .execute(
                "SELECT night, planned_segments, planned_bytes, held_segments, forecast_bytes FROM retention_night "
                "WHERE state = 'stopped' ORDER BY night DESC LIMIT 1"
            )
            .fetchone()
        )
        if row is None:
            return None
        night, segments, size, held, expected = row
        lines = make_plan(self._index, night, self._settings.retention_days).lines
        return NightPlan(night, night * DAY_US, lines, segments, size, held, 0, expected, True, "stopped")

    def _alarms(self, stopped: NightPlan | None, waiting: Mapping[str, int], now_us: int) -> list[str]:
        said = []
        if stopped is not None:
            said.append(
                f"Deletion stopped itself on {iso(stopped.at_us)[:10]}: {stopped.bytes / 1e9:.1f} GB are due and "
                f"{stopped.forecast_bytes / 1e9:.1f} GB were to be expected. Recording goes on; a person has to decide."
            )
        if not self.keeper.clock_trusted:
            said.append(
                "The site's clock was set by more than an hour. Nothing goes for age until the site is started again."
            )
        lost = self._index.read().execute(
            "SELECT (SELECT coalesce(sum(segments), 0) FROM destruction WHERE why = 'held_space' AND destroyed_us > :since) + "
            "(SELECT count(*) FROM destroyed_segment WHERE why = 'held_space')",
            {"since": now_us - _HELD_LOST_US},
        )
        if count := int(lost.fetchone()[0]):
            said.append(f"A disk was full of held footage: {count} held segments had to go so that recording went on.")
        if self.keeper.waiting_for_keys:
            said.append(f"{self.keeper.waiting_for_keys} held segments stay whole until the hub releases their keys.")
        if waiting:
            said.append(
                f"{sum(waiting.values())} segments in quarantine are covered by a newer hold. They are not destroyed; the data "
                "protection officer can restore them."
            )
        return said


def _low(name: str, days: float | None) -> str:
    left = "hardly any room" if days is None else f"room for {days:.1f} days more"
    return f"The disk {name} has {left}. Add a disk, or keep footage for fewer days."
