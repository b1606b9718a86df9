"""Films for the benches, made once: 1080p25, 4 Mbit/s, a keyframe every two seconds, a slice a picture, as street cameras send."""

from pathlib import Path

import av
import cv2
import numpy as np

OUT = Path(__file__).parent / "out"


def street_film(seconds: int = 20) -> Path:
    """A moving, noisy 1080p film at a constant 4 Mbit/s. Returns its path; made on first use (about a minute)."""
    path = OUT / f"street-{seconds}s-one-slice.mp4"
    if path.exists():
        return path
    OUT.mkdir(exist_ok=True)
    print(f"making the load film ({path.name}) ...", flush=True)
    rng = np.random.default_rng(1)
    texture = rng.integers(60, 180, (270, 480, 3), dtype=np.uint8)
    backdrop = cv2.GaussianBlur(cv2.resize(texture, (1920, 1080), interpolation=cv2.INTER_CUBIC), (0, 0), 3)
    grain = [rng.normal(0, 5, (1080, 1920, 1)).astype(np.int16) for _ in range(4)]
    part = path.with_suffix(".part.mp4")
    with av.open(str(part), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 1920, 1080, "yuv420p", 4_000_000
        stream.codec_context.gop_size = 50
        stream.codec_context.max_b_frames = 0
        stream.codec_context.thread_type = "FRAME"
        stream.options = {
            "preset": "ultrafast",
            "x264-params": "nal-hrd=cbr:vbv-maxrate=4000:vbv-bufsize=4000:scenecut=0:keyint=50:min-keyint=50",
        }
        for index in range(seconds * 25):
            picture = backdrop.copy()
            for who in range(8):
                x = (who * 230 + index * (3 + who)) % 2000 - 40
                cv2.rectangle(picture, (x, 300 + who * 80), (x + 60, 460 + who * 80), (40 + who * 20, 90, 160), -1)
            noisy = np.clip(picture.astype(np.int16) + grain[index % 4], 0, 255).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(noisy, format="bgr24")))
        container.mux(stream.encode(None))
    part.rename(path)
    return path


def small_film(seconds: int = 20) -> Path:
    """What a camera's second stream looks like: 640x360, 5 pictures a second, 0.15 Mbit/s, a keyframe every two seconds."""
    path = OUT / f"small-{seconds}s-5.mp4"
    if path.exists():
        return path
    OUT.mkdir(exist_ok=True)
    rng = np.random.default_rng(2)
    backdrop = cv2.GaussianBlur(rng.integers(40, 200, (360, 640, 3), dtype=np.uint8), (0, 0), 4)
    part = path.with_suffix(".part.mp4")
    with av.open(str(part), "w") as container:
        stream = container.add_stream("libx264", rate=5)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 640, 360, "yuv420p", 150_000
        stream.codec_context.gop_size = 10
        stream.codec_context.max_b_frames = 0
        stream.options = {
            "preset": "ultrafast",
            "x264-params": "nal-hrd=cbr:vbv-maxrate=150:vbv-bufsize=150:scenecut=0:keyint=10:min-keyint=10",
        }
        for index in range(seconds * 5):
            picture = backdrop.copy()
            for who in range(4):
                x = (who * 170 + index * (2 + who)) % 660 - 20
                cv2.rectangle(picture, (x, 120 + who * 40), (x + 20, 180 + who * 40), (40 + who * 40, 90, 160), -1)
            noisy = np.clip(picture.astype(np.int16) + rng.normal(0, 4, (360, 640, 1)).astype(np.int16), 0, 255)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(noisy.astype(np.uint8), format="bgr24")))
        container.mux(stream.encode(None))
    part.rename(path)
    return path
