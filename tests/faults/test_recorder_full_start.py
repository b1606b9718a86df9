"""A site that starts on a disk without one free byte, its index on it too: it makes room, or says so and waits."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from belvedere.foundation.clock import SystemClock
from belvedere.foundation.errors import BelvedereError, SiteFull
from belvedere.foundation.settings import load_settings
from belvedere.link.blocking import BlockingSiteLink
from belvedere.media.stream import EndReason
from belvedere.site.ingest.messages import RunEnd
from belvedere.site.recorder.check import check
from belvedere.site.storage.folders import open_disks
from belvedere.site.storage.index import Index
from belvedere.site.storage.keys import Keyring, load_key
from recorder_rig import fragment
from recorder_stage import URL, Worker, came, run_start

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]
RUNS, SIZE = 8, 400_000


@pytest.fixture
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    if request.param == "tmpfs":
        mount = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)]
    else:
        image = tmp_path / "image"
        with image.open("wb") as file:
            file.truncate(40 << 20)
        made = subprocess.run(["mkfs.ext4", "-q", "-b", "4096", "-m", "0", str(image)], capture_output=True, text=True)
        if made.returncode:
            pytest.skip(f"NOT TESTED: no ext4 image can be made: {made.stderr.strip()}")
        mount = ["mount", "-o", "loop", str(image), str(folder)]
    mounted = subprocess.run(mount, capture_output=True, text=True, timeout=60)
    if mounted.returncode:
        pytest.skip(f"NOT TESTED: this machine refuses to mount: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True, timeout=60)


class Site:
    """The real process on a data folder."""

    def __init__(self, data: Path) -> None:
        self.data = data
        command = [sys.executable, "-m", "belvedere.site.serve", "--data", str(data)]
        self._said = (data.parent.parent / "said").open("ab")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self._said, text=True)

    def ready(self) -> None:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line and json.loads(line)["ready"], (self.data.parent.parent / "said").read_text()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
        self._said.close()


@contextmanager
def site(data: Path, *, ready: bool = True) -> Iterator[Site]:
    made = Site(data)
    try:
        if ready:
            made.ready()
        yield made
    finally:
        made.kill()


def prepare(disk: Path) -> Path:
    data = disk / "data"
    data.mkdir()
    (data / "belvedere.toml").write_text("[site]\nsegment_seconds = 4\nmin_free_bytes = 0\nsync_ms = 50\n")
    return data


async def record(data: Path, runs: range) -> None:
    """Runs of one second each, until the site has them durable."""
    worker = await Worker.connect(load_settings(data))
    order = await worker.opened()
    clock = SystemClock()
    for number in runs:
        await worker.say(run_start(order.stream))
        pieces = (fragment(n, clock.now_us(), size=SIZE, seed=number) for n in range(2))
        await worker.say(*(came(order.stream, piece) for piece in pieces))
        await worker.say(RunEnd(order.stream, EndReason.CAMERA_CLOSED, ""))
    await worker.gone()


def kept(data: Path, from_us: int = 0) -> int:
    """Runs that the site knows of."""
    with BlockingSiteLink(load_settings(data).link_socket) as link:
        return len(link.timeline(("cam-01",), "main", from_us, 1 << 60).cameras[0].runs)


def wait_for_runs(data: Path, least: int, from_us: int = 0) -> None:
    until = time.monotonic() + 120
    while (found := kept(data, from_us)) < least:
        assert time.monotonic() < until, f"{found} runs"
        time.sleep(0.05)


def first_recordings(data: Path) -> None:
    with site(data):
        with BlockingSiteLink(load_settings(data).link_socket) as link:
            link.put_camera("cam-01", "Gate", URL, "")
        asyncio.run(record(data, range(RUNS)))
        wait_for_runs(data, RUNS)


def fill(stone: Path) -> None:
    """To the last byte."""
    size = 1 << 16
    with stone.open("ab", buffering=0) as file:
        while size:
            try:
                file.write(bytes(size))
            except OSError:
                size //= 2
    assert os.statvfs(stone).f_bavail == 0


def problems(data: Path) -> list[str]:
    clock, settings = SystemClock(), load_settings(data)
    index = Index(settings.site_folder / "index.db", clock)
    try:
        keyring = Keyring(index, load_key(settings.site_folder / "keys" / "footage.kek", make=False), clock)
        disks, wrong = open_disks(index, settings.footage_folders, clock)
        assert not wrong
        return check(index, keyring, disks, contents=True)
    finally:
        index.close()


def records_again(data: Path, before: int) -> None:
    asyncio.run(record(data, range(RUNS, RUNS + 2)))
    wait_for_runs(data, before + 2)


@pytest.mark.parametrize(
    ("disk", "with_reserve"),
    [("tmpfs", True), ("ext4", False)],
    ids=["reserve", "reserve eaten"],
    indirect=["disk"],
)
def test_it_starts_and_records_by_letting_the_oldest_go(disk: Path, with_reserve: bool) -> None:
    data = prepare(disk)
    first_recordings(data)
    if not with_reserve:
        (data / "site" / "reserve").unlink()
    fill(disk / "stone")
    with site(data):
        began_us = SystemClock().now_us()
        asyncio.run(record(data, range(RUNS, RUNS + 2)))
        wait_for_runs(data, 2, began_us)  # the newest are there: what went is the oldest
    (disk / "stone").unlink()
    with site(data):
        assert not list(data.glob("site/footage/*/*.emptied"))
        records_again(data, kept(data))
    assert problems(data) == []


@pytest.mark.parametrize("disk", ["tmpfs"], indirect=True)
def test_with_nothing_that_may_go_it_says_so_and_goes_on_when_there_is_room(disk: Path) -> None:
    data = prepare(disk)
    with site(data), BlockingSiteLink(load_settings(data).link_socket) as link:
        link.put_camera("cam-01", "Gate", URL, "")
    (data / "site" / "reserve").unlink()
    fill(disk / "stone")
    with site(data, ready=False) as made:
        words = _told(data)
        assert words.code == SiteFull.code and "full" in words.message
        assert made.process.poll() is None
        (disk / "stone").unlink()
        made.ready()
        asyncio.run(record(data, range(RUNS, RUNS + 2)))
        wait_for_runs(data, 2)
    assert problems(data) == []


def _told(data: Path) -> BelvedereError:
    """What the site answers while it waits."""
    until = time.monotonic() + 120
    while True:
        with BlockingSiteLink(load_settings(data).link_socket) as link:
            try:
                link.status()
            except SiteFull as error:
                return error
            except BelvedereError:
                assert time.monotonic() < until
                time.sleep(0.05)
