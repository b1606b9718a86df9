"""Somebody who can write in the database is noticed while the hub runs: rows of the log and accesses are compared with the tree.

Every minute: the newest rows, the next ones of a walk from the first row to the last, a few at random with their proofs, and
the accesses that open something. What is found goes into the log, to the data protection officer, and on the Health page, and
stays there until it is as it was. Pictures are not stopped: at the next start the hub refuses to run on an altered log.
"""

import asyncio
import hashlib
import secrets
from dataclasses import dataclass

import msgspec
import structlog
from sqlalchemy import Engine, RowMapping, select

from belvedere.foundation.clock import DAY_US, Clock
from belvedere.foundation.errors import NotFound, StorageFault
from belvedere.hub.audit.log import AuditLog
from belvedere.hub.audit.rows import Entry
from belvedere.hub.audit.search import LogFilter, LogSearch
from belvedere.hub.storage.engine import reading
from belvedere.hub.storage.metadata import access_grant
from belvedere.hub.watchers.notices import tell_dpo
from belvedere.tlog.merkle import leaf_hash, verify_inclusion

ALTERED, RESTORED = "log.altered", "log.restored"
LOOK_EVERY_S = 60.0
NEWEST, WALKED, RANDOM, GRANTS = 256, 2048, 32, 500
_ENDED = ("grant.ended", "grant.revoked")
_ENTRY, _PATH, _GRANT = "entry", "path", "grant"
_DPO_TEXT = "The database of the hub was altered behind its back: the log or an access is not what was written."
_LOG = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Alteration:
    """Something that is not what the tree holds. `what`: entry, path, grant; `name`: which."""

    what: str
    name: str
    text: str
    since_us: int = 0


