"""A camera's encoder. The band on top with name and clock is a slice of its own, coded apart from the picture below.

So a second that passes changes a few macroblocks of the band and costs next to nothing, a still picture is one short slice, and
whoever serves a film can put another band on it.
"""

from fractions import Fraction

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext

from belvedere.demo.picture import osd, slices
from belvedere.demo.picture.canvas import Bytes
from belvedere.demo.picture.slices import Place
from belvedere.foundation.errors import BadMedia
from belvedere.media.nal import split_annex_b

MACROBLOCK = 16
_SPS, _PPS = 7, 8
_START = b"\x00\x00\x00\x01"
OPTIONS = {
    "preset": "ultrafast",
    "tune": "zerolatency",
    "profile": "main",
    "forced-idr": "1",
    "x264-params": "cabac=0:ref=1:bframes=0:weightp=0:scenecut=0:keyint=9999:min-keyint=1:stitchable=1:mbtree=0:slices=1:no-info=1",
}


def configure(codec: VideoCodecContext, width: int, height: int, fps: int, quantiser: int) -> None:
    """Set a libx264 context up, not yet opened. The quantiser is constant: with a rate
    factor x264 would look at a small copy of every picture first, a third of its work."""
    codec.width, codec.height, codec.pix_fmt = width, height, "yuv420p"
    codec.framerate, codec.time_base = Fraction(fps), Fraction(1, fps)
    codec.max_b_frames = 0
    codec.thread_count = 1
    codec.color_range = 1  # limited
    codec.colorspace = codec.color_primaries = codec.color_trc = 6  # BT.601, 525 lines
    codec.options = OPTIONS | {"qp": str(quantiser)}


def context(width: int, height: int, fps: int, quantiser: int) -> VideoCodecContext:
    """A libx264 context, opened."""
    made = av.CodecContext.create("libx264", "w")
    assert isinstance(made, VideoCodecContext)
    configure(made, width, height, fps, quantiser)
    made.flags |= int(av.codec.context.Flags.global_header)
    made.open()
    return made


def parameter_sets(encoder: VideoCodecContext) -> tuple[bytes, bytes]:
    """SPS and PPS of an opened context."""
    nals = split_annex_b(bytes(encoder.extradata or b""))
    return next(n for n in nals if n[0] & 31 == _SPS), next(n for n in nals if n[0] & 31 == _PPS)


class _Strip:
    """One encoder over some rows of the picture."""

    def __init__(self, width: int, height: int, fps: int, quantiser: int) -> None:
        self.width, self.height = width, height
        self._encoder = context(width, height, fps, quantiser)
        self.length = slices.frame_num_bits(parameter_sets(self._encoder)[0])
        self._frame = av.VideoFrame(width, height, "yuv420p")
        sizes = ((width, height), (width // 2, height // 2), (width // 2, height // 2))
        self._planes = [
            np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: size[1], : size[0]]
            for plane, size in zip(self._frame.planes, sizes, strict=True)
        ]
        self._pts = 0

    def encode(self, planes: tuple[Bytes, Bytes, Bytes], keyframe: bool) -> bytes:
        """One slice of Y, U and V planes."""
        for own, plane in zip(self._planes, planes, strict=True):
            own[:] = plane
        self._frame.pict_type = av.video.frame.PictureType.I if keyframe else av.video.frame.PictureType.P
        self._frame.pts = self._pts
        self._pts += 1
        for packet in self._encoder.encode(self._frame):
            for nal in split_annex_b(bytes(packet)):
                if nal[0] & 31 in (slices.IDR, slices.NON_IDR):
                    return nal
        raise BadMedia("The encoder kept a picture back.", advice="Install the PyAV version of constraints.txt.")


class Band:
    """The band on top: a still strip of the picture with the camera's name on the right and its clock on the left."""

    def __init__(
        self, width: int, height: int, fps: int, quantiser: int, still: tuple[Bytes, Bytes, Bytes], name: str
    ) -> None:
        """`still`: Y, U and V of the picture's first `height` rows. `name` may be empty."""
        self._strip = _Strip(width, height, fps, quantiser)
        flat = np.concatenate([plane.reshape(-1) for plane in still])
        self._still: Bytes = np.ascontiguousarray(flat.reshape(height * 3 // 2, width))
        self._letter = round(height * 0.62)
        osd.write(self._still, width, height, name, (-self._letter, 1), self._letter)
        self.macroblocks = -(-width // MACROBLOCK) * (height // MACROBLOCK)
        self._shown: str | None = None

    def slice(self, clock: str, keyframe: bool, place: Place) -> bytes:
        """The band's slice for a picture."""
        wide, high = self._strip.width, self._strip.height
        if not keyframe and clock == self._shown:
            return slices.unchanged(self._strip.length, place, self.macroblocks)
        planes = self._still
        if clock:
            planes = planes.copy()
            osd.write(planes, wide, high, clock, (self._letter, 1), self._letter)
        self._shown = clock
        u, v = osd.chroma_planes(planes, wide, high)
        return slices.moved(self._strip.encode((planes[:high], u, v), keyframe), self._strip.length, place)


class BandedEncoder:
    """Makes access units of one stream: band and body."""

    def __init__(self, width: int, height: int, fps: int, quantiser: int, name: str, still: Bytes) -> None:
        """`still`: the empty picture as I420, of which the band shows the top."""
        self.width, self.height, self.fps = width, height, fps
        self.band_height = 2 * MACROBLOCK if height >= 500 else MACROBLOCK
        top = self.band_height
        self._body = _Strip(width, height - top, fps, quantiser)
        u, v = osd.chroma_planes(still, width, height)
        self._band = Band(width, top, fps, quantiser, (still[:top], u[: top // 2], v[: top // 2]), name)
        rows, columns = -(-height // MACROBLOCK), -(-width // MACROBLOCK)
        self._body_macroblocks = rows * columns - self._band.macroblocks
        self._frame_num = 0
        self._idr = 0

    def body(self, picture: Bytes, keyframe: bool) -> bytes:
        """The slice below the band, of an I420 picture. One that is no keyframe may follow only the slice encoded before it."""
        top = self.band_height
        u, v = osd.chroma_planes(picture, self.width, self.height)
        return self._body.encode((picture[top : self.height], u[top // 2 :], v[top // 2 :]), keyframe)

    def unit(self, body: bytes | None, clock: str, keyframe: bool) -> bytes:
        """One access unit (Annex B) of a body slice, or of the same picture as before when None. A keyframe needs one."""
        self._frame_num = 0 if keyframe else self._frame_num + 1
        self._idr ^= keyframe
        band = self._band.slice(clock, keyframe, Place(0, self._frame_num, self._idr))
        place = Place(self._band.macroblocks, self._frame_num, self._idr)
        if body is None:
            below = slices.unchanged(self._body.length, place, self._body_macroblocks)
        else:
            below = slices.moved(body, self._body.length, place)
        return _START + band + _START + below
