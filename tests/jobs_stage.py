"""A kind of job for tests: five steps, each noted and written to a file; and a process that does such jobs until it is killed."""

import argparse
import asyncio
from pathlib import Path

from belvedere.foundation.clock import Clock, SystemClock
from belvedere.foundation.errors import BelvedereError
from belvedere.hub.jobs.desk import JobDesk
from belvedere.hub.jobs.work import Work
from belvedere.hub.storage import open_engine

KIND = "steps"
STEPS = 5


class Stepper:
    """Writes `JOB STEP` lines. Before step `hold_at` it says so on standard output and waits for `gate`."""

    kind = KIND

    def __init__(self, out: Path, hold_at: int = -1, formats: tuple[int, ...] = (1,), name: str = "a") -> None:
        self.out = out
        self.hold_at = hold_at
        self.formats = formats
        self.name = name
        self.gate = asyncio.Event()
        self.held = asyncio.Event()
        self.given_up: list[str] = []
        self.failed: list[str] = []
        self.error: Exception | None = None

    async def run(self, work: Work) -> None:
        for step in range(int(work.notes.get("step", 0)), STEPS):
            if step == self.hold_at:
                print(f"held {step}", flush=True)
                self.held.set()
                await self.gate.wait()
            if self.error is not None:
                raise self.error
            with self.out.open("a") as file:
                file.write(f"{work.job.id} {step} {self.name}\n")
            work.share, work.message = (step + 1) / STEPS, f"step {step}"
            await work.note(step=step + 1)

    async def give_up(self, work: Work) -> None:
        self.given_up.append(work.job.id)

    async def fail(self, work: Work, error: BelvedereError | Exception) -> str:
        self.failed.append(work.job.id)
        return str(error)

    def lines(self) -> list[str]:
        return self.out.read_text().splitlines() if self.out.exists() else []


async def _serve(url: str, folder: Path, out: Path, hold_at: int, clock: Clock) -> None:
    engine = open_engine(url)
    desk = JobDesk(engine, clock, folder)
    await desk.serve(Stepper(out, hold_at, name="process"))
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("hold_at", type=int)
    words = parser.parse_args()
    asyncio.run(_serve(words.url, words.folder, words.out, words.hold_at, SystemClock()))
