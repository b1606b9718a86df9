"""What does a job, and what it is given."""

import asyncio
from typing import Any, Protocol

from belvedere.foundation.errors import BelvedereError
from belvedere.hub.jobs.store import Job, JobStore


class Later(Exception):
    """Raised by `Handler.run`: nothing is wrong with the job, it goes on after `after_s`. The message says what it waits for."""

    def __init__(self, message: str, after_s: float) -> None:
        super().__init__(message)
        self.message = message
        self.after_s = after_s


class NotOurs(Exception):
    """The job was taken by another process: this one lost its lease and must leave it as it is."""


class Work:
    """A job in hand. For the event loop."""

    def __init__(self, job: Job, store: JobStore, *, clean: bool) -> None:
        self.job = job
        # Whether nobody else can still be at it: its former owner let it go, or is dead. Else files may be in another's hands.
        self.clean = clean
        self.share = job.progress
        self.message = ""
        # Invariant: once true it is not cancelled any more, because what it does next can't be undone.
        self.settled = False
        self._store = store

    @property
    def notes(self) -> dict[str, Any]:
        """Steps that are done, as noted by this or an earlier attempt."""
        return self.job.notes

    async def note(self, **steps: Any) -> None:
        """Keep, durably, that steps are done; JSON values. Raises NotOurs."""
        self.job.notes.update(steps)
        if not await asyncio.to_thread(self._store.note, self.job, self.job.notes):
            raise NotOurs

    async def drop(self, name: str) -> None:
        """Forget a step. Raises NotOurs."""
        if self.job.notes.pop(name, None) is not None:
            await self.note()


class Handler(Protocol):
    """Does the jobs of one kind. `formats` are those of `words` that it understands: others wait for software that does."""

    kind: str
    formats: tuple[int, ...]

    async def run(self, work: Work) -> None:
        """Do it, in steps that may be repeated. Raises Later, or BelvedereError when it can't be done. It is cancelled when
        the process ends or somebody gives the job up; in the second case `give_up` follows.
        """
        ...

    async def give_up(self, work: Work) -> None:
        """Undo what was done of it: somebody cancelled it."""
        ...

    async def fail(self, work: Work, error: BelvedereError | Exception) -> str:
        """Undo what was done of it, and tell why in words, which it returns."""
        ...
