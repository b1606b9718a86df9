"""Prove that the index says nothing that the disks do not hold. Reads only; may run beside the recorder."""

import os
from collections.abc import Sequence

from belvedere.foundation.errors import NotFound, SealBroken
from belvedere.media import seal
from belvedere.site.storage import fragments
from belvedere.site.storage.disk import Disk
from belvedere.site.storage.index import Index, statements
from belvedere.site.storage.keys import Keyring


def check(index: Index, keyring: Keyring, disks: Sequence[Disk], *, contents: bool) -> list[str]:
    """What is wrong, one line each; empty when all is well. `contents`: hash and open every file too (slow: it reads all)."""
    wrong: list[str] = []
    here = {disk.id: disk for disk in disks}
    rows = index.read().execute(statements()["segments_to_check"])
    for disk_id, path, size, plain_bytes, sha256, blob, camera_id, camera, kind, day in rows.fetchall():
        if disk_id not in here:
            wrong.append(f"{path}: its disk is not here")
            continue
        files = here[disk_id].files
        try:
            fd = files.open(path)
        except OSError as error:
            wrong.append(f"{path}: {error.strerror}")
            continue
        try:
            marks = fragments.marks(fragments.unpack(blob))
            if os.fstat(fd).st_size < size:
                wrong.append(f"{path}: shorter than the index says")
            elif marks[-1].plain != plain_bytes or marks[-1].sealed > size:
                wrong.append(f"{path}: its row contradicts itself")
            elif contents:
                wrong += _contents(fd, path, size, sha256, marks, keyring, (camera_id, day), (camera, kind))
        finally:
            files.close(fd)
    wrong += [
        f"stream {number}: its byte counter is wrong" for (number,) in index.read().execute(statements()["miscounted"])
    ]
    wrong += [
        f"run {number}: it does not fit its segments" for (number,) in index.read().execute(statements()["misfit_runs"])
    ]
    return wrong


def _contents(
    fd: int,
    path: str,
    size: int,
    sha256: bytes,
    marks: Sequence[seal.Mark],
    keyring: Keyring,
    key: tuple[int, int],
    bound: tuple[str, str],
) -> list[str]:
    def read_at(offset: int, count: int) -> bytes:
        return os.pread(fd, count, offset)

    if seal.file_sha256(read_at, size) != sha256:
        return [f"{path}: it was altered (SHA-256 differs)"]
    try:
        reader = seal.SegmentReader(read_at, keyring.get(*key), seal.identity(*bound))
        for _ in reader.read(marks, fragments.RECORD_BYTES, 0, marks[-1].plain):
            pass
    except (SealBroken, NotFound) as error:
        return [f"{path}: {error.message}"]
    return []
