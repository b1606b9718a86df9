"""The running clock of a live camera: written onto a film's band as the film is sent, so that a loop shows the time of sending."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import av
import numpy as np

from belvedere.demo.picture import osd, slices
from belvedere.demo.picture.banded import MACROBLOCK, Band
from belvedere.demo.picture.canvas import Bytes
from belvedere.foundation.clock import SECOND_US
from belvedere.foundation.errors import BadMedia
from belvedere.media.nal import split_annex_b

_QUANTISER = 22
_SPS = 7


def summer_offset(at: datetime) -> timedelta:
    """How far London's clocks are ahead of UTC: an hour from the last Sunday of March to that of October, both at 01:00 UTC. The
    demo needs no time zone database."""

    def last_sunday(month: int) -> datetime:
        end = datetime(at.year, month, 31, 1, tzinfo=UTC)
        return end - timedelta(days=(end.weekday() + 1) % 7)

    return timedelta(hours=1 if last_sunday(3) <= at < last_sunday(10) else 0)


def clock_text(us: int) -> str:
    """What a camera on the estate writes into its picture at a time in microseconds UTC (add its clock error first)."""
    at = datetime.fromtimestamp(us // SECOND_US, UTC)
    return (at + summer_offset(at)).strftime("%d-%m-%Y %H:%M:%S")


class LiveClock:
    """Puts the time on the access units of one live film, which must be given in order. About 0.3 ms for a unit on which the text
    changes, 20 microseconds for others; 2 MB."""

    def __init__(self, film: Path) -> None:
        """`film`: one that `films.live_film` made. Raises BadMedia for any other."""
        with av.open(str(film)) as container:
            stream = container.streams.video[0]
            width, height, fps = stream.width, stream.height, round(float(stream.average_rate or 1))
            nals = split_annex_b(bytes(stream.codec_context.extradata or b""))
            bsf = av.BitStreamFilterContext("h264_mp4toannexb", stream)
            first = next(out for packet in container.demux(stream) for out in bsf.filter(packet))
            nals += split_annex_b(bytes(first))
        sets = [nal for nal in nals if nal[0] & 31 == _SPS]
        pictures = [nal for nal in nals if nal[0] & 31 == slices.IDR]
        if not sets or len(pictures) != 2:
            raise BadMedia(f"{film.name} has no band for a clock.", advice="Make the demo's films again.")
        self._length = slices.frame_num_bits(sets[0])
        columns = -(-width // MACROBLOCK)
        high = slices.place_of(pictures[1], self._length).first_macroblock // columns * MACROBLOCK
        picture = _first(film)
        u, v = osd.chroma_planes(picture, width, height)
        self._band = Band(width, high, fps, _QUANTISER, (picture[:high], u[: high // 2], v[: high // 2]), "")

    def stamp(self, nals: tuple[bytes, ...], text: str) -> tuple[bytes, ...]:
        """The NAL units of one access unit with `text` in the band, such as '22-11-2026 14:03:07'."""
        pictures = [k for k, nal in enumerate(nals) if nal[0] & 31 in (slices.IDR, slices.NON_IDR)]
        if len(pictures) != 2:
            return nals
        band, body = pictures
        place = slices.place_of(nals[body], self._length)
        keyframe = nals[body][0] & 31 == slices.IDR
        made = self._band.slice(text, keyframe, slices.Place(0, place.frame_num, place.idr_id))
        return (*nals[:band], made, *nals[band + 1 :])


def _first(film: Path) -> Bytes:
    """The first picture of a film as I420."""
    with av.open(str(film)) as container:
        return np.asarray(next(container.decode(video=0)).to_ndarray(format="yuv420p"), np.uint8)
