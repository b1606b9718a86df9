"""Making a pack as a durable job: fetch the footage, write the pack, store it, say so in the log.

Each step may be repeated. A clip that is whole is made durable and noted; who goes on with the job checks it and fetches only
what is missing. A finished pack waits in the hub's folder until the object store has it.
"""

import asyncio
import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine, select

from belvedere.foundation.clock import Clock
from belvedere.foundation.errors import BelvedereError, Conflict, DiskFull, LinkFault, NotFound, Refused, StorageFault
from belvedere.hub.audit.log import AuditLog
from belvedere.hub.evidence.composing import Composer
from belvedere.hub.evidence.copy import Release
from belvedere.hub.evidence.footage import clock_errors, plan_camera
from belvedere.hub.evidence.order import WORKING_COPY, Order
from belvedere.hub.evidence.pack import PackWriter
from belvedere.hub.evidence.sound import SoundPlan, plan_sound
from belvedere.hub.evidence.store import CANCELLED, FAILED, READY, WORKING, ExportRow, ExportStore
from belvedere.hub.jobs.work import Later, Work
from belvedere.hub.objects.shelf import ObjectShelf
from belvedere.hub.storage.engine import reading
from belvedere.hub.storage.metadata import access_grant
from belvedere.link.client import SiteLink
from belvedere.media.stream import StreamKind
from belvedere.policy.signed import GrantOpener

SPARE_BYTES = 256 << 20  # left free on the hub's disk, whatever is exported
EXPORT_READY = "export.ready"
WAITS = "waits"  # note of a job: how often it waited for the object store or the log
_FIRST_WAIT_S, _LONGEST_WAIT_S = 5.0, 300.0
_LOG_WAIT_S = 60.0
_LOOKED_AT = 200  # of a person's newest log entries

_log = structlog.get_logger()


class _Stopped(Exception):
    """Storing was cut off between two parts."""


@dataclass(frozen=True, slots=True)
class _Pack:
    """A finished pack in the folder `making`."""

    bytes: int
    sha256: str
    manifest_sha256: str


def object_key(export_id: str) -> str:
    """Where the pack of an export lies in the object store."""
    return f"exports/{export_id}.zip"


