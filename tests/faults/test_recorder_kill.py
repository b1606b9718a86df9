"""kill -9 of the real site process while a worker feeds it: at most a second is lost, and the index never lies."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from belvedere.foundation.clock import SECOND_US, SystemClock
from belvedere.foundation.settings import load_settings
from belvedere.link.blocking import BlockingSiteLink
from belvedere.link.client import SiteLink
from belvedere.media.stream import Fragment
from belvedere.site.recorder.check import check
from belvedere.site.storage import fragments
from belvedere.site.storage.folders import open_disks
from belvedere.site.storage.index import Index
from belvedere.site.storage.keys import Keyring, load_key
from recorder_rig import payload
from recorder_stage import URL, Worker, came, run_start

pytestmark = pytest.mark.faults
TENTH_90K = 9_000


@contextmanager
def site(data: Path) -> "Iterator[subprocess.Popen[str]]":
    command = [sys.executable, "-m", "belvedere.site.serve", "--data", str(data)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            assert json.loads(process.stdout.readline())["ready"]
            yield process
        finally:
            process.kill()


def tenth(number: int, start_us: int) -> Fragment:
    """A tenth of a second of footage, a keyframe each second."""
    arrival_us = start_us + (number + 1) * SECOND_US // 10
    return Fragment(payload(number, 8_000), number * TENTH_90K, TENTH_90K, 3, number % 10 == 0, arrival_us)


async def feed_until_killed(data: Path, process: "subprocess.Popen[str]", least: int) -> tuple[int, int]:
    """Two streams, ten fragments a second. After `least` of each, at the first moment when at most a second of them is not
    durable (a slow machine gets there late), the site is killed. Returns how many of each it had told were durable."""
    clock = SystemClock()
    settings = load_settings(data)
    worker = await Worker.connect(settings)
    orders = [await worker.opened(), await worker.opened()]
    start_us = clock.now_us()
    for order in orders:
        await worker.say(run_start(order.stream))
    link = SiteLink(settings.link_socket)
    sent, told = 0, (0, 0)
    while sent < least or sent - min(told) > 10:
        assert sent < 1200, f"after two minutes {sent - min(told)} tenths of a second are still not durable"
        wait_s = (start_us + (sent + 1) * SECOND_US // 10 - clock.now_us()) / SECOND_US
        await asyncio.sleep(max(0.0, wait_s))
        for order in orders:
            await worker.say(came(order.stream, tenth(sent, start_us)))
        sent += 1
        if sent >= least:
            told = (await durable(link, "main"), await durable(link, "sub"))
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    await link.close()
    await worker.gone()
    return told


async def durable(link: SiteLink, stream: str) -> int:
    """Tenths of a second that the site says are on the disk."""
    (line,) = (await link.timeline(["cam-01"], stream, 0, 1 << 60)).cameras
    return sum(round((run.end_us - run.start_us) / (SECOND_US / 10)) for run in line.runs)


def examine(data: Path, told: tuple[int, int], *, killed: bool) -> None:
    clock = SystemClock()
    settings = load_settings(data)
    index = Index(settings.site_folder / "index.db", clock)
    keyring = Keyring(index, load_key(settings.site_folder / "keys" / "footage.kek", make=False), clock)
    disks, wrong = open_disks(index, settings.footage_folders, clock)
    assert not wrong
    assert check(index, keyring, disks, contents=True) == []
    for stream, acknowledged in zip((1, 2), told, strict=True):
        rows = (
            index.read().execute("SELECT fragments FROM segment WHERE stream_id = ? ORDER BY id", (stream,)).fetchall()
        )
        numbers = [r.start_90k // TENTH_90K for (blob,) in rows for r in fragments.unpack(blob)]
        if not killed:
            assert numbers == list(range(len(numbers)))
            assert len(numbers) >= acknowledged, f"{acknowledged - len(numbers)} tenths of a second were lost"
    index.close()


@pytest.mark.timeout(400)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_kill_nine(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    (tmp_path / "belvedere.toml").write_text("[site]\nsegment_seconds = 4\nmin_free_bytes = 0\n")
    with site(tmp_path) as process:
        with BlockingSiteLink(load_settings(tmp_path).link_socket) as link:
            link.put_camera("cam-01", "Gate", URL, URL)
        told = asyncio.run(feed_until_killed(tmp_path, process, chance.randint(3, 30)))
    examine(tmp_path, told, killed=True)
    with site(tmp_path) as process:  # reconciles
        with BlockingSiteLink(load_settings(tmp_path).link_socket) as link:
            runs = link.timeline(("cam-01",), "main", 0, 1 << 60).cameras[0].runs
            assert {run.end_reason for run in runs} <= {"crash"}
        process.terminate()
        assert process.wait(60) == 0
    examine(tmp_path, told, killed=False)


def test_terminate_seals_everything(tmp_path: Path) -> None:
    (tmp_path / "belvedere.toml").write_text("[site]\nmin_free_bytes = 0\n")

    async def feed(process: "subprocess.Popen[str]") -> None:
        worker = await Worker.connect(load_settings(tmp_path))
        order = await worker.opened()
        await worker.say(run_start(order.stream))
        for number in range(20):
            await worker.say(came(order.stream, tenth(number, SystemClock().now_us())))
        await worker.say(run_start(order.stream, b"two"))
        process.terminate()
        assert await asyncio.to_thread(process.wait, 60) == 0
        await worker.gone()

    with site(tmp_path) as process:
        with BlockingSiteLink(load_settings(tmp_path).link_socket) as link:
            link.put_camera("cam-01", "Gate", URL, "")
        asyncio.run(feed(process))
    clock = SystemClock()
    settings = load_settings(tmp_path)
    index = Index(settings.site_folder / "index.db", clock)
    keyring = Keyring(index, load_key(settings.site_folder / "keys" / "footage.kek", make=False), clock)
    disks, _ = open_disks(index, settings.footage_folders, clock)
    assert check(index, keyring, disks, contents=True) == []
    reasons = {row[0] for row in index.read().execute("SELECT end_reason FROM run")}
    assert reasons <= {"restart", "parameters_changed"}
    assert index.read().execute("SELECT count(*) FROM segment WHERE flags <> 0").fetchone() == (0,)
    index.close()


def test_a_second_site_on_the_same_data_is_refused(tmp_path: Path) -> None:
    with site(tmp_path):
        command = [sys.executable, "-m", "belvedere.site.serve", "--data", str(tmp_path)]
        second = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert second.returncode == 1
        assert "in use by another site process" in second.stderr
