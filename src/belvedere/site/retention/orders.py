"""What the hub ordered, in the site's index: it holds while the hub is away, and an older order never undoes a newer one."""

import sqlite3
from pathlib import Path

import msgspec
import structlog

from belvedere.foundation.clock import Clock
from belvedere.foundation.errors import BadInput, Refused
from belvedere.link.retention import Decision, HoldOrder, Orders, PutRetention, open_orders
from belvedere.site.retention.holding import restore
from belvedere.site.storage.index import Index

log = structlog.get_logger()

_DAYS = range(1, 3661)


class OrderBook:
    """Takes in the hub's orders. Thread-safe, as the index is."""

    def __init__(self, index: Index, clock: Clock, site: str, hub_key_file: Path) -> None:
        self._index = index
        self._clock = clock
        self._site = site
        self._hub_key_file = hub_key_file

    def take(self, message: PutRetention) -> bool:
        """Check and apply signed orders. False: they were known, or older than what is known. Raises Refused, BadInput."""
        try:
            public_key = self._hub_key_file.read_bytes()
        except OSError as error:
            raise Refused("This site belongs to no hub yet.", advice="Start the hub, which brings its key.") from error
        orders = open_orders(message, public_key)
        if orders.site != self._site:
            raise Refused(f"These orders are for the site {orders.site}.", advice="Check which site this is.")
        return self.apply(orders)

    def apply(self, orders: Orders) -> bool:
        """Apply orders that were checked. Raises BadInput for what makes no sense; then nothing is changed."""
        names = {one.name for one in orders.classes}
        if any(one.days not in _DAYS for one in orders.classes) or not set(orders.cameras.values()) <= names:
            raise BadInput("The classes of cameras make no sense.", advice="Correct them on the page Retention.")
        if any(hold.from_us >= hold.to_us for hold in orders.holds):
            raise BadInput("A hold covers no time.", advice="Correct it on the page Retention.")
        now_us = self._clock.now_us()
        with self._index.write() as db:
            if orders.revision <= revision(db):
                return False
            db.execute("DELETE FROM camera_class")
            db.execute("DELETE FROM retention_class")
            db.executemany(
                "INSERT INTO retention_class (name, days, reference) VALUES (?, ?, ?)",
                [(one.name, one.days, one.reference) for one in orders.classes],
            )
            db.executemany("INSERT INTO camera_class (camera, class) VALUES (?, ?)", list(orders.cameras.items()))
            for hold in orders.holds:
                self._hold(db, msgspec.structs.asdict(hold))
            for decision in orders.decisions:
                self._decide(db, decision, now_us)
            db.execute(
                "INSERT OR REPLACE INTO retention_order (id, revision, applied_us) VALUES (1, ?, ?)",
                (orders.revision, now_us),
            )
        log.info("retention_ordered", revision=orders.revision, holds=len(orders.holds), classes=len(orders.classes))
        return True

    def _hold(self, db: sqlite3.Connection, words: dict[str, object]) -> None:
        """Put one hold. One that has ended stays so; the footage it let go may be on its way out."""
        cameras = words.pop("cameras")
        assert isinstance(cameras, tuple)
        db.execute(
            "INSERT INTO hold (id, owner, reason, reference, from_us, to_us, placed_us, expires_us, ended_us, ended_why) VALUES "
            "(:id, :owner, :reason, :reference, :from_us, :to_us, :placed_us, :expires_us, :ended_us, :ended_why) "
            "ON CONFLICT (id) DO UPDATE SET expires_us = :expires_us, reason = :reason, ended_why = "
            "CASE WHEN ended_us IS NULL THEN :ended_why ELSE ended_why END, ended_us = coalesce(ended_us, :ended_us)",
            words,
        )
        db.executemany(
            "INSERT INTO hold_camera (hold_id, camera) VALUES (?, ?) ON CONFLICT DO NOTHING",
            [(words["id"], camera) for camera in cameras],
        )

    def _decide(self, db: sqlite3.Connection, decision: Decision, now_us: int) -> None:
        """Carry out one decision, once."""
        if db.execute("SELECT 1 FROM retention_decision WHERE id = ?", (decision.id,)).fetchone() is not None:
            return
        outcome = "nothing to do"
        if decision.kind == "go":
            changed = db.execute(
                "UPDATE retention_night SET state = 'marking', approved_bytes = :bytes, decided = :decided "
                "WHERE night = :night AND state = 'stopped' AND planned_bytes <= :bytes",
                {"night": decision.night, "bytes": decision.bytes, "decided": f"{decision.by}: {decision.reason}"},
            ).rowcount
            outcome = "it goes on" if changed else "the plan has changed since"
        elif decision.kind == "no":
            changed = db.execute(
                "UPDATE retention_night SET state = 'refused', decided = ? WHERE night = ? AND state = 'stopped'",
                (f"{decision.by}: {decision.reason}", decision.night),
            ).rowcount
            outcome = "nothing is deleted this night" if changed else "the plan has changed since"
        elif decision.kind == "restore":
            outcome = f"{restore(db, decision.hold)} segments restored"
        db.execute(
            "INSERT INTO retention_decision (id, kind, words, applied_us, outcome) VALUES (?, ?, ?, ?, ?)",
            (decision.id, decision.kind, msgspec.json.encode(decision).decode(), now_us, outcome),
        )
        log.info("retention_decision", kind=decision.kind, outcome=outcome)


def revision(db: sqlite3.Connection) -> int:
    """The revision of the newest orders taken in; 0 before the first."""
    row = db.execute("SELECT revision FROM retention_order").fetchone()
    return 0 if row is None else int(row[0])


def live_holds(db: sqlite3.Connection) -> list[HoldOrder]:
    """Holds that have not ended, as they were ordered."""
    cameras: dict[str, list[str]] = {}
    for hold, camera in db.execute("SELECT hold_id, camera FROM hold_camera ORDER BY camera"):
        cameras.setdefault(hold, []).append(camera)
    rows = db.execute(
        "SELECT id, from_us, to_us, owner, reason, reference, placed_us, expires_us FROM hold WHERE ended_us IS NULL ORDER BY id"
    )
    return [
        HoldOrder(
            id=row[0],
            cameras=tuple(cameras.get(row[0], ())),
            from_us=row[1],
            to_us=row[2],
            owner=row[3],
            reason=row[4],
            reference=row[5],
            placed_us=row[6],
            expires_us=row[7],
            ended_us=None,
            ended_why="",
        )
        for row in rows.fetchall()
    ]
