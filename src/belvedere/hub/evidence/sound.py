"""Sound in a pack: a file of its own beside the clips, with the camera's bytes as they came.

AAC goes into an MP4 (.m4a); G.711 into a WAV, which every player takes and whose samples are those bytes. Where packets of G.711
were lost silence stands in their place, so that the sound keeps its time; how much is in the manifest.
"""

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from belvedere.foundation.errors import NotFound
from belvedere.hub.evidence.footage import Stretch, join_pieces
from belvedere.hub.evidence.manifest import Sound
from belvedere.hub.evidence.pack import PackWriter
from belvedere.link.client import SiteLink
from belvedere.link.messages import CameraStatus
from belvedere.media import clip as media
from belvedere.media.mp4_audio import WavSplice
from belvedere.media.stream import Codec, StreamKind
from belvedere.policy.grant import Action

_KEPT_IN_MEMORY = 8 << 20
_COPY_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class SoundPlan:
    """What a site can give of a camera's sound, before any of it is read."""

    camera: str
    stretches: tuple[Stretch, ...]

    @property
    def bytes(self) -> int:
        return sum(stretch.bytes for stretch in self.stretches)


async def plan_sound(
    link: SiteLink, wire: bytes, camera: str, start_us: int, end_us: int, known: Sequence[CameraStatus]
) -> SoundPlan:
    """The sound of `camera` in [start_us, end_us), where it was ever switched on. `known` are the site's cameras.

    Raises Refused when the grant does not allow to export it.
    """
    status = next((one for one in known if one.camera == camera), None)
    if status is not None and status.sound is None:
        return SoundPlan(camera, ())
    try:
        found = await link.playlist(wire, camera, StreamKind.AUDIO, start_us, end_us)
    except NotFound:  # a camera that is gone from the list and never had sound
        return SoundPlan(camera, ())
    return SoundPlan(camera, join_pieces(found.pieces))


async def write_sound(
    link: SiteLink, wire: bytes, plan: SoundPlan, number: int, writer: PackWriter, done: Callable[[int], None]
) -> Sound:
    """Bring stretch `number` (from 0) of `plan` into the pack; `done` is told the bytes as they come."""
    stretch = plan.stretches[number]
    first = stretch.pieces[0]
    init = await link.init(wire, plan.camera, first.config_id)
    aac = init.codec == Codec.AAC
    splice = media.Clip(init.data, stretch.duration_90k) if aac else WavSplice(init.data)
    path = f"sound/{plan.camera}-{number + 1}.{'m4a' if aac else 'wav'}"
    with tempfile.SpooledTemporaryFile(_KEPT_IN_MEMORY) as body:
        for source in stretch.sources:
            parts = link.read_footage(
                wire, Action.EXPORT, plan.camera, StreamKind.AUDIO, source.segment, source.start, source.end
            )
            async with aclosing(parts):
                async for part in parts:
                    for piece in splice.push(part):
                        body.write(piece)
                    done(len(part))
        body.write(splice.finish())

        def copy() -> None:
            file = writer.open(path)
            if isinstance(splice, WavSplice):
                file.write(splice.header())
            body.seek(0)
            while data := body.read(_COPY_BYTES):
                file.write(data)
            file.close()

        await asyncio.to_thread(copy)
    return Sound(
        path=path,
        camera=plan.camera,
        start_us=stretch.start_us,
        end_us=stretch.end_us,
        codec=init.codec,
        codec_string=init.codec_string,
        config_id=first.config_id,
        run=first.run,
        media_90k=first.media_90k,
        fragments=splice.fragments,
        sources=stretch.sources,
        filled_bytes=splice.silence_bytes if isinstance(splice, WavSplice) else 0,
    )
