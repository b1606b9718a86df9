"""How right this machine's clock is, by its kernel's own account (adjtimex(2), Linux)."""

import ctypes
import sys
from dataclasses import dataclass

_ERROR = 5  # TIME_ERROR: not synchronised
_STA_UNSYNC = 0x40
_STA_NANO = 0x2000


class _Timex(ctypes.Structure):
    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("constant", ctypes.c_long),
        ("precision", ctypes.c_long),
        ("tolerance", ctypes.c_long),
        ("time", ctypes.c_long * 2),
        ("tick", ctypes.c_long),
        ("ppsfreq", ctypes.c_long),
        ("jitter", ctypes.c_long),
        ("shift", ctypes.c_int),
        ("stabil", ctypes.c_long),
        ("jitcnt", ctypes.c_long),
        ("calcnt", ctypes.c_long),
        ("errcnt", ctypes.c_long),
        ("stbcnt", ctypes.c_long),
        ("tai", ctypes.c_int),
        ("reserved", ctypes.c_int * 11),
    )


@dataclass(frozen=True, slots=True)
class Discipline:
    """`known`: the kernel could be asked. `max_error_us`: how far the clock may be off; the kernel lets it grow by 500 ppm."""

    known: bool
    synchronised: bool
    max_error_us: int
    frequency_ppm: float


UNKNOWN = Discipline(known=False, synchronised=False, max_error_us=16_000_000, frequency_ppm=0.0)


def discipline() -> Discipline:
    """Asks the kernel; changes nothing. UNKNOWN where it can't be asked."""
    if sys.platform != "linux":
        return UNKNOWN
    try:
        call = ctypes.CDLL(None, use_errno=True).adjtimex
    except (OSError, AttributeError):
        return UNKNOWN
    state = _Timex()
    result = call(ctypes.byref(state))
    if result < 0:
        return UNKNOWN
    return Discipline(
        known=True,
        synchronised=result != _ERROR and not state.status & _STA_UNSYNC,
        max_error_us=max(0, int(state.maxerror)),
        frequency_ppm=int(state.freq) / 65_536,
    )
