"""The export desk: takes an order, writes it in the log, then hands it to the durable jobs; lists, cancels and releases.

Order: audit entry (durable), row and job in one transaction, footage, pack, object store, audit entry, row. A failure removes what
was made and says why; a restart goes on where it was. One export runs at a time in each process; a few may wait.
"""

import asyncio
from dataclasses import replace
from pathlib import Path

from sqlalchemy import Connection

from belvedere.foundation.clock import Clock
from belvedere.foundation.errors import Conflict, NotFound, Unavailable
from belvedere.foundation.ids import new_id
from belvedere.hub.audit.log import AuditLog
from belvedere.hub.evidence.making import WAITS, PackMaker, object_key
from belvedere.hub.evidence.manifest import EXPORT_STARTED
from belvedere.hub.evidence.order import Order, check_order
from belvedere.hub.evidence.pack import drop_parts
from belvedere.hub.evidence.store import FAILED, READY, WORKING, ExportRow, ExportStore
from belvedere.hub.jobs.desk import JobDesk
from belvedere.hub.jobs.store import RUNNING, Job, add_job
from belvedere.hub.objects.shelf import ObjectShelf, Readable
from belvedere.policy.grant import Action, Grant

MOST_WAITING = 20
CANCELLING = "Being cancelled."
_TURN = "Waiting: one export is made at a time."
_INTERRUPTED = "The hub was restarted while this was being made. Nothing of it was kept; export it again."


