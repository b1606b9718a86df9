"""Recorded footage under a masked grant: every person hidden in every piece, originals shut, numbers still answered."""

import asyncio
import dataclasses
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from activity_stage import started
from belvedere.foundation.clock import SECOND_US
from belvedere.foundation.errors import BadInput, Refused, Unavailable
from belvedere.link.masked import MaskedPiece, Polygons, ReadCopy, ReadMasked
from belvedere.link.messages import Piece
from belvedere.media.fmp4 import Sample, read_fragment
from belvedere.media.stream import TICKS_PER_SECOND, Fragment, Frame, StreamConfig
from belvedere.policy.grant import Action, Grant
from belvedere.site.ingest import messages as m
from belvedere.site.live.relay import Relay
from belvedere.site.masked.room import MaskedRoom
from link_stage import fragment_of
from masking_stage import BEFORE, FRAMES, STEP_90K, Bytes, decoded, is_cover, yard_film
from recorder_stage import Stage, came, grant, stage

MARK = ("WORKING COPY, MASKED. NOT EVIDENCE", "Ann Operator ABCDEFGH access YZWVUT12", "made 2026-11-22 16:30 UTC")
STILL_90K = 8 * TICKS_PER_SECOND  # the empty yard: a picture every eight seconds


def times() -> list[int]:
    """Decode times: the empty yard for more than a minute, then people."""
    before = [number * STILL_90K for number in range(BEFORE)]
    return before + [BEFORE * STILL_90K + number * STEP_90K for number in range(FRAMES)]


def night() -> tuple[StreamConfig, list[Fragment]]:
    config, frames, _ = yard_film()
    moved = [dataclasses.replace(frame, dts_90k=at) for frame, at in zip(frames, times(), strict=True)]
    return config, [_single(frame, at) for frame, at in zip(moved, [*times()[1:], times()[-1] + STEP_90K], strict=True)]


def _single(frame: Frame, next_90k: int) -> Fragment:
    return fragment_of([frame], next_90k)


@dataclasses.dataclass
class Playing:
    site: Stage
    room: MaskedRoom
    grant: Grant
    pieces: tuple[Piece, ...]
    permanent: Polygons = ()

    async def play(self, piece: Piece, grant: Grant | None = None) -> MaskedPiece:
        ask = ReadMasked(b"", "cam-01", "sub", piece.segment, piece.start, piece.end)
        return await self.room.play(grant or self.grant, ask)


