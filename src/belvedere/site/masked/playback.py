"""Recorded pieces, masked on their way out: the same process as for live pictures, one piece after another.

The background comes from keyframes of half an hour before and after, as far as the grant covers them.
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import msgspec
import structlog

from belvedere.foundation.clock import MINUTE_US, SECOND_US, Clock
from belvedere.foundation.errors import BadInput, BelvedereError, NotFound, Unavailable
from belvedere.link.masked import MaskedPiece, Polygons, ReadCopy, ReadMasked
from belvedere.link.messages import Mark, Piece
from belvedere.media.activity import first_frame
from belvedere.media.stream import StreamKind
from belvedere.policy.grant import Action, Grant
from belvedere.site.masked.pipe import Begin, Done, Feed, Masked, Order, Ready, Recall
from belvedere.site.masked.process import MaskingEnded, MaskingProcess
from belvedere.site.masked.rendition import Cost
from belvedere.site.recorder.archive import Archive
from belvedere.site.recorder.timing import wall_us
from belvedere.site.storage import fragments
from belvedere.site.storage.index import Index

log = structlog.get_logger()

AROUND_US = 30 * MINUTE_US  # of background before and after a piece
SAMPLES = 16
MOST_BYTES = 12 << 20  # of one piece
CACHE_BYTES = 64 << 20
_FIRST_READ = 96 << 10  # a keyframe of a small stream and more
_IDLE_S = 10.0  # a stream's process goes so long after its last piece
_BUCKET_US = 10 * MINUTE_US  # pieces this near share a background
_TRIES = 2


@dataclass(frozen=True, slots=True)
class _Where:
    """A piece as the index knows it."""

    segment: int
    run: int
    config_id: str
    start_us: int
    end_us: int
    start_90k: int
    end_90k: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Job:
    """One piece for somebody. `copy`: the working copy it is for, "" for a look. `bodies`: people are hidden too."""

    grant: Grant
    action: Action
    request: ReadMasked | ReadCopy
    permanent: Polygons
    bodies: bool
    mark: Mark
    copy: str = ""

    @property
    def camera(self) -> str:
        return self.request.camera

    @property
    def stream(self) -> str:
        return self.request.stream


_Name = tuple[str, str, bool, str]  # camera, stream, people hidden, working copy


@dataclass(slots=True)
class _Session:
    """One stream on its way through a process. `lock` is held while a piece is masked."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    process: MaskingProcess | None = None
    # What the next piece must be for the process to go on with it: run, configuration, media time, masks.
    after: tuple[object, ...] = ()
    ready: Ready | None = None
    off_timer: asyncio.TimerHandle | None = None


