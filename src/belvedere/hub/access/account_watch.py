"""Accounts that were altered behind the hub's back: each as the log last noted it, compared with the table.

With every change the log gets the digest of what the account has become. At the hub's start and each hour the table is compared
with that. A difference goes into the log and to the data protection officer, and the account's accesses end; it is given none until
somebody has changed the account properly, which notes it anew.
"""

import asyncio
from collections.abc import Callable, Iterable

import structlog
from sqlalchemy import Engine, select

from belvedere.foundation.clock import DAY_US, Clock
from belvedere.hub.access.ending import GrantEnder, Under
from belvedere.hub.audit.log import AuditLog
from belvedere.hub.storage.account_state import states
from belvedere.hub.storage.acts import waiting_acts
from belvedere.hub.storage.engine import reading
from belvedere.hub.storage.metadata import audit_entry
from belvedere.hub.watchers.notices import tell_dpo

NOTED, ALTERED, RESTORED = "account.noted", "account.altered_outside", "account.as_noted"
_TELLING = (NOTED, "account.created", "account.changed", "account.disabled")
_AT_ONCE = 500  # accounts in one entry
EVERY_S = 3600.0
ANEW_US = 30 * DAY_US
_DPO_TEXT = "An account was altered in the database behind the hub's back. Its accesses have ended."
_LOG = structlog.get_logger(__name__)


class AccountWatch:
    """One a hub; for its event loop. `start` before the first request."""

    def __init__(
        self, engine: Engine, clock: Clock, audit: AuditLog, ender: GrantEnder, stop: Callable[[frozenset[str]], None]
    ) -> None:
        """`stop` is told which accounts are given no access."""
        self._engine = engine
        self._clock = clock
        self._audit = audit
        self._ender = ender
        self._stop = stop
        # Invariant: account id: digest, as the newest entry of the log says that tells of it.
        self._noted: dict[str, str] = {}
        # Invariant: account id: digest that was found in the place of the one noted.
        self._altered: dict[str, str] = {}
        self._all_us = clock.now_us()  # when all were noted last, or the hub started
        self._read = 0  # entries of the log before this one were read
        self.changing = asyncio.Lock()  # held while accounts change and are noted
        self._task: asyncio.Task[None] | None = None

    @property
    def altered(self) -> frozenset[str]:
        """Accounts that are not what the log says of them."""
        return frozenset(self._altered)

    async def told_of_any(self) -> bool:
        """Whether the log tells of any account."""
        await asyncio.to_thread(self._catch_up)
        return bool(self._noted)

    async def start(self) -> None:
        """Read what the log says, note all accounts where it says nothing yet, compare, and go on each hour."""
        if not await self.told_of_any():
            await self._note_all()
        await self.look()
        self._task = asyncio.create_task(self._each_hour(), name="account watch")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def note(self, account_ids: Iterable[str]) -> None:
        """Enter in the log what these accounts are now. The caller has just changed them, and holds `changing`."""
        wanted = sorted(set(account_ids))
        now = await asyncio.to_thread(self._now)
        for first in range(0, len(wanted), _AT_ONCE):
            some = {each: now[each] for each in wanted[first : first + _AT_ONCE] if each in now}
            await self._audit.append(NOTED, "hub", {"states": some})
            self._noted |= some

    async def _note_all(self) -> None:
        """Note every account but the altered ones anew, before the entries that tell of them are erased with their years."""
        await self.note((await asyncio.to_thread(self._now)).keys() - self._altered.keys())
        self._all_us = self._clock.now_us()

    async def look(self) -> frozenset[str]:
        """Compare every account with the log; those that are not what it says."""
        async with self.changing:
            await asyncio.to_thread(self._catch_up)
            now, waiting = await asyncio.to_thread(self._now), await asyncio.to_thread(self._waiting)
            for account_id in sorted(now.keys() | self._noted.keys()):
                state = now.get(account_id, "")
                if account_id in waiting:  # the command line has just changed it; the log hears of it in a moment
                    continue
                if state == self._noted.get(account_id, ""):
                    if self._altered.pop(account_id, None) is not None:
                        await self._audit.append(RESTORED, "hub", {"account": account_id})
                elif self._altered.get(account_id) != state:
                    self._altered[account_id] = state
                    self._stop(self.altered)
                    await self._tell(account_id, state)
            self._stop(self.altered)
            if self._clock.now_us() - self._all_us > ANEW_US:
                await self._note_all()
        return self.altered

    async def _tell(self, account_id: str, state: str) -> None:
        how = "made" if account_id not in self._noted else "altered" if state else "taken out"
        facts = {"account": account_id, "how": how, "noted": self._noted.get(account_id, ""), "found": state}
        entry = await self._audit.append(ALTERED, "hub", facts)
        matter = f"{ALTERED}:{account_id}:{state[:16]}"
        await tell_dpo(
            self._engine, self._clock, ALTERED, account_id, _DPO_TEXT, facts, matter=matter, entries=[entry.index]
        )
        await self._ender.end(Under(person=account_id), by="hub", reason="The account was altered behind the hub.")
        _LOG.error("account_altered_outside", account=account_id, how=how)

    async def _each_hour(self) -> None:
        while True:
            await asyncio.sleep(EVERY_S)
            try:
                await self.look()
            except Exception as error:  # noqa: BLE001 - the database may be busy or full; looked at again in an hour
                _LOG.warning("accounts_not_compared", exc_info=error)

    def _catch_up(self) -> None:
        """Read what the log says of accounts since the last time; an altered row says nothing."""
        end = self._audit.checkpoint().size
        query = select(audit_entry.c.index).where(
            audit_entry.c.kind.in_(_TELLING), audit_entry.c.index >= self._read, audit_entry.c.index < end
        )
        with reading(self._engine) as connection:
            found = list(connection.scalars(query.order_by(audit_entry.c.index)))
        for index in found:
            if self._audit.problems(index, index + 1):
                continue
            facts = self._audit.stored(index).facts
            said = facts.get("states")
            if isinstance(said, dict):
                self._noted |= {str(name): str(state) for name, state in said.items()}
            elif facts.get("state_sha256"):
                self._noted[str(facts.get("account"))] = str(facts["state_sha256"])
        self._read = end

    def _now(self) -> dict[str, str]:
        with reading(self._engine) as connection:
            return states(connection)

    def _waiting(self) -> frozenset[str]:
        return frozenset(str(act.facts.get("account", "")) for act in waiting_acts(self._engine))
