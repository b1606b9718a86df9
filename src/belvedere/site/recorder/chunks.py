"""Memory that a worker's messages are read into, used again and again: fragments are views into it until they are durable.

Allocating every fragment by itself left holes between them, a third of what the recorder held.
"""

CHUNK_BYTES = 1 << 20
_LOOK_AFTER = 64  # chunks taken between two looks at how many were never needed


class Chunks:
    """Invariant: a chunk that anything still looks into is never handed out."""

    __slots__ = ("_least", "_spent", "_taken")

    def __init__(self) -> None:
        self._spent: list[bytearray] = []  # handed out before, the oldest first
        self._taken = 0
        self._least = 1 << 30  # free ones that were left over each time

    def __len__(self) -> int:
        """How many there are, in use or not."""
        return len(self._spent)

    def take(self, size: int) -> bytearray:
        """At least `size` bytes that nobody looks into, whatever is in them; the caller looks into no earlier ones any more."""
        if size > CHUNK_BYTES:
            return bytearray(size)  # for one huge picture: not kept
        free = [number for number, chunk in enumerate(self._spent) if _is_free(chunk)]
        self._least = min(self._least, max(0, len(free) - 1))
        self._taken += 1
        if self._taken % _LOOK_AFTER == 0:
            for number in reversed(free[len(free) - self._least :] if self._least else []):
                del self._spent[number]
            free, self._least = free[: len(free) - self._least], 1 << 30
        chunk = self._spent.pop(free[0]) if free else bytearray(CHUNK_BYTES)
        self._spent.append(chunk)
        return chunk


def _is_free(chunk: bytearray) -> bool:
    """Whether no view into it is left: only then may a bytearray change its length."""
    try:
        last = chunk.pop()
    except BufferError:
        return False
    chunk.append(last)
    return True
