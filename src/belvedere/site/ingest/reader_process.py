"""A reader process as its owner sees it: started with an order, heard through a pipe, killed when it is no longer wanted."""

import fcntl
import os
import socket
import subprocess
from collections.abc import Sequence

import msgspec

from belvedere.foundation.errors import BadAddress
from belvedere.site.ingest.reader_pipe import LONGEST_ORDER, AnyWord, PipeWords, ReadOrder
from belvedere.site.sandbox.start import start

PIPE_BYTES = 1 << 20
_READ_BYTES = 256 << 10


class ReaderProcess:
    """One reader. Nothing here blocks but `wait`. Raises Unavailable when no process can be started, BadAddress.

    `sockets` are those of ReadOrder.handles; the reader gets them, and the caller may close its own ends.
    """

    def __init__(
        self, url: str, username: str, password: str, sockets: Sequence[socket.socket], challenge: str = ""
    ) -> None:
        handles = tuple(one.fileno() for one in sockets)
        order = msgspec.msgpack.encode(ReadOrder(url, username, password, handles, challenge))
        if len(order) > LONGEST_ORDER:
            raise BadAddress("The user name or password is too long.", advice="Shorten it in the camera.")
        self._process: subprocess.Popen[bytes] = start("belvedere.site.ingest.reader", handles=handles)
        if self._process.stdin is None or self._process.stdout is None:
            raise AssertionError("both pipes were asked for")
        self._words = PipeWords()
        self.ended = False
        self.fd = self._process.stdout.fileno()
        os.set_blocking(self.fd, False)
        try:
            fcntl.fcntl(self.fd, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        except OSError:
            pass  # the user's share of pipe memory is spent; the usual 64 KiB do
        try:
            self._process.stdin.write(order)  # an order is smaller than a pipe, so this never waits
            self._process.stdin.close()
        except OSError:
            pass  # it is gone already, which reading tells

    @property
    def pid(self) -> int:
        return self._process.pid

    def read(self, most: int = 1) -> list[AnyWord]:
        """What it said, of at most `most` reads. `ended` is set at the end of the pipe. Raises CameraProtocol."""
        words: list[AnyWord] = []
        for _ in range(most):
            try:
                data = os.read(self.fd, _READ_BYTES)
            except BlockingIOError:
                break
            if not data:
                self.ended = True
                break
            words += self._words.feed(data)
        return words

    def kill(self) -> None:
        """Ends it now; it is buried by `buried` or `wait`. May be called twice."""
        if self._process.stdout is not None and not self._process.stdout.closed:
            self._process.stdout.close()
            self._process.kill()

    def buried(self) -> bool:
        """Whether the killed process is gone; its number is then free."""
        return self._process.poll() is not None

    def wait(self, seconds: float) -> bool:
        """Waits for a killed process to be gone; for the end of the owner."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True
