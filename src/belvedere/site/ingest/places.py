"""The site's places for connecting, shared by its ingest processes without a word between them.

A place is a file under an advisory lock (flock). The kernel gives it back when its process ends, however it ends.
"""

import fcntl
import os
from pathlib import Path
from typing import Protocol

from belvedere.foundation.errors import StorageFault


class Places(Protocol):
    """Where connecting streams of all processes find room."""

    def take(self) -> int | None:
        """A free place; None when all are taken. It never waits."""

    def give(self, place: int) -> None:
        """Back to the others."""


class Unshared:
    """As many places as are asked for: one process alone, which counts by itself."""

    def take(self) -> int | None:
        return 0

    def give(self, place: int) -> None:
        pass


class SharedPlaces:
    """`count` places in `folder`, which is made when it is not there. One loop; close it at the end."""

    def __init__(self, folder: Path, count: int) -> None:
        """Raises StorageFault."""
        self._files: list[int] = []
        self._free = set(range(count))  # of this process's view: those it does not hold itself
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            for number in range(count):
                self._files.append(os.open(folder / f"{number:02}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        except OSError as error:
            self.close()
            raise StorageFault(
                f"The places for connecting can't be shared in {folder}: {error.strerror}.",
                advice="Check who owns the data folder.",
            ) from error

    def take(self) -> int | None:
        for place in sorted(self._free):
            try:
                fcntl.flock(self._files[place], fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                continue  # another process has it
            self._free.discard(place)
            return place
        return None

    def give(self, place: int) -> None:
        fcntl.flock(self._files[place], fcntl.LOCK_UN)
        self._free.add(place)

    def close(self) -> None:
        """Gives back all places."""
        for file in self._files:
            os.close(file)
        self._files.clear()
        self._free.clear()
