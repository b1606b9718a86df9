"""Who has a job, and whether that process still lives.

Each process holds a lock on a file of its own as long as it lives; the system lets go of it however the process ends. Another one
that can take the lock knows that the owner is dead, at once. Where the file is not there (a hub on another machine), an owner
counts as dead when its lease has not moved for a whole lease of one's own monotonic clock: no two machines need agree on the time.
"""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

from belvedere.foundation.clock import Clock
from belvedere.foundation.ids import new_id
from belvedere.hub.jobs.store import Job


class Owner:
    """This process among those that take jobs. Open one a desk; `close` it when nothing of it runs any more."""

    def __init__(self, folder: Path, clock: Clock, lease_us: int) -> None:
        """`folder` is shared by the hub processes of one machine. Raises OSError."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.id = new_id("hub", clock)
        self._folder = folder
        self._clock = clock
        self._lease_us = lease_us
        self._seen: dict[str, tuple[tuple[int, int], int]] = {}  # job -> what its lease was, since when on our clock
        self._file = os.open(self._path(self.id), os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def close(self, *, named: bool = False) -> None:
        """From here on others may take what this one had. The file stays while a job names this owner: it says that it is dead."""
        if not named:
            self._path(self.id).unlink(missing_ok=True)
        os.close(self._file)

    def is_dead(self, owner: str) -> bool:
        """Whether that process of this machine is surely gone. Its file goes with it."""
        if owner == self.id:
            return False
        try:
            file = os.open(self._path(owner), os.O_RDWR)
        except FileNotFoundError:
            return False  # of another machine, or it closed and let go itself: the lease says
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        else:
            return True
        finally:
            os.close(file)

    def lease_is_over(self, job: Job) -> bool:
        """Whether the lease of `job` has stood still for as long as it lasts, as seen from here."""
        now_us, lease = self._clock.monotonic_us(), (job.attempts, job.lease_until_us)
        if self._seen.get(job.id, (None, 0))[0] != lease:
            self._seen[job.id] = lease, now_us
        return now_us - self._seen[job.id][1] >= self._lease_us

    def forget(self, job_id: str) -> None:
        """No longer watch the lease of a job."""
        self._seen.pop(job_id, None)

    def sweep(self, is_named: Callable[[str], bool]) -> None:
        """Remove files of dead owners that no job names any more."""
        for path in self._folder.glob("hub_*.lock"):
            owner = path.stem
            if self.is_dead(owner) and not is_named(owner):
                path.unlink(missing_ok=True)

    def _path(self, owner: str) -> Path:
        return self._folder / f"{owner}.lock"
