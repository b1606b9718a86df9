"""Keys that the hub released under a grant: in memory only, for the grant's life, bounded."""

import threading
from collections import OrderedDict

from belvedere.foundation.clock import Clock

MOST = 2048  # 31 days of 60 cameras; past that the least recently used go and are asked for again


class ReleasedKeys:
    """Thread-safe. Invariant: a key is handed out under the very grant that it was released for, and never after it ended."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._held: OrderedDict[tuple[str, int, int], tuple[bytes, int]] = OrderedDict()
        self.evicted = 0

    def put(self, grant: str, camera_id: int, day: int, key: bytes, expires_us: int) -> None:
        with self._lock:
            now_us = self._clock.now_us()
            for name in [name for name, (_, until_us) in self._held.items() if until_us <= now_us]:
                del self._held[name]
            self._held[grant, camera_id, day] = (key, expires_us)
            if len(self._held) > MOST:
                self._held.popitem(last=False)
                self.evicted += 1

    def get(self, grant: str, camera_id: int, day: int) -> bytes | None:
        name = (grant, camera_id, day)
        with self._lock:
            found = self._held.get(name)
            if found is None:
                return None
            if found[1] <= self._clock.now_us():
                del self._held[name]
                return None
            self._held.move_to_end(name)
            return found[0]

    def end(self, grant: str) -> None:
        """Forget every key that was released under `grant`."""
        with self._lock:
            for name in [name for name in self._held if name[0] == grant]:
                del self._held[name]

    def drop(self, camera_id: int, day: int) -> None:
        """Forget a key under every grant: it was destroyed."""
        with self._lock:
            for name in [name for name in self._held if name[1:] == (camera_id, day)]:
                del self._held[name]

    def __len__(self) -> int:
        return len(self._held)
