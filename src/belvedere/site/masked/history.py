"""Keyframes of the last hour, a few a camera, as the cameras sent them: what the background of a new rendition is made from.

They stay in this process's memory, are decoded by a masking process only, and are gone when the site stops.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from belvedere.foundation.clock import MINUTE_US
from belvedere.foundation.errors import BadMedia
from belvedere.media.fmp4 import read_fragment
from belvedere.media.stream import StreamKind
from belvedere.site.live.relay import Relay
from belvedere.vision.masking.samples import Samples

# Of one keyframe; of larger ones, which only main streams have, none is kept: a recorder's memory is for recording, and the
# background of a camera without a small stream is learnt once somebody looks.
_MOST_BYTES = 64 << 10
_SHUN_US = 10 * MINUTE_US  # not asked again for so long
_TOTAL_BYTES = 64 << 20  # of all cameras; beyond it, cameras without samples get none


@dataclass(slots=True)
class _Camera:
    init: bytes
    shun_us: int = 0  # monotonic: until then it is not asked for, as its keyframes are too large
    samples: Samples[bytes] = field(default_factory=Samples)


class History:
    """Samples of every camera's picture. For the event loop; `step` is quick."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._cameras: dict[str, _Camera] = {}

    def source_of(self, camera: str) -> str:
        """The stream that is masked: the small one where the camera has one."""
        small = (camera, str(StreamKind.SUB))
        main = (camera, str(StreamKind.MAIN))
        known = self._relay.streams()
        return str(StreamKind.SUB if small in known or main not in known else StreamKind.MAIN)

    def of(self, camera: str, init: bytes) -> Iterator[tuple[int, bytes]]:
        """Time and keyframe, oldest first, of pictures with the initialisation segment `init`."""
        known = self._cameras.get(camera)
        if known is not None and known.init == init:
            yield from list(known.samples)

    def step(self) -> None:
        """Keep the newest keyframe of each camera for which one is due. Call it every two seconds."""
        cameras = {camera for camera, _ in self._relay.streams()}
        for gone in self._cameras.keys() - cameras:
            del self._cameras[gone]
        total = self.bytes
        for camera in cameras:
            total += self._keep(camera, total)

    @property
    def bytes(self) -> int:
        """Held now."""
        return sum(len(data) for known in self._cameras.values() for _, data in known.samples)

    def _keep(self, camera: str, total: int) -> int:
        """Bytes that were added, about."""
        known, clock = self._cameras.get(camera), self._relay.clock
        if known is not None and (clock.monotonic_us() < known.shun_us or not known.samples.due(clock.now_us())):
            return 0
        found = self._relay.newest_fragment(camera, self.source_of(camera))
        if found is None:
            return 0
        start, media = found
        if known is None or known.init != start.init:
            known = self._cameras[camera] = _Camera(start.init)
        if not known.samples.due(media.arrival_us):
            return 0
        try:
            first = next(iter(read_fragment(media.data)), None)
        except BadMedia:
            return 0
        if first is None or first.size > _MOST_BYTES or total + first.size > _TOTAL_BYTES:
            known.shun_us = clock.monotonic_us() + _SHUN_US
            return 0
        known.samples.add(media.arrival_us, media.data[first.offset : first.offset + first.size])
        return first.size
