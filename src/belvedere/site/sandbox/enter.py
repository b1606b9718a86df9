"""`python -m belvedere.site.sandbox.enter LEVEL OWNER LIFELINE MEMORY MODULE ...`: confines itself, then runs MODULE as a program.

Runs inside bubblewrap too, where the limits and the seccomp filter are a second wall. Exit 70: it can't be confined so.
"""

import ctypes
import fcntl
import os
import resource
import runpy
import select
import signal
import sys

from belvedere.site.sandbox.landlock import read_only
from belvedere.site.sandbox.level import Level
from belvedere.site.sandbox.seccomp import refuse_calls
from belvedere.site.sandbox.view import readable_paths

EXIT_NOT_CONFINED = 70
_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_NO_NEW_PRIVS = 38
_OPEN_FILES = 64
_PROCESSOR_S = 7 * 86_400  # of one process's life: a loop that spins for ever ends some day


def _hold_on(lifeline: int) -> bool:
    """Have the kernel kill this process once nobody holds the other end of `lifeline` (fcntl(2), F_SETSIG). False: nobody does.

    Works through name spaces of processes, where the owner has no number here, and whichever of its threads started us.
    """
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(lifeline, fcntl.F_SETFL, os.O_NONBLOCK | os.O_ASYNC)
    look = select.poll()
    look.register(lifeline, 0)  # a hang-up is always told
    return not look.poll(0)


def confine(level: Level, owner: int, lifeline: int, memory_bytes: int) -> str:
    """Puts this process under `level` for good. Returns "" or why it can't be done."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    # It may have ended before it could be asked to take us along.
    if level is not Level.BUBBLEWRAP and os.getppid() != owner:
        return "its owner ended first"
    if sys.platform == "linux" and lifeline >= 0 and not _hold_on(lifeline):
        return "its owner let go of it"
    for limit, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CPU, _PROCESSOR_S),
    ):
        resource.setrlimit(limit, (most, most))
    if level is Level.LIMITS:
        refuse_calls()  # where the kernel lets us; nothing is promised at this level
        return ""
    if level is Level.LANDLOCK and (why := read_only(readable_paths())):
        return why
    why = refuse_calls()
    return "" if level is Level.BUBBLEWRAP else why


def main() -> None:
    """See above. The module's own exit status is this process's."""
    level, owner, lifeline, memory_bytes, module, *arguments = sys.argv[1:]
    if why := confine(Level(level), int(owner), int(lifeline), int(memory_bytes)):
        sys.stderr.write(f"{why}\n")
        sys.exit(EXIT_NOT_CONFINED)
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