class ExportDesk:
    """Takes orders for evidence packs. One for each hub: `start` before the first order, `stop` at the end."""

    def __init__(
        self,
        folder: Path,
        store: ExportStore,
        clock: Clock,
        audit: AuditLog,
        jobs: JobDesk,
        objects: ObjectShelf,
        maker: PackMaker,
    ) -> None:
        """`folder` is where packs lie without an object store (`settings.exports_folder`)."""
        self._folder = folder
        self._store = store
        self._clock = clock
        self._audit = audit
        self._jobs = jobs
        self._objects = objects
        self._maker = maker

    async def start(self) -> None:
        """Go on with what a restart interrupted, remove leftovers, and begin to take orders."""
        await asyncio.to_thread(drop_parts, self._folder)
        open_ids = frozenset(job.id for job in await asyncio.to_thread(self._jobs.store.open, self._maker.kind))
        await asyncio.to_thread(self._maker.sweep, open_ids)
        for row in await asyncio.to_thread(self._store.working):
            if row.id not in open_ids:  # of a version without durable jobs
                (self._folder / f"{row.id}.zip").unlink(missing_ok=True)
                facts = {"export": row.id, "name": row.name, "reason": _INTERRUPTED}
                await self._audit.append("export.failed", row.account_id, facts)
                await asyncio.to_thread(self._store.finish, row.id, FAILED, _INTERRUPTED)
        await self._jobs.serve(self._maker)

    async def stop(self) -> None:
        """Stop working; what is not finished goes on with the next `start`, here or elsewhere."""
        await self._jobs.stop()

    async def idle(self) -> None:
        """Wait until no export can be worked on: none waits for its turn, none is being made."""
        await self._jobs.idle(self._maker.kind)

    async def order(self, order: Order) -> ExportRow:
        """Take an order; it is in the audit log when this returns. The grant must allow EXPORT on all of it.

        Raises Refused, BadInput, Unavailable, StorageFault.
        """
        order = replace(order, cameras=tuple(dict.fromkeys(order.cameras)), name=order.name.strip() or "Export")
        check_order(order, self._clock.now_us())
        if len(await asyncio.to_thread(self._jobs.store.open, self._maker.kind)) > MOST_WAITING:
            raise Unavailable("Too many exports are waiting.", advice="Wait until one is ready, then ask again.")
        grant = order.grant
        row = ExportRow(
            id=new_id("export", self._clock),
            name=order.name,
            note=order.note,
            grant_id=grant.id,
            account_id=grant.user_id,
            made_by=grant.user_name,
            cameras=order.cameras,
            start_us=order.start_us,
            end_us=order.end_us,
            made_us=self._clock.now_us(),
            state=WORKING,
            progress=0.0,
            bytes=0,
            sha256="",
            message="",
            kind=order.kind,
        )
        facts = {
            "export": row.id,
            "kind": row.kind,
            "name": row.name,
            "grant": grant.id,
            "purpose": grant.purpose,
            "case": grant.case,
            "cameras": list(row.cameras),
            "start_us": row.start_us,
            "end_us": row.end_us,
        }
        entry = await self._audit.append(EXPORT_STARTED, grant.user_id, facts)

        def enqueue(connection: Connection) -> None:
            add_job(connection, self._clock, row.id, self._maker.kind, self._maker.formats[-1], {"entry": entry.index})

        await asyncio.to_thread(self._store.add, row, enqueue)
        self._jobs.poke(self._maker.kind)
        return row

    async def get(self, export_id: str, account_id: str) -> ExportRow:
        """One's own export, with its progress. Raises NotFound, also for somebody else's."""
        row = await asyncio.to_thread(self._store.get, export_id)
        if row is None or row.account_id != account_id:
            raise NotFound("There is no such export of yours.", advice="Look at the list of exports.")
        return (await self._progressed([row]))[0]

    async def of(self, account_id: str) -> list[ExportRow]:
        """One's own exports, newest first."""
        return await self._progressed(await asyncio.to_thread(self._store.of, account_id))

    async def cancel(self, export_id: str, account_id: str) -> ExportRow:
        """Give up one's own export that is not ready yet; nothing of it is kept. Raises NotFound, Conflict."""
        row = await self.get(export_id, account_id)
        if row.state != WORKING or not await self._jobs.cancel(row.id):
            raise Conflict("This export is no longer being made.", advice="Look at the list of exports.")
        return await self.get(export_id, account_id)

    async def release(self, row: ExportRow, grant: Grant) -> Readable:
        """The finished pack of `row`, once its release under `grant` is in the audit log.

        Raises NotFound, Refused, ObjectsAway, StorageFault.
        """
        now_us = self._clock.now_us()
        for camera in row.cameras:
            grant.require(Action.EXPORT, camera, now_us=now_us, start_us=row.start_us, end_us=row.end_us)
        lacking = NotFound(f"The pack of “{row.name}” is not there. {row.message}".strip(), advice="Export it again.")
        if row.state != READY:
            raise lacking
        try:
            pack = await asyncio.to_thread(self._objects.open, object_key(row.id))
        except NotFound:
            raise lacking from None
        facts = {"export": row.id, "name": row.name, "grant": grant.id, "sha256": row.sha256}
        await self._audit.append("export.downloaded", grant.user_id, facts)
        return pack

    async def _progressed(self, rows: list[ExportRow]) -> list[ExportRow]:
        working = [row.id for row in rows if row.state == WORKING]
        jobs = await asyncio.to_thread(self._jobs.store.listed, working) if working else {}
        return [self._with(row, jobs[row.id]) if row.id in jobs else row for row in rows]

    def _with(self, row: ExportRow, job: Job) -> ExportRow:
        """`row` with what its job says of itself; a job in this process's hands says it newer than its own row."""
        work = self._jobs.in_hand(job.id)
        share, message = (job.progress, job.message) if work is None else (work.share, work.message)
        running = job.state == RUNNING or work is not None
        # Attempts that only waited for the store or the log were not cut off.
        resumed = job.attempts - int(job.notes.get(WAITS, 0)) > (1 if running else 0)
        if job.cancel:
            message = CANCELLING
        elif not running and not message:
            message = _TURN
        step = "making" if running else "waiting"
        return replace(row, progress=min(0.99, share), message=message, step=step, resumed=resumed)
