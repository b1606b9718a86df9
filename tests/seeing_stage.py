"""Seeing at a site with a real recorder, and a process that finds bright rectangles."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from belvedere.foundation.clock import SECOND_US
from belvedere.link.seeing import FindEvents, SearchIn, Wanted
from belvedere.policy.grant import Grant
from belvedere.site.seeing.room import SeeingRoom
from recorder_stage import Stage, grant, stage

HERE = Path(__file__).parent


def begin_bright() -> "subprocess.Popen[bytes]":
    """Start the process, not confined: what confines is tried elsewhere."""
    return subprocess.Popen(
        [sys.executable, str(HERE / "seeing_process.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
        cwd=HERE,
    )


class Desk:
    """Opens any grant as the one that the test holds."""

    def __init__(self, held: Grant) -> None:
        self.held = held

    def open(self, wire: bytes) -> Grant:
        return self.held


class SeeingStage:
    """A site that sees."""

    def __init__(self, site: Stage, *, percent: int = 400) -> None:
        self.site = site
        self.room = SeeingRoom(site.index, site.clock, site.settings.models_folder, percent, 31)
        self.room.beginner.begin = begin_bright  # type: ignore[method-assign]
        self.room.beginner.name = lambda: "bright/1"  # type: ignore[method-assign]
        self.room.process._begin = begin_bright
        self.desk = Desk(grant(site.clock))
        self.answers = self.room.start(site.archive, self.desk, lambda camera: ())

    def find(self, **options: object) -> FindEvents:
        """A question over the last day."""
        now_us = self.site.clock.now_us()
        given: dict[str, object] = {
            "grant": b"",
            "cameras": (SearchIn("cam-01"),),
            "from_us": now_us - 86_400 * SECOND_US,
            "to_us": now_us + 60 * SECOND_US,
            "wanted": Wanted(),
        }
        return FindEvents(**(given | options))  # type: ignore[arg-type]


@asynccontextmanager
async def seeing(folder: Path, *, percent: int = 400) -> AsyncIterator[SeeingStage]:
    async with stage(folder) as site:
        made = SeeingStage(site, percent=percent)
        try:
            yield made
        finally:
            await asyncio.to_thread(made.room.stop)


async def until(true: Callable[[], bool]) -> None:
    """Wait, for a minute at most."""
    async with asyncio.timeout(60):
        while not true():
            await asyncio.sleep(0.02)
