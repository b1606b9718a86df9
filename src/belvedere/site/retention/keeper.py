"""The nights: what is old enough goes into quarantine, what was there for 24 hours is destroyed, what is gone is told of.

Nothing here can stop recording. A night whose plan is far beyond its forecast stops itself and asks a person. The day of
quarantine is counted by a clock that nobody can set, and holds are looked at in the same transaction that marks.
"""

import threading
from collections.abc import Callable, Sequence

import structlog

from belvedere.foundation.clock import DAY_US, HOUR_US, MINUTE_US, Clock
from belvedere.foundation.errors import StorageFault, WrongDisk
from belvedere.link.retention import NightPlan
from belvedere.site.custody.needed import FOR_HOLDS
from belvedere.site.retention.holding import Holding, quarantine
from belvedere.site.retention.plan import exceeds, make_plan, night_of, rules
from belvedere.site.retention.space import destroy_quarantined
from belvedere.site.retention.statements import statements
from belvedere.site.retention.telling import tell_lines
from belvedere.site.storage.deletion import Doomed, Told, sweep
from belvedere.site.storage.disk import Disk
from belvedere.site.storage.index import Index
from belvedere.site.storage.index import statements as index_statements
from belvedere.site.storage.keys import Keyring

log = structlog.get_logger()

QUARANTINE_US = DAY_US
TALLY_AFTER_US = 20 * MINUTE_US  # a day's last segments are closed by then
_EVERY_S = 60.0
_STEP_US = HOUR_US  # a clock set by more than this is not trusted until the next start
_BATCH = 200


