"""Telling open pages that requests changed: a long poll on a counter. In memory, bounded; a restart means reading all again."""

import asyncio
from collections import Counter, deque
from dataclasses import dataclass

from belvedere.foundation.errors import Unavailable

MOST_WAITING = 400
MOST_EACH = 4
_KEPT = 500  # changes remembered; a page further behind reads all


@dataclass(frozen=True, slots=True)
class _Change:
    seq: int
    request: str
    account: str  # whose request it is


class Changes:
    """What changed since when. For the event loop."""

    def __init__(self, first: int = 0) -> None:
        """`first`: where the counter begins, later than that of an earlier run, so that old pages notice."""
        self.seq = first
        self._first = first
        self._changes: deque[_Change] = deque(maxlen=_KEPT)
        self._waiters: set[asyncio.Future[None]] = set()
        self._each: Counter[str] = Counter()

    def tell(self, request_id: str, account_id: str) -> None:
        """A request changed; wakes everybody, who then look whether it is for them."""
        self.seq += 1
        self._changes.append(_Change(self.seq, request_id, account_id))
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    def since(self, seq: int, account_id: str, *, sees_all: bool) -> tuple[bool, list[str]]:
        """Whether anything changed after `seq` for this person, and which requests; none named: read them all."""
        oldest = self._changes[0].seq if self._changes else self.seq + 1
        if seq > self.seq or seq < self._first or (seq < oldest - 1 and seq < self.seq):
            return True, []
        mine = [each.request for each in self._changes if each.seq > seq and (sees_all or each.account == account_id)]
        return bool(mine), list(dict.fromkeys(mine))

    async def wait(self, seq: int, account_id: str, *, sees_all: bool, wait_s: float) -> tuple[bool, list[str]]:
        """The same, as soon as there is something, at the latest after `wait_s`. Raises Unavailable when too many wait."""
        loop = asyncio.get_running_loop()
        until = loop.time() + wait_s
        while True:
            changed, names = self.since(seq, account_id, sees_all=sees_all)
            left = until - loop.time()
            if changed or left <= 0:
                return changed, names
            if len(self._waiters) >= MOST_WAITING or self._each[account_id] >= MOST_EACH:
                raise Unavailable("Too many pages wait for news.", advice="Close some, or ask again in a minute.")
            waiter: asyncio.Future[None] = loop.create_future()
            self._waiters.add(waiter)
            self._each[account_id] += 1
            try:
                await asyncio.wait([waiter], timeout=left)
            finally:
                self._waiters.discard(waiter)
                self._each[account_id] -= 1
                if not self._each[account_id]:
                    del self._each[account_id]

    @property
    def waiting(self) -> int:
        """Pages that wait now."""
        return len(self._waiters)
