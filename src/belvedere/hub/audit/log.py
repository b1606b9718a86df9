"""The audit log: who did what, in a Merkle tree that outsiders can check.

Order on append: row (committed), tiles, checkpoint; then the caller goes on. Whoever shows a picture waits for that. Entries
that arrive while others are being written share the next write. Start-up finishes what a crash cut short: rows without tiles
are added to the tree; tiles without rows, or rows that are not what the tree says, stop the hub.
"""

import asyncio
import os
from collections import OrderedDict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine, func, insert, select
from sqlalchemy.exc import SQLAlchemyError

from belvedere.foundation.clock import SECOND_US, Clock
from belvedere.foundation.errors import BadInput, NotFound, StorageFault
from belvedere.hub.audit.minute import keep_signed
from belvedere.hub.audit.rows import ERASED, Entry, entry_of_row, row_of, row_problem
from belvedere.hub.storage.engine import reading, writing
from belvedere.hub.storage.metadata import audit_entry
from belvedere.tlog.checkpoint import open_checkpoint
from belvedere.tlog.cosign import timed_checkpoint
from belvedere.tlog.folder import TileFolder, write_durably
from belvedere.tlog.merkle import consistency_proof, inclusion_proof, leaf_hash
from belvedere.tlog.note import BadNote
from belvedere.tlog.proof import SALT_BYTES, LogProof, entry_of
from belvedere.tlog.tiles import TILE_WIDTH, TileName, tile_width

_BATCH = 2048  # entries written at once, when so many wait: a dozen syncs are shared by them
_WAITING = 4096  # appends that may wait for the writer before callers are held back
_RECENT = 1024  # entries kept in memory, so that the proof of a fresh one costs no query
_TAIL = 4096  # newest rows compared with the tree at every start; `check` compares all
_MAX_RECORD_BYTES = 128 * 1024
_RESTORE = "Restore the hub's database and its log folder from the same backup, and tell the data protection officer."

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class LogHead:
    """The log as it stands: `note` is the signed checkpoint."""

    size: int
    root: bytes
    signed_us: int
    note: bytes


@dataclass(frozen=True, slots=True)
class _Waiting:
    kind: str
    actor: str
    facts: Mapping[str, Any]
    done: "asyncio.Future[Entry]"


