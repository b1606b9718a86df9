"""Permanent masks in the cameras themselves: tried for every new version, looked at again, and told as it is."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import msgspec
import structlog

from belvedere.foundation.clock import HOUR_US, MINUTE_US, Clock
from belvedere.foundation.errors import BelvedereError, NotFound
from belvedere.link.masked import CameraMasks
from belvedere.link.messages import Reply
from belvedere.site.masked.store import MaskStore
from belvedere.site.storage.index import Index

LOOK_S = 30.0  # between two looks at whether something is to be done
AGAIN_US = 5 * MINUTE_US  # a camera that was away, or refused, is asked again
CHECK_US = HOUR_US  # one that has them is asked whether it still does
_log = structlog.get_logger()
Do = Callable[..., Awaitable[Reply]]
"""`DeviceKeeper.do`: has something done at a device. Raises BelvedereError."""


@dataclass(slots=True)
class _State:
    """`version` is the one that was tried last; `due_us` by the monotonic clock."""

    version: int
    held: bool
    why: str
    tokens: tuple[str, ...]
    due_us: int = 0


class InCamera:
    """One a site, on its loop; what touches the index runs in threads."""

    def __init__(self, store: MaskStore, index: Index, do: Do, has_device: Callable[[str], bool], clock: Clock) -> None:
        """`has_device`: whether an ONVIF device is attached to a camera; blocking."""
        self._store = store
        self._index = index
        self._do = do
        self._has_device = has_device
        self._clock = clock
        rows = index.read().execute("SELECT camera, version, held, why, tokens FROM masks_in_camera").fetchall()
        self._states = {
            camera: _State(version, bool(held), why, tuple(msgspec.json.decode(tokens, type=list[str])))
            for camera, version, held, why, tokens in rows
        }

    def state_of(self, camera: str, version: int) -> tuple[bool, str]:
        """Whether the camera paints this version itself, and why not."""
        state = self._states.get(camera)
        if state is None or state.version != version:
            return False, ""
        return state.held, state.why

    async def run(self) -> None:
        """Go on until cancelled."""
        while True:
            await self.step()
            await asyncio.sleep(LOOK_S)

    async def step(self) -> None:
        """Do what is due."""
        for held in self._store.all():
            state = self._states.get(held.camera)
            now_us = self._clock.monotonic_us()
            fresh = state is None or state.version != held.version
            if fresh or (state is not None and now_us >= state.due_us):
                await self._try(held.camera, held.version, state, check=not fresh and state is not None and state.held)

    async def _try(self, camera: str, version: int, state: _State | None, *, check: bool) -> None:
        tokens = state.tokens if state is not None else ()
        polygons = self._store.of(camera)
        try:
            if not await asyncio.to_thread(self._has_device, camera):
                raise NotFound("No ONVIF device is attached to this camera.")
            if check:
                reply = await self._do("masked", camera=camera, tokens=tokens)
                if isinstance(reply, CameraMasks) and not reply.held:  # somebody took them out: put them back
                    reply = await self._do("mask", camera=camera, polygons=polygons, tokens=tokens)
            else:
                reply = await self._do("mask", camera=camera, polygons=polygons, tokens=tokens)
            if not isinstance(reply, CameraMasks):
                raise NotFound("The device process gave no answer.")
            made = _State(version, reply.held, reply.why, reply.tokens)
        except BelvedereError as error:  # away, refused, or not there
            made = _State(version, False, error.message, tokens)
        made.due_us = self._clock.monotonic_us() + (CHECK_US if made.held else AGAIN_US)
        if state is None or (state.version, state.held, state.why, state.tokens) != (
            made.version,
            made.held,
            made.why,
            made.tokens,
        ):
            _log.info("masks in camera", camera=camera, held=made.held, why=made.why)
            await asyncio.to_thread(self._keep, camera, made)
        self._states[camera] = made

    def _keep(self, camera: str, state: _State) -> None:
        with self._index.write() as db:
            db.execute(
                "INSERT INTO masks_in_camera (camera, version, held, why, tokens) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT (camera) DO UPDATE SET version = excluded.version, held = excluded.held, "
                "why = excluded.why, tokens = excluded.tokens",
                (camera, state.version, state.held, state.why, msgspec.json.encode(state.tokens).decode()),
            )
