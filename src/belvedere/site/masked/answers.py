"""What the hub may ask about masking: permanent masks in, figures out. Called in threads."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from belvedere.link.masked import GetMasking, Masking, MasksHeld, PutMasks, RenditionStatus
from belvedere.link.messages import Answer, Reply, Request
from belvedere.site.masked.in_camera import InCamera
from belvedere.site.masked.room import MaskedRoom
from belvedere.site.masked.store import MaskStore

_WAIT_S = 10.0


class MaskedAnswers:
    """Made on the event loop that the room runs on."""

    def __init__(self, room: MaskedRoom, store: MaskStore, in_camera: InCamera | None = None) -> None:
        self._room = room
        self._in_camera = in_camera
        self._store = store
        self._loop = asyncio.get_running_loop()

    def answers(self) -> Mapping[type[Request], Callable[[Any], Reply]]:
        """For `serve_link`."""
        return {PutMasks: self.put, GetMasking: self.masking}

    def put(self, request: PutMasks) -> Answer:
        """Keep masks, and bind what is shown from now on. Raises Conflict."""
        if self._store.put(request.camera, request.version, request.polygons):
            changed = self._room.masks_changed(request.camera)
            asyncio.run_coroutine_threadsafe(changed, self._loop).result(_WAIT_S)
        return Answer()

    def masking(self, request: GetMasking) -> Masking:
        """What is masked now."""

        async def look() -> Masking:
            return self._masking()

        return asyncio.run_coroutine_threadsafe(look(), self._loop).result(_WAIT_S)

    def _masking(self) -> Masking:
        room = self._room
        played = room.playback
        return Masking(
            most=room.most,
            refused=room.refused,
            renditions=tuple(
                RenditionStatus(
                    camera=one.camera,
                    kind=kind,
                    viewers=len(one.viewers),
                    cpu_ms_per_s=round(one.cost.cpu_ms_per_s, 1),
                    frames=one.cost.frames,
                    share=round(one.share, 3),
                    whole=one.whole,
                    restarts=one.restarts,
                    sees=one.sight.model,
                    look_ms_per_s=round(one.cost.look_ms_per_s, 1),
                )
                for kind, one in room.renditions
            ),
            pieces=played.pieces if played is not None else 0,
            pieces_cpu_ms_per_s=round(played.cost.cpu_ms_per_s, 1) if played is not None else 0.0,
            masks=tuple(self._told(held) for held in self._store.all()),
            finds=room.finds,
        )

    def _told(self, held: MasksHeld) -> MasksHeld:
        if self._in_camera is None:
            return held
        there, why = self._in_camera.state_of(held.camera, held.version)
        return MasksHeld(held.camera, held.version, held.polygons, there, why)
