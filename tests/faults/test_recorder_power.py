"""The power is cut under the whole recorder: what was acknowledged is there, and the index is right, after every cut."""

import random
import sys
from pathlib import Path

import av
import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[2] / "bench"))

from cuts import missing
from durability import cameras, power

pytestmark = [pytest.mark.faults, pytest.mark.timeout(170)]


@pytest.mark.skipif(bool(missing()), reason=f"no power can be cut here: {missing()}")
def small_film(path: Path) -> Path:
    """Four seconds of a pattern that moves, a keyframe each second."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        stream.codec_context.gop_size, stream.codec_context.max_b_frames = 10, 0
        for number in range(40):
            picture = np.roll(np.arange(320 * 240 * 3, dtype=np.uint32) % 251, number * 977).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture.reshape(240, 320, 3), format="rgb24")))
        container.mux(stream.encode(None))
    return path


def test_nothing_acknowledged_is_lost_when_the_power_is_cut(tmp_path: Path) -> None:
    with cameras(small_film(tmp_path / "film.mp4")) as port:
        losses = power(port, 5, random.Random(11), beside_ffmpeg=False)
    assert len(losses.seconds) == 5
    assert (losses.broken_promises, losses.problems, losses.unexplained) == (0, 0, 0)
