"""Deleting footage: garbage row, unlink, directory sync, drop row. Runs keep telling the truth about what is left."""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from belvedere.media.stream import EndReason
from belvedere.site.storage.disk import Files
from belvedere.site.storage.index import Index, statements


@dataclass(frozen=True, slots=True)
class Doomed:
    """A segment row that is to go; columns of the statements `oldest_free`, `oldest_held`, `of_run` and others."""

    id: int
    stream_id: int
    run_id: int
    disk_id: int
    path: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Told:
    """What the certificate will say of footage that is deleted now. `why`: age, space or held_space."""

    why: str
    decided: str
    now_us: int


def delete(index: Index, files: Files, doomed: Sequence[Doomed], told: Told | None = None) -> int:
    """Delete segments of one disk; returns bytes really freed. What can't be unlinked stays listed as garbage.

    `told`: None for what never was footage, such as an import that was broken off.
    """
    if not doomed:
        return 0
    with index.write() as db:
        if told is not None:
            tell(db, "segment", doomed, told)
        gone = forget(db, doomed)
        db.executemany("INSERT INTO garbage (disk_id, path) VALUES (?, ?)", [(row.disk_id, row.path) for row in gone])
    unlinked = sweep(index, files, doomed[0].disk_id, {row.path for row in gone})
    return sum(row.bytes for row in gone if row.path in unlinked)


def tell(db: sqlite3.Connection, table: str, doomed: Sequence[Doomed], told: Told) -> None:
    """Note, inside a transaction, rows of `segment` or `quarantine` that are about to be destroyed."""
    marked = "marked_us" if table == "quarantine" else "0"
    query = statements()["tell_destroyed"].replace("/*marked*/ 0", marked).replace("/*table*/ segment", table)
    values = {"why": told.why, "decided": told.decided, "now_us": told.now_us}
    db.executemany(query, [values | {"id": row.id} for row in doomed])


def forget(db: sqlite3.Connection, doomed: Sequence[Doomed]) -> list[Doomed]:
    """Drop the rows of segments, inside a transaction, and set counters and runs right. Returns those that were there."""
    gone = []
    for row in doomed:
        if db.execute("DELETE FROM segment WHERE id = ?", (row.id,)).rowcount:
            db.execute("DELETE FROM held_key WHERE segment_id = ?", (row.id,))
            db.execute("DELETE FROM held_copy WHERE segment_id = ?", (row.id,))
            db.execute(statements()["count_stream"], {"stream_id": row.stream_id, "bytes": -row.bytes, "segments": -1})
            gone.append(row)
    for run_id in sorted({row.run_id for row in gone}):
        reshape(db, run_id)
    return gone


def reshape(db: sqlite3.Connection, run_id: int) -> None:
    """Make a run fit its segments: none left, it goes; a hole in the middle splits it, so that the hole shows as a gap."""
    run = db.execute("SELECT end_reason, end_us FROM run WHERE id = ?", (run_id,)).fetchone()
    if run is None:
        return
    growing = run[0] == ""
    count, first, last, start_us, end_us, lost = db.execute(statements()["run_extent"], {"run_id": run_id}).fetchone()
    if not count:
        if growing:
            db.execute("UPDATE run SET start_us = end_us, lost_packets = 0 WHERE id = ?", (run_id,))
        else:
            db.execute("DELETE FROM run WHERE id = ?", (run_id,))
    elif count == last - first + 1:
        _set_extent(db, run_id, start_us, end_us, lost)
    else:
        _split(db, run_id)


def _split(db: sqlite3.Connection, run_id: int) -> None:
    """Give all but the last unbroken stretch of a run's segments runs of their own."""
    groups: list[list[tuple[int, int, int, int, int]]] = []
    for row in db.execute(statements()["run_shape"], {"run_id": run_id}).fetchall():
        if not groups or row[1] != groups[-1][-1][1] + 1:
            groups.append([])
        groups[-1].append(row)
    for group in groups[:-1]:
        new = db.execute(
            statements()["split_run"],
            {
                "run_id": run_id,
                "start_us": group[0][2],
                "end_us": group[-1][2] + group[-1][3],
                "end_reason": EndReason.UNKNOWN,
                "message": "What followed was deleted or lost.",
                "lost_packets": sum(row[4] for row in group),
            },
        ).lastrowid
        db.executemany("UPDATE segment SET run_id = ? WHERE id = ?", [(new, row[0]) for row in group])
    last = groups[-1]
    _set_extent(db, run_id, last[0][2], last[-1][2] + last[-1][3], sum(row[4] for row in last))


def _set_extent(db: sqlite3.Connection, run_id: int, start_us: int, end_us: int, lost_packets: int) -> None:
    db.execute(
        "UPDATE run SET start_us = ?, end_us = ?, lost_packets = ? WHERE id = ?",
        (start_us, end_us, lost_packets, run_id),
    )


def sweep(index: Index, files: Files, disk_id: int, only: Iterable[str] | None = None) -> set[str]:
    """Unlink garbage of a disk, sync its folders, drop the rows. Returns the paths that are gone."""
    rows = index.read().execute("SELECT id, path FROM garbage WHERE disk_id = ?", (disk_id,)).fetchall()
    wanted = None if only is None else set(only)
    gone: dict[str, int] = {}
    for number, path in rows:
        if wanted is not None and path not in wanted:
            continue
        try:
            files.unlink(path)
        except FileNotFoundError:
            pass
        except OSError:
            continue  # stays listed; tried again at the next sweep
        gone[path] = number
    synced: set[str] = set()
    for folder in {path.rpartition("/")[0] for path in gone}:
        try:
            files.sync_folder(f"{folder}/x")
        except FileNotFoundError:
            synced.add(folder)
        except OSError:
            continue  # the names may come back after a power cut: their rows stay
        else:
            synced.add(folder)
    done = {path: number for path, number in gone.items() if path.rpartition("/")[0] in synced}
    if done:
        with index.write() as db:
            db.executemany("DELETE FROM garbage WHERE id = ?", [(number,) for number in done.values()])
    return set(gone)
