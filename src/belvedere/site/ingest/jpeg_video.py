"""A camera's JPEG pictures as H.264 that browsers play, each with the camera's own JPEG inside (media/jpeg_sei.py).

Runs in the confined reader process only: this is the one place where ingest decodes. Why here and not at viewing: packets.md.
"""

from fractions import Fraction

import av
from av.video.frame import PictureType

from belvedere.foundation.errors import CameraProtocol, Unavailable
from belvedere.media.jpeg_rtp import MOST_BYTES
from belvedere.media.jpeg_sei import jpeg_sei
from belvedere.media.nal import H264Nal, split_annex_b
from belvedere.media.stream import TICKS_PER_SECOND
from belvedere.site.ingest.reader_pipe import PictureCame

_KEYFRAME_90K = 2 * TICKS_PER_SECOND
_MOST_PIXELS = 4096 * 2304
_MOST_BAD = 24  # in a row: then it is no camera's JPEG
_QUALITY = "22"


class JpegVideo:
    """JPEGs in, access units out, in the same order. Pictures that can't be decoded are left out and counted.

    Invariant: the first picture given out, and one at least every 2 s, is a keyframe with its parameter sets.
    """

    def __init__(self) -> None:
        self.bad_pictures = 0
        self._bad_in_row = 0
        self._decoder = _codec("mjpeg", "r")
        self._encoder: av.VideoCodecContext | None = None
        self._key_at = 0
        self._keyed = False
        self._count = 0

    def picture(self, jpeg: bytes, timestamp: int, lost: int = 0) -> PictureCame | None:
        """The access unit of `jpeg`, whose RTP time (90 kHz) is `timestamp`. Raises CameraProtocol, Unavailable."""
        if len(jpeg) > MOST_BYTES:
            raise CameraProtocol(
                f"The camera sent a picture of more than {MOST_BYTES >> 20} MiB.", advice="Lower its resolution."
            )
        frame = self._decode(jpeg)
        if frame is None:
            self.bad_pictures += 1
            self._bad_in_row += 1
            if self._bad_in_row > _MOST_BAD:
                raise CameraProtocol("The camera's JPEG pictures can't be read.", advice="Update its firmware.")
            return None
        self._bad_in_row = 0
        encoder = self._encoder
        if encoder is None or (encoder.width, encoder.height) != (frame.width & ~1, frame.height & ~1):
            encoder = self._encoder = _encoder(frame.width & ~1, frame.height & ~1)
            self._keyed = False
        keyed = self._keyed and (timestamp - self._key_at) & 0xFFFF_FFFF < _KEYFRAME_90K
        plain = frame.reformat(width=encoder.width, height=encoder.height, format="yuv420p")
        plain.pts, self._count = self._count, self._count + 1
        plain.pict_type = PictureType.NONE if keyed else PictureType.I
        nals = [nal for packet in encoder.encode(plain) for nal in split_annex_b(bytes(packet))]
        if not nals:
            raise Unavailable("The encoder gave no picture.", advice="Report it; set the camera to H.264 meanwhile.")
        keyframe = any(nal[0] & 31 == H264Nal.IDR for nal in nals)
        if keyframe:
            self._key_at, self._keyed = timestamp, True
        first = next(at for at, nal in enumerate(nals) if 1 <= nal[0] & 31 <= 5)
        nals.insert(first, jpeg_sei(jpeg))
        return PictureCame(
            timestamp=timestamp & 0xFFFF_FFFF,
            keyframe=keyframe,
            starts=True,
            damaged=False,
            nals=tuple(nals),
            lost=lost,
        )

    def _decode(self, jpeg: bytes) -> av.VideoFrame | None:
        try:
            frames = self._decoder.decode(av.Packet(jpeg))
        except (av.FFmpegError, ValueError):
            return None
        if len(frames) != 1 or not 16 <= frames[0].width * frames[0].height <= _MOST_PIXELS:
            return None
        return frames[0] if min(frames[0].width, frames[0].height) >= 16 else None


def _codec(name: str, mode: str) -> av.VideoCodecContext:
    context = av.CodecContext.create(name, "w" if mode == "w" else "r")
    if not isinstance(context, av.VideoCodecContext):
        raise Unavailable(f"This installation has no {name}.", advice="Install Belvedere again.")
    context.thread_count = 1
    return context


def _encoder(width: int, height: int) -> av.VideoCodecContext:
    """One picture in, one out, at once, in this thread."""
    try:
        encoder = _codec("libx264", "w")
    except (av.FFmpegError, ValueError) as error:
        raise Unavailable("This installation can't make H.264.", advice="Set the camera to H.264.") from error
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, 25), Fraction(25)
    encoder.options = {
        "preset": "ultrafast",
        "tune": "zerolatency",
        "forced-idr": "1",
        "crf": _QUALITY,
        "x264-params": "keyint=250:scenecut=0:bframes=0:repeat-headers=1:threads=1:sliced-threads=0:force-cfr=1",
    }
    return encoder
