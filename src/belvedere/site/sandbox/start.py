"""Starting a confined process, and finding out by trying how well this machine can confine one."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from belvedere.foundation.errors import Unavailable
from belvedere.site.sandbox.level import Confinement, Level
from belvedere.site.sandbox.view import environment, readable_paths

MEMORY_BYTES = 1 << 30
_TRIAL_S = 20.0
_KEPT = ("PYTHONWARNINGS",)


def command(level: Level, module: str, arguments: Sequence[str], *, memory_bytes: int = MEMORY_BYTES) -> list[str]:
    """The command line that runs `python -m module arguments` at `level`, in a child of this process."""
    inner = [
        sys.executable, "-m", "belvedere.site.sandbox.enter", level, str(os.getpid()), str(memory_bytes),
        module, *arguments,
    ]  # fmt: skip
    if level is not Level.BUBBLEWRAP:
        return inner
    wrap = [
        "bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL",
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


def start(
    module: str,
    arguments: Sequence[str] = (),
    *,
    handles: Sequence[int] = (),
    level: Level | None = None,
    memory_bytes: int = MEMORY_BYTES,
) -> "subprocess.Popen[bytes]":
    """Runs `module` confined, with pipes on standard input and output, and `handles` open under the same numbers.

    Nothing else is inherited: no environment, no open file. Raises Unavailable when no process can be started.
    """
    taken = level or confinement().level
    try:
        return subprocess.Popen(
            command(taken, module, arguments, memory_bytes=memory_bytes),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # FFmpeg would write addresses with passwords there
            env=environment(*_KEPT),
            pass_fds=tuple(handles),
            start_new_session=True,
            bufsize=0,
        )
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
            done = subprocess.run(
                command(level, "belvedere.site.sandbox.trial", arguments),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                env=environment(*_KEPT),
                timeout=_TRIAL_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"it can't be run ({type(error).__name__})"
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        return (lines[-1] if lines else f"it ended with {done.returncode}")[:200]
    try:
        found = json.loads(done.stdout)
    except ValueError:
        return "it said nothing that can be understood"
    could = [what for what in ("reads", "writes", "connects") if found.get(what, True)]
    return f"a confined process still {' and '.join(could)}" if could else ""
