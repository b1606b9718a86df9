"""Live parts waiting for one viewer. Bounded: a viewer that falls behind skips to the next keyframe and is told so.

Used twice: at the site for what the link has not taken yet, at the hub for what the browser has not taken yet.
"""

import asyncio
from collections import deque
from collections.abc import Sequence

import msgspec

from belvedere.foundation.clock import SECOND_US, Clock
from belvedere.link.messages import LiveMedia, LivePart, LiveStart

LIMIT_PARTS = 256
LIMIT_BYTES = 8 << 20
LIMIT_AGE_US = 3 * SECOND_US


class Backlog:
    """A queue of live parts with one reader.

    `dropped` counts frames that this viewer missed because it was slow.
    """

    # While it has a gap (`leave_gap`), nothing behind it is handed out. Invariant: `_gap` parts wait before it, or it is None.
    # Invariants: media behind a dropped frame is never handed out before the next keyframe; the newest LiveStart and
    # the newest LiveState are never dropped; at most `limit_parts` wait, and `limit_bytes` unless a single part is larger.

    def __init__(
        self,
        clock: Clock,
        *,
        limit_parts: int = LIMIT_PARTS,
        limit_bytes: int = LIMIT_BYTES,
        limit_age_us: int = LIMIT_AGE_US,
    ) -> None:
        if limit_parts < 4:
            raise ValueError("a backlog needs room for a start, a state, a keyframe and one more")
        self._clock = clock
        self._limit_parts = limit_parts
        self._limit_bytes = limit_bytes
        self._limit_age_us = limit_age_us
        self._parts: deque[tuple[int, LivePart]] = deque()
        self._bytes = 0
        self._skipped = 0  # frames to tell of with the next media part
        self._awaiting_keyframe = True
        self._behind = (
            False  # what is passed over while awaiting was dropped, not merely before the viewer's first picture
        )
        self._filled = asyncio.Event()
        self._gap: int | None = None
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._parts)

    @property
    def waiting_bytes(self) -> int:
        """Bytes of media that wait."""
        return self._bytes

    def put(self, part: LivePart) -> None:
        """Add a part, or drop it. Never waits."""
        if isinstance(part, LiveMedia):
            self._put_media(part)
            return
        if len(self._parts) >= self._limit_parts:
            self._skip()
        if isinstance(part, LiveStart):
            self._awaiting_keyframe = True
        self._append(part)

    def _put_media(self, part: LiveMedia) -> None:
        if self._awaiting_keyframe and not part.keyframe:
            if self._behind:
                self._drop(part)
            return
        if self._is_full(len(part.data)):
            self._skip()
            if not part.keyframe:
                self._drop(part)
                return
        self._awaiting_keyframe = self._behind = False
        if self._skipped:
            part = msgspec.structs.replace(part, skipped=part.skipped + self._skipped)  # shares the bytes
            self._skipped = 0
        self._bytes += len(part.data)
        self._append(part)

    def _is_full(self, more_bytes: int) -> bool:
        if len(self._parts) >= self._limit_parts:
            return True
        oldest = next((since for since, part in self._parts if isinstance(part, LiveMedia)), None)
        if oldest is None:
            return False
        return self._bytes + more_bytes > self._limit_bytes or self._clock.monotonic_us() - oldest > self._limit_age_us

    def _append(self, part: LivePart) -> None:
        self._parts.append((self._clock.monotonic_us(), part))
        self._filled.set()

    def _drop(self, part: LiveMedia) -> None:
        self._skipped += part.frames + part.skipped
        self.dropped += part.frames

    def _skip(self) -> None:
        """Drop all media that waits; keep the newest start and the newest state, in their order."""
        kept: dict[type, tuple[int, LivePart]] = {}
        for since, part in self._parts:
            if isinstance(part, LiveMedia):
                self._drop(part)
            else:
                kept.pop(type(part), None)
                kept[type(part)] = (since, part)
        self._parts = deque(kept.values())
        self._bytes = 0
        self._gap = None  # what belongs there is not wanted any more
        self._awaiting_keyframe = self._behind = True

    def resume_at_keyframe(self, missed: int) -> None:
        """`missed` frames never came: pass over what follows them up to the next keyframe, and tell of it."""
        self._skipped += missed
        self._awaiting_keyframe = self._behind = True

    def leave_gap(self) -> None:
        """Media that begins with a keyframe will be put in here by `fill_gap`; what is put meanwhile goes on from it."""
        self._gap = len(self._parts)
        self._awaiting_keyframe = self._behind = False

    def fill_gap(self, media: Sequence[LiveMedia]) -> None:
        """Put in what belongs into the gap. Nothing: it can't be had, and the viewer goes on at the next keyframe."""
        at, self._gap = self._gap, None
        if at is None:
            return
        before, behind = list(self._parts)[:at], list(self._parts)[at:]
        size = sum(len(part.data) for part in media)
        if not media or self._bytes + size > self._limit_bytes or len(self._parts) + len(media) > self._limit_parts:
            media, size, behind = (), 0, self._from_keyframe(behind)
        now_us = self._clock.monotonic_us()
        self._bytes += size
        self._parts = deque([*before, *((now_us, part) for part in media), *behind])
        self._filled.set()

    def _from_keyframe(self, parts: list[tuple[int, LivePart]]) -> list[tuple[int, LivePart]]:
        """`parts` without the media before their first keyframe; where there is none, what comes waits for one too."""
        kept, waits = [], True
        for since, part in parts:
            if isinstance(part, LiveMedia):
                waits = waits and not part.keyframe
                if waits:
                    self._bytes -= len(part.data)
                    continue
            kept.append((since, part))
        self._awaiting_keyframe |= waits
        return kept

    def take(self) -> LivePart | None:
        """The next part, or None when nothing waits."""
        if not self._parts or self._gap == 0:
            return None
        if self._gap is not None:
            self._gap -= 1
        _, part = self._parts.popleft()
        if isinstance(part, LiveMedia):
            self._bytes -= len(part.data)
        if not self._parts:
            self._filled.clear()
        return part

    async def get(self) -> LivePart:
        """The next part, waiting for one."""
        while (part := self.take()) is None:
            self._filled.clear()
            await self._filled.wait()
        return part
