"""The hub's process is killed while records come over real packets: nothing is lost, nothing comes twice."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select

from belvedere.hub.fleet.tables import site_record
from belvedere.hub.storage import open_engine, reading
from far_stage import LONG_S, FarStage, far_stage, impatient, noticing, until
from namespace_stage import HUB_SIDE, why_not

_WHY = why_not()
pytestmark = [pytest.mark.faults, pytest.mark.timeout(600), pytest.mark.skipif(bool(_WHY), reason=_WHY or "-")]


def _count(engine: Engine) -> int:
    with reading(engine) as connection:
        return int(connection.scalar(select(func.count()).select_from(site_record)) or 0)


@asynccontextmanager
async def _hub(stage: FarStage) -> AsyncIterator[asyncio.subprocess.Process]:
    """The hub as a process in its namespace, ready; killed with SIGKILL at the end, and gone."""
    serve = ["-m", "belvedere.hub.serve", "--data", str(stage.data), "--port", "0", "--alone"]
    process = await asyncio.create_subprocess_exec(
        *["ip", "netns", "exec", stage.line.hub, sys.executable, *serve, "--link", f"{HUB_SIDE}:{stage.port}"],
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(LONG_S):
            while b'"ready"' not in (said := await process.stdout.readline()):
                assert said, "the hub ended before it was ready"
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)  # `ip netns exec` has become the hub itself
        assert await process.wait() == -signal.SIGKILL


@pytest.mark.sqlite_only  # the hub is a process, which opens its own
async def test_the_hub_is_killed_in_the_middle_of_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    impatient(monkeypatch)
    noticing(monkeypatch)
    async with far_stage(tmp_path) as stage:
        site = await stage.running("rowan")
        await stage.shut()
        engine = open_engine(f"sqlite:///{stage.data / 'hub' / 'hub.db'}")
        try:
            site.happen(1500, letters=200)
            before, whole = _count(engine), sum(map(len, site.told.values()))
            async with _hub(stage):
                await until(lambda: _count(engine) > before)
            # Dead in the middle: some of it was kept, of some of that the site heard, and there is no answer any more.
            assert before < _count(engine) <= whole
        finally:
            engine.dispose()
        await stage.open()
        site.happen(20)
        await stage.arrived(site)
        assert stage.hub.fleet.aging.missing() == []
