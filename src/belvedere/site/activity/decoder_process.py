"""The decoder process as its owner sees it: one question, one answer; started anew when it dies or hangs."""

import os
import select
import subprocess
import threading
from typing import TypeVar

import msgspec
import structlog

from belvedere.foundation.clock import SECOND_US, Clock
from belvedere.foundation.errors import Unavailable
from belvedere.site.activity.decoder_pipe import LENGTH, LONGEST_TOLD, Look, Recognise, Recognised, Told, pack_word
from belvedere.site.sandbox.start import start

log = structlog.get_logger()

_MEMORY_BYTES = 2 << 30
_ANSWER_US = 10 * SECOND_US
_FIRST_ANSWER_US = 60 * SECOND_US  # a loaded machine takes its time to start a process
_Answer = TypeVar("_Answer")
_FAILED = Told(None, 0.0, 0.0, "", 0, failed=True)


def start_decoder() -> "subprocess.Popen[bytes]":
    """Start the process that decodes, confined as well as this machine can. Raises Unavailable."""
    return start("belvedere.site.activity.decoder", memory_bytes=_MEMORY_BYTES)


class DecoderProcess:
    """One decoder, shared by threads that take turns. Started with the first question.

    Invariant: between two questions the pipe is empty; after a fault the process is ended, never asked again.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._answered = False
        self._closed = False
        self.cpu_us = 0  # spent on answers, as the decoder says
        self.looks = 0
        self.failures = 0  # pictures that came to nothing
        self.restarts = 0

    def ask(self, look: Look) -> Told:
        """What the decoder makes of a keyframe; a failed answer when it died over it. Raises Unavailable."""
        with self._lock:
            told = self._told(pack_word(look), Told) or _FAILED
            self.looks += 1
            self.cpu_us += told.cpu_us
            self.failures += told.failed
            return told

    def recognise(self, order: Recognise) -> Recognised:
        """How a stream holds its bitrate. Raises Unavailable, also when the process died over it."""
        with self._lock:
            found = self._told(pack_word(order), Recognised)
        if found is None:
            raise Unavailable("The process that recognises rate control ended.", advice="It is asked again by itself.")
        return found

    def rest(self) -> None:
        """End the process until somebody asks again."""
        with self._lock:
            self._end()

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._closed = True
            self._end()

    def _told(self, question: bytes, kind: type[_Answer]) -> _Answer | None:
        """The answer; None when the process died over it. Raises Unavailable. Under the lock."""
        if self._closed:
            raise Unavailable("The site is stopping.", advice="Ask again later.")
        process = self._process
        if process is None:
            process = self._process = start_decoder()
            self._answered = False
        try:
            return self._exchange(process, question, kind)
        except (OSError, EOFError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            log.warning("decoder_ended", error=repr(error))
            self.restarts += 1
            self._end()
            return None

    def _exchange(self, process: "subprocess.Popen[bytes]", question: bytes, kind: type[_Answer]) -> _Answer:
        assert process.stdin is not None
        assert process.stdout is not None
        due_us = self._clock.monotonic_us() + (_ANSWER_US if self._answered else _FIRST_ANSWER_US)
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
        told = msgspec.msgpack.decode(self._take(out, length, due_us), type=kind)
        self._answered = True
        return told

    def _take(self, out: int, size: int, due_us: int) -> bytes:
        data = b""
        while len(data) < size:
            self._wait([out], [], due_us)
            part = os.read(out, size - len(data))
            if not part:
                raise EOFError("the decoder ended")
            data += part
        return data

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
