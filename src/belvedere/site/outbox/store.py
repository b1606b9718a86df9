"""The outbox in the site's index. Triggers fill it; this reads it, moves its marks and drops what is old. Every call blocks."""

import os
import sqlite3
from dataclasses import dataclass

import msgspec

from belvedere.foundation.clock import DAY_US, HOUR_US, Clock
from belvedere.link.records import LANES, MOST_BYTES, MOST_RECORDS, Batch, Record
from belvedere.site.storage.index import Index

KEPT_SENT_US = 3 * DAY_US  # sent records stay so long from then, for a hub that is restored from yesterday's backup
MOST_KEPT = 2_000_000  # records in all lanes; beyond it the oldest go, sent or not
_FAULT = (
    "id",
    "subject",
    "kind",
    "detail",
    "first_us",
    "last_us",
    "times",
    "closed_us",
    "closed_why",
    "changed_us",
)


@dataclass(frozen=True, slots=True)
class Standing:
    """How much waits. `last`: the newest number given in lane 0. `oldest_us`: when the oldest that waits was made, 0: none."""

    waiting: int
    last: int
    oldest_us: int = 0


class Outbox:
    """Thread-safe."""

    def __init__(self, index: Index, clock: Clock) -> None:
        self._index = index
        self._clock = clock

    def begin(self, hub: bytes) -> bool:
        """The site belongs to a hub: write records from now on, and one for each fault that is open. False: it did already.

        `hub` tells hubs apart. For another one, which knows nothing yet, the outbox begins anew, and what waited is dropped.
        """
        with self._index.write() as db:
            if tuple(db.execute("SELECT enabled, hub FROM outbox_state").fetchone()) == (1, hub):
                return False
            self._anew(db, hub)
        return True

    def end(self) -> None:
        """The site belongs to no hub: write no more records, and drop those there are."""
        with self._index.write() as db:
            db.execute("UPDATE outbox_state SET enabled = 0")
            db.execute("DELETE FROM outbox")

    def _anew(self, db: sqlite3.Connection, hub: bytes) -> None:
        db.execute("DELETE FROM outbox")
        db.execute("DELETE FROM outbox_sent")
        db.execute("UPDATE outbox_lane SET next_seq = 1, sent_seq = 1")
        db.execute("UPDATE outbox_state SET enabled = 1, epoch = ?, hub = ?", (os.urandom(16), hub))
        open_faults = db.execute(f"SELECT {', '.join(_FAULT)} FROM fault WHERE closed_us IS NULL ORDER BY first_us")
        for seq, row in enumerate(open_faults.fetchall(), 1):
            body = msgspec.json.encode(dict(zip(_FAULT, row, strict=True))).decode()
            db.execute("INSERT INTO outbox VALUES (0, ?, 'fault', ?, ?)", (seq, row[-1], body))
            db.execute("UPDATE outbox_lane SET next_seq = ? WHERE lane = 0", (seq + 1,))

    def standing(self) -> Standing:
        """How much waits to be sent."""
        rows = (
            self._index.read()
            .execute(
                "SELECT lane, next_seq, sent_seq, (SELECT time_us FROM outbox"
                " WHERE outbox.lane = outbox_lane.lane AND seq >= sent_seq ORDER BY seq LIMIT 1) FROM outbox_lane"
            )
            .fetchall()
        )
        return Standing(
            sum(next_seq - sent for _, next_seq, sent, _ in rows),
            max(next_seq - 1 for lane, next_seq, _, _ in rows if not lane),
            min((made_us for *_, made_us in rows if made_us is not None), default=0),
        )

    def batch(self, lane: int, most_bytes: int = MOST_BYTES) -> Batch | None:
        """The oldest records of a lane that the hub does not have, at most MOST_RECORDS and some `most_bytes`. None: all sent."""
        db = self._index.read()
        enabled, epoch = db.execute("SELECT enabled, epoch FROM outbox_state").fetchone()
        if not enabled:
            return None
        rows = db.execute(
            "SELECT outbox.seq, kind, time_us, body FROM outbox JOIN outbox_lane USING (lane)"
            " WHERE lane = ? AND seq >= sent_seq ORDER BY seq LIMIT ?",
            (lane, MOST_RECORDS),
        ).fetchall()
        if not rows:
            return None
        taken, size = 0, 0
        for row in rows:
            size += len(row[3])
            if taken and size > most_bytes:
                break
            taken += 1
        records = tuple(Record(kind, time_us, body) for _, kind, time_us, body in rows[:taken])
        return Batch(bytes(epoch), lane, rows[0][0], self._clock.now_us(), records)

    def question(self, lane: int) -> Batch | None:
        """An empty batch, to learn how far the hub is. None while the outbox is off."""
        enabled, epoch = self._index.read().execute("SELECT enabled, epoch FROM outbox_state").fetchone()
        return Batch(bytes(epoch), lane, 1, self._clock.now_us(), ()) if enabled else None

    def received(self, epoch: bytes, lane: int, next_seq: int) -> bool:
        """The hub has everything below `next_seq`. Lower than before: it was set back, and what is still here goes again.

        False when the epoch is over or the hub claims records that were never made.
        """
        with self._index.write() as db:
            now = db.execute("SELECT epoch, next_seq FROM outbox_state, outbox_lane WHERE lane = ?", (lane,)).fetchone()
            if bytes(now[0]) != epoch or not 1 <= next_seq <= now[1]:
                return False
            db.execute("UPDATE outbox_lane SET sent_seq = ? WHERE lane = ?", (next_seq, lane))
            # What a hub that was set back gets again counts from when it has it again.
            db.execute("DELETE FROM outbox_sent WHERE lane = ? AND below > ?", (lane, next_seq))
            db.execute("INSERT OR REPLACE INTO outbox_sent VALUES (?, ?, ?)", (lane, self._hour(), next_seq))
        return True

    def _hour(self) -> int:
        return self._clock.now_us() // HOUR_US

    def tidy(self) -> int:
        """Drop sent records past KEPT_SENT_US, and the oldest of all beyond MOST_KEPT; how many unsent ones went."""
        lost = 0
        with self._index.write() as db:
            hour = self._hour() - KEPT_SENT_US // HOUR_US
            for lane in LANES:
                # Numbers only ever go from the front, so that no hole opens.
                db.execute(
                    "DELETE FROM outbox WHERE lane = :lane AND seq < min("
                    " (SELECT sent_seq FROM outbox_lane WHERE lane = :lane),"
                    " (SELECT coalesce(max(below), 0) FROM outbox_sent WHERE lane = :lane AND hour < :hour))",
                    {"lane": lane, "hour": hour},
                )
            db.execute("DELETE FROM outbox_sent WHERE hour < ?", (hour,))
            for lane in reversed(LANES):
                over = db.execute("SELECT count(*) FROM outbox").fetchone()[0] - MOST_KEPT
                if over <= 0:
                    break
                edge = db.execute(
                    "SELECT seq FROM outbox WHERE lane = ? ORDER BY seq LIMIT 1 OFFSET ?", (lane, over)
                ).fetchone()
                next_seq, sent = db.execute(
                    "SELECT next_seq, sent_seq FROM outbox_lane WHERE lane = ?", (lane,)
                ).fetchone()
                until = edge[0] if edge is not None else next_seq
                db.execute("DELETE FROM outbox WHERE lane = ? AND seq < ?", (lane, until))
                lost += max(0, until - sent)
                db.execute("UPDATE outbox_lane SET sent_seq = max(sent_seq, ?) WHERE lane = ?", (until, lane))
        return lost
