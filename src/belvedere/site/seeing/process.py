"""A process that looks for objects, as its owner sees it: one order, one answer; started anew when it dies or hangs."""

import os
import select
import subprocess
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec
import structlog

from belvedere.foundation.clock import SECOND_US, Clock
from belvedere.foundation.errors import Unavailable
from belvedere.site.activity.decoder_pipe import LENGTH
from belvedere.site.seeing.pipe import LONGEST_TOLD, Glance, Glanced, Order, Ready, Saw, See, Show, Shown, pack_word

log = structlog.get_logger()

_ANSWER_US = 30 * SECOND_US
_FIRST_ANSWER_US = 180 * SECOND_US  # a model is read and tried on a loaded machine
_AGAIN_US = 2 * SECOND_US  # after a process that could not begin; doubled each time
_LONGEST_AGAIN_US = 60 * SECOND_US
_Word = TypeVar("_Word")
FAILED = Glanced(failed=True)

Begin = Callable[[], "subprocess.Popen[bytes] | None"]
"""Starts a process, confined as well as this machine can; None while there is no model. Raises Unavailable."""


class NoModel(Unavailable):
    """There is no model to look with."""


class SeeingProcess:
    """One process, shared by threads that take turns. Started with the first order.

    Invariant: between two orders the pipe is empty; after a fault the process is ended, never asked again.
    """

    def __init__(self, begin: Begin, clock: Clock) -> None:
        self._begin = begin
        self._clock = clock
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False
        self._again_us = 0
        self._pause_us = _AGAIN_US
        self.ready: Ready | None = None
        self.trouble = ""  # why it can't look, "" while it can
        self.cpu_us = 0  # spent on answers, as the process says
        self.pictures = 0
        self.failures = 0  # pictures that came to nothing
        self.fatal = 0  # of these, pictures that a process died over
        self.crowded = 0  # objects beyond what a picture may hold
        self.restarts = 0

    @property
    def pid(self) -> int | None:
        """Of the process that runs, as far as one does."""
        process = self._process
        return None if process is None else process.pid

    def see(self, glances: Sequence[Glance]) -> tuple[list[Glanced], int]:
        """What each picture shows, and the processor time it took (microseconds). A picture that kills the process fails.

        Raises Unavailable, NoModel.
        """
        with self._lock:
            saw = self._told(See(tuple(glances)), Saw)
            if saw is not None and len(saw.glanced) == len(glances):
                found, cpu_us = list(saw.glanced), saw.cpu_us
            else:
                found, cpu_us = self._one_by_one(glances)
            self._count(found, cpu_us)
            return found, cpu_us

    def show(self, order: Show) -> Shown | None:
        """A masked thumbnail; None when none came out. Raises Unavailable, NoModel."""
        with self._lock:
            shown = self._told(order, Shown)
            if shown is None or not shown.jpeg:
                self.failures += 1
                return None
            self.cpu_us += shown.cpu_us
            return shown

    def try_to_begin(self) -> Ready:
        """What looks here; starts the process where there is none. Raises Unavailable, NoModel."""
        with self._lock:
            self._running()
            assert self.ready is not None
            return self.ready

    def rest(self) -> None:
        """End the process until somebody asks again; a new model is then read."""
        with self._lock:
            self._end()
            self._again_us = 0

    def close(self) -> None:
        """End the process for good."""
        self._closed = True
        process = self._process
        if process is not None:
            process.kill()  # whoever waits for it stops waiting
        with self._lock:
            self._end()

    def _one_by_one(self, glances: Sequence[Glance]) -> tuple[list[Glanced], int]:
        """After a process died over pictures: which of them was it? Eyes have forgotten what was before."""
        found: list[Glanced] = []
        cpu_us = 0
        for glance in glances:
            saw = self._told(See((msgspec.structs.replace(glance, fresh=True),)), Saw)
            if saw is None or len(saw.glanced) != 1:
                self.fatal += 1
                found.append(FAILED)
            else:
                cpu_us += saw.cpu_us
                found += saw.glanced
        return found, cpu_us

    def _count(self, found: Sequence[Glanced], cpu_us: int) -> None:
        self.pictures += len(found)
        self.cpu_us += cpu_us
        self.failures += sum(each.failed for each in found)
        self.crowded += sum(each.crowded for each in found)

    def _told(self, order: Order, kind: type[_Word]) -> _Word | None:
        """The answer; None when the process died over it. Raises Unavailable, NoModel. Under the lock."""
        process = self._running()
        try:
            return self._exchange(process, pack_word(order), kind, _ANSWER_US)
        except (OSError, EOFError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            if self._closed:
                raise Unavailable("The site is stopping.", advice="Ask again later.") from error
            log.warning("seeing_process_ended", error=repr(error))
            self.restarts += 1
            self._end()
            return None

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._closed:
            raise Unavailable("The site is stopping.", advice="Ask again later.")
        if self._process is not None:
            return self._process
        now_us = self._clock.monotonic_us()
        if now_us < self._again_us:
            raise Unavailable(
                self.trouble or "Analysis is starting.", advice="It is tried again by itself; recording goes on."
            )
        process = self._begin()
        if process is None:
            self.ready, self.trouble = None, ""
            raise NoModel("There is no model to look with.", advice="Run `belvedere models fetch`.")
        self._process = process
        try:
            ready = self._exchange(process, b"", Ready, _FIRST_ANSWER_US)
        except (OSError, EOFError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            ready = Ready("", "", 0.0, f"The process that looks could not begin ({type(error).__name__}).")
        if ready.trouble:
            self._end()
            self.trouble = ready.trouble
            self._again_us = self._clock.monotonic_us() + self._pause_us
            self._pause_us = min(2 * self._pause_us, _LONGEST_AGAIN_US)
            raise Unavailable(ready.trouble, advice="`belvedere models list` tells what is there.")
        self.ready, self.trouble, self._pause_us = ready, "", _AGAIN_US
        return process

    def _exchange(
        self, process: "subprocess.Popen[bytes]", question: bytes, kind: type[_Word], patience_us: int
    ) -> _Word:
        assert process.stdin is not None
        assert process.stdout is not None
        due_us = self._clock.monotonic_us() + patience_us
        into, out = process.stdin.fileno(), process.stdout.fileno()
        os.set_blocking(into, False)
        view = memoryview(question)
        while view:
            self._wait([], [into], due_us)
            try:
                view = view[os.write(into, view) :]
            except BlockingIOError:
                continue
        (length,) = LENGTH.unpack(self._take(out, LENGTH.size, due_us))
        if length > LONGEST_TOLD:
            raise EOFError("an answer that is too long")
        return msgspec.msgpack.decode(self._take(out, length, due_us), type=kind)

    def _take(self, out: int, size: int, due_us: int) -> bytes:
        parts: list[bytes] = []
        while size:
            self._wait([out], [], due_us)
            part = os.read(out, size)
            if not part:
                raise EOFError("the process ended")
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def _wait(self, reading: list[int], writing: list[int], due_us: int) -> None:
        left_s = (due_us - self._clock.monotonic_us()) / SECOND_US
        ready = select.select(reading, writing, [], max(0.0, left_s))
        if not ready[0] and not ready[1]:
            raise EOFError("no answer in time")

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        process.wait()
