"""The bytes of a fragment for whoever may want them soon: in memory until they are durable, then read back from there."""

from collections.abc import Callable


class Held:
    """Shared by the disk's thread, which says where the bytes are durable, and by readers in any thread.

    Invariant: `data` or the way to read back is there at any moment; what `read` returns is what `data` was.
    """

    __slots__ = ("_data", "_read_back")

    def __init__(self, data: bytes | memoryview) -> None:
        self._data: bytes | memoryview | None = data
        self._read_back: Callable[[], bytes] | None = None

    @property
    def data(self) -> bytes | memoryview | None:
        """The bytes, while they are in memory."""
        return self._data

    def settle(self, read_back: Callable[[], bytes]) -> None:
        """The bytes are durable: let go of them here. `read_back` may be called in any thread, and may wait for the disk."""
        self._read_back = read_back
        self._data = None

    def own(self) -> None:
        """Take a copy of what is still in memory, so that nothing larger is kept for it."""
        data = self._data
        if isinstance(data, memoryview):
            self._data = bytes(data)  # where it was settled meanwhile, the copy stays: both are right

    def read(self) -> bytes:
        """The bytes; may wait for a disk. Raises what `read_back` raises: OSError, SealBroken."""
        data = self._data
        if data is not None:
            return bytes(data)
        assert self._read_back is not None
        return self._read_back()
