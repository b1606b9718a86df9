"""`python -m belvedere.site.health.look`: decodes one keyframe at a time and says figures about it; no picture comes out.

It holds no key, no database and no address. Orders come on standard input, figures leave on standard output; the pixels
of the newest look at each camera stay in this process, for the next one to be compared with.
"""

import io
import struct
import sys
from collections import OrderedDict
from typing import Any, BinaryIO, cast

import av
import msgspec
import numpy as np
from av.container import InputContainer
from numpy.typing import NDArray

from belvedere.site.health.look_pipe import LONGEST_ORDER, LookAnswer, LookOrder
from belvedere.site.health.views import CELLS, Figures

_CAMERAS = 2000  # whose newest look is remembered
_COLOUR_STD = 2.0  # of chroma; an infrared picture has none
_CODECS = {"h264", "hevc"}
_EDGE = 8  # pixels over which an edge's height is taken
_STRONGEST = 0.02  # of all places: those that count as edges
_FAINTEST = 4.0  # grey levels; a flat picture has no edges

Gray = NDArray[np.float32]


def decode(data: bytes) -> Any:
    """The first picture of `data` as planar YUV. Raises av.FFmpegError, ValueError."""
    with cast(InputContainer, av.open(io.BytesIO(data), format="mp4")) as container:
        stream = container.streams.video[0]
        if stream.codec_context.name not in _CODECS:
            raise ValueError("a codec that is not looked at")
        stream.codec_context.thread_count = 1
        for frame in container.decode(stream):
            return frame.reformat(format="yuv420p")
    raise ValueError("no picture")


def sharpness(luma: Gray) -> float:
    """How much of an edge's height lies in its steepest pixel: the median over the strongest edges, across and down; 0 to 1.

    Contrast, light and fog cancel out, and the sensor's noise is small beside such edges; only focus is left.
    """
    rows, columns = luma.shape[0] - 2, luma.shape[1] - 2
    soft: Gray = np.mean(
        [luma[y : y + rows, x : x + columns] for y in range(3) for x in range(3)], axis=0, dtype=np.float32
    )
    found = []
    for each in (soft, soft.T):
        height = np.abs(each[:, _EDGE:] - each[:, :-_EDGE])
        strong = height >= max(float(np.quantile(height, 1 - _STRONGEST)), _FAINTEST)
        if not strong.any():
            continue
        steep = np.abs(np.diff(each, axis=1))
        steepest = np.max([steep[:, at : at + height.shape[1]] for at in range(_EDGE)], axis=0)
        found.append(float(np.median(steepest[strong] / height[strong])))
    return float(np.mean(found)) if found else 0.0


def figures_of(luma: Gray, colour: bool, before: Gray | None) -> tuple[Figures, Gray]:
    """Figures of a picture's luma, and the pixels to keep for the next look."""
    height, width = luma.shape
    across, down = CELLS
    kept = luma[:: max(1, height // 90), :: max(1, width // 160)].copy()
    change = float(np.abs(kept - before).mean()) if before is not None and before.shape == kept.shape else None
    steep = np.abs(np.diff(luma, axis=1))[:-1] + np.abs(np.diff(luma, axis=0))[:, :-1]
    cell_high, cell_wide = steep.shape[0] // down, steep.shape[1] // across
    cells = (
        steep[: cell_high * down, : cell_wide * across].reshape(down, cell_high, across, cell_wide).mean(axis=(1, 3))
    )
    edges = np.clip(np.log1p(cells) * 60, 0, 255).astype(np.uint8).tobytes()
    figures = Figures(
        mean=round(float(luma.mean()), 2),
        std=round(float(luma.std()), 2),
        sharp=round(sharpness(luma), 5),
        colour=colour,
        change=change,
        edges=edges,
    )
    return figures, kept


def look(data: bytes, before: Gray | None) -> tuple[Figures, Gray]:
    """Decode and measure. Raises av.FFmpegError, ValueError."""
    frame = decode(data)
    width, height = frame.width, frame.height
    if width < 4 * CELLS[0] or height < 4 * CELLS[1]:
        raise ValueError("too small a picture")
    planes = frame.to_ndarray()
    luma: Gray = planes[:height].astype(np.float32)
    chroma = planes[height:].astype(np.float32)
    return figures_of(luma, bool(chroma.std() > _COLOUR_STD), before)


def serve(orders: BinaryIO, answers: BinaryIO) -> None:
    """Answer orders until there are no more. Framing: u32 big-endian length, MessagePack."""
    decoder = msgspec.msgpack.Decoder(LookOrder)
    remembered: OrderedDict[int, Gray] = OrderedDict()
    while len(head := orders.read(4)) == 4:
        (size,) = struct.unpack(">I", head)
        if size > LONGEST_ORDER:
            return
        order = decoder.decode(orders.read(size))
        try:
            figures, kept = look(order.data, remembered.pop(order.camera, None))
            remembered[order.camera] = kept
            if len(remembered) > _CAMERAS:
                remembered.popitem(last=False)
            answer = LookAnswer(figures)
        except (
            av.FFmpegError,
            ValueError,
            MemoryError,
            IndexError,
        ):  # whatever a camera sends, the next one is looked at
            answer = LookAnswer(None)
        body = msgspec.msgpack.encode(answer)
        answers.write(struct.pack(">I", len(body)) + body)
        answers.flush()


def main() -> int:
    """Serve standard input. Who starts this has confined it (site/sandbox)."""
    av.logging.set_level(av.logging.PANIC)
    serve(sys.stdin.buffer, sys.stdout.buffer)
    return 0


if __name__ == "__main__":
    sys.exit(main())
