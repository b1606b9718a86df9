"""The supervisor: starts the processes of one machine, waits until each serves, restarts what dies, ends them together.

A process is ready when it prints one JSON line with `"ready": true`. Later JSON lines are handed to `on_line`.
"""

import asyncio
import ctypes
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from belvedere.foundation.clock import SECOND_US, Clock
from belvedere.foundation.errors import Unavailable

log = structlog.get_logger()

_PR_SET_PDEATHSIG = 1
_STOP_WITHIN_S = 10.0
_STEADY_US = 60 * SECOND_US  # alive this long: the next restart is immediate again
_LINE_LIMIT = 1 << 20

Line = dict[str, Any]


def _die_with_parent() -> None:
    """Runs in the child before exec: end it when the supervisor is killed, so that nothing is left behind."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _bare() -> dict[str, str]:
    """The environment of a process that reads strangers' bytes: no settings (one may hold a database's password), no PG*."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("BELVEDERE_", "PG"))}


@dataclass(slots=True)
class Child:
    """One supervised process. `arguments` may be changed between restarts (a port that was picked, say)."""

    name: str
    arguments: list[str]
    log_file: Path
    on_line: Callable[[Line], None] | None = None
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    ready_line: Line = field(default_factory=dict)
    bare: bool = False  # without the settings and passwords of this process's environment
    process: asyncio.subprocess.Process | None = None
    starts: int = 0
    task: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        return self.process.pid if self.process is not None else 0


class Supervisor:
    """Keeps the children alive until `stop`."""

    def __init__(self, clock: Clock, log_folder: Path) -> None:
        self.children: dict[str, Child] = {}
        self._clock = clock
        self._log_folder = log_folder
        self._stopping = False
        log_folder.mkdir(parents=True, exist_ok=True)

    async def start(
        self,
        name: str,
        module: str,
        arguments: Sequence[str],
        *,
        on_line: Callable[[Line], None] | None = None,
        ready_within_s: float = 60.0,
        bare: bool = False,
    ) -> Child:
        """Start `python -m module arguments` and return when it is ready. Raises Unavailable with the end of its log."""
        command = [sys.executable, "-m", module, *arguments]
        child = Child(name, command, self._log_folder / f"{name}.log", on_line, bare=bare)
        self.children[name] = child
        child.task = asyncio.create_task(self._keep(child), name=f"keep {name}")
        waiting = asyncio.create_task(child.ready.wait())
        done, _ = await asyncio.wait({waiting, child.task}, timeout=ready_within_s, return_when=asyncio.FIRST_COMPLETED)
        if waiting not in done:
            waiting.cancel()
            raise Unavailable(f"{name} did not start.\n{self.tail(child)}", advice=f"Read {child.log_file}.")
        return child

    def tail(self, child: Child, lines: int = 12) -> str:
        """The last lines of a child's log."""
        try:
            return "\n".join(child.log_file.read_text("utf-8", "replace").splitlines()[-lines:])
        except OSError:
            return ""

    def _ended(self) -> bool:
        return self._stopping

    async def _keep(self, child: Child) -> None:
        """Run the child again and again, slower when it keeps dying."""
        delay_s = 0.0
        while not self._ended():
            began_us = self._clock.monotonic_us()
            await self._run(child)
            lived_us = self._clock.monotonic_us() - began_us
            first_failed = child.starts == 1 and not child.ready.is_set()
            if first_failed:
                return  # start() tells the person; looping would hide it
            if self._ended():
                return
            delay_s = 0.2 if lived_us > _STEADY_US else min(10.0, max(0.2, delay_s * 2))
            log.warning("restarting", process=child.name, after_s=delay_s, lived_s=lived_us // SECOND_US)
            await asyncio.sleep(delay_s)

    async def _run(self, child: Child) -> None:
        child.starts += 1
        with child.log_file.open("ab") as errors:
            process = await asyncio.create_subprocess_exec(
                *child.arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                limit=_LINE_LIMIT,
                preexec_fn=_die_with_parent,
                start_new_session=True,  # Ctrl-C reaches the supervisor alone, which ends the children in order
                env={**(_bare() if child.bare else os.environ), "PYTHONUNBUFFERED": "1"},
            )
        child.process = process
        assert process.stdout is not None
        async for raw in process.stdout:
            try:
                line = json.loads(raw)
            except ValueError:
                continue
            if not isinstance(line, dict):
                continue
            if line.get("ready"):
                child.ready_line = line
                child.ready.set()
            elif child.on_line is not None:
                child.on_line(line)
        code = await process.wait()
        if not self._stopping:
            log.warning("ended", process=child.name, code=code)

    async def stop(self, order: Sequence[str] = ()) -> None:
        """End all children: those named in `order` first, one after another, then the rest."""
        self._stopping = True
        names = [n for n in order if n in self.children]
        names += [n for n in self.children if n not in names]
        for name in names:
            await _end(self.children[name])
        for child in self.children.values():
            if child.task is not None:
                child.task.cancel()
                await asyncio.gather(child.task, return_exceptions=True)


async def _end(child: Child) -> None:
    process = child.process
    if process is None or process.returncode is not None:
        return
    try:
        process.terminate()
        await asyncio.wait_for(process.wait(), _STOP_WITHIN_S)
    except ProcessLookupError:
        return
    except TimeoutError:
        log.warning("killed", process=child.name, after_s=_STOP_WITHIN_S)
        process.kill()
        await process.wait()


async def until_signalled() -> None:
    """Return on SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    event = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, event.set)
    await event.wait()
