"""Several processes write one log: they take turns. The turn is a lock on a file in the log's folder, which all of them share.

The kernel gives it back when a process is killed, whatever the database's connections do meanwhile. Whoever has the turn first
reads what the others wrote; the database's primary key is a second fence behind it.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from belvedere.foundation.errors import StorageFault

_PAUSE_S = 0.001
_LONGEST_S = 10.0
LOOKS = frozenset({"view.live", "view.playback"})


@dataclass(frozen=True, slots=True)
class LogTurn:
    """How one process of several writes the log.

    `process`: its name, which stands in the entries that begin a look, so that what a killed process left open can be told.
    `fence`: asked in the transaction of each write; raises StorageFault for one who may not write any more.
    """

    process: str
    fence: Callable[[Connection], None] | None = None

    @contextmanager
    def take(self, folder: Path) -> Iterator[None]:
        """Hold the turn. Blocks, so call it in a thread. Raises StorageFault when another process holds it for too long."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(folder / "turn", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _lock(handle)
            yield
        finally:
            os.close(handle)  # which gives the turn back


def _lock(handle: int) -> None:
    tries = 0
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            tries += 1
            if tries * _PAUSE_S > _LONGEST_S:
                raise StorageFault(
                    "Another process of the hub holds the audit log.",
                    advice="End the process that hangs; until then nothing can be opened.",
                ) from None
            time.sleep(_PAUSE_S)