@asynccontextmanager
async def playing(folder: Path) -> AsyncIterator[Playing]:
    config, film = night()
    async with stage(folder, segment_seconds=600) as site:
        start_us = site.clock.now_us() - 600 * SECOND_US
        await site.put_camera(enabled=False)
        worker = await site.worker(kind="import")
        await worker.say(m.ImportOpen("cam-01", "sub", start_us, 0, "film.mp4"))
        ready = await worker.hear()
        assert isinstance(ready, m.ImportReady), ready
        timed = [dataclasses.replace(each, arrival_us=start_us + each.start_90k * 100 // 9) for each in film]
        await worker.say(started(ready.stream, config), *(came(ready.stream, each) for each in timed))
        await worker.say(m.RunEnd(ready.stream, "import_end", ""), m.ImportEnd(ready.stream))
        assert isinstance(await worker.hear(), m.ImportDone)
        held = msgspec.structs.replace(grant(site.clock, actions=(Action.PLAYBACK, Action.EXPORT)), masked=True)
        pieces = site.archive.playlist(held, "cam-01", "sub", 0, 1 << 52).pieces
        room = MaskedRoom(Relay(site.clock, linger_s=0), site.clock, lambda camera: made.permanent, most=1)
        room.serve(site.archive, site.index)
        made = Playing(site, room, held, pieces)
        try:
            yield made
        finally:
            await room.stop()


def missed(made: MaskedPiece) -> tuple[int, int]:
    """People's pixels that are not covered, and pictures looked at."""
    _, _, truths = yard_film()
    found = [sample.dts_90k for sample in _samples(made.data)]
    count = 0
    for at_90k, picture in zip(found, decoded(made.init, [made.data]), strict=True):
        count += int((truths[times().index(at_90k)] & ~is_cover(picture)).sum())
    return count, len(found)


def _samples(data: bytes) -> list[Sample]:
    found: list[Sample] = []
    at = 0
    while at < len(data):
        some = read_fragment(data, at)
        found += some
        at += max(each.offset + each.size for each in some)
    return found


async def test_every_piece_is_masked_whichever_comes_first(tmp_path: Path) -> None:
    async with playing(tmp_path) as one:
        people = one.pieces[BEFORE:]
        assert len(people) >= 3
        last = await one.play(people[-1])  # a jump into the middle
        first = await one.play(people[0])
        second = await one.play(people[1])  # goes on from the one before
        for made in (last, first, second):
            assert not made.whole
            assert missed(made)[0] == 0
            assert missed(made)[1] >= 1
            assert made.init == first.init  # one initialisation segment for a whole playlist
        assert (await one.play(people[0])) is first
        assert one.room.playback is not None
        assert one.room.playback.pieces == 3
        assert one.room.playback.running == 1
        assert one.room.playback.cost.cpu_ms_per_s > 0


async def test_originals_stay_shut_and_numbers_are_answered(tmp_path: Path) -> None:
    async with playing(tmp_path) as one:
        piece = one.pieces[-1]
        ask = ("cam-01", "sub", piece.segment, piece.start, piece.end)
        with pytest.raises(Refused, match="masked pictures only"):
            one.site.archive.read(one.grant, Action.PLAYBACK, *ask)
        with pytest.raises(Refused, match="an export holds the originals"):
            one.site.archive.read(one.grant, Action.EXPORT, *ask)
        assert b"".join(one.site.archive.read(one.grant, Action.PLAYBACK, *ask, stays=True))
        raw = msgspec.structs.replace(one.grant, masked=False)
        assert b"".join(one.site.archive.read(raw, Action.PLAYBACK, *ask))
        other = msgspec.structs.replace(one.grant, cameras=frozenset({"cam-02"}))
        with pytest.raises(Refused, match="does not cover"):
            await one.play(piece, other)
        later = msgspec.structs.replace(one.grant, from_us=piece.start_us + 1)
        with pytest.raises(Refused, match="covers"):
            await one.play(piece, later)
        with pytest.raises(BadInput, match="no piece"):
            await one.room.play(one.grant, ReadMasked(b"", *ask[:3], piece.start, piece.end - 1))


async def test_a_piece_for_a_working_copy_is_masked_marked_and_says_what_it_was_made_from(tmp_path: Path) -> None:
    async with playing(tmp_path) as one:
        piece = one.pieces[-1]
        ask = ReadCopy(b"", "export_1", "cam-01", "sub", piece.segment, piece.start, piece.end, MARK)
        raw = msgspec.structs.replace(one.grant, masked=False)
        made = await one.room.copy(raw, ask)  # whatever the grant shows, people are hidden
        source = one.site.archive.read(raw, Action.EXPORT, "cam-01", "sub", piece.segment, piece.start, piece.end)
        assert made.source_sha256 == hashlib.sha256(b"".join(source)).digest()
        with pytest.raises(Unavailable, match="one working copy"):
            await one.room.copy(raw, msgspec.structs.replace(ask, copy="export_2"))
        seen = await one.play(piece)  # somebody who looks comes first, where there is room for one
        marked = [_light(picture) for picture in decoded(made.init, [made.data])]
        plain = [_light(picture) for picture in decoded(seen.init, [seen.data])]
        assert all(after > before + 100 for after, before in zip(marked, plain, strict=True))
        # People lie below the mark or below the cover; the mark covers little.
        assert missed(made)[0] < 3_000 * missed(made)[1]
        assert seen.source_sha256 == b""
        unexported = msgspec.structs.replace(raw, actions=frozenset({Action.PLAYBACK}))
        with pytest.raises(Refused, match="does not allow export"):
            await one.room.copy(unexported, ask)


async def test_originals_of_a_camera_with_masks_stay_shut_without_the_dpo(tmp_path: Path) -> None:
    async with playing(tmp_path) as one:
        piece = one.pieces[-1]
        ask = ("cam-01", "sub", piece.segment, piece.start, piece.end)
        raw = msgspec.structs.replace(one.grant, masked=False)
        one.site.archive.veiled = lambda camera: camera == "cam-01"
        with pytest.raises(Refused, match="permanent masks"):
            one.site.archive.read(raw, Action.EXPORT, *ask)
        agreed = msgspec.structs.replace(raw, originals=True)
        assert b"".join(one.site.archive.read(agreed, Action.EXPORT, *ask))


def _light(picture: Bytes) -> int:
    """Pixels as light as the mark's letters, of which the yard has few."""
    return int((picture[:360] > 205).sum())


async def test_a_camera_with_permanent_masks_is_painted_for_everybody(tmp_path: Path) -> None:
    async with playing(tmp_path) as one:
        piece = one.pieces[-1]
        raw = msgspec.structs.replace(one.grant, masked=False)
        one.permanent = (((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0)),)
        one.site.archive.permanent = lambda camera: one.permanent
        with pytest.raises(Refused, match="permanent masks"):
            one.site.archive.read(raw, Action.PLAYBACK, "cam-01", "sub", piece.segment, piece.start, piece.end)
        made = await one.play(piece, raw)
        for picture in decoded(made.init, [made.data]):
            assert picture[10:350, 330:630].max() < 60
            assert picture[10:350, 10:300].std() > 15
        async with asyncio.timeout(20):
            await one.play(piece)
