"""Landlock by system call: from now on this process reads the paths named and nothing else, and writes nothing.

Source: landlock(7) and the kernel's documentation of ABI versions 1 to 6.
"""

import ctypes
import errno
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from struct import pack

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # one number on every machine
_ASK_VERSION = 1
_PATH_BENEATH = 1
_EXECUTE, _READ_FILE, _READ_FOLDER = 1 << 0, 1 << 2, 1 << 3
_FILE_RIGHTS = _EXECUTE | _READ_FILE
# Rights of the file system that each version knows; all of them are handled, that is, refused unless allowed.
_HANDLED = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
_TCP = 3  # bind and connect, from version 4 on
_SCOPES = 3  # abstract Unix sockets and signals, from version 6 on
_PR_SET_NO_NEW_PRIVS = 38


def version() -> int:
    """Landlock's version in this kernel, 0 when it has none."""
    if sys.platform != "linux":
        return 0
    return max(0, int(ctypes.CDLL(None, use_errno=True).syscall(_CREATE, None, 0, _ASK_VERSION)))


def read_only(paths: Iterable[Path]) -> str:
    """Restricts this process for good. Returns "" or why it can't be done."""
    known = version()
    if not known:
        return "this kernel has no Landlock"
    libc = ctypes.CDLL(None, use_errno=True)
    files = _HANDLED[min(known, 5)]
    attributes = pack("QQQ", files, _TCP if known >= 4 else 0, _SCOPES if known >= 6 else 0)
    attributes = attributes[: 24 if known >= 6 else 16 if known >= 4 else 8]
    rules = libc.syscall(_CREATE, attributes, ctypes.c_size_t(len(attributes)), 0)
    if rules < 0:
        return _why("made")
    try:
        for path in paths:
            handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
            try:
                rights = _FILE_RIGHTS | (_READ_FOLDER if path.is_dir() else 0)
                if libc.syscall(_ADD, rules, _PATH_BENEATH, pack("=Qi", rights, handle), 0):
                    return _why("given a path")
            finally:
                os.close(handle)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        if libc.syscall(_RESTRICT, rules, 0):
            return _why("put in force")
    finally:
        os.close(rules)
    return ""


def _why(what: str) -> str:
    return f"Landlock can't be {what} ({errno.errorcode.get(ctypes.get_errno(), 'error')})"
