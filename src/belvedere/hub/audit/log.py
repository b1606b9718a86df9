"""The audit log: who did what, in a Merkle tree that outsiders can check.

Order on append: row (committed), tiles, checkpoint; then the caller goes on. Whoever shows a picture waits for that. Entries
that arrive while others are being written share the next write. Start-up finishes what a crash cut short: rows without tiles
are added to the tree; tiles without rows, or rows that are not what the tree says, stop the hub. Where several processes write
(`turn`), each does the same whenever its turn comes.
"""

import asyncio
import os
import threading
from collections import OrderedDict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine, func, insert, select
from sqlalchemy.exc import SQLAlchemyError

from belvedere.foundation.clock import SECOND_US, Clock
from belvedere.foundation.errors import BadInput, NotFound, StorageFault
from belvedere.hub.audit.minute import keep_signed
from belvedere.hub.audit.rows import Entry, row_of
from belvedere.hub.audit.stored import RESTORE, TAIL, StoredLog
from belvedere.hub.audit.turn import LOOKS, LogTurn
from belvedere.hub.audit.waiting import Waiting, make_entries
from belvedere.hub.storage.engine import reading, writing
from belvedere.hub.storage.metadata import audit_entry
from belvedere.tlog.checkpoint import open_checkpoint
from belvedere.tlog.cosign import timed_checkpoint
from belvedere.tlog.folder import TileFolder, write_durably
from belvedere.tlog.merkle import Frontier, consistency_proof, inclusion_proof, leaf_hash
from belvedere.tlog.note import BadNote
from belvedere.tlog.proof import LogProof
from belvedere.tlog.tiles import TILE_WIDTH, TileName, tile_width

_BATCH = 2048  # entries written at once, when so many wait: a dozen syncs are shared by them
_WAITING = 4096  # appends that may wait for the writer before callers are held back
_RECENT = 1024  # entries kept in memory, so that the proof of a fresh one costs no query

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class LogHead:
    """The log as it stands: `note` is the signed checkpoint."""

    size: int
    root: bytes
    signed_us: int
    note: bytes