class MaskedPlayback:
    """One a site, on its event loop; what blocks runs in threads."""

    def __init__(
        self,
        archive: Archive,
        index: Index,
        clock: Clock,
        permanent: Callable[[str], Polygons],
        take: Callable[[], Awaitable[MaskingProcess]],
        free: Callable[[], bool],
    ) -> None:
        """`take` gives a process; `free` says whether one more may run."""
        self._archive = archive
        self._index = index
        self._clock = clock
        self._permanent = permanent
        self._take = take
        self._free = free
        self._sessions: dict[_Name, _Session] = {}
        self._cache: OrderedDict[tuple[object, ...], MaskedPiece] = OrderedDict()
        self._cached = 0
        self._ended: list[asyncio.Task[None]] = []
        self.cost = Cost()
        self.pieces = 0

    @property
    def running(self) -> int:
        """Processes in use."""
        return sum(session.process is not None for session in self._sessions.values())

    def let_go(self) -> None:
        """End the process of a stream that nobody waits for now, to make room."""
        for name, session in self._sessions.items():
            if session.process is not None and not session.lock.locked():
                self._idle(name, session)
                return

    async def play(self, grant: Grant, request: ReadMasked) -> MaskedPiece:
        """A piece, masked. Raises Refused, NotFound, KeyAway, Unavailable."""
        job = _Job(grant, Action.PLAYBACK, request, self._permanent(request.camera), grant.masked, request.mark)
        where = await self._allowed(job)
        key = (job.camera, job.stream, where.segment, where.start, where.end, job.bodies, job.permanent, job.mark)
        found = self._cache.get(key)
        if found is not None:
            self._cache.move_to_end(key)
            return found
        made = await self._mask(job, where, await asyncio.to_thread(self._read, job, where))
        self.pieces += 1
        self._cache[key] = made
        self._cached += len(made.data)
        while self._cached > CACHE_BYTES:
            self._cached -= len(self._cache.popitem(last=False)[1].data)
        return made

    async def copy(self, grant: Grant, request: ReadCopy) -> MaskedPiece:
        """A piece for a working copy: people hidden, marked, the hash of its source beside it. Raises as `play`, and
        Unavailable while another copy is made.
        """
        others = {name[3] for name, session in self._sessions.items() if session.process is not None} - {
            "",
            request.copy,
        }
        if others:
            raise Unavailable("This site makes one working copy at a time.", advice="It goes on by itself.")
        permanent = self._permanent(request.camera)
        job = _Job(grant, Action.EXPORT, request, permanent, True, request.mark, request.copy)
        where = await self._allowed(job)
        data = await asyncio.to_thread(self._read, job, where)
        made = await self._mask(job, where, data)
        self.pieces += 1
        digest = await asyncio.to_thread(lambda: hashlib.sha256(data).digest())
        return msgspec.structs.replace(made, source_sha256=digest)

    async def stop(self) -> None:
        """End every process."""
        for session in self._sessions.values():
            if session.off_timer is not None:
                session.off_timer.cancel()
            await self._end(session)
        self._sessions.clear()

    # Masking --------------------------------------------------------------------------------------------------------

    async def _allowed(self, job: _Job) -> _Where:
        """Where the piece is, once the grant covers it. Raises Refused, NotFound, BadInput."""
        if job.stream not in (StreamKind.MAIN, StreamKind.SUB):
            raise BadInput(f"There are no pictures called {job.stream!r}.", advice="Ask for main or sub.")
        where = await asyncio.to_thread(self._where, job)
        now_us = self._clock.now_us()
        job.grant.require(job.action, job.camera, now_us=now_us, start_us=where.start_us, end_us=where.end_us)
        return where

    async def _mask(self, job: _Job, where: _Where, data: bytes) -> MaskedPiece:
        name = (job.camera, job.stream, job.bodies, job.copy)
        session = self._sessions.get(name)
        if session is None:
            session = self._sessions[name] = _Session()
        async with session.lock:
            if session.off_timer is not None:
                session.off_timer.cancel()
            tries = 0
            while True:
                tries += 1
                try:
                    made = await self._once(session, job, where, data)
                except MaskingEnded as error:
                    log.warning("masking_ended", camera=job.camera, error=str(error))
                    await self._end(session)
                    if tries == _TRIES:
                        raise Unavailable(
                            "This piece could not be masked.", advice="Try another moment; the recording is safe."
                        ) from error
                    continue
                except BaseException:  # cancelled or refused half way: the process is out of step
                    await self._end(session)
                    raise
                session.off_timer = asyncio.get_running_loop().call_later(_IDLE_S, self._idle, name, session)
                return made

    async def _once(self, session: _Session, job: _Job, where: _Where, data: bytes) -> MaskedPiece:
        permanent = job.permanent
        here: tuple[object, ...] = (where.run, where.config_id, where.start_90k, permanent)
        if session.process is None:
            if not self._free():
                raise Unavailable(
                    "As many masked pictures are being made at this site as it makes at a time.",
                    advice="Close a tile, or try again in a while; recording goes on.",
                )
            session.process = await self._take()
            session.after = ()
        process = session.process
        if session.after != here:
            init = await asyncio.to_thread(self._archive.init, job.grant, job.camera, where.config_id)
            session.ready = None
            begin = Begin(init.codec, init.data, job.bodies, permanent, patient=bool(job.copy), sure=True)
            await self._order(session, process, begin, [])
            if job.bodies:
                for at_us, picture in await asyncio.to_thread(self._samples, job, where):
                    await self._order(session, process, Recall(at_us, picture), [])
        pictures: list[Masked] = []
        session.after = ()
        await self._order(session, process, Feed(where.end_us, data, last=True, key=True, mark=job.mark), pictures)
        session.after = (where.run, where.config_id, where.end_90k, permanent)
        ready = session.ready
        if ready is None or not pictures:
            raise MaskingEnded("no picture came out")
        return MaskedPiece(
            codec_string=ready.codec_string,
            width=ready.width,
            height=ready.height,
            init=ready.init,
            data=b"".join(each.data for each in pictures),
            whole=any(each.whole for each in pictures),
        )

    async def _order(self, session: _Session, process: MaskingProcess, order: Order, pictures: list[Masked]) -> None:
        """Give an order and take what it gives. Raises MaskingEnded."""
        try:
            async with asyncio.timeout(process.patience_s):
                await process.say(order)
                while True:
                    told = await process.hear()
                    match told:
                        case Ready():
                            session.ready = told
                        case Masked():
                            pictures.append(told)
                        case Done():
                            if isinstance(order, Feed):
                                self.cost.add(told)
                            return
        except TimeoutError:
            raise MaskingEnded("it does not answer") from None

    def _idle(self, name: _Name, session: _Session) -> None:
        if not session.lock.locked() and self._sessions.get(name) is session:
            del self._sessions[name]
            process, session.process = session.process, None
            if process is not None:
                self._ended.append(asyncio.create_task(process.close()))
                self._ended = [task for task in self._ended if not task.done()]

    async def _end(self, session: _Session) -> None:
        process, session.process = session.process, None
        session.after, session.ready = (), None
        if process is not None:
            await process.close()

    # Reading; in threads --------------------------------------------------------------------------------------------

    def _where(self, job: _Job) -> _Where:
        """The piece in the index. Raises NotFound, Refused, BadInput."""
        grant, request = job.grant, job.request
        row = (
            self._index.read()
            .execute(
                "SELECT g.run_id, f.config_id, g.start_us, g.media_start_90k, g.rate_ppm, g.fragments FROM segment g "
                "JOIN stream s ON s.id = g.stream_id JOIN camera c ON c.id = s.camera_id "
                "JOIN stream_config f ON f.id = g.config_id "
                "WHERE g.id = ? AND c.slug = ? AND s.kind = ?",
                (request.segment, request.camera, request.stream),
            )
            .fetchone()
        )
        if row is None:
            span = {"start_us": grant.from_us, "end_us": grant.from_us}
            grant.require(job.action, request.camera, now_us=self._clock.now_us(), **span)
            raise NotFound("This footage is not there any more.", advice="Load the timeline again.")
        run, config_id, start_us, media_start_90k, rate_ppm, blob = row
        records = fragments.unpack(blob)
        inside = [
            (record, mark.plain)
            for record, mark in zip(records, fragments.marks(records), strict=False)
            if request.start <= mark.plain and mark.plain + record.length <= request.end
        ]
        whole = bool(inside) and sum(record.length for record, _ in inside) == request.end - request.start
        if not whole or request.end - request.start > MOST_BYTES:
            raise BadInput("This is no piece of the playlist.", advice="Ask for one that the playlist names.")
        first, end_90k = inside[0][0].start_90k, max(record.end_90k for record, _ in inside)
        return _Where(
            segment=request.segment,
            run=run,
            config_id=config_id,
            start_us=wall_us(start_us, media_start_90k, rate_ppm, first),
            end_us=wall_us(start_us, media_start_90k, rate_ppm, end_90k),
            start_90k=first,
            end_90k=end_90k,
            start=request.start,
            end=request.end,
        )

    def _samples(self, job: _Job, where: _Where) -> list[tuple[int, bytes]]:
        """Keyframes around a piece, moved in time so that the last lies before it: a background may be of before or after."""
        grant = job.grant
        middle_us = where.start_us // _BUCKET_US * _BUCKET_US
        from_us = max(grant.from_us, middle_us - AROUND_US)
        to_us = min(grant.to_us, self._clock.now_us(), middle_us + _BUCKET_US + AROUND_US)
        if from_us >= to_us:
            return []
        pieces = [
            piece
            for piece in self._archive.playlist(grant, job.camera, job.stream, from_us, to_us).pieces
            if piece.config_id == where.config_id
        ]
        if not pieces:
            return []
        wanted = [pieces[len(pieces) * number // SAMPLES] for number in range(min(SAMPLES, len(pieces)))]
        found = [(piece.start_us, self._keyframe(job, piece)) for piece in wanted]
        back_us = wanted[-1].start_us - where.start_us + 2 * SECOND_US
        return [(at_us - back_us, data) for at_us, data in found if data]

    def _keyframe(self, job: _Job, piece: Piece) -> bytes:
        """The piece's first frame; b"" where it can't be had."""
        try:
            end = min(piece.end, piece.start + _FIRST_READ)
            data = self._bytes(job, piece.segment, piece.start, end)
            found = first_frame(data)
            if found is None:
                return b""
            offset, size = found
            if offset + size > len(data):
                end = min(piece.end, piece.start + offset + size)
                data = self._bytes(job, piece.segment, piece.start, end)
            return data[offset : offset + size]
        except BelvedereError:  # deleted meanwhile, or its key is with the hub: the others will do
            return b""

    def _read(self, job: _Job, where: _Where) -> bytes:
        return self._bytes(job, where.segment, where.start, where.end)

    def _bytes(self, job: _Job, segment: int, start: int, end: int) -> bytes:
        read = self._archive.read(job.grant, job.action, job.camera, job.stream, segment, start, end, stays=True)
        return b"".join(read)
