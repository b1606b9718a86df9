"""Masked working copies: each piece masked and marked at the site, then joined to clips as footage is. Never evidence."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from belvedere.foundation.clock import SECOND_US, Clock, iso
from belvedere.foundation.errors import BadMedia, KeyAway, LinkFault, Unavailable
from belvedere.hub.evidence.footage import CameraPlan
from belvedere.hub.evidence.manifest import Clip, Source
from belvedere.hub.evidence.order import Order
from belvedere.hub.evidence.pack import PackWriter
from belvedere.hub.evidence.store import ExportRow
from belvedere.link.client import SiteLink
from belvedere.link.masked import MaskedPiece, ReadCopy
from belvedere.link.messages import Mark, Piece
from belvedere.media import clip as media
from belvedere.policy.grant import Action

AGAIN_S = 5.0  # between two questions to a site that makes as many masked pictures as it can
PATIENCE_US = 1800 * SECOND_US
TITLE = "WORKING COPY, MASKED. NOT EVIDENCE"
_MOST_FAULTS = 6  # of one piece
_SLOW = "The site takes its time over this."
_WAITING = "Waiting: the site makes as many masked pictures as it can. People who watch come first."
Release = Callable[[bytes, Action, str, str, int], Awaitable[None]]
"""Have the site given the key of a segment: grant, action, camera, stream, segment."""


@dataclass(frozen=True, slots=True)
class Copier:
    """Makes the clips of one working copy. `done` is told source bytes as they are done, `waits` why nothing moves."""

    link: SiteLink
    release: Release | None
    order: Order
    row: ExportRow
    clock: Clock
    writer: PackWriter
    done: Callable[[int], None]
    waits: Callable[[str], None]

    async def clip(self, plan: CameraPlan, number: int) -> Clip:
        """Stretch `number` (from 0) of `plan`, masked, into the pack. Raises Refused, NotFound, Unavailable, LinkFault."""
        stretch = plan.stretches[number]
        first = stretch.pieces[0]
        path = f"clips/{plan.camera}-masked-{number + 1}.mp4"
        file = await asyncio.to_thread(self.writer.open, path)
        sources: list[Source] = []
        cut: media.Clip | None = None
        made: MaskedPiece | None = None
        init, blocks = b"", 0
        for piece in stretch.pieces:
            made = await self._piece(plan, piece)
            if cut is None:
                cut, init = media.Clip(made.init, stretch.duration_90k), made.init
            if made.init != init or len(made.source_sha256) != 32:
                raise BadMedia("The site masked parts of one recording in two shapes.")
            await asyncio.to_thread(file.write, b"".join(cut.push(made.data)))
            sources.append(Source(piece.segment, piece.start, piece.end, made.source_sha256.hex()))
            blocks += made.whole
            self.done(piece.end - piece.start)
        assert cut is not None
        assert made is not None
        end = cut.finish()
        await asyncio.to_thread(file.write, end)
        await asyncio.to_thread(file.close)
        touched = [run for run in plan.runs if run.start_us < stretch.end_us and run.end_us > stretch.start_us]
        return Clip(
            path=path,
            camera=plan.camera,
            stream=plan.stream,
            start_us=stretch.start_us,
            end_us=stretch.end_us,
            mark_offset_us=max(0, self.order.start_us - stretch.start_us),
            codec="h264",
            codec_string=made.codec_string,
            width=made.width,
            height=made.height,
            config_id=first.config_id,
            run=first.run,
            media_90k=first.media_90k,
            fragments=cut.fragments,
            imported=any(run.imported for run in touched),
            sources=tuple(sources),
            lost_packets=sum(run.lost_packets for run in touched),
            blocks=blocks,
        )

    async def _piece(self, plan: CameraPlan, piece: Piece) -> MaskedPiece:
        wire, where = self.order.wire, (plan.camera, plan.stream, piece.segment)
        ask = ReadCopy(wire, self.row.id, *where, piece.start, piece.end, copy_mark(self.order, self.row))
        begun_us = self.clock.monotonic_us()
        released, faults = False, 0
        while True:
            try:
                made = await self.link.ask(ask, MaskedPiece)
            except KeyAway:
                if released or self.release is None:
                    raise
                await self.release(wire, Action.EXPORT, *where)
                released = True
            except LinkFault:  # it went away for a moment, or took long: the machine is busy with what comes first
                faults += 1
                if faults > _MOST_FAULTS:
                    raise
                self.waits(_SLOW)
                await asyncio.sleep(AGAIN_S)
            except Unavailable:
                if self.clock.monotonic_us() - begun_us > PATIENCE_US:
                    raise
                self.waits(_WAITING)
                await asyncio.sleep(AGAIN_S)
            else:
                self.waits("")
                return made


def copy_mark(order: Order, row: ExportRow) -> Mark:
    """What is burned into every picture of a working copy."""
    who = f"{row.made_by[:40]} {row.account_id[-8:].upper()} access {order.grant.id[-8:].upper()}"
    return TITLE, who, f"made {iso(row.made_us)[:16].replace('T', ' ')} UTC of footage of:"
