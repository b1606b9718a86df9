"""The supervisor with real processes: ready lines, restarts after a kill, an end together, nothing left behind."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from belvedere.cli.supervise import Supervisor
from belvedere.foundation.clock import SystemClock
from belvedere.foundation.errors import Unavailable

CHILD = """
import json, os, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print(json.dumps({"ready": True, "pid": os.getpid()}), flush=True)
print(json.dumps({"hello": sys.argv[1]}), flush=True)
signal.pause()
"""


@pytest.fixture
def child_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "supervised_child.py").write_text(CHILD)
    (tmp_path / "supervised_failure.py").write_text("import sys; sys.exit('the disk is not there')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return "supervised_child"


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_a_killed_child_comes_back_and_all_end_together(child_module: str, tmp_path: Path) -> None:
    lines: asyncio.Queue[dict[str, object]] = asyncio.Queue()
    supervisor = Supervisor(SystemClock(), tmp_path / "log")
    child = await supervisor.start("one", child_module, ["first"], on_line=lines.put_nowait)
    assert child.ready_line["pid"] == child.pid
    assert await asyncio.wait_for(lines.get(), 20) == {"hello": "first"}
    first = child.pid
    os.kill(first, signal.SIGKILL)
    assert await asyncio.wait_for(lines.get(), 20) == {"hello": "first"}
    assert child.starts == 2
    assert child.pid != first
    await supervisor.stop()
    assert not alive(child.pid)


async def test_a_child_that_never_starts_is_told_with_its_reason(child_module: str, tmp_path: Path) -> None:
    supervisor = Supervisor(SystemClock(), tmp_path / "log")
    with pytest.raises(Unavailable, match="the disk is not there"):
        await supervisor.start("broken", "supervised_failure", [])
    await supervisor.stop()


@pytest.mark.faults
def test_a_killed_supervisor_leaves_nothing_behind(child_module: str, tmp_path: Path) -> None:
    script = f"""
import asyncio
from pathlib import Path
from belvedere.cli.supervise import Supervisor
from belvedere.foundation.clock import SystemClock

async def main():
    supervisor = Supervisor(SystemClock(), Path({str(tmp_path)!r}) / "log")
    child = await supervisor.start("one", {child_module!r}, ["x"])
    print(child.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        watch = os.pidfd_open(pid)
        parent.kill()
        asyncio.run(asyncio.wait_for(readable(watch), 20))  # a pidfd is readable when the process has ended
        os.close(watch)
    assert not alive(pid)


async def readable(descriptor: int) -> None:
    event = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(descriptor, event.set)
    await event.wait()
    loop.remove_reader(descriptor)
