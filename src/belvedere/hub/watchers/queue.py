"""The data protection officer's queue: what is in it, what became of it. Blocking; call it in a thread from async code."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Engine, RowMapping, case, func, select, update

from belvedere.foundation.clock import DAY_US, Clock
from belvedere.foundation.errors import BadInput, Conflict, NotFound, Refused
from belvedere.hub.storage.engine import reading, writing
from belvedere.hub.watchers.tables import dpo_item

PAGE = 100
_LEAST_WORDS = 10
_MOST_WORDS = 4_000


class Outcome(StrEnum):
    """What a review came to."""

    EXPLAINED = "explained"  # unusual, and for a good reason
    FALSE_ALARM = "false_alarm"  # not unusual at all: the rule is wrong here
    SPOKEN = "spoken"  # spoken about with the person
    INVESTIGATE = "investigate"  # handed to a formal investigation


@dataclass(frozen=True, slots=True)
class Item:
    """One item. `reviewed_us` None: still to be looked at."""

    id: str
    kind: str
    rule: str
    account_id: str
    text: str
    facts: dict[str, Any]
    entries: tuple[int, ...]
    made_us: int
    due_us: int | None
    reviewed_us: int | None
    reviewed_by: str
    outcome: str
    words: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How many are open, of each kind, and how many of them are late."""

    open: dict[str, int]
    overdue: int
    oldest_us: int | None


class Queue:
    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def items(
        self, *, is_open: bool, kind: str = "", rule: str = "", before: str = "", limit: int = PAGE
    ) -> list[Item]:
        """Open items, the most urgent first (by when they are due); or closed ones, newest first, below id `before`."""
        query = select(dpo_item)
        if kind:
            query = query.where(dpo_item.c.kind == kind)
        if rule:
            query = query.where(dpo_item.c.rule == rule)
        if is_open:
            # What has no date comes last, on both databases.
            last = case((dpo_item.c.due_us.is_(None), 1), else_=0)
            query = query.where(dpo_item.c.reviewed_us.is_(None)).order_by(last, dpo_item.c.due_us, dpo_item.c.id)
        else:
            query = query.where(dpo_item.c.reviewed_us.is_not(None)).order_by(dpo_item.c.id.desc())
            if before:
                query = query.where(dpo_item.c.id < before)
        with reading(self._engine) as connection:
            return [_item(row) for row in connection.execute(query.limit(limit)).mappings()]

    def item(self, item_id: str) -> Item:
        """One item. Raises NotFound."""
        with reading(self._engine) as connection:
            row = connection.execute(select(dpo_item).where(dpo_item.c.id == item_id)).mappings().one_or_none()
        if row is None:
            raise NotFound("There is no such item in the queue.", advice="Reload the page.")
        return _item(row)

    def standing(self) -> Standing:
        """The queue in numbers."""
        is_open = dpo_item.c.reviewed_us.is_(None)
        with reading(self._engine) as connection:
            rows = connection.execute(
                select(dpo_item.c.kind, func.count()).where(is_open).group_by(dpo_item.c.kind).order_by(dpo_item.c.kind)
            )
            counts = {kind: count for kind, count in rows}
            late = select(func.count()).where(is_open, dpo_item.c.due_us < self._clock.now_us())
            oldest = connection.scalar(select(func.min(dpo_item.c.made_us)).where(is_open))
            return Standing(counts, connection.scalar(late) or 0, oldest)

    def check_review(self, item_id: str, by: str, outcome: str, words: str) -> Item:
        """The item, if `by` may review it so. Raises NotFound, Refused, BadInput, Conflict."""
        if outcome not in frozenset(Outcome):
            raise BadInput(f"There is no outcome {outcome!r}.", advice=f"Choose from: {', '.join(Outcome)}.")
        if not _LEAST_WORDS <= len(words.strip()) <= _MOST_WORDS:
            raise BadInput(
                f"Say in {_LEAST_WORDS} letters or more what you found.", advice="Others will read it later."
            )
        item = self.item(item_id)
        if item.account_id == by:
            raise Refused("Nobody reviews what is about themselves.", advice="Ask your deputy.")
        if item.reviewed_us is not None:
            raise Conflict("This was reviewed already.", advice="Reload the page.")
        return item

    def review(self, item_id: str, by: str, outcome: str, words: str) -> Item:
        """Close an item; what `check_review` let through and was logged. Raises Conflict when somebody was faster."""
        with writing(self._engine) as connection:
            done = connection.execute(
                update(dpo_item)
                .where(dpo_item.c.id == item_id, dpo_item.c.reviewed_us.is_(None))
                .values(reviewed_us=self._clock.now_us(), reviewed_by=by, outcome=outcome, words=words.strip())
            )
            if done.rowcount == 0:
                raise Conflict("This was reviewed already.", advice="Reload the page.")
        return self.item(item_id)

    def outcomes(self, since_days: int = 90) -> dict[str, dict[str, int]]:
        """How reviews of the last days came out, by rule: what says whether a rule is worth its false alarms."""
        since_us = self._clock.now_us() - since_days * DAY_US
        query = (
            select(dpo_item.c.rule, dpo_item.c.outcome, func.count())
            .where(dpo_item.c.reviewed_us >= since_us)
            .group_by(dpo_item.c.rule, dpo_item.c.outcome)
        )
        found: dict[str, dict[str, int]] = {}
        with reading(self._engine) as connection:
            for rule, outcome, count in connection.execute(query):
                found.setdefault(rule, {})[outcome] = count
        return found


def _item(row: RowMapping) -> Item:
    return Item(
        row["id"],
        row["kind"],
        row["rule"],
        row["account_id"],
        row["text"],
        dict(row["facts"]),
        tuple(row["entries"]),
        row["made_us"],
        row["due_us"],
        row["reviewed_us"],
        row["reviewed_by"],
        row["outcome"],
        row["words"],
    )
