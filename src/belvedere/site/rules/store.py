"""Rules, counts and alarms in the site index. Thread-safe; every call blocks."""

from collections.abc import Mapping, Sequence

import msgspec

from belvedere.foundation.clock import DAY_US
from belvedere.foundation.errors import Conflict
from belvedere.link.rules import MOST_ALARMS, Alarm, LiveRule, RuleCount
from belvedere.site.storage.index import Index

KEPT_US = 31 * DAY_US  # alarms and counts; the hub has them by then

_rules: msgspec.msgpack.Decoder[tuple[LiveRule, ...]] = msgspec.msgpack.Decoder(tuple[LiveRule, ...])
CountKey = tuple[str, int, int]
"""Rule, version, day."""


class RuleStore:
    """What is kept of rules. Raises StorageFault where the index does."""

    def __init__(self, index: Index) -> None:
        self._index = index

    def rules(self) -> tuple[int, tuple[LiveRule, ...]]:
        """The version that holds, and its rules."""
        version, blob = self._index.read().execute("SELECT version, rules FROM live_rules").fetchone()
        return int(version), _rules.decode(blob)

    def put(self, version: int, rules: tuple[LiveRule, ...]) -> bool:
        """Keep a version; whether it changes anything. Raises Conflict for one older than what is kept."""
        known, held = self.rules()
        if (version, rules) == (known, held):
            return False
        if version <= known:
            raise Conflict(f"The site has version {known} of its rules.", advice="Load the page again.")
        with self._index.write() as db:
            db.execute("UPDATE live_rules SET version = ?, rules = ?", (version, msgspec.msgpack.encode(rules)))
        return True

    def add(self, alarms: Sequence[Alarm], counts: Mapping[CountKey, tuple[int, int, int]], now_us: int) -> None:
        """Keep alarms and add to counts (raised, shadow, muted), in one transaction; what is past its time goes."""
        with self._index.write() as db:
            db.executemany(
                "INSERT OR IGNORE INTO rule_alarm (id, time_us, body) VALUES (?, ?, ?)",
                [(each.id, each.time_us, msgspec.json.encode(each).decode()) for each in alarms],
            )
            db.executemany(
                "INSERT INTO rule_count VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET raised = raised + excluded.raised,"
                " shadow = shadow + excluded.shadow, muted = muted + excluded.muted",
                [(*key, *numbers) for key, numbers in counts.items()],
            )
            db.execute("DELETE FROM rule_alarm WHERE time_us < ?", (now_us - KEPT_US,))
            db.execute("DELETE FROM rule_count WHERE day < ?", ((now_us - KEPT_US) // DAY_US,))

    def alarms(self, after: int) -> tuple[Alarm, ...]:
        """Those beyond a number, oldest first, MOST_ALARMS at most."""
        rows = self._index.read().execute(
            "SELECT number, body FROM rule_alarm WHERE number > ? ORDER BY number LIMIT ?", (after, MOST_ALARMS)
        )
        return tuple(
            msgspec.structs.replace(msgspec.json.decode(body, type=Alarm), number=number) for number, body in rows
        )

    def newest(self) -> int:
        """The highest number that an alarm ever had, 0 before the first."""
        row = self._index.read().execute("SELECT seq FROM sqlite_sequence WHERE name = 'rule_alarm'").fetchone()
        return int(row[0]) if row is not None else 0

    def counts(self) -> tuple[RuleCount, ...]:
        """All days that are kept, oldest first."""
        rows = self._index.read().execute("SELECT * FROM rule_count ORDER BY day, rule, version LIMIT 20000")
        return tuple(RuleCount(*row) for row in rows)
