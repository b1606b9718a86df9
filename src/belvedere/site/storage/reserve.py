"""Space that the index keeps for itself on its disk, so that a full disk can still be tidied up.

Deleting footage is written into the index first. Where others (or this site's own footage) fill the disk to the last byte,
nothing could be deleted any more, and no start could write its first row. The reserve is a file that is given up then.
"""

import contextlib
import os
import threading
from pathlib import Path

import structlog

log = structlog.get_logger()

LEAST_BYTES = 1 << 20  # free on the index's disk, or it is full: a start writes less than this
_SHARE = 32
_SMALLEST_BYTES, _LARGEST_BYTES = 2 << 20, 16 << 20


class Reserve:
    """The file `reserve` beside the index. Thread-safe.

    Invariant: `held` is True only while all of its bytes are really taken from the disk.
    """

    def __init__(self, folder: Path) -> None:
        """Takes nothing yet. Raises OSError when `folder` is not there."""
        self._path = folder / "reserve"
        self._folder = folder
        stat = os.statvfs(folder)
        total = stat.f_blocks * stat.f_frsize
        self.size = min(max(total // _SHARE, _SMALLEST_BYTES), _LARGEST_BYTES)
        self.device = folder.stat().st_dev
        self._lock = threading.Lock()
        with contextlib.suppress(OSError):
            found = self._path.stat()
            self.size = max(found.st_size, 1)
            self.held = found.st_blocks * 512 >= found.st_size > 0
            return
        self.held = False

    def free(self) -> int:
        """Bytes free on the index's disk. Raises OSError."""
        stat = os.statvfs(self._folder)
        return stat.f_bavail * stat.f_frsize

    def keep(self) -> bool:
        """Take the space, unless it is taken. False: there is no room for it now."""
        with self._lock:
            if self.held:
                return True
            with contextlib.suppress(OSError):
                if self.free() < self.size + LEAST_BYTES:
                    return False
                fd = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o600)
                try:
                    os.posix_fallocate(fd, 0, self.size)
                    os.fsync(fd)
                finally:
                    os.close(fd)
                self.held = True
                return True
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)
            return False

    def give_up(self) -> bool:
        """Free the space. False: there was none."""
        with self._lock:
            if not self.held:
                return False
            self.held = False
            try:
                self._path.unlink(missing_ok=True)
            except OSError as error:
                log.error("reserve_stays", error=str(error))
                return False
            log.warning("reserve_given_up", bytes=self.size)
            return True

    def ease(self) -> None:
        """After a write to the index failed: give the space up where the disk is full."""
        if self.full():
            self.give_up()

    def full(self) -> bool:
        """Whether the index's disk has no room for it."""
        try:
            return self.free() < LEAST_BYTES
        except OSError:
            return False
