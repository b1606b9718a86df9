"""What the tests of processes share: whose child is whose, and whether one is gone."""

import time
from pathlib import Path


def children(pid: int) -> list[int]:
    """Processes whose parent is `pid`."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended meanwhile
        if int(fields[1]) == pid:
            found.append(int(path.parent.name))
    return found


def confined(pid: int) -> int:
    """The process itself that was started as `pid`: bubblewrap has two of its own around it."""
    while below := children(pid):
        (pid,) = below
    return pid


def wait_gone(pid: int) -> None:
    """Until the process does not run any more (a zombie of another parent counts as gone)."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return
        if state in "ZX":
            return
        time.sleep(0.01)
    raise AssertionError(f"process {pid} still runs")