class LogWatch:
    """`look` blocks; `run` and `turn` are for the event loop."""

    def __init__(self, engine: Engine, log: AuditLog, search: LogSearch, clock: Clock) -> None:
        self._engine = engine
        self._log = log
        self._search = search
        self._clock = clock
        # Invariant: what stands in the log as altered, and not as restored since.
        self._known: dict[tuple[str, str], Alteration] = {}
        self._walked = 0
        self.looked_us: int | None = None
        self.checked = 0  # rows compared since the start

    def alarms(self) -> list[Alteration]:
        """What was found altered and is so still."""
        return sorted(self._known.values(), key=lambda one: (one.since_us, one.what, one.name))

    def recall(self) -> None:
        """What was found before the hub was last started, from the log."""
        found = [*self._search.find(LogFilter(kind=ALTERED)), *self._search.find(LogFilter(kind=RESTORED))]
        for entry in sorted(found, key=lambda one: one.index):
            words = entry.facts
            key = str(words.get("what", "")), str(words.get("name", ""))
            if entry.kind == ALTERED:
                self._known[key] = Alteration(*key, str(words.get("reason", "")), entry.time_us)
            else:
                self._known.pop(key, None)

    def look(self) -> list[Alteration]:
        """One look, and at all that was found before. What is altered now."""
        size = self._log.checkpoint().size
        last = min(size, self._walked + WALKED)
        wanted = set(range(max(0, size - NEWEST), size)) | set(range(self._walked, last))
        drawn = {secrets.randbelow(size) for _ in range(RANDOM)} if size else set()
        again = {int(name) for what, name in self._known if what in (_ENTRY, _PATH) and int(name) < size}
        self._walked = 0 if last >= size else last
        found = [
            Alteration(_ENTRY, str(index), said)
            for index, said in sorted(self._problems(wanted | drawn | again).items())
        ]
        found += [Alteration(_PATH, str(index), said) for index in sorted(drawn | again) if (said := self._path(index))]
        return found + self._grants()

    def _problems(self, wanted: set[int]) -> dict[int, str]:
        """Problems of rows, read in unbroken stretches."""
        found: dict[int, str] = {}
        ordered = sorted(wanted)
        start = 0
        for at in range(1, len(ordered) + 1):
            if at == len(ordered) or ordered[at] != ordered[at - 1] + 1:
                found |= self._log.problems(ordered[start], ordered[at - 1] + 1)
                start = at
        self.checked += len(ordered)
        return found

    def _path(self, index: int) -> str:
        """Whether the tiles on the disk still lead from an entry to the root that was signed."""
        head = self._log.checkpoint()
        try:
            entry = self._log.stored(index)
            proven = verify_inclusion(
                leaf_hash(entry.hash), index, head.size, self._log.path(index, head.size), head.root
            )
        except NotFound:
            return ""  # the row is missing, which is said as such
        except (StorageFault, ValueError) as error:
            return f"Entry {index} of the audit log can't be proven: {error}"
        return "" if proven else f"Entry {index} of the audit log is not under the root that the hub signed."

    # Accesses -----------------------------------------------------------------------------------------------------

    def _grants(self) -> list[Alteration]:
        """The newest accesses that open something, or did a day ago, against what the log says of them."""
        since_us = self._clock.now_us() - DAY_US
        with reading(self._engine) as connection:
            query = (
                select(access_grant)
                .where((access_grant.c.expires_us > since_us) | (access_grant.c.issued_us > since_us))
                .order_by(access_grant.c.issued_us.desc())
                .limit(GRANTS)
            )
            rows = connection.execute(query).mappings().all()
        again = [name for what, name in self._known if what == _GRANT and name not in {row["id"] for row in rows}]
        if again:
            with reading(self._engine) as connection:
                rows = [*rows, *connection.execute(select(access_grant).where(access_grant.c.id.in_(again))).mappings()]
        return [Alteration(_GRANT, row["id"], said) for row in rows if (said := self._grant_problem(row))]

    def _grant_problem(self, row: RowMapping) -> str:
        about = f"Access {row['id']}"
        try:
            issued = self._log.stored(row["audit_index"])
        except NotFound:
            return f"{about} names an entry of the log that is not there."
        if issued.kind != "grant.issued" or issued.facts.get("grant") != row["id"] or issued.actor != row["account_id"]:
            return f"{about} was never given to this person: the log's entry {row['audit_index']} is of something else."
        if not _same_words(row["wire"], issued):
            return f"{about} does not say what was logged when it was given."
        if row["expires_us"] != issued.facts.get("expires_us") or row["purpose"] != issued.facts.get("purpose"):
            return f"{about} has another end or purpose than was logged when it was given."
        if row["ended_us"] is None:
            for kind in _ENDED:
                if self._search.find(LogFilter(grant=row["id"], kind=kind), limit=1):
                    return f"{about} is open, and the log says that it was ended."
        return ""

    # Telling ------------------------------------------------------------------------------------------------------

    async def turn(self) -> list[Alteration]:
        """One look, and what is new in it told: to the log, and to the data protection officer. Raises StorageFault."""
        found = await asyncio.to_thread(self.look)
        now_us = self._clock.now_us()
        for one in found:
            key = (one.what, one.name)
            if key not in self._known:
                self._known[key] = Alteration(one.what, one.name, one.text, now_us)
                _LOG.error("log_altered", what=one.what, name=one.name, reason=one.text)
                facts = {"what": one.what, "name": one.name, "reason": one.text}
                entry = await self._log.append(ALTERED, "hub", facts)
                await tell_dpo(
                    *(self._engine, self._clock, ALTERED, "", f"{_DPO_TEXT} {one.text}", facts),
                    matter=f"{ALTERED}:{entry.index}",
                    entries=[entry.index],
                )
        still = {(one.what, one.name) for one in found}
        for key in [one for one in self._known if one not in still]:
            del self._known[key]
            await self._log.append(RESTORED, "hub", {"what": key[0], "name": key[1]})
        self.looked_us = now_us
        return found

    async def run(self) -> None:
        """Look every minute, until cancelled."""
        await asyncio.to_thread(self.recall)
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                await self.turn()
            except Exception as error:  # noqa: BLE001 - a busy or full database, a stopped log: it is looked at again
                _LOG.warning("log_not_looked_at", exc_info=error)


def _same_words(wire: bytes, issued: Entry) -> bool:
    """Whether the signed words of an access are those that were logged."""
    try:
        words = bytes(msgspec.json.decode(wire, type=_Wire).grant)
    except msgspec.DecodeError:
        return False
    return hashlib.sha256(words).hexdigest() == issued.facts.get("grant_sha256")


class _Wire(msgspec.Struct, frozen=True):
    """The part of a signed grant that is compared; see `policy.signed`."""

    grant: msgspec.Raw