class PackMaker:
    """Does the jobs of exports. `folder` is for packs that are being made; nobody downloads from it."""

    kind: str = "export"
    formats: tuple[int, ...] = (1,)

    def __init__(
        self,
        folder: Path,
        engine: Engine,
        clock: Clock,
        key: Ed25519PrivateKey,
        audit: AuditLog,
        link: SiteLink,
        objects: ObjectShelf,
        release: Release | None = None,
    ) -> None:
        self._folder = folder
        self._engine = engine
        self._store = ExportStore(engine)
        self._clock = clock
        self._key = key
        self._public_key = key.public_key().public_bytes_raw()
        self._audit = audit
        self._link = link
        self._objects = objects
        self._release = release
        self._storing: dict[str, asyncio.Future[Any]] = {}

    async def run(self, work: Work) -> None:
        """See `Handler.run`. The footage may come in an earlier attempt, the pack be stored in a later one."""
        row = await asyncio.to_thread(self._store.get, work.job.id)
        if row is None or row.state != WORKING:
            return  # the row was written, and then the process ended
        path = self._folder / f"{row.id}.{work.job.attempts}.zip"
        await asyncio.to_thread(self._take_over, row.id, path, work.clean)
        pack = _Pack(**work.notes["pack"]) if "pack" in work.notes else None
        if pack is not None and not await asyncio.to_thread(_is, path, pack):
            await work.drop("pack")
            pack = None
        if pack is None:
            pack = await self._make(work, row, path)
            await work.note(pack={name: getattr(pack, name) for name in _Pack.__slots__})
        await self._put(work, row, path, pack)
        await self._tell(work, row, pack)
        await asyncio.to_thread(self._clear, row.id)

    async def give_up(self, work: Work) -> None:
        """See `Handler.give_up`."""
        row = await self._undo(work)
        if row is not None:
            await self._audit.append("export.cancelled", row.account_id, {"export": row.id, "name": row.name})
            await asyncio.to_thread(self._store.finish, row.id, CANCELLED, "You cancelled this export.")

    async def fail(self, work: Work, error: BelvedereError | Exception) -> str:
        """See `Handler.fail`. A log that can't be written leaves the row working, for the next attempt to fail."""
        if isinstance(error, BelvedereError):
            message = str(error)
        elif isinstance(error, OSError):
            message = f"The pack can't be written: {error.strerror}. Check the hub's disk."
        else:
            message = "Something in Belvedere broke. Try again, and report it with the hub's log."
        row = await self._undo(work)
        if row is not None:
            facts = {"export": row.id, "name": row.name, "reason": message}
            await self._audit.append("export.failed", row.account_id, facts)
            await asyncio.to_thread(self._store.finish, row.id, FAILED, message)
        return message

    async def _undo(self, work: Work) -> ExportRow | None:
        """Leave nothing behind. The row, when it is still to be finished."""
        storing = self._storing.pop(work.job.id, None)
        if storing is not None:
            await asyncio.gather(storing, return_exceptions=True)
        await asyncio.to_thread(self._clear, work.job.id)
        row = await asyncio.to_thread(self._store.get, work.job.id)
        if row is None or row.state != WORKING:
            return None
        if "storing" in work.notes:
            await asyncio.to_thread(self._objects.destroy, object_key(row.id))
        return row

    def sweep(self, open_ids: frozenset[str]) -> None:
        """Remove what lies in the folder for no open job."""
        for path in self._folder.glob("*") if self._folder.exists() else ():
            if path.name.lstrip(".").partition(".")[0] not in open_ids:
                path.unlink(missing_ok=True)

    def _clear(self, export_id: str) -> None:
        for path in [*self._folder.glob(f"{export_id}.*"), *self._folder.glob(f".{export_id}.*")]:
            path.unlink(missing_ok=True)

    def _take_over(self, export_id: str, path: Path, clean: bool) -> None:
        """Name what earlier attempts left after this one. A half that somebody may still write to is dropped instead."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for old in self._folder.glob(f"{export_id}.*.zip"):
            old.rename(path)
        for old in self._folder.glob(f".{export_id}.*.zip.part"):
            if clean:
                old.rename(path.with_name(f".{path.name}.part"))
            else:
                old.unlink()

    # The pack -----------------------------------------------------------------------------------------------------

    def _order(self, row: ExportRow) -> Order:
        query = select(access_grant.c.wire).where(
            access_grant.c.id == row.grant_id,
            access_grant.c.account_id == row.account_id,
            access_grant.c.ended_us.is_(None),
        )
        with reading(self._engine) as connection:
            wire = connection.scalar(query)
        if wire is None:
            raise Refused("The access was ended before this was ready.", advice="Ask for access, then export again.")
        grant = GrantOpener(self._public_key, self._clock).open(wire)
        return Order(wire, grant, row.name, row.cameras, row.start_us, row.end_us, row.note, row.kind)

    async def _make(self, work: Work, row: ExportRow, path: Path) -> _Pack:
        order = await asyncio.to_thread(self._order, row)
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
        wanted = sum(plan.bytes for plan in plans) + sum(plan.bytes for plan in sounds)
        if not wanted:
            reasons = sorted({gap.text for plan in plans for gap in plan.gaps})
            raise NotFound(f"There is no footage of this time. {' '.join(reasons)}", advice="Look at the timeline.")
        free = shutil.disk_usage(self._folder).free
        if free < wanted + SPARE_BYTES:
            raise DiskFull(
                f"The pack needs {wanted >> 20} MiB and the hub's disk has {free >> 20} MiB free.",
                advice="Make room on the hub, or export less.",
            )
        try:
            clocks = await clock_errors(self._link, self._clock.now_us())
        except LinkFault:  # the pack then says that the clocks are not known
            clocks = {}
        composer = Composer(
            self._engine, self._clock, self._key, self._link, self._release, order, row, plans, sounds, clocks, wanted
        )
        kept = composer.kept(work.notes.get("files", []))
        writer = await asyncio.to_thread(PackWriter, path, row.made_us, kept)
        proof = self._audit.proof(int(work.job.words["entry"]))
        try:
            return _Pack(*await composer.write(work, writer, proof))
        except asyncio.CancelledError:  # given up, and cleared then; or the process ends, and the next goes on here
            await asyncio.shield(asyncio.to_thread(writer.leave))
            raise
        except BaseException:  # whatever it was, nothing half-made stays
            await asyncio.shield(asyncio.to_thread(writer.abandon))
            raise

    # The store ----------------------------------------------------------------------------------------------------

    async def _put(self, work: Work, row: ExportRow, path: Path, pack: _Pack) -> None:
        if "storing" not in work.notes:
            await work.note(storing=True)
        work.share, work.message = 0.99, "Being stored."
        stopped = False
        stored = 0

        def done(size: int) -> None:
            nonlocal stored
            stored += size
            work.message = f"Being stored: {stored >> 20} of {pack.bytes >> 20} MiB."
            if stopped:
                raise _Stopped

        put = partial(self._objects.put, object_key(row.id), path, pack.bytes, pack.sha256, done)
        future = asyncio.ensure_future(asyncio.to_thread(self._put_or_replace, row, put))
        self._storing[row.id] = future
        try:
            await asyncio.shield(future)
        except asyncio.CancelledError:
            stopped = True
            future.add_done_callback(_seen)
            raise
        except StorageFault as error:
            tries = await self._waits(work)
            wait_s = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2 ** min(tries, 10))
            raise Later(f"The pack is made and waits to be stored. {error.message}", wait_s) from error
        finally:
            if future.done():
                self._storing.pop(row.id, None)

    async def _waits(self, work: Work) -> int:
        """Note that it waits once more; how often it did before."""
        before = int(work.notes.get(WAITS, 0))
        await work.note(**{WAITS: before + 1})
        return before

    def _put_or_replace(self, row: ExportRow, put: Callable[[], object]) -> None:
        try:
            put()
        except Conflict:  # of an attempt that was cut off: nobody was told of it
            self._objects.destroy(object_key(row.id))
            put()

    async def _tell(self, work: Work, row: ExportRow, pack: _Pack) -> None:
        await work.note(stored=True)  # raises when the job is another's by now
        work.settled = True
        facts = {"export": row.id, "name": row.name, "bytes": pack.bytes, "sha256": pack.sha256}
        try:
            if work.job.attempts == 1 or not await asyncio.to_thread(self._was_told, row, pack):
                await self._audit.append(
                    EXPORT_READY, row.account_id, facts | {"manifest_sha256": pack.manifest_sha256}
                )
        except StorageFault as error:  # what the log does not know of is not given out
            await asyncio.to_thread(self._objects.destroy, object_key(row.id))
            work.settled = False
            await self._waits(work)
            raise Later(f"The pack is made. {error}", _LOG_WAIT_S) from error
        await asyncio.to_thread(self._store.finish, row.id, READY, "", pack.bytes, pack.sha256)

    def _was_told(self, row: ExportRow, pack: _Pack) -> bool:
        return any(
            entry.kind == EXPORT_READY and entry.facts.get("export") == row.id and entry.facts["sha256"] == pack.sha256
            for entry in self._audit.entries(row.account_id, limit=_LOOKED_AT)
        )


def _is(path: Path, pack: _Pack) -> bool:
    try:
        with path.open("rb") as file:
            return path.stat().st_size == pack.bytes and hashlib.file_digest(file, "sha256").hexdigest() == pack.sha256
    except OSError:
        return False


def _seen(future: "asyncio.Future[Any]") -> None:
    if not future.cancelled() and future.exception() is not None:
        _log.info("storing cut off", fault=type(future.exception()).__name__)
