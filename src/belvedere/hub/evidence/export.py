"""The export desk: takes an order, writes it in the log, then fetches the footage and makes the pack.

Order: audit entry (durable), row, footage, pack (durable under its name), audit entry, row. A failure removes what was made
and says why; a restart marks what it interrupted as failed. One export runs at a time; a few may wait.
"""

import asyncio
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine, select

import belvedere
from belvedere.foundation.clock import DAY_US, SECOND_US, Clock
from belvedere.foundation.errors import (
    BadInput,
    BelvedereError,
    DiskFull,
    LinkFault,
    NotFound,
    StorageFault,
    Unavailable,
)
from belvedere.foundation.ids import new_id, slug
from belvedere.hub.audit.log import AuditLog
from belvedere.hub.evidence.footage import CameraPlan, clock_errors, plan_camera, write_clip
from belvedere.hub.evidence.manifest import (
    ENTRY,
    EXPORT_STARTED,
    FORMAT,
    PROOF,
    README,
    Camera,
    Clip,
    Export,
    Hub,
    Log,
    Manifest,
    Software,
    UnderGrant,
)
from belvedere.hub.evidence.pack import PackWriter, drop_parts
from belvedere.hub.evidence.readme import readme
from belvedere.hub.evidence.sound import SoundPlan, plan_sound, write_sound
from belvedere.hub.evidence.store import FAILED, READY, WORKING, ExportRow, ExportStore
from belvedere.hub.storage.engine import reading
from belvedere.hub.storage.metadata import camera as camera_table
from belvedere.hub.storage.metadata import site as site_table
from belvedere.link.client import SiteLink
from belvedere.policy.grant import Action, Grant
from belvedere.tlog.checkpoint import log_origin, open_checkpoint
from belvedere.tlog.proof import LogProof

LONGEST_US = DAY_US
MOST_CAMERAS = 64
MOST_WAITING = 20
_SPARE_BYTES = 256 << 20  # left free on the hub's disk, whatever is exported
_INTERRUPTED = "The hub was restarted while this was being made. Nothing of it was kept; export it again."

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Order:
    """What to export. `wire` is the grant as the site wants it, `grant` the same opened."""

    wire: bytes
    grant: Grant
    name: str
    cameras: tuple[str, ...]
    start_us: int
    end_us: int
    note: str = ""


@dataclass(slots=True)
class _Job:
    row: ExportRow
    order: Order
    proof: LogProof
    bytes_total: int = 0
    bytes_done: int = 0


class ExportDesk:
    """Makes evidence packs. One for each hub: `start` before the first order, `stop` at the end."""

    def __init__(
        self, folder: Path, engine: Engine, clock: Clock, key: Ed25519PrivateKey, audit: AuditLog, link: SiteLink
    ) -> None:
        """`folder` is where finished packs lie (`settings.exports_folder`)."""
        self._folder = folder
        self._engine = engine
        self._store = ExportStore(engine)
        self._clock = clock
        self._key = key
        self._public_key = key.public_key().public_bytes_raw()
        self._audit = audit
        self._link = link
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
        _check(order, self._clock.now_us())
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
        )
        facts = {
            "export": row.id,
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
        if job is None or row.state != WORKING or not job.bytes_total:
            return row
        return replace(row, progress=min(0.99, job.bytes_done / job.bytes_total))

    async def _work(self) -> None:
        while True:
            job = await self._queue.get()
            try:
                await self._make(job)
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
        plans = [
            await plan_camera(self._link, order.wire, camera, order.start_us, order.end_us) for camera in order.cameras
        ]
        try:
            known = (await self._link.status()).cameras
        except LinkFault:
            known = ()
        sounds = [
            await plan_sound(self._link, order.wire, camera, order.start_us, order.end_us, known)
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
        words = await asyncio.to_thread(self._camera_words, order.cameras)

        def done(size: int) -> None:
            job.bytes_done += size

        cameras = []
        for plan, heard in zip(plans, sounds, strict=True):
            clips: list[Clip] = []
            for number in range(len(plan.stretches)):
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
        grant, proof = order.grant, job.proof
        manifest = Manifest(
            format=FORMAT,
            software=Software("Belvedere", belvedere.__version__),
            hub=Hub(self._public_key.hex(), log_origin(self._public_key)),
            export=Export(
                id=row.id,
                name=row.name,
                note=row.note,
                cameras=row.cameras,
                start_us=row.start_us,
                end_us=row.end_us,
                made_us=row.made_us,
                made_by=row.made_by,
                made_by_id=row.account_id,
            ),
            grant=UnderGrant(
                id=grant.id,
                purpose=grant.purpose,
                purpose_text=grant.purpose_text,
                case=grant.case,
                issued_us=grant.issued_us,
                expires_us=grant.expires_us,
                approver=grant.approver,
                policy_version=grant.policy_version,
            ),
            log=Log(proof.index, open_checkpoint(proof.checkpoint, self._public_key).size),
            cameras=tuple(cameras),
            files=(),
        )

        def finish() -> tuple[int, str, str]:
            writer.add(README, readme(manifest).encode())
            writer.add(ENTRY, proof.record)
            writer.add(PROOF, proof_file(proof))
            return writer.finish(msgspec.structs.replace(manifest, files=tuple(writer.files)), self._key)

        return await asyncio.to_thread(finish)

    def _camera_words(self, cameras: tuple[str, ...]) -> dict[str, tuple[str, str, str]]:
        """Name, place and site of each camera, as the register has them now."""
        query = (
            select(camera_table.c.id, camera_table.c.name, camera_table.c.place, site_table.c.name.label("site"))
            .join(site_table, site_table.c.id == camera_table.c.site_id)
            .where(camera_table.c.id.in_(cameras))
        )
        with reading(self._engine) as connection:
            return {row["id"]: (row["name"], row["place"], row["site"]) for row in connection.execute(query).mappings()}


def proof_file(proof: LogProof) -> bytes:
    """`log/proof.json`: everything but the record, which is `log/entry.json`."""
    words = {
        "index": proof.index,
        "salt": proof.salt.hex(),
        "path": [part.hex() for part in proof.path],
        "checkpoint": proof.checkpoint.decode(),
    }
    return msgspec.json.format(msgspec.json.encode(words), indent=2) + b"\n"


def pack_name(row: ExportRow) -> str:
    """What a downloaded pack is called."""
    return f"{slug(row.name) or 'export'}-{row.id[-8:]}.zip"


def _check(order: Order, now_us: int) -> None:
    """Raise unless an order is whole, of bearable size, and within its grant."""
    if not order.cameras or len(order.cameras) > MOST_CAMERAS:
        raise BadInput(f"An export has 1 to {MOST_CAMERAS} cameras.", advice="Choose fewer.")
    if not 0 < order.end_us - order.start_us <= LONGEST_US:
        raise BadInput("An export covers more than nothing and at most a day.", advice="Move the marks.")
    if order.start_us >= now_us + SECOND_US:
        raise BadInput("That time has not come yet.", advice="Move the marks.")
    if len(order.name) > 200 or len(order.note) > 5_000:
        raise BadInput("The name or note is too long.", advice="Write at most 200 and 5,000 letters.")
    for camera in order.cameras:
        order.grant.require(Action.EXPORT, camera, now_us=now_us, start_us=order.start_us, end_us=order.end_us)
