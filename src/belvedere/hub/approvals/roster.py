"""Who is on call when, as the manager set it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, delete, insert, select

from belvedere.foundation.clock import DAY_US, Clock
from belvedere.foundation.errors import BadInput
from belvedere.foundation.ids import new_id
from belvedere.hub.approvals.tables import on_call
from belvedere.hub.storage.engine import reading, writing
from belvedere.hub.storage.metadata import account

MOST_TURNS = 500
_KEPT_US = 90 * DAY_US  # turns that are over, for the roster's own page


@dataclass(frozen=True, slots=True)
class Turn:
    """Somebody is on call in [from_us, to_us)."""

    account_id: str
    from_us: int
    to_us: int


class Roster:
    """Who is on call, as the manager set it. Blocking; call it in a thread from async code."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def turns(self, since_us: int | None = None) -> list[Turn]:
        """Turns that are not over at `since_us` (now), by their start."""
        since_us = self._clock.now_us() if since_us is None else since_us
        query = select(on_call).where(on_call.c.to_us > since_us).order_by(on_call.c.from_us, on_call.c.account_id)
        with reading(self._engine) as connection:
            return [Turn(row.account_id, row.from_us, row.to_us) for row in connection.execute(query)]

    def on_call(self) -> frozenset[str]:
        """Ids of the accounts that are on call now."""
        now_us = self._clock.now_us()
        query = select(on_call.c.account_id).where(on_call.c.from_us <= now_us, on_call.c.to_us > now_us)
        with reading(self._engine) as connection:
            return frozenset(connection.scalars(query))

    def check(self, turns: Sequence[Turn], approvers: Iterable[str]) -> None:
        """Raise BadInput unless these turns can be set; `approvers` are the accounts that may approve at all."""
        known = frozenset(approvers)
        if len(turns) > MOST_TURNS:
            raise BadInput(f"A roster has {MOST_TURNS} turns at most.", advice="Plan fewer weeks ahead.")
        for turn in turns:
            if not turn.from_us < turn.to_us <= turn.from_us + 31 * DAY_US:
                raise BadInput("A turn on call has an end, within 31 days.", advice="Give `from_us` before `to_us`.")
            if turn.account_id not in known:
                raise BadInput("Somebody on this roster can't approve.", advice="Name people of the list of approvers.")

    def put(self, turns: Sequence[Turn], by: str) -> None:
        """Put these in the place of all turns that are not over. What was, stays for 90 days."""
        now_us = self._clock.now_us()
        with writing(self._engine) as connection:
            connection.execute(delete(on_call).where(on_call.c.to_us > now_us))
            connection.execute(delete(on_call).where(on_call.c.to_us < now_us - _KEPT_US))
            if turns:
                rows = [
                    {
                        "id": new_id("turn", self._clock),
                        "account_id": turn.account_id,
                        "from_us": turn.from_us,
                        "to_us": turn.to_us,
                        "set_by": by,
                        "set_us": now_us,
                    }
                    for turn in turns
                ]
                connection.execute(insert(on_call), rows)

    def names(self) -> dict[str, str]:
        """Accounts' names by id, for showing."""
        with reading(self._engine) as connection:
            return {row.id: row.display for row in connection.execute(select(account.c.id, account.c.display))}
