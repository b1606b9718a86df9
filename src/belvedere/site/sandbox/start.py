"""Starting a confined process, and finding out by trying how well this machine can confine one.

Each has a lifeline: a pipe that nobody ever writes to, whose other end only its owner holds. When that closes, because the
owner let go or died, the kernel kills the confined process, and bubblewrap ends behind it. bubblewrap itself is never
killed and has no --die-with-parent: one that is gone before its child is set up leaves that child waiting for it for ever.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from belvedere.foundation.errors import Unavailable
from belvedere.site.sandbox.level import Confinement, Level
from belvedere.site.sandbox.view import environment, readable_paths

MEMORY_BYTES = 1 << 30
_TRIAL_S = 20.0
_KEPT = ("PYTHONWARNINGS",)


def command(
    level: Level, module: str, arguments: Sequence[str], *, memory_bytes: int = MEMORY_BYTES, lifeline: int = -1
) -> list[str]:
    """The command line that runs `python -m module arguments` at `level`, in a child of this process.

    `lifeline`: the file that tells the child of this process's end; -1: there is none.
    """
    inner = [
        sys.executable, "-m", "belvedere.site.sandbox.enter", level, str(os.getpid()), str(lifeline), str(memory_bytes),
        module, *arguments,
    ]  # fmt: skip
    if level is not Level.BUBBLEWRAP:
        return inner
    wrap = [
        "bwrap", "--unshare-all", "--new-session", "--cap-drop", "ALL",
        "--hostname", "reader", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp",
    ]  # fmt: skip
    for path in readable_paths():
        if path.is_symlink():
            wrap += ["--symlink", str(path.readlink()), str(path)]
            target = path.resolve()
            if not any(target == kept or kept in target.parents for kept in readable_paths()):
                wrap += ["--ro-bind", str(target), str(target)]
        else:
            wrap += ["--ro-bind", str(path), str(path)]
    return [*wrap, "--remount-ro", "/", "--chdir", "/", *inner]


class Confined(subprocess.Popen[bytes]):
    """A confined process, with pipes on standard input, output and, where asked for, errors. Never inherits what is open here."""

    def __init__(
        self,
        level: Level,
        module: str,
        arguments: Sequence[str],
        *,
        handles: Sequence[int] = (),
        memory_bytes: int = MEMORY_BYTES,
        errors: int = subprocess.DEVNULL,
    ) -> None:
        """Raises OSError when no process can be started."""
        told, held = os.pipe()
        self._hang_up = weakref.finalize(self, os.close, held)
        self._wrapped = level is Level.BUBBLEWRAP
        try:
            super().__init__(
                command(level, module, arguments, memory_bytes=memory_bytes, lifeline=told),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment(*_KEPT),
                pass_fds=(*handles, told),
                start_new_session=True,
                bufsize=0,
            )
        except BaseException:
            self._hang_up()
            raise
        finally:
            os.close(told)

    def send_signal(self, sig: int) -> None:
        """`kill` and `terminate` come here too. In bubblewrap whatever ends the process is done by letting go of its lifeline."""
        if self._wrapped:
            self._hang_up()
        else:
            super().send_signal(sig)

    def wait(self, timeout: float | None = None) -> int:
        """As Popen does. When bubblewrap was ended by somebody else, what it held ends too."""
        status = super().wait(timeout)
        self._hang_up()
        return status


def start(
    module: str,
    arguments: Sequence[str] = (),
    *,
    handles: Sequence[int] = (),
    level: Level | None = None,
    memory_bytes: int = MEMORY_BYTES,
) -> Confined:
    """Runs `module` confined, with pipes on standard input and output, and `handles` open under the same numbers.

    Nothing else is inherited: no environment, no open file. Raises Unavailable when no process can be started.
    """
    taken = level or confinement().level
    try:
        # No errors are read: FFmpeg would write addresses with passwords there.
        return Confined(taken, module, arguments, handles=handles, memory_bytes=memory_bytes)
    except OSError as error:
        raise Unavailable(
            "No reader process can be started.", advice="Check the machine's memory and number of processes."
        ) from error


@lru_cache(maxsize=1)
def confinement() -> Confinement:
    """The best level that this machine grants, tried once in the life of this process (a tenth of a second each)."""
    refused: list[str] = []
    for level in (Level.BUBBLEWRAP, Level.LANDLOCK):
        why = attempt(level)
        if not why:
            return Confinement(level, tuple(refused))
        refused.append(f"{level}: {why}")
    return Confinement(Level.LIMITS, tuple(refused))


def attempt(level: Level) -> str:
    """Runs a process at `level` that tries to read a file and to connect. Returns "" when it could not, or what is wrong."""
    if level is Level.BUBBLEWRAP and shutil.which("bwrap") is None:
        return "it is not installed (package bubblewrap)"
    with tempfile.TemporaryDirectory(prefix="belvedere-") as folder, socket.create_server(("127.0.0.1", 0)) as listener:
        canary = Path(folder, "canary")
        canary.write_bytes(b"key")
        arguments = (str(canary), str(listener.getsockname()[1]))
        try:
            with Confined(level, "belvedere.site.sandbox.trial", arguments, errors=subprocess.PIPE) as trial:
                try:
                    output, errors = trial.communicate(timeout=_TRIAL_S)
                finally:
                    trial.kill()
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"it can't be run ({type(error).__name__})"
    if trial.returncode:
        lines = errors.decode("utf-8", "replace").strip().splitlines()
        return (lines[-1] if lines else f"it ended with {trial.returncode}")[:200]
    try:
        found = json.loads(output)
    except ValueError:
        return "it said nothing that can be understood"
    could = [what for what in ("reads", "writes", "connects") if found.get(what, True)]
    return f"a confined process still {' and '.join(could)}" if could else ""
