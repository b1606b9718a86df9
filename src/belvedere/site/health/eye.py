"""The decoder process as its owner sees it: started when first needed, killed and started anew when it hangs."""

import os
import select
import struct
import subprocess

import msgspec

from belvedere.foundation.clock import SECOND_US, Clock
from belvedere.foundation.errors import Unavailable
from belvedere.site.health.look_pipe import LONGEST_ORDER, LookAnswer, LookOrder
from belvedere.site.health.views import Figures
from belvedere.site.sandbox.start import start

PATIENCE_US = 4 * SECOND_US
START_US = 60 * SECOND_US  # loading the decoder takes a second, and far longer on a machine that has no time
_MEMORY_BYTES = 3 << 30  # numpy reserves much and uses little
_LONGEST_ANSWER = 64 << 10


def start_decoder() -> "subprocess.Popen[bytes]":
    """A confined decoder process (site/sandbox): no key, no database, no network; orders in, figures out. Raises OSError."""
    try:
        return start("belvedere.site.health.look", memory_bytes=_MEMORY_BYTES)
    except Unavailable as error:
        raise OSError(error.message) from error


class Eye:
    """Looks at keyframes. For one thread; blocks for PATIENCE_US, and for START_US when the process must be started."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._process: subprocess.Popen[bytes] | None = None
        self.looks = 0
        self.failed = 0

    def look(self, camera: int, data: bytes) -> Figures | None:
        """Figures of the picture, None when it can't be decoded or the decoder does not answer."""
        self.looks += 1
        figures = None if len(data) > LONGEST_ORDER - 64 else self._ask(LookOrder(camera, data))
        if figures is None:
            self.failed += 1
        return figures

    @property
    def running(self) -> bool:
        """Whether the process stands ready. False after it hung or ended: the next look starts it anew."""
        return self._process is not None

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()
            process.kill()
            process.wait()

    def _ask(self, order: LookOrder) -> Figures | None:
        body = msgspec.msgpack.encode(order)
        due_us = self._clock.monotonic_us() + (START_US if self._process is None else PATIENCE_US)
        try:
            if self._process is None:
                self._process = start_decoder()
                for pipe in (self._process.stdin, self._process.stdout):
                    if pipe is None:
                        raise AssertionError("both pipes were asked for")
                    os.set_blocking(pipe.fileno(), False)
            self._write(self._process, memoryview(struct.pack(">I", len(body)) + body), due_us)
            (size,) = struct.unpack(">I", self._read(self._process, 4, due_us))
            if size > _LONGEST_ANSWER:
                raise OSError("the decoder spoke nonsense")
            return msgspec.msgpack.decode(self._read(self._process, size, due_us), type=LookAnswer).figures
        except (
            OSError,
            TimeoutError,
            msgspec.MsgspecError,
            UnicodeDecodeError,
        ):  # it hangs, is gone, or no process can be started
            self.close()
            return None

    def _wait(self, fd: int, reading: bool, due_us: int) -> None:
        left_s = (due_us - self._clock.monotonic_us()) / SECOND_US
        poll = select.poll()
        poll.register(fd, select.POLLIN if reading else select.POLLOUT)
        if not poll.poll(max(0.0, left_s * 1000)):
            raise TimeoutError

    def _write(self, process: "subprocess.Popen[bytes]", data: memoryview, due_us: int) -> None:
        assert process.stdin is not None
        fd = process.stdin.fileno()
        while data:
            self._wait(fd, False, due_us)
            data = data[os.write(fd, data) :]

    def _read(self, process: "subprocess.Popen[bytes]", size: int, due_us: int) -> bytes:
        assert process.stdout is not None
        fd, parts = process.stdout.fileno(), b""
        while len(parts) < size:
            self._wait(fd, True, due_us)
            part = os.read(fd, size - len(parts))
            if not part:
                raise OSError("the decoder ended")
            parts += part
        return parts
