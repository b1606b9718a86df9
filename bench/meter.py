"""CPU and memory of processes, from /proc."""

import os
from dataclasses import dataclass
from pathlib import Path

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Usage:
    """`cpu_s`: user and system time so far. `pss_bytes`: memory, shared pages divided among their users."""

    cpu_s: float
    pss_bytes: int

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(self.cpu_s + other.cpu_s, self.pss_bytes + other.pss_bytes)


def usage(pid: int) -> Usage:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    pss = 0
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            pss = int(line.split()[1]) << 10
    return Usage((int(fields[11]) + int(fields[12])) * _TICK_S, pss)


def total(pids: list[int]) -> Usage:
    result = Usage(0.0, 0)
    for pid in pids:
        result += usage(pid)
    return result
