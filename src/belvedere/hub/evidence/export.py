"""The export desk: takes an order, writes it in the log, then fetches the footage and makes the pack.

Order: audit entry (durable), row, footage, pack (durable under its name), audit entry, row. A failure removes what was made
and says why; a restart marks what it interrupted as failed. One export runs at a time; a few may wait.
"""

import asyncio
import shutil
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import msgspec
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine

from belvedere.foundation.clock import Clock
from belvedere.foundation.errors import (
    BelvedereError,
    Conflict,
    DiskFull,
    LinkFault,
    NotFound,
    StorageFault,
    Unavailable,
)
from belvedere.foundation.ids import new_id
from belvedere.hub.audit.log import AuditLog
from belvedere.hub.evidence.copy import Copier, Release
from belvedere.hub.evidence.describe import camera_words, manifest_of
from belvedere.hub.evidence.footage import CameraPlan, clock_errors, plan_camera, write_clip
from belvedere.hub.evidence.manifest import (
    ENTRY,
    EXPORT_STARTED,
    PROOF,
    README,
    Camera,
    Clip,
)
from belvedere.hub.evidence.order import WORKING_COPY, Order, check_order
from belvedere.hub.evidence.pack import PackWriter, drop_parts, proof_file
from belvedere.hub.evidence.readme import readme
from belvedere.hub.evidence.sound import SoundPlan, plan_sound, write_sound
from belvedere.hub.evidence.store import CANCELLED, FAILED, READY, WORKING, ExportRow, ExportStore
from belvedere.link.client import SiteLink
from belvedere.media.stream import StreamKind
from belvedere.policy.grant import Action, Grant
from belvedere.tlog.proof import LogProof

MOST_WAITING = 20
_SPARE_BYTES = 256 << 20  # left free on the hub's disk, whatever is exported
_CANCELLED = "Being cancelled."
_INTERRUPTED = "The hub was restarted while this was being made. Nothing of it was kept; export it again."

_log = structlog.get_logger()


@dataclass(slots=True)
class _Job:
    row: ExportRow
    order: Order
    proof: LogProof
    bytes_total: int = 0
    bytes_done: int = 0
    begun: bool = False
    waits: str = ""  # why nothing moves just now
    task: "asyncio.Task[None] | None" = None
    # Invariant: once true the pack is on its way into the log, and is not cancelled any more.
    settled: bool = False


