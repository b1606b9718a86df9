"""What the data protection officer is told at once: other rooms call `tell_dpo`, the DPO's desk shows it.

    await tell_dpo(hub.engine, hub.clock, "break_glass.opened", user.id, text, facts, due_us=now_us + DAY_US)

The text names nobody ("A person in role operator opened ..."); whom it is about stands in `about`, shown on request only.
"""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Engine, insert, select, update

from belvedere.foundation.clock import Clock
from belvedere.foundation.errors import BadInput
from belvedere.foundation.ids import new_id
from belvedere.hub.storage.engine import writing
from belvedere.hub.watchers.tables import dpo_item

FINDING, WEEKLY, NOTICE, SAMPLE = "finding", "weekly", "notice", "sample"
_LONGEST_MATTER = 200


def put_item(
    connection: Connection,
    clock: Clock,
    kind: str,
    rule: str,
    about: str,
    text: str,
    facts: Mapping[str, Any],
    *,
    matter: str = "",
    entries: Iterable[int] = (),
    made_us: int | None = None,
    due_us: int | None = None,
) -> str:
    """Put one item in the DPO's queue within a transaction; returns its id, that of the first one when `matter` is there.

    `kind`: finding, weekly (a weak one), notice or sample. `rule`: which detector, or what it tells of. `matter`: equal for what
    is the same.
    """
    item_id = new_id("item", clock)
    matter = matter or item_id
    if len(matter) > _LONGEST_MATTER:
        raise BadInput(f"A matter has {_LONGEST_MATTER} characters at most.", advice="Name it by an id.")
    known = connection.scalar(select(dpo_item.c.id).where(dpo_item.c.matter == matter))
    if known is not None:
        return str(known)
    connection.execute(
        insert(dpo_item).values(
            id=item_id,
            kind=kind,
            rule=rule,
            matter=matter,
            account_id=about,
            text=text,
            facts=dict(facts),
            entries=list(entries),
            made_us=clock.now_us() if made_us is None else made_us,
            due_us=due_us,
            reviewed_us=None,
            reviewed_by="",
            outcome="",
            words="",
        )
    )
    return item_id


async def tell_dpo(
    engine: Engine,
    clock: Clock,
    kind: str,
    about: str,
    text: str,
    facts: Mapping[str, Any],
    *,
    matter: str = "",
    entries: Iterable[int] = (),
    due_us: int | None = None,
) -> str:
    """Tell the data protection officer now; durable when this returns the item's id. Saying the same `matter` twice is once.

    `kind` is a dotted word such as `break_glass.opened`, `about` the account it is about ("" nobody), `due_us` by when it
    must be looked at. Raises BadInput.
    """

    def put() -> str:
        with writing(engine) as connection:
            return put_item(
                connection, clock, NOTICE, kind, about, text, facts, matter=matter, entries=entries, due_us=due_us
            )

    return await asyncio.to_thread(put)


def settle_notice(connection: Connection, clock: Clock, matter: str, by: str, outcome: str, words: str) -> bool:
    """Mark a matter as looked at where another room holds its review (break-glass); whether that changed anything."""
    done = connection.execute(
        update(dpo_item)
        .where(dpo_item.c.matter == matter, dpo_item.c.reviewed_us.is_(None))
        .values(reviewed_us=clock.now_us(), reviewed_by=by, outcome=outcome, words=words)
    )
    return done.rowcount == 1
