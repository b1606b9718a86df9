"""A seccomp filter in classic BPF: calls that a decoder never needs are answered with EPERM.

Sockets that were handed over stay usable (read, recvmsg, sendto); no new one can be made, so nothing can be dialled.
Source: seccomp(2), and the kernel's table of system calls for each machine.
"""

import ctypes
import errno
import platform
import sys
from struct import pack

_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_SECCOMP = 22
_FILTER_MODE = 2
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _REFUSE = 0x7FFF_0000, 0x0005_0000 | errno.EPERM
_X32 = 0x4000_0000

# Name: number on x86-64, number on arm64.
_REFUSED = {
    "socket": (41, 198), "connect": (42, 203), "bind": (49, 200), "listen": (50, 201),
    "execve": (59, 221), "execveat": (322, 281), "ptrace": (101, 117),
    "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "pidfd_getfd": (438, 438),
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "open_tree": (428, 428),
    "move_mount": (429, 429), "fsopen": (430, 430), "mount_setattr": (442, 442),
    "unshare": (272, 97), "setns": (308, 268), "bpf": (321, 280), "perf_event_open": (298, 241),
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219), "io_uring_setup": (425, 425),
    "userfaultfd": (323, 282), "kexec_load": (246, 104), "init_module": (175, 105), "finit_module": (313, 273),
    "open_by_handle_at": (304, 265),
}  # fmt: skip
_MACHINES = {"x86_64": (0xC000_003E, 0), "aarch64": (0xC000_00B7, 1)}


class _Program(ctypes.Structure):
    _fields_ = (("len", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def program(machine: str) -> bytes:
    """The filter for `machine` (as platform.machine() names it). Raises KeyError for one that is not known."""
    architecture, column = _MACHINES[machine]
    numbers = [row[column] for row in _REFUSED.values()]
    # offsets in struct seccomp_data: 0 the call's number, 4 the architecture
    code = [
        (_LOAD, 0, 0, 4),
        (_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _REFUSE),
        (_LOAD, 0, 0, 0),
        (_AT_LEAST, len(numbers), 0, _X32),
    ]
    left = len(numbers)
    for number in numbers:
        code.append((_EQUAL, left, 0, number))
        left -= 1
    # The last comparison falls through to "allow"; all jumps land behind it.
    code.append((_RETURN, 0, 0, _ALLOW))
    code.append((_RETURN, 0, 0, _REFUSE))
    return b"".join(pack("HBBI", *step) for step in code)


def refuse_calls() -> str:
    """Puts the filter over this process for good. Returns "" or why it can't be done."""
    if sys.platform != "linux":
        return "seccomp is Linux's"
    try:
        code = program(platform.machine())
    except KeyError:
        return f"no seccomp filter is known for {platform.machine()}"
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    buffer = ctypes.create_string_buffer(code, len(code))
    whole = _Program(len(code) // 8, ctypes.cast(buffer, ctypes.c_void_p))
    if libc.prctl(_PR_SET_SECCOMP, _FILTER_MODE, ctypes.byref(whole), 0, 0):
        return f"seccomp is refused ({errno.errorcode.get(ctypes.get_errno(), 'error')})"
    return ""
