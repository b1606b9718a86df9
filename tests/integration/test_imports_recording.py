"""Reading recordings made elsewhere: what is copied, what is refused, and in which words."""

import hashlib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from belvedere.foundation.errors import BadMedia
from belvedere.media.nal import split_annex_b
from belvedere.media.stream import Codec
from belvedere.site.imports.recording import Unit, examine, read_units, reencode_units

FPS = 10
SECONDS = 3


def write_recording(path: Path, codec: str = "libx264", format: str | None = None, b_frames: int = 0) -> list[bytes]:
    """A small recording; returns its coded pictures in decode order as Annex B."""
    rng = np.random.default_rng(11)
    coded = []
    with av.open(str(path), "w", format=format) as container:
        stream = container.add_stream(codec, rate=FPS)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        stream.codec_context.gop_size = FPS
        stream.codec_context.max_b_frames = b_frames
        if codec == "libx265":
            stream.options = {"preset": "ultrafast", "x265-params": f"log-level=none:keyint={FPS}:bframes={b_frames}"}
        if codec == "libx264":
            stream.options = {"preset": "ultrafast"}
        for index in range(FPS * SECONDS):
            picture = np.full((120, 160, 3), index * 5, np.uint8)
            picture[: 40 + index] = rng.integers(0, 255, (40 + index, 160, 3), dtype=np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")):
                coded.append(bytes(packet))
                container.mux(packet)
        for packet in stream.encode(None):
            coded.append(bytes(packet))
            container.mux(packet)
    return coded


def pictures(units: list[Unit]) -> list[bytes]:
    """The slices of every unit; parameter sets, delimiters and SEI differ between containers."""
    return [b"".join(n for n in unit.nals if n[0] & 31 in (1, 5)) for unit in units]


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi", "a.ts", "a.264", "a.mpg"])
def test_h264_is_copied_picture_by_picture(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    format = {"a.264": "h264", "a.mpg": "mpeg"}.get(name)
    coded = write_recording(path, format=format)
    recording = examine(path)
    assert recording.codec is Codec.H264
    assert (recording.width, recording.height) == (160, 120)
    assert recording.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    units = list(read_units(recording))
    expected = [b"".join(n for n in split_annex_b(data) if n[0] & 31 in (1, 5)) for data in coded]
    assert pictures(units) == expected
    assert [u.keyframe for u in units] == [i % FPS == 0 for i in range(FPS * SECONDS)]
    times = [u.dts_90k for u in units]
    assert times == sorted(set(times))
    assert times[-1] - times[0] == pytest.approx(90_000 * (SECONDS - 1 / FPS), rel=0.02)


def test_b_frames_keep_their_own_times(tmp_path: Path) -> None:
    path = tmp_path / "b.mp4"
    write_recording(path, b_frames=2)
    units = list(read_units(examine(path)))
    shown = sorted(unit.pts_90k for unit in units)
    assert [unit.pts_90k for unit in units] != shown, "the recording must hold B-frames"
    assert all(unit.pts_90k >= unit.dts_90k for unit in units)
    assert np.diff(shown).tolist() == [9000] * (FPS * SECONDS - 1)


def test_h265_is_copied(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    write_recording(path, "libx265")
    recording = examine(path)
    assert recording.codec is Codec.H265
    assert len(list(read_units(recording))) == FPS * SECONDS


def test_another_codec_is_encoded_again_as_h264(tmp_path: Path) -> None:
    path = tmp_path / "old.avi"
    write_recording(path, "mpeg4")
    recording = examine(path)
    assert recording.codec is None
    assert recording.codec_name == "mpeg4"
    units = list(reencode_units(recording))
    assert len(units) == FPS * SECONDS
    assert units[0].keyframe
    decoder = av.CodecContext.create("h264", "r")
    frames = []
    for unit in units:
        frames += decoder.decode(av.Packet(b"".join(b"\0\0\0\1" + nal for nal in unit.nals)))
    frames += decoder.decode(None)
    assert len(frames) == FPS * SECONDS


def test_a_file_that_is_no_video_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "letter.mp4"
    path.write_bytes(b"Dear Sir or Madam, " * 400)
    with pytest.raises(BadMedia, match=r"letter.mp4 can't be read as a video"):
        examine(path)


def test_an_empty_or_missing_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(BadMedia, match="is empty"):
        examine(tmp_path / "empty.mp4")
    with pytest.raises(BadMedia, match="There is no file"):
        examine(tmp_path / "nothing.mp4")


def test_sound_alone_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        assert isinstance(stream, av.AudioStream)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.float32), format="fltp", layout="mono")
        frame.rate = 8000
        frame.time_base = Fraction(1, 8000)
        frame.pts = 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(BadMedia, match="holds no video"):
        examine(path)


def test_an_mp4_without_its_index_is_refused_with_advice(tmp_path: Path) -> None:
    path = tmp_path / "whole.mp4"
    write_recording(path)
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    with pytest.raises(BadMedia) as caught:
        examine(cut)
    assert "recover it on the recorder" in caught.value.advice


def test_a_transport_stream_that_breaks_off_gives_what_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "whole.ts"
    write_recording(path)
    cut = tmp_path / "cut.ts"
    cut.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    units = list(read_units(examine(cut)))
    assert FPS < len(units) < FPS * SECONDS


def test_a_playlist_can_not_lead_elsewhere(tmp_path: Path) -> None:
    secret = tmp_path / "secret.ts"
    write_recording(secret)
    playlist = tmp_path / "innocent.mp4"
    playlist.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\n{secret}\n#EXT-X-ENDLIST\n")
    with pytest.raises(BadMedia):
        examine(playlist)
