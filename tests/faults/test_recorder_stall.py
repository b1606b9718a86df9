"""A disk that stands still: live pictures go on, the other disk goes on, and everything is kept once it moves again."""

import asyncio
import threading
from pathlib import Path

import pytest

from belvedere.foundation.clock import SECOND_US
from belvedere.site.storage.disk import SystemFiles
from recorder_stage import Stage, run_start, stage

pytestmark = pytest.mark.faults
COUNT = 60


class StandingFiles(SystemFiles):
    """Real files; a sync waits until `moving` is set."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.moving = threading.Event()
        self.stands = threading.Event()

    def sync(self, fd: int) -> None:
        if not self.moving.is_set():
            self.stands.set()
            assert self.moving.wait(120)
        super().sync(fd)


async def heard(s: Stage, count: int) -> None:
    async with asyncio.timeout(60):
        while len(s.heard.fragments) < count:
            await asyncio.sleep(0.01)


async def test_a_disk_that_stands_still_loses_nothing_and_stops_nobody(tmp_path: Path) -> None:
    folders = [str(tmp_path / "one"), str(tmp_path / "two")]
    for folder in folders:
        Path(folder).mkdir()
    async with stage(tmp_path, footage=folders) as s:
        await s.put_camera(sub="rtsp://127.0.0.1/sub")
        worker = await s.worker()
        orders = [await worker.opened(), await worker.opened()]
        first = next(iter(s.recorder.feeds.values()))
        files = StandingFiles(Path(first.writer.disk.name))
        first.writer.disk.files = files
        assert len({feed.writer for feed in s.recorder.feeds.values()}) == 2, "the streams lie on two disks"
        for order in orders:
            await worker.say(run_start(order.stream))
        start_us = s.clock.now_us() - COUNT * SECOND_US // 2
        for order in orders:
            await s.feed(worker, order.stream, range(4), start_us)
        try:
            assert await asyncio.to_thread(files.stands.wait, 60)
            for order in orders:
                await s.feed(worker, order.stream, range(4, COUNT), start_us)
            await heard(s, 2 * COUNT)  # nobody waits for the disk
            other = next(feed for feed in s.recorder.feeds.values() if feed is not first)
            await s.durable(COUNT, other.ref.kind)
        finally:
            files.moving.set()
        await s.durable(COUNT, first.ref.kind)
        assert all(feed.track.dropped == 0 for feed in s.recorder.feeds.values())
