"""Memory that was freed, given back to the system.

The C library keeps what lies between things still in use: what a process needed once, in a burst, it would hold for good.
"""

import ctypes
from collections.abc import Callable

_trim: Callable[[int], int] | None
try:
    _trim = ctypes.CDLL(None).malloc_trim  # glibc's (malloc_trim(3)); other C libraries give back by themselves
except (OSError, AttributeError, TypeError):
    _trim = None


def give_back() -> None:
    """Give back whole pages that nothing lies on. Takes milliseconds, and what is needed again costs its page faults."""
    if _trim is not None:
        _trim(0)
