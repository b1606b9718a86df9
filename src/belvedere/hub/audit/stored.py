"""The rows of the log in the database, read and held against the tree."""

from collections import OrderedDict

import structlog
from sqlalchemy import Engine, select

from belvedere.foundation.errors import NotFound, StorageFault
from belvedere.hub.audit.rows import ERASED, Entry, entry_of_row, row_problem
from belvedere.hub.storage.engine import reading
from belvedere.hub.storage.metadata import audit_entry
from belvedere.tlog.folder import TileFolder
from belvedere.tlog.merkle import leaf_hash

TAIL = 4096  # newest rows compared with the tree at every start; `check` compares all
RESTORE = "Restore the hub's database and its log folder from the same backup, and tell the data protection officer."

_log = structlog.get_logger()


class StoredLog:
    """What a log that stands in a database can be asked without writing to it. Blocks."""

    _engine: Engine
    _tree: TileFolder
    _recent: OrderedDict[int, Entry]
    # Invariant: only the log's own word raises it (see `_erased_before`), never what the rows look like.
    _erased: int

    def _size(self) -> int:
        """Entries under the newest signed checkpoint."""
        raise NotImplementedError

    def stored(self, index: int) -> Entry:
        """Entry `index` as it stands in the database. Raises NotFound."""
        with reading(self._engine) as connection:
            row = connection.execute(select(audit_entry).where(audit_entry.c.index == index)).mappings().one_or_none()
        if row is None or index >= self._size():
            raise NotFound(f"The log has no entry {index}.", advice=f"It has {self._size()} entries.")
        return entry_of_row(row)

    def entries(self, actor: str | None = None, before: int | None = None, limit: int = 100) -> list[Entry]:
        """The newest `limit` entries, newest first: those of `actor` if given, those below index `before` if given."""
        query = select(audit_entry).where(audit_entry.c.index < self._size())
        if actor is not None:
            query = query.where(audit_entry.c.account_id == actor)
        if before is not None:
            query = query.where(audit_entry.c.index < before)
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(audit_entry.c.index.desc()).limit(limit)).mappings().all()
        return [entry_of_row(row) for row in rows]

    def check(self, first: int = 0) -> int:
        """Compare every row from `first` on with the tree; how many were compared. Raises StorageFault on the first wrong one."""
        compared = 0
        for start in range(first, self._tree.size, TAIL):
            problems = self.problems(start, start + TAIL)
            if problems:
                raise StorageFault(problems[min(problems)], advice=RESTORE)
            compared += min(TAIL, self._tree.size - start)
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

    def _finish(self, size: int) -> None:
        """Bring rows that a crash left without tiles into the tree."""
        with reading(self._engine) as connection:
            rows = (
                connection.execute(select(audit_entry).where(audit_entry.c.index >= size).order_by(audit_entry.c.index))
                .mappings()
                .all()
            )
        if [row["index"] for row in rows] != list(range(size, size + len(rows))):
            raise StorageFault("Rows of the audit log are missing from the database.", advice=RESTORE)
        for row in rows:
            said = row_problem(row, leaf_hash(row["entry_hash"]), 0)
            if said:
                raise StorageFault(said, advice=RESTORE)
        _log.info("audit log finished after a crash", entries=len(rows))
        self._tree.append(leaf_hash(row["entry_hash"]) for row in rows)