class ExportDesk:
    """Makes evidence packs. One for each hub: `start` before the first order, `stop` at the end."""

    def __init__(
        self,
        folder: Path,
        engine: Engine,
        clock: Clock,
        key: Ed25519PrivateKey,
        audit: AuditLog,
        link: SiteLink,
        release: Release | None = None,
    ) -> None:
        """`folder` is where finished packs lie (`settings.exports_folder`). `release` has the site given a key it lacks."""
        self._folder = folder
        self._engine = engine
        self._store = ExportStore(engine)
        self._clock = clock
        self._key = key
        self._public_key = key.public_key().public_bytes_raw()
        self._audit = audit
        self._link = link
        self._release = release
        self._queue: asyncio.Queue[_Job] = asyncio.Queue(MOST_WAITING)
        self._jobs: dict[str, _Job] = {}  # waiting or running
        self._worker: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Mark what a restart interrupted as failed, remove its leftovers, and begin to take orders."""
        await asyncio.to_thread(drop_parts, self._folder)
        for row in await asyncio.to_thread(self._store.working):
            (self._folder / f"{row.id}.zip").unlink(missing_ok=True)
            await self._fail(row, _INTERRUPTED)
        self._worker = asyncio.create_task(self._work(), name="exports")

    async def stop(self) -> None:
        """Stop working; what is not finished is failed by the next `start`."""
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)
            self._worker = None

    async def idle(self) -> None:
        """Wait until no export is waiting or being made."""
        await self._queue.join()

    async def order(self, order: Order) -> ExportRow:
        """Take an order; it is in the audit log when this returns. The grant must allow EXPORT on all of it.

        Raises Refused, BadInput, Unavailable, StorageFault.
        """
        order = replace(order, cameras=tuple(dict.fromkeys(order.cameras)), name=order.name.strip() or "Export")
        check_order(order, self._clock.now_us())
        if self._worker is None or self._queue.full():
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
        await asyncio.to_thread(self._store.add, row)
        job = _Job(row, order, self._audit.proof(entry.index))
        self._jobs[row.id] = job
        try:
            self._queue.put_nowait(job)
        except asyncio.QueueFull:  # others came while this one was being logged
            del self._jobs[row.id]
            await self._fail(row, "Too many exports were waiting. Export it again when one is ready.")
            return await self.get(row.id, grant.user_id)
        return row

    async def get(self, export_id: str, account_id: str) -> ExportRow:
        """One's own export, with its progress. Raises NotFound, also for somebody else's."""
        row = await asyncio.to_thread(self._store.get, export_id)
        if row is None or row.account_id != account_id:
            raise NotFound("There is no such export of yours.", advice="Look at the list of exports.")
        return self._progressed(row)

    async def of(self, account_id: str) -> list[ExportRow]:
        """One's own exports, newest first."""
        return [self._progressed(row) for row in await asyncio.to_thread(self._store.of, account_id)]

    async def cancel(self, export_id: str, account_id: str) -> ExportRow:
        """Give up one's own export that is not ready yet; nothing of it is kept. Raises NotFound, Conflict."""
        row = await self.get(export_id, account_id)
        job = self._jobs.get(row.id)
        if job is None or job.settled or row.state != WORKING:
            raise Conflict("This export is no longer being made.", advice="Look at the list of exports.")
        job.waits = _CANCELLED
        if job.task is not None:
            job.task.cancel()
        return await self.get(export_id, account_id)

    async def release(self, row: ExportRow, grant: Grant) -> Path:
        """The finished pack of `row`, once its release under `grant` is in the audit log. Raises NotFound, Refused."""
        now_us = self._clock.now_us()
        for camera in row.cameras:
            grant.require(Action.EXPORT, camera, now_us=now_us, start_us=row.start_us, end_us=row.end_us)
        path = self._folder / f"{row.id}.zip"
        if row.state != READY or not path.exists():
            raise NotFound(f"The pack of “{row.name}” is not there. {row.message}".strip(), advice="Export it again.")
        facts = {"export": row.id, "name": row.name, "grant": grant.id, "sha256": row.sha256}
        await self._audit.append("export.downloaded", grant.user_id, facts)
        return path

    # Working ------------------------------------------------------------------------------------------------------

    def _progressed(self, row: ExportRow) -> ExportRow:
        job = self._jobs.get(row.id)
        if job is None or row.state != WORKING:
            return row
        waits = job.waits if job.begun else "Waiting: one export is made at a time."
        share = job.bytes_done / job.bytes_total if job.bytes_total else 0.0
        return replace(row, progress=min(0.99, share), message=waits)

    async def _work(self) -> None:
        while True:
            job = await self._queue.get()
            try:
                if await self._run(job):
                    continue
                facts = {"export": job.row.id, "name": job.row.name}
                await self._audit.append("export.cancelled", job.row.account_id, facts)
                await asyncio.to_thread(self._store.finish, job.row.id, CANCELLED, "You cancelled this export.")
            except BelvedereError as error:  # refused, site away, no footage, disk full: the person is told
                await self._fail(job.row, str(error))
            except OSError as error:
                await self._fail(job.row, f"The pack can't be written: {error.strerror}. Check the hub's disk.")
            # Anything else is a defect: it fails this export, and must not stop the next.
            except Exception:  # noqa: BLE001
                _log.exception("export failed", export=job.row.id)
                await self._fail(job.row, "Something in Belvedere broke. Try again, and report it with the hub's log.")
            finally:
                self._jobs.pop(job.row.id, None)
                self._queue.task_done()

    async def _run(self, job: _Job) -> bool:
        """Make one; False when its owner cancelled it."""
        if job.waits == _CANCELLED:
            return False
        job.begun = True
        job.task = asyncio.create_task(self._make(job), name=job.row.id)
        try:
            await asyncio.wait((job.task,))
        except asyncio.CancelledError:
            job.task.cancel()
            await asyncio.gather(job.task, return_exceptions=True)
            raise
        if job.task.cancelled():
            return False
        job.task.result()
        return True

    async def _fail(self, row: ExportRow, message: str) -> None:
        """Say why in the row and the log. A log that can't be written leaves the row working, for the next start to fail."""
        try:
            facts = {"export": row.id, "name": row.name, "reason": message}
            await self._audit.append("export.failed", row.account_id, facts)
            await asyncio.to_thread(self._store.finish, row.id, FAILED, message)
        except StorageFault as error:
            _log.error("export failure not stored", export=row.id, error=str(error))

    async def _make(self, job: _Job) -> None:
        order = job.order
        copy = order.kind == WORKING_COPY
        streams = (StreamKind.SUB, StreamKind.MAIN) if copy else (StreamKind.MAIN, StreamKind.SUB)
        plans = [
            await plan_camera(self._link, order.wire, camera, order.start_us, order.end_us, streams)
            for camera in order.cameras
        ]
        try:
            known = (await self._link.status()).cameras
        except LinkFault:
            known = ()
        sounds = [
            SoundPlan(camera, ())  # a voice is not masked by hiding a face
            if copy
            else await plan_sound(self._link, order.wire, camera, order.start_us, order.end_us, known)
            for camera in order.cameras
        ]
        job.bytes_total = sum(plan.bytes for plan in plans) + sum(plan.bytes for plan in sounds)
        if not job.bytes_total:
            reasons = sorted({gap.text for plan in plans for gap in plan.gaps})
            raise NotFound(f"There is no footage of this time. {' '.join(reasons)}", advice="Look at the timeline.")
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        free = shutil.disk_usage(self._folder).free
        if free < job.bytes_total + _SPARE_BYTES:
            raise DiskFull(
                f"The pack needs {job.bytes_total >> 20} MiB and the hub's disk has {free >> 20} MiB free.",
                advice="Make room on the hub, or export less.",
            )
        now_us = self._clock.now_us()
        try:
            clocks = await clock_errors(self._link, now_us)
        except LinkFault:  # the pack then says that the clocks are not known
            clocks = {}
        writer = await asyncio.to_thread(PackWriter, self._folder / f"{job.row.id}.zip", job.row.made_us)
        try:
            size, sha256, manifest_sha256 = await self._write(job, plans, sounds, clocks, writer)
        except BaseException:  # whatever it was, nothing half-made stays
            await asyncio.shield(asyncio.to_thread(writer.abandon))
            raise
        job.settled = True
        facts = {
            "export": job.row.id,
            "name": job.row.name,
            "bytes": size,
            "sha256": sha256,
            "manifest_sha256": manifest_sha256,
        }
        try:
            await self._audit.append("export.ready", job.row.account_id, facts)
        except StorageFault:  # what the log does not know of is not given out
            (self._folder / f"{job.row.id}.zip").unlink(missing_ok=True)
            raise
        await asyncio.to_thread(self._store.finish, job.row.id, READY, "", size, sha256)

    async def _write(
        self,
        job: _Job,
        plans: list[CameraPlan],
        sounds: list[SoundPlan],
        clocks: dict[str, tuple[int, int]],
        writer: PackWriter,
    ) -> tuple[int, str, str]:
        order, row = job.order, job.row
        words = await asyncio.to_thread(camera_words, self._engine, order.cameras)

        def done(size: int) -> None:
            job.bytes_done += size

        cameras = []
        copier = Copier(
            self._link, self._release, order, row, self._clock, writer, done, partial(setattr, job, "waits")
        )
        for plan, heard in zip(plans, sounds, strict=True):
            clips: list[Clip] = []
            for number in range(len(plan.stretches)):
                if order.kind == WORKING_COPY:
                    clips.append(await copier.clip(plan, number))
                else:
                    clips.append(await write_clip(self._link, order.wire, plan, number, order.start_us, writer, done))
            sound = [
                await write_sound(self._link, order.wire, heard, number, writer, done)
                for number in range(len(heard.stretches))
            ]
            name, place, site = words.get(plan.camera, (plan.camera, "", ""))
            error_us, measured_us = clocks.get(plan.camera, (None, None))
            cameras.append(
                Camera(
                    plan.camera,
                    name,
                    place,
                    site,
                    plan.stream,
                    error_us,
                    measured_us,
                    tuple(clips),
                    plan.gaps,
                    tuple(sound),
                )
            )
        proof = job.proof
        manifest = manifest_of(row, order, proof, self._public_key, cameras)

        def finish() -> tuple[int, str, str]:
            writer.add(README, readme(manifest).encode())
            writer.add(ENTRY, proof.record)
            writer.add(PROOF, proof_file(proof))
            return writer.finish(msgspec.structs.replace(manifest, files=tuple(writer.files)), self._key)

        return await asyncio.to_thread(finish)