class AuditLog(StoredLog):
    """The hub's log. One for each database; `start` before the first append, `stop` at the end."""

    def __init__(
        self, engine: Engine, folder: Path, key: Ed25519PrivateKey, clock: Clock, turn: LogTurn | None = None
    ) -> None:
        """Open the log in `folder` (checkpoint and tiles) and check it. Raises StorageFault when it was altered.

        `turn`: how this process takes turns with the others of the hub, None where it is the only one.
        """
        self._engine = engine
        self._folder = folder
        self._key = key
        self._clock = clock
        self._public_key = key.public_key().public_bytes_raw()
        self._recent: OrderedDict[int, Entry] = OrderedDict()
        self._queue: asyncio.Queue[Waiting] | None = None
        self._writer: asyncio.Task[None] | None = None
        self._minute: asyncio.Task[None] | None = None
        self._thread: ThreadPoolExecutor | None = None  # of its own: no other work of the hub may hold up the log
        self._fault: StorageFault | None = None
        # Invariant: only the log's own word raises it (see `_erased_before`), never what the rows look like.
        self._erased = 0
        self._turn = turn
        self._seen = (0, 0)  # which checkpoint file was read last: inode, time of change
        self._swap = threading.Lock()  # held while tree and head change; never waited for by the event loop
        with self._taking_turns():
            self._tree = self._open()
            self._head = self._sign()

    # Reading ------------------------------------------------------------------------------------------------------

    def checkpoint(self) -> LogHead:
        """The newest signed checkpoint."""
        self._follow()
        return self._head

    def _size(self) -> int:
        return self.checkpoint().size

    def proof(self, index: int) -> LogProof:
        """Proof that entry `index` is in the log as it stands. Raises NotFound, also when the entry was erased."""
        head = self.checkpoint()
        entry = self.entry(index)
        if not entry.record:
            raise NotFound(f"Entry {index} of the log was erased; only its hash is left.", advice="Prove its hash.")
        path = inclusion_proof(index, head.size, self._tree.node)
        return LogProof(index, entry.salt, entry.record, path, head.note)

    def path(self, index: int, size: int) -> tuple[bytes, ...]:
        """Inclusion proof of entry `index` in the log as it was with `size` entries. Raises NotFound."""
        if not 0 <= index < size <= self.checkpoint().size:
            raise NotFound(f"The log has no entry {index}.", advice=f"It has {self._head.size} entries.")
        return inclusion_proof(index, size, self._tree.node)

    def consistency(self, old: int, new: int | None = None) -> tuple[bytes, ...]:
        """Proof that the log of `old` entries is the beginning of that of `new` (of the present one). Raises BadInput."""
        try:
            head = self.checkpoint()
            return consistency_proof(old, min(new or head.size, head.size), self._tree.node)
        except ValueError as error:
            raise BadInput(
                f"The log has {self._head.size} entries.", advice="Ask from 1 up to that many entries."
            ) from error

    def entry(self, index: int) -> Entry:
        """Entry `index`. Raises NotFound."""
        return self._recent.get(index) or self.stored(index)

    def tile(self, name: TileName) -> bytes | None:
        """Bytes to serve under `/log/tile/`: hashes, or a bundle of entries; None when the log has no such tile."""
        if name.width > tile_width(name.level or 0, name.index, self.checkpoint().size):
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

    # Writing ------------------------------------------------------------------------------------------------------

    async def start(self, *, keeps_signed: bool = True) -> None:
        """Start the writer on the running event loop. `keeps_signed`: sign anew each minute, though nothing happens."""
        self._queue = asyncio.Queue(_WAITING)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="audit-log")
        self._writer = asyncio.create_task(self._write_all(self._queue), name="audit log writer")
        if keeps_signed:
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
        if self._turn is not None and kind in LOOKS:
            facts = {**facts, "process": self._turn.process}
        await self._queue.put(Waiting(kind, actor, facts, done))
        return await done

    async def _write_all(self, queue: asyncio.Queue[Waiting]) -> None:
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

    async def _write(self, batch: list[Waiting]) -> None:
        try:
            if self._fault is not None:
                raise self._fault
            made = await asyncio.get_running_loop().run_in_executor(self._thread, self._commit, batch)
        # StorageFault is expected; anything else is a defect, and must stop the pictures rather than the log.
        except Exception as error:  # noqa: BLE001
            if not isinstance(error, StorageFault):
                _log.exception("audit log stopped")
                self._fault = StorageFault("The audit log stopped.", advice="Restart the hub and report its log.")
            for one in batch:
                one.fail(error if isinstance(error, StorageFault) else self._fault or error)
            return
        for one, each in zip(batch, made, strict=True):
            one.written(each)

    def _commit(self, batch: list[Waiting]) -> list[Entry | Exception]:
        """Write what waits; runs in a thread, one call at a time. For each the entry, or what is wrong with it."""
        with self._taking_turns(), self._swap:
            self._catch_up()
            made = make_entries(self._tree.size, self._clock.now_us(), batch)
            entries = [each for each in made if isinstance(each, Entry)]
            if entries:
                self._keep(entries)
        return made

    def _keep(self, entries: list[Entry]) -> None:
        try:
            with writing(self._engine) as connection:
                if self._turn is not None and self._turn.fence is not None:
                    self._turn.fence(connection)
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
        with self._taking_turns(), self._swap:
            self._catch_up()
            try:
                self._head = self._sign()
            except OSError as error:
                raise self._stopped(error) from error
        return self._head

    def _sign(self) -> LogHead:
        size, root, now_us = self._tree.size, self._tree.root(), self._clock.now_us()
        note = timed_checkpoint(size, root, self._key, now_us // SECOND_US)
        write_durably(self._folder / "checkpoint", note)
        self._seen = self._stamp()
        return LogHead(size, root, now_us, note)

    # Several processes --------------------------------------------------------------------------------------------

    def _taking_turns(self) -> AbstractContextManager[None]:
        return nullcontext() if self._turn is None else self._turn.take(self._folder)

    def _stamp(self) -> tuple[int, int]:
        if self._turn is None:
            return self._seen
        found = (self._folder / "checkpoint").stat()
        return found.st_ino, found.st_mtime_ns

    def _follow(self) -> None:
        """See what other processes wrote. While this one writes, it does so itself."""
        if self._turn is None or self._stamp() == self._seen or not self._swap.acquire(blocking=False):
            return
        try:
            self._read_on()
        finally:
            self._swap.release()

    def _read_on(self) -> None:
        """Take over the log as the newest checkpoint has it. Raises StorageFault when that is no longer log of the same."""
        seen = self._stamp()
        note = (self._folder / "checkpoint").read_bytes()
        if note == self._head.note:
            self._seen = seen
            return
        try:
            known = open_checkpoint(note, self._public_key)
        except BadNote as error:
            raise StorageFault(
                f"The audit log's checkpoint is not this hub's. {error.message}", advice=RESTORE
            ) from error
        tree, had = self._tree, self._tree.size
        if known.size != had:
            tree = TileFolder(self._folder, known.size)
        if known.size < had or tree.root() != known.root or Frontier(had, tree.node).root() != self._tree.root():
            raise StorageFault("The audit log is not a longer log of what it was.", advice=RESTORE)
        self._tree = tree
        self._head = LogHead(known.size, known.root, seen[1] // 1000, note)
        self._seen = seen

    def _catch_up(self) -> None:
        """With the turn in hand: what others wrote, and what one that was killed left without tiles."""
        if self._turn is None:
            return
        self._read_on()
        size = self._tree.size
        with reading(self._engine) as connection:
            query = select(func.count()).select_from(audit_entry).where(audit_entry.c.index >= size)
            if not connection.scalar(query):
                return
        self._finish(size)
        self._head = self._sign()

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
                    f"The audit log's checkpoint is not this hub's. {error.message}", advice=RESTORE
                ) from error
            size, root = known.size, known.root
        tree = TileFolder(self._folder, size)
        if path.exists() and tree.root() != root:
            raise StorageFault("The audit log's tiles are not what its checkpoint signs.", advice=RESTORE)
        self._tree = tree
        with reading(self._engine) as connection:
            rows = connection.scalar(select(func.count()).select_from(audit_entry)) or 0
        if rows < size:
            raise StorageFault(f"The audit log has {size} entries, and the database only {rows}.", advice=RESTORE)
        # A crash leaves one batch without tiles, never more, and the checkpoint is older than the first row.
        if rows - size > _BATCH or (rows and not path.exists()):
            raise StorageFault(
                f"The database has {rows} entries of the audit log, and its folder only {size}.", advice=RESTORE
            )
        if rows > size:
            self._finish(size)
        self._erased = self._erased_before()
        self.check(max(0, tree.size - TAIL))
        return tree
