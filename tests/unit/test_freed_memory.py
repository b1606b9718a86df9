"""What a burst took is given back to the system, although things still in use lie among it."""

import os
import platform
from pathlib import Path

import pytest

from belvedere.foundation.freed import give_back


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="this C library gives back by itself")
def test_holes_between_what_is_in_use_are_given_back() -> None:
    burst = [bytes([n % 251]) * 100_000 for n in range(600)]
    kept = burst[::6]
    before = resident_bytes()
    del burst
    give_back()
    assert resident_bytes() < before - 20_000_000
    assert all(len(each) == 100_000 for each in kept)
