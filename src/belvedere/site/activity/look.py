"""Comparing keyframes of stored footage, for somebody who holds a grant for it. What is found is kept beside the sizes."""

from dataclasses import dataclass

import structlog

from belvedere.foundation.clock import SECOND_US, Clock
from belvedere.foundation.errors import BelvedereError
from belvedere.link.messages import Piece
from belvedere.media.activity import first_frame
from belvedere.policy.grant import Action, Grant
from belvedere.site.activity.decoder_pipe import Look, Told
from belvedere.site.activity.decoder_process import DecoderProcess
from belvedere.site.activity.gate import Compared, gate_of, share_byte
from belvedere.site.activity.store import ActivityStore
from belvedere.site.recorder.archive import Archive

log = structlog.get_logger()

_EYE = 1 << 40  # eyes of the passing streams count up from 1
_FIRST_READ = 96 << 10  # a keyframe of a small stream and more
_REHEARSED = 16  # keyframes that teach what is restless, before anything counts
_APART_US = 30 * SECOND_US
_BEHIND_US = 12 * SECOND_US


@dataclass(frozen=True, slots=True)
class Looked:
    """How far a look went. `trouble` says in words why not to the end, "" when it did."""

    keyframes: int
    cpu_us: int
    trouble: str


class Looker:
    """Compares stored keyframes. One look at a time goes through the decoder's last eye."""

    def __init__(self, store: ActivityStore, archive: Archive, decoder: DecoderProcess, clock: Clock) -> None:
        self._store = store
        self._archive = archive
        self._decoder = decoder
        self._clock = clock
        self._looks = 0

    def look(self, grant: Grant, camera: str, kind: str, from_us: int, to_us: int, longest_us: int) -> Looked:
        """Compare what [from_us, to_us) of a stream holds, within `longest_us`. Raises Refused, NotFound, Unavailable."""
        until_us = self._clock.monotonic_us() + longest_us
        # The last pictures are compared with the keyframe behind them.
        behind_us = max(to_us, min(to_us + _BEHIND_US, grant.to_us))
        pieces = self._archive.playlist(grant, camera, kind, from_us, behind_us).pieces
        stream_id = self._store.streams(camera).get(kind)
        if not pieces or stream_id is None:
            return Looked(0, 0, "")
        self._looks += 1
        eye = _EYE + self._looks % 4
        zones = self._store.zones(camera)
        spent_us, count, trouble = 0, 0, ""
        compared: list[Compared] = []

        def ask(piece: Piece, fresh: bool, forget: bool) -> Told:
            codec, sets = self._store.parameter_sets(camera, kind, piece.config_id)
            data = self._keyframe(grant, camera, kind, piece)
            return self._decoder.ask(Look(eye, fresh, forget, codec, sets, data, zones))

        try:
            for number, piece in enumerate(pieces[:_REHEARSED]):
                spent_us += ask(piece, number == 0, number == 0).cpu_us
            before: Piece | None = None
            for piece in pieces:
                if self._clock.monotonic_us() > until_us:
                    trouble = "It would have taken too long; ask for a shorter span."
                    break
                apart_us = piece.start_us - before.start_us if before is not None else 0
                told = ask(piece, before is None or not 0 < apart_us <= _APART_US, False)
                if told.share is not None and before is not None:
                    compared.append(Compared(before.start_us, piece.start_us, share_byte(told.share)))
                spent_us, count, before = spent_us + told.cpu_us, count + 1, piece
        except BelvedereError as error:
            log.info("look_ended", camera=camera, error=str(error))
            trouble = error.message
        self._keep(stream_id, compared)
        return Looked(count, spent_us, trouble)

    def _keyframe(self, grant: Grant, camera: str, kind: str, piece: Piece) -> bytes:
        """The piece's first frame; b"" when it can't be found. Raises Refused, NotFound, SealBroken."""
        end = min(piece.end, piece.start + _FIRST_READ)
        data = self._read(grant, camera, kind, piece.segment, piece.start, end)
        found = first_frame(data)
        if found is None:
            return b""
        offset, size = found
        if offset + size > len(data):
            end = min(piece.end, piece.start + offset + size)
            data = self._read(grant, camera, kind, piece.segment, piece.start, end)
        return data[offset : offset + size]

    def _read(self, grant: Grant, camera: str, kind: str, segment: int, start: int, end: int) -> bytes:
        return b"".join(self._archive.read(grant, Action.PLAYBACK, camera, kind, segment, start, end, stays=True))

    def _keep(self, stream_id: int, compared: list[Compared]) -> None:
        if not compared:
            return
        rows = self._store.rows(stream_id, compared[0].from_us, compared[-1].to_us)
        self._store.put_gates([(stream_id, row, gate_of(row, compared)) for row in rows])