class AuditLog:
    """The hub's log. One for each database; `start` before the first append, `stop` at the end."""

    def __init__(self, engine: Engine, folder: Path, key: Ed25519PrivateKey, clock: Clock) -> None:
        """Open the log in `folder` (checkpoint and tiles) and check it. Raises StorageFault when it was altered."""
        self._engine = engine
        self._folder = folder
        self._key = key
        self._clock = clock
        self._public_key = key.public_key().public_bytes_raw()
        self._recent: OrderedDict[int, Entry] = OrderedDict()
        self._queue: asyncio.Queue[_Waiting] | None = None
        self._writer: asyncio.Task[None] | None = None
        self._minute: asyncio.Task[None] | None = None
        self._thread: ThreadPoolExecutor | None = None  # of its own: no other work of the hub may hold up the log
        self._fault: StorageFault | None = None
        # Invariant: only the log's own word raises it (see `_erased_before`), never what the rows look like.
        self._erased = 0
        self._tree = self._open()
        self._head = self._sign()

    # Reading ------------------------------------------------------------------------------------------------------

    def checkpoint(self) -> LogHead:
        """The newest signed checkpoint."""
        return self._head

    def proof(self, index: int) -> LogProof:
        """Proof that entry `index` is in the log as it stands. Raises NotFound, also when the entry was erased."""
        head = self._head
        entry = self.entry(index)
        if not entry.record:
            raise NotFound(f"Entry {index} of the log was erased; only its hash is left.", advice="Prove its hash.")
        path = inclusion_proof(index, head.size, self._tree.node)
        return LogProof(index, entry.salt, entry.record, path, head.note)

    def path(self, index: int, size: int) -> tuple[bytes, ...]:
        """Inclusion proof of entry `index` in the log as it was with `size` entries. Raises NotFound."""
        if not 0 <= index < size <= self._head.size:
            raise NotFound(f"The log has no entry {index}.", advice=f"It has {self._head.size} entries.")
        return inclusion_proof(index, size, self._tree.node)

    def consistency(self, old: int, new: int | None = None) -> tuple[bytes, ...]:
        """Proof that the log of `old` entries is the beginning of that of `new` (of the present one). Raises BadInput."""
        try:
            return consistency_proof(old, min(new or self._head.size, self._head.size), self._tree.node)
        except ValueError as error:
            raise BadInput(
                f"The log has {self._head.size} entries.", advice="Ask from 1 up to that many entries."
            ) from error

    def entry(self, index: int) -> Entry:
        """Entry `index`. Raises NotFound."""
        return self._recent.get(index) or self.stored(index)

    def stored(self, index: int) -> Entry:
        """Entry `index` as it stands in the database. Raises NotFound."""
        with reading(self._engine) as connection:
            row = connection.execute(select(audit_entry).where(audit_entry.c.index == index)).mappings().one_or_none()
        if row is None or index >= self._head.size:
            raise NotFound(f"The log has no entry {index}.", advice=f"It has {self._head.size} entries.")
        return entry_of_row(row)

    def entries(self, actor: str | None = None, before: int | None = None, limit: int = 100) -> list[Entry]:
        """The newest `limit` entries, newest first: those of `actor` if given, those below index `before` if given."""
        query = select(audit_entry).where(audit_entry.c.index < self._head.size)
        if actor is not None:
            query = query.where(audit_entry.c.account_id == actor)
        if before is not None:
            query = query.where(audit_entry.c.index < before)
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(audit_entry.c.index.desc()).limit(limit)).mappings().all()
        return [entry_of_row(row) for row in rows]

    def tile(self, name: TileName) -> bytes | None:
        """Bytes to serve under `/log/tile/`: hashes, or a bundle of entries; None when the log has no such tile."""
        if name.width > tile_width(name.level or 0, name.index, self._head.size):
            return None
        if name.level is not None:
            return self._tree.tile(name)
        first = name.index * TILE_WIDTH
        with reading(self._engine) as connection:
            hashes = connection.scalars(
                select(audit_entry.c.entry_hash)
                .where(audit_entry.c.index >= first, audit_entry.c.index < first + name.width)
                .order_by(audit_entry.c.index)
            )
            return b"".join(len(one).to_bytes(2, "big") + one for one in hashes)

    def check(self, first: int = 0) -> int:
        """Compare every row from `first` on with the tree; how many were compared. Raises StorageFault on the first wrong one."""
        compared = 0
        for start in range(first, self._tree.size, _TAIL):
            problems = self.problems(start, start + _TAIL)
            if problems:
                raise StorageFault(problems[min(problems)], advice=_RESTORE)
            compared += min(_TAIL, self._tree.size - start)
        return compared

    def problems(self, first: int, end: int) -> dict[int, str]:
        """What is wrong with the rows of the entries [first, end), by index; no entry that is as it should be."""
        end = min(end, self._tree.size)
        with reading(self._engine) as connection:
            query = select(audit_entry).where(audit_entry.c.index >= first, audit_entry.c.index < end)
            rows = {row["index"]: row for row in connection.execute(query).mappings()}
        found = {}
        for index in range(first, end):
            row = rows.get(index)
            said = (
                f"Entry {index} of the audit log is missing from the database."
                if row is None
                else row_problem(row, self._tree.leaf(index), self._erased)
            )
            if said:
                found[index] = said
        return found

    def forget(self, end: int) -> None:
        """Entries below `end` are erased, as the log says: their rows may be empty from now on."""
        self._erased = max(self._erased, end)
        for index in [one for one in list(self._recent) if one < end]:
            self._recent.pop(index, None)

    @property
    def erased_end(self) -> int:
        """What the entries below this one said was erased."""
        return self._erased

    def _erased_before(self) -> int:
        """Up to which entry the log itself says that contents were erased; an altered row says nothing."""
        end = 0
        with reading(self._engine) as connection:
            query = select(audit_entry).where(audit_entry.c.kind == ERASED, audit_entry.c.index < self._tree.size)
            for row in connection.execute(query).mappings():
                said = row["body"] is not None and not row_problem(row, self._tree.leaf(row["index"]), 0)
                if said:
                    end = max(end, int(entry_of_row(row).facts.get("end", 0)))
        return end

    # Writing ------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Start the writer on the running event loop."""
        self._queue = asyncio.Queue(_WAITING)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="audit-log")
        self._writer = asyncio.create_task(self._write_all(self._queue), name="audit log writer")
        self._minute = asyncio.create_task(keep_signed(self, self._clock), name="audit log minute")

    async def stop(self) -> None:
        """Finish what waits to be written, and stop the writer."""
        if self._queue is not None and self._writer is not None and self._thread is not None:
            await self._queue.join()
            tasks = [task for task in (self._writer, self._minute) if task is not None]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._thread.shutdown()
            self._queue = self._writer = self._thread = None

    async def append(self, kind: str, actor: str, facts: Mapping[str, Any]) -> Entry:
        """Write an entry; it is durable and under a signed checkpoint when this returns.

        `kind` is a dotted word such as `grant.issued`, `actor` an account's id (or `hub`, `site:ID`), `facts` anything
        JSON can hold. Raises StorageFault when it could not be written: whatever it would have allowed must not happen.
        """
        if self._queue is None:
            raise StorageFault("The audit log is not running.", advice="Wait until the hub has started.")
        done: asyncio.Future[Entry] = asyncio.get_running_loop().create_future()
        await self._queue.put(_Waiting(kind, actor, facts, done))
        return await done

    async def _write_all(self, queue: asyncio.Queue[_Waiting]) -> None:
        while True:
            batch = [await queue.get()]
            while len(batch) < _BATCH and not queue.empty():
                batch.append(queue.get_nowait())
            try:
                await self._write(batch)
            finally:
                for one in batch:
                    queue.task_done()
                    if not one.done.done():  # the writer was cancelled in the middle
                        one.done.cancel()

    async def _write(self, batch: list[_Waiting]) -> None:
        entries: list[tuple[_Waiting, Entry]] = []
        now_us = self._clock.now_us()
        index = self._tree.size
        for one in batch:
            try:
                entries.append((one, _make(index, now_us, one)))
                index += 1
            except (TypeError, ValueError, BadInput) as error:
                _fail(one, error)
        if not entries:
            return
        try:
            if self._fault is not None:
                raise self._fault
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._thread, self._commit, [entry for _, entry in entries])
        # StorageFault is expected; anything else is a defect, and must stop the pictures rather than the log.
        except Exception as error:  # noqa: BLE001
            if not isinstance(error, StorageFault):
                _log.exception("audit log stopped")
                self._fault = StorageFault("The audit log stopped.", advice="Restart the hub and report its log.")
            for one, _ in entries:
                _fail(one, error if isinstance(error, StorageFault) else self._fault or error)
            return
        for one, entry in entries:
            if not one.done.done():
                one.done.set_result(entry)

    def _commit(self, entries: list[Entry]) -> None:
        """Write entries; runs in a thread, one call at a time."""
        try:
            with writing(self._engine) as connection:
                connection.execute(insert(audit_entry), [row_of(entry) for entry in entries])
        except SQLAlchemyError as error:  # disk full, database locked or gone: nothing was written
            raise StorageFault(
                f"The audit log can't be written: {error.__class__.__name__}.",
                advice="Check the hub's disk and database; until then nothing can be opened.",
            ) from error
        try:
            self._tree.append(leaf_hash(entry.hash) for entry in entries)
            self._head = self._sign()
            self._tree.forget_stale()
        except OSError as error:
            raise self._stopped(error) from error
        for entry in entries:
            self._recent[entry.index] = entry
            if len(self._recent) > _RECENT:
                self._recent.popitem(last=False)

    def _stopped(self, error: OSError) -> StorageFault:
        """What everybody is told from now on, after a write failed half-way."""
        self._fault = StorageFault(
            f"The audit log can't be written: {os.strerror(error.errno or 0)}.",
            advice="Check the hub's disk, then restart the hub; until then nothing can be opened.",
        )
        _log.error("audit log stopped", error=str(error))
        return self._fault

    async def renew(self) -> LogHead:
        """Sign the checkpoint anew with the present time, though nothing happened. Raises StorageFault."""
        if self._thread is None:
            raise StorageFault("The audit log is not running.", advice="Wait until the hub has started.")
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._renew)

    def _renew(self) -> LogHead:
        """In the writer's thread, so never beside a write."""
        if self._fault is not None:
            raise self._fault
        try:
            self._head = self._sign()
        except OSError as error:
            raise self._stopped(error) from error
        return self._head

    def _sign(self) -> LogHead:
        size, root, now_us = self._tree.size, self._tree.root(), self._clock.now_us()
        note = timed_checkpoint(size, root, self._key, now_us // SECOND_US)
        write_durably(self._folder / "checkpoint", note)
        return LogHead(size, root, now_us, note)

    # Start-up -----------------------------------------------------------------------------------------------------

    def _open(self) -> TileFolder:
        path = self._folder / "checkpoint"
        size = 0
        root = b""
        if path.exists():
            try:
                known = open_checkpoint(path.read_bytes(), self._public_key)
            except BadNote as error:
                raise StorageFault(
                    f"The audit log's checkpoint is not this hub's. {error.message}", advice=_RESTORE
                ) from error
            size, root = known.size, known.root
        tree = TileFolder(self._folder, size)
        if path.exists() and tree.root() != root:
            raise StorageFault("The audit log's tiles are not what its checkpoint signs.", advice=_RESTORE)
        self._tree = tree
        with reading(self._engine) as connection:
            rows = connection.scalar(select(func.count()).select_from(audit_entry)) or 0
        if rows < size:
            raise StorageFault(f"The audit log has {size} entries, and the database only {rows}.", advice=_RESTORE)
        # A crash leaves one batch without tiles, never more, and the checkpoint is older than the first row.
        if rows - size > _BATCH or (rows and not path.exists()):
            raise StorageFault(
                f"The database has {rows} entries of the audit log, and its folder only {size}.", advice=_RESTORE
            )
        if rows > size:
            self._finish(size)
        self._erased = self._erased_before()
        self.check(max(0, tree.size - _TAIL))
        return tree

    def _finish(self, size: int) -> None:
        """Bring rows that a crash left without tiles into the tree."""
        with reading(self._engine) as connection:
            rows = (
                connection.execute(select(audit_entry).where(audit_entry.c.index >= size).order_by(audit_entry.c.index))
                .mappings()
                .all()
            )
        if [row["index"] for row in rows] != list(range(size, size + len(rows))):
            raise StorageFault("Rows of the audit log are missing from the database.", advice=_RESTORE)
        for row in rows:
            said = row_problem(row, leaf_hash(row["entry_hash"]), 0)
            if said:
                raise StorageFault(said, advice=_RESTORE)
        _log.info("audit log finished after a crash", entries=len(rows))
        self._tree.append(leaf_hash(row["entry_hash"]) for row in rows)


def _make(index: int, now_us: int, one: _Waiting) -> Entry:
    words = {"index": index, "time_us": now_us, "kind": one.kind, "actor": one.actor, "facts": one.facts}
    record = msgspec.json.encode(words, order="sorted")
    if len(record) > _MAX_RECORD_BYTES:
        raise BadInput(f"An entry of the log is no longer than {_MAX_RECORD_BYTES} bytes.", advice="Log less text.")
    salt = os.urandom(SALT_BYTES)
    facts = msgspec.json.decode(record)["facts"]
    return Entry(index, now_us, one.kind, one.actor, facts, salt, record, entry_of(salt, record))


def _fail(one: _Waiting, error: Exception) -> None:
    if not one.done.done():
        one.done.set_exception(error)
