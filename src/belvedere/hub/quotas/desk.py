"""The quotas of one hub: checked where footage is released, counted in memory, written behind every few seconds."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable

import structlog
from sqlalchemy import Engine, delete, insert, select, update
from sqlalchemy.dialects import postgresql

from belvedere.foundation.clock import MINUTE_US, SECOND_US, Clock, iso
from belvedere.foundation.errors import QuotaReached
from belvedere.foundation.settings import HubSettings
from belvedere.hub.audit.log import AuditLog
from belvedere.hub.quotas.counts import WINDOWS, Counts, Limits, Over, Scope, What
from belvedere.hub.quotas.tables import quota_count
from belvedere.hub.storage.engine import reading, writing
from belvedere.link.messages import Piece

QUOTA_REACHED = "quota.reached"
EVERY_S = 5.0
_MOST_SEGMENTS = 50_000  # whose length is remembered; of others a minute is counted
_UNKNOWN_S = 60

_log = structlog.get_logger()


class QuotaDesk:
    """For one event loop."""

    def __init__(
        self, engine: Engine, clock: Clock, audit: AuditLog, settings: HubSettings, *, shared: bool = False
    ) -> None:
        """`shared`: other processes count as well; each tells the database what it counted and hears the sum, within EVERY_S."""
        self._shared = shared
        self._engine = engine
        self._clock = clock
        self._audit = audit
        self.counts = Counts(
            Limits(
                {
                    (What.FOOTAGE, Scope.PERSON): settings.quota_person_minutes * 60,
                    (What.FOOTAGE, Scope.ACCESS): settings.quota_access_minutes * 60,
                    (What.FOOTAGE, Scope.CAMERA): settings.quota_camera_minutes * 60,
                    (What.EXPORTS, Scope.PERSON): settings.quota_exports,
                }
            )
        )
        self._lengths: OrderedDict[tuple[str, str, int], int] = OrderedDict()  # seconds of what playlists named
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Read what was counted in the windows that are not over, and begin to write behind."""
        await asyncio.to_thread(self._load)
        self._task = asyncio.create_task(self._keep_writing(), name="quotas")

    async def stop(self) -> None:
        """Write what is not written, and end."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            await self._write()

    def remember(self, camera: str, stream: str, pieces: Iterable[Piece]) -> None:
        """How long the segments of a playlist are, as far as it names them."""
        spans: dict[int, tuple[int, int]] = {}
        for piece in pieces:
            start, end = spans.get(piece.segment, (piece.start_us, piece.start_us))
            spans[piece.segment] = (min(start, piece.start_us), max(end, piece.start_us + piece.duration_us))
        for segment, (start, end) in spans.items():
            seconds = -(-(end - start) // SECOND_US)
            key = (camera, stream, segment)
            self._lengths[key] = max(seconds, self._lengths.get(key, 0))
            self._lengths.move_to_end(key)
        while len(self._lengths) > _MOST_SEGMENTS:
            self._lengths.popitem(last=False)

    async def footage(self, person: str, grant: str, camera: str, stream: str, segment: int) -> None:
        """Count a segment before any byte of it is released. Raises QuotaReached, which is in the log once a window."""
        seconds = self._lengths.get((camera, stream, segment), _UNKNOWN_S)
        ids = ((Scope.PERSON, person), (Scope.ACCESS, grant), (Scope.CAMERA, camera))
        thing = (f"{person}/{camera}/{stream}", segment)  # of a camera each person's look counts
        over = self.counts.take(What.FOOTAGE, ids, self._clock.now_us(), seconds, thing)
        if over is not None:
            await self._refuse(over, person, grant, camera)

    async def export(self, person: str, grant: str) -> None:
        """Count an export before it begins; durable when this returns. Raises QuotaReached."""
        over = self.counts.take(What.EXPORTS, ((Scope.PERSON, person),), self._clock.now_us())
        if over is not None:
            await self._refuse(over, person, grant, "")
        await self._write()

    def export_failed(self, person: str) -> None:
        """An export that was counted did not begin."""
        self.counts.give_back(What.EXPORTS, Scope.PERSON, person, self._clock.now_us())

    async def _refuse(self, over: Over, person: str, grant: str, camera: str) -> None:
        error = refusal(over)
        if over.first:
            facts = {
                "what": over.what,
                "scope": over.scope,
                "most": over.most,
                "window_us": over.window_us,
                "grant": grant,
                "camera": camera,
                "reason": error.message,
            }
            await self._audit.append(QUOTA_REACHED, person, facts)
        raise error

    async def _keep_writing(self) -> None:
        while True:
            await asyncio.sleep(EVERY_S)
            try:
                await self._write()
            except Exception as error:  # noqa: BLE001 - the database may be busy or full; written with the next
                _log.warning("quotas_not_written", exc_info=error)

    async def _write(self) -> None:
        now_us = self._clock.now_us()
        if self._shared:
            await self._tell_others()
            self.counts.forget(now_us)
            return
        changed = self.counts.changed()
        self.counts.forget(now_us)
        if changed:
            await asyncio.to_thread(self._store, changed, now_us)

    async def _tell_others(self) -> None:
        owed = self.counts.owed()
        if owed:
            sums = await asyncio.to_thread(self._add, owed)
            for (key, window_us, _), amount in zip(owed, sums, strict=True):
                self.counts.settle(key, window_us, amount)

    def _add(self, owed: list[tuple[tuple[What, Scope, str], int, int]]) -> list[int]:
        """Add to what the database has; the sums. Rows are taken in one order, so that no two processes wait for each other."""
        found: dict[tuple[What, Scope, str], int] = {}
        with writing(self._engine) as connection:
            for (what, scope, name), window_us, more in sorted(owed):
                row = {"what": str(what), "scope": str(scope), "id": name, "window_us": window_us, "amount": more}
                put = postgresql.insert(quota_count).values(**row)
                total = quota_count.c.amount + put.excluded.amount
                put = put.on_conflict_do_update(
                    index_elements=list(quota_count.primary_key.columns), set_={"amount": total}
                )
                found[what, scope, name] = connection.scalar(put.returning(quota_count.c.amount)) or more
            for what, length_us in WINDOWS.items():
                old = quota_count.c.window_us <= self._clock.now_us() - length_us
                connection.execute(delete(quota_count).where(quota_count.c.what == str(what), old))
        return [found[key] for key, _, _ in owed]

    def _store(self, changed: list[tuple[tuple[What, Scope, str], int, int]], now_us: int) -> None:
        with writing(self._engine) as connection:
            for (what, scope, name), window_us, amount in changed:
                row = {"what": str(what), "scope": str(scope), "id": name, "window_us": window_us}
                mine = [quota_count.c[column] == value for column, value in row.items()]
                if connection.execute(update(quota_count).where(*mine).values(amount=amount)).rowcount == 0:
                    connection.execute(insert(quota_count).values(**row, amount=amount))
            for what, length_us in WINDOWS.items():
                old = quota_count.c.window_us <= now_us - length_us
                connection.execute(delete(quota_count).where(quota_count.c.what == str(what), old))

    def _load(self) -> None:
        now_us = self._clock.now_us()
        with reading(self._engine) as connection:
            for row in connection.execute(select(quota_count)):
                if row.window_us + WINDOWS[What(row.what)] > now_us:
                    self.counts.put((What(row.what), Scope(row.scope), row.id), row.window_us, row.amount)


def refusal(over: Over) -> QuotaReached:
    """What the person is told."""
    until = iso(over.window_us + WINDOWS[over.what])
    if over.what is What.EXPORTS:
        return QuotaReached(
            f"You have made {over.most} exports today, as many as one person makes in a day.",
            advice=f"Export after {until}, or ask a colleague to.",
        )
    minutes = over.most * SECOND_US // MINUTE_US
    who = {
        Scope.PERSON: f"You have opened {minutes} camera-minutes in this hour",
        Scope.ACCESS: f"{minutes} camera-minutes were opened under this access in this hour",
        Scope.CAMERA: f"{minutes} minutes of this camera were opened by all in this hour",
    }[over.scope]
    return QuotaReached(
        f"{who}, as many as are opened in one.",
        advice=f"Go on after {until}, or name a shorter span: the activity strip shows where something moved.",
    )
