"""The footage folders of a site: those that are its disks, and those that are not."""

from collections.abc import Callable, Sequence
from pathlib import Path

import structlog

from belvedere.foundation.clock import Clock
from belvedere.foundation.errors import WrongDisk
from belvedere.site.storage.disk import Disk, Files, SystemFiles, new_uuid
from belvedere.site.storage.index import Index

log = structlog.get_logger()


def site_uuid(index: Index, clock: Clock) -> str:
    """The identity of this site, made at the first start."""
    row = index.read().execute("SELECT uuid FROM site").fetchone()
    if row is not None:
        return str(row[0])
    fresh = new_uuid()
    with index.write() as db:
        db.execute("INSERT INTO site (id, uuid, created_us) VALUES (1, ?, ?)", (fresh, clock.now_us()))
    return fresh


def open_disks(
    index: Index, folders: Sequence[Path], clock: Clock, make: Callable[[Path], Files] = SystemFiles
) -> tuple[list[Disk], dict[int, WrongDisk]]:
    """The disks of `folders`, new ones claimed, and by disk id why one is not usable now. Raises StorageFault."""
    site = site_uuid(index, clock)
    disks: list[Disk] = []
    wrong: dict[int, WrongDisk] = {}
    for folder in folders:
        path = str(folder.absolute())
        row = _known(index, make(folder), path, site)
        if row is None:
            disks.append(_new_disk(index, folder, path, site, clock, make))
            continue
        disk = Disk(make(folder), row[0], row[1], site, path)
        disks.append(disk)
        try:
            disk.verify()
        except WrongDisk as error:
            log.error("wrong_disk", disk=path, error=str(error))
            wrong[disk.id] = error
    return disks, wrong


def _known(index: Index, files: Files, path: str, site: str) -> tuple[int, str] | None:
    """Id and UUID of the disk expected at `path`. A disk of this site that was mounted elsewhere is known by its meta file."""
    row: tuple[int, str] | None = index.read().execute("SELECT id, uuid FROM disk WHERE path = ?", (path,)).fetchone()
    meta = Disk(files, 0, "", site, path).meta()
    if row is not None or meta is None or meta.site != site:
        return row
    row = index.read().execute("SELECT id, uuid FROM disk WHERE uuid = ?", (meta.disk,)).fetchone()
    if row is not None:
        with index.write() as db:
            db.execute("UPDATE disk SET path = ?, gone_us = NULL, gone_why = '' WHERE id = ?", (path, row[0]))
    return row


def _new_disk(index: Index, folder: Path, path: str, site: str, clock: Clock, make: Callable[[Path], Files]) -> Disk:
    """Claim a folder, then write its row. A start that ended between the two is made good by the next."""
    fresh = new_uuid()
    number = index.next_id("disk")
    disk = Disk(make(folder), number, fresh, site, path)
    try:
        disk.claim()
    except WrongDisk:
        if not _claimed_by_us(disk, site):
            raise
    with index.write() as db:
        db.execute(
            "INSERT INTO disk (id, uuid, path, created_us) VALUES (?, ?, ?, ?)",
            (number, disk.uuid, path, clock.now_us()),
        )
    return disk


def _claimed_by_us(disk: Disk, site: str) -> bool:
    """Whether this site claimed the folder in a start that ended before the row was written."""
    meta = disk.meta()
    if meta is None or meta.site != site:
        return False
    disk.uuid = meta.disk
    return not disk.files.names()