class RetentionKeeper:
    """Retention of one site. `tick` does what is due; `start` calls it each minute on a thread of its own."""

    def __init__(
        self,
        index: Index,
        keyring: Keyring,
        disks: Sequence[Disk],
        clock: Clock,
        *,
        boot: int,
        next_seq: Callable[[], int],
        default_days: int,
    ) -> None:
        self.default_days = default_days
        self.clock_trusted = True
        self._index = index
        self._keyring = keyring
        self._disks = {disk.id: disk for disk in disks}
        self._clock = clock
        self._holding = Holding(index, keyring, self._disks, clock, boot, next_seq)
        self._offset_us = clock.now_us() - clock.monotonic_us()
        self._ticked_us = clock.monotonic_us()
        self._forgotten = -1  # number of the newest destroyed segment of which no key is left in the write-ahead log
        self._wake = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._main, name="retention", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread, between two batches at the latest. Blocks until it is done."""
        self._stopping = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()

    def wake(self) -> None:
        """Look at once: orders came. Callable from any thread."""
        self._wake.set()

    @property
    def waiting_for_keys(self) -> int:
        """Segments that stay whole under a hold because the hub has not released their key."""
        return len(self._keyring.needed)

    def _main(self) -> None:
        while not self._stopping:
            self._wake.clear()
            self.tick()
            self._wake.wait(_EVERY_S)

    def tick(self) -> None:
        """Do what is due. A fault of the index or a disk is logged, and the next tick tries again."""
        try:
            self._serve()
            self._tally()
            if self.clock_trusted:
                self._night()
                self._lent()
            self._destroy()
            self._destroy_keys()
            tell_lines(self._index, self._clock.now_us())
        except (StorageFault, OSError) as error:
            log.error("retention_failed", error=str(error))

    def _serve(self) -> None:
        """Count the time in quarantine, and notice a clock that was set."""
        now_us = self._clock.monotonic_us()
        offset_us = self._clock.now_us() - now_us
        if abs(offset_us - self._offset_us) > _STEP_US and self.clock_trusted:
            self.clock_trusted = False
            log.error(
                "retention_waits",
                why="the host's clock was set by more than an hour",
                step_us=offset_us - self._offset_us,
            )
        self._offset_us = offset_us
        passed_us, self._ticked_us = now_us - self._ticked_us, now_us
        with self._index.write() as db:
            db.execute(
                "UPDATE retention_night SET served_us = served_us + ? WHERE state IN ('marked', 'superseded', 'refused')",
                (passed_us,),
            )

    def _tally(self) -> None:
        """Note what each day brought, once it is over."""
        over = (self._clock.now_us() - TALLY_AFTER_US) // DAY_US - 1
        newest = self._index.read().execute("SELECT max(day) FROM recorded_day").fetchone()[0]
        if newest is None:
            first_us = self._index.read().execute("SELECT min(kept_from_us) FROM segment").fetchone()[0]
            if first_us is None:
                return
            newest = first_us // DAY_US - 1
        for day in range(max(newest + 1, over - 4000), over + 1):
            with self._index.write() as db:
                span = {"day": day, "from_us": day * DAY_US, "to_us": (day + 1) * DAY_US}
                db.execute(statements()["tally"], span)

    # Into quarantine.

    def _night(self) -> None:
        night = night_of(self._clock.now_us())
        row = (
            self._index.read()
            .execute("SELECT state, marked_bytes, approved_bytes FROM retention_night WHERE night = ?", (night,))
            .fetchone()
        )
        if row is not None and row[0] != "marking":
            return
        plan = make_plan(self._index, night, self.default_days)
        marked, approved = (0, 0) if row is None else (row[1], row[2])
        total = plan.bytes + marked
        if exceeds(total, plan.forecast_bytes) and total > approved:
            self._stop(plan, total)
            return
        if row is None:
            self._begin(plan, "marking")
        held = self._mark(night)
        with self._index.write() as db:
            db.execute(
                "UPDATE retention_night SET state = 'marked', held_segments = ?, served_us = 0 WHERE night = ?",
                (held, night),
            )
        log.info("retention_marked", night=night, segments=plan.segments, bytes=plan.bytes, held=held)

    def _begin(self, plan: NightPlan, state: str) -> None:
        with self._index.write() as db:
            db.execute(
                "UPDATE retention_night SET state = 'superseded' WHERE state = 'stopped' AND night < ?", (plan.night,)
            )
            db.execute(
                "INSERT INTO retention_night (night, state, planned_bytes, planned_segments, forecast_bytes, decided, begun_us) "
                "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (night) DO UPDATE SET state = excluded.state, "
                "planned_bytes = excluded.planned_bytes, planned_segments = excluded.planned_segments",
                (
                    plan.night,
                    state,
                    plan.bytes,
                    plan.segments,
                    plan.forecast_bytes,
                    "Its time was up.",
                    self._clock.now_us(),
                ),
            )

    def _stop(self, plan: NightPlan, total: int) -> None:
        self._begin(plan, "stopped")
        log.error("retention_stopped", night=plan.night, planned_bytes=total, forecast_bytes=plan.forecast_bytes)

    def _mark(self, night: int) -> int:
        """Mark all that is due. Returns how many segments a hold keeps."""
        held: list[int] = []
        self._keyring.needed.clear()
        for rule in rules(self._index, self.default_days):
            values = {"stream_id": rule.stream_id, "cutoff_us": rule.cutoff_us(night)}
            rows = self._index.read().execute(statements()["due"], values).fetchall()
            free = [Doomed(*row[:6]) for row in rows if not row[6]]
            touched = [row[0] for row in rows if row[6]]
            for start in range(0, len(free), _BATCH):
                self._mark_batch(free[start : start + _BATCH], night)
                if self._stopping:
                    raise StorageFault("The site is stopping.", advice="The night goes on at the next start.")
            for segment_id in touched:
                self._marked(night, self._holding.keep(segment_id, night), 1)
            held += touched
        return len(held)

    def _lent(self) -> None:
        """Keep what waited for keys that the hub has released for it; then they are forgotten again."""
        released = [
            pair for pair in self._keyring.needed.days() if self._keyring.released.get(FOR_HOLDS, *pair) is not None
        ]
        if not released:
            return
        night = night_of(self._clock.now_us())
        row = self._index.read().execute("SELECT state FROM retention_night WHERE night = ?", (night,)).fetchone()
        if row is not None and row[0] in ("marked", "destroyed"):  # else the night itself comes to them
            with self._index.write() as db:  # what goes into quarantine now has its whole day there too
                db.execute("UPDATE retention_night SET state = 'marked', served_us = 0 WHERE night = ?", (night,))
            for pair in released:
                for segment_id in self._keyring.needed.take(*pair):
                    self._marked(night, self._holding.keep(segment_id, night), 1)
        self._keyring.released.end(FOR_HOLDS)

    def _mark_batch(self, batch: Sequence[Doomed], night: int) -> None:
        with self._index.write() as db:
            moved = quarantine(db, batch, night, self._clock.now_us())
            db.execute(
                "UPDATE retention_night SET marked_bytes = marked_bytes + ?, marked_segments = marked_segments + ?, served_us = 0 "
                "WHERE night = ?",
                (sum(row.bytes for row in moved), len(moved), night),
            )

    def _marked(self, night: int, size: int, count: int) -> None:
        if size:
            with self._index.write() as db:
                db.execute(
                    "UPDATE retention_night SET marked_bytes = marked_bytes + ?, marked_segments = marked_segments + ? "
                    "WHERE night = ?",
                    (size, count, night),
                )

    # Out of existence.

    def _destroy(self) -> None:
        """Destroy what has served its day in quarantine. What a later hold covers waits for a person."""
        nights = self._index.read().execute(
            "SELECT night, decided FROM retention_night WHERE state IN ('marked', 'superseded', 'refused') AND served_us >= ? "
            "ORDER BY night",
            (QUARANTINE_US,),
        )
        for night, decided in nights.fetchall():
            for disk in self._disks.values():
                self._destroy_night(night, decided, disk)
            left = self._index.read().execute("SELECT 1 FROM quarantine WHERE night = ? LIMIT 1", (night,)).fetchone()
            if left is None:
                with self._index.write() as db:
                    db.execute("UPDATE retention_night SET state = 'destroyed' WHERE night = ?", (night,))
        for disk in self._disks.values():
            sweep(self._index, disk.files, disk.id)

    def _destroy_night(self, night: int, decided: str, disk: Disk) -> None:
        try:
            disk.verify()
        except WrongDisk:
            return  # not there now; its footage goes when it is back
        after, told = -1, Told("age", decided, self._clock.now_us())
        while not self._stopping:
            values = {"night": night, "disk_id": disk.id, "after": after, "count": _BATCH}
            rows = self._index.read().execute(statements()["served"], values).fetchall()
            if not rows:
                return
            after = rows[-1][0]
            doomed = [Doomed(*row[:6]) for row in rows if not row[6] or self._holding.covered(row[0])]
            destroy_quarantined(self._index, disk, doomed, told)

    def _destroy_keys(self) -> None:
        """Destroy keys whose footage is all gone: in the database's pages and in its log."""
        before_us = self._clock.now_us() - 2 * DAY_US
        rows = self._index.read().execute(index_statements()["unused_day_keys"], {"before_us": before_us}).fetchall()
        held = self._index.read().execute(
            "SELECT segment_id FROM held_key k WHERE NOT EXISTS (SELECT 1 FROM segment g WHERE g.id = k.segment_id) "
            "AND NOT EXISTS (SELECT 1 FROM quarantine q WHERE q.id = k.segment_id)"
        )
        lost = held.fetchall()
        if lost:
            with self._index.write() as db:
                db.executemany("DELETE FROM held_key WHERE segment_id = ?", lost)
        rows += self._index.read().execute(statements()["unused_held_copies"]).fetchall()
        newest = (
            self._index.read().execute("SELECT seq FROM sqlite_sequence WHERE name = 'destroyed_segment'").fetchone()
        )
        number = 0 if newest is None else int(newest[0])
        if rows or lost or number != self._forgotten:
            emptied = self._keyring.destroy([(camera_id, day) for camera_id, day in rows])
            self._forgotten = number if emptied else -1
        if rows or lost:
            log.info("keys_destroyed", days=sum(day >= 0 for _, day in rows), segments=len(lost))
