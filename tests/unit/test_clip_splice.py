"""Clips: what comes out plays everywhere, starts at 0 and holds exactly the bytes that were recorded."""

import hashlib
import io
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from struct import pack, unpack_from

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from belvedere.foundation.errors import BadMedia
from belvedere.media.clip import MAX_MOOF_BYTES, Clip

FPS = 10
GOP = 10  # frames


def boxes(data: bytes, start: int = 0, end: int | None = None) -> Iterator[tuple[bytes, int, int]]:
    pos, end = start, len(data) if end is None else end
    while pos < end:
        size, kind = unpack_from(">I4s", data, pos)
        assert size >= 8
        yield kind, pos, pos + size
        pos += size
    assert pos == end


def find(data: bytes, *path: bytes) -> tuple[int, int]:
    start, end = 0, len(data)
    for kind in path:
        pos, end = next((at, stop) for name, at, stop in boxes(data, start, end) if name == kind)
        start = pos + 8
    return start, end


@pytest.fixture(scope="module")
def film() -> tuple[bytes, list[bytes]]:
    """An initialisation segment and 12 fragments of half a second, every other one starting with a keyframe."""
    sink = io.BytesIO()
    options = {
        "movflags": "empty_moov+default_base_moof+negative_cts_offsets",
        "video_track_timescale": "90000",
        "frag_duration": "500000",
    }
    with av.open(sink, "w", format="mp4", options=options) as container:
        stream = container.add_stream("libx264", rate=FPS, options={"g": str(GOP), "bf": "2", "sc_threshold": "0"})
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        rng = np.random.default_rng(7)
        for number in range(60):
            picture = np.full((180, 320, 3), number * 4 % 255, np.uint8)
            picture[40:80, 20 + number : 60 + number] = rng.integers(0, 255, (40, 40, 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode())
    data = sink.getvalue()
    init, fragments, moof = b"", [], 0
    for kind, start, end in boxes(data):
        if kind in (b"ftyp", b"moov"):
            init += data[start:end]
        elif kind == b"moof":
            moof = start
        elif kind == b"mdat":
            fragments.append(data[moof:end])
    assert len(fragments) >= 8
    return init, fragments


def samples(data: bytes) -> str:
    """Digest of all sample bytes."""
    digest = hashlib.sha256()
    for kind, start, end in boxes(data):
        if kind == b"mdat":
            digest.update(data[start + 8 : end])
    return digest.hexdigest()


def splice(init: bytes, data: bytes, part: int = 1 << 16, duration_90k: int = 90_000) -> bytes:
    clip = Clip(init, duration_90k)
    out = b""
    for at in range(0, len(data), part):
        out += b"".join(clip.push(data[at : at + part]))
    return out + clip.finish()


def starts_with_keyframe(fragment: bytes) -> bool:
    return packets_of(fragment)[0].is_keyframe


def packets_of(data: bytes) -> "list[av.Packet[av.VideoStream]]":
    with av.open(io.BytesIO(data), "r") as container:
        return [packet for packet in container.demux(container.streams.video[0]) if packet.dts is not None]


def ticks(packets: "list[av.Packet[av.VideoStream]]") -> list[int]:
    """Decode times from the first on."""
    times = [packet.dts or 0 for packet in packets]
    return [time - times[0] for time in times]


def test_clip_from_the_middle_starts_at_zero_and_decodes_whole(film: tuple[bytes, list[bytes]]) -> None:
    init, fragments = film
    first = next(i for i in range(2, 6) if starts_with_keyframe(init + fragments[i]))
    chosen = fragments[first:]
    data = splice(init, b"".join(chosen), duration_90k=5 * 90_000)
    assert samples(data) == samples(b"".join(chosen))
    packets = packets_of(data)
    assert packets[0].is_keyframe
    assert ticks(packets) == ticks(packets_of(init + b"".join(chosen)))
    with av.open(io.BytesIO(data), "r") as container:
        assert container.duration == pytest.approx(5_000_000, abs=200_000)
        assert len(list(container.decode(video=0))) == len(packets)


def test_headers_count_from_zero_and_the_index_points_at_keyframes(film: tuple[bytes, list[bytes]]) -> None:
    init, fragments = film
    data = splice(init, b"".join(fragments[3:9]), duration_90k=123_456)
    numbers, times, moofs = [], [], []
    for kind, start, end in boxes(data):
        if kind == b"moof":
            moofs.append(start)
            moof = data[start:end]
            numbers.append(unpack_from(">I", moof, find(moof, b"moof", b"mfhd")[0] + 4)[0])
            times.append(unpack_from(">Q", moof, find(moof, b"moof", b"traf", b"tfdt")[0] + 4)[0])
    assert numbers == list(range(1, 7))
    assert times[0] == 0 and times == sorted(times)
    scale = unpack_from(">I", data, find(data, b"moov", b"mvhd")[0] + 12)[0]
    expected = -(-123_456 * scale // 90_000)
    assert unpack_from(">Q", data, find(data, b"moov", b"mvex", b"mehd")[0] + 4)[0] == expected
    assert unpack_from(">I", data, find(data, b"moov", b"mvhd")[0] + 16)[0] == expected
    tfra, _ = find(data, b"mfra", b"tfra")
    count = unpack_from(">I", data, tfra + 12)[0]
    keyed = [i for i, fragment in enumerate(fragments[3:9]) if starts_with_keyframe(init + fragment)]
    entries = [unpack_from(">QQ", data, tfra + 16 + 19 * i) for i in range(count)]
    assert entries == [(times[i], moofs[i]) for i in keyed]
    (length,) = unpack_from(">I", data, len(data) - 4)
    assert data[-length + 4 : -length + 8] == b"mfra"


@settings(max_examples=25, deadline=None)
@given(part=st.integers(1, 4000))
def test_parts_of_any_size_give_the_same_clip(film: tuple[bytes, list[bytes]], part: int) -> None:
    init, fragments = film
    data = b"".join(fragments[:4])
    assert splice(init, data, part) == splice(init, data)


def test_boxes_of_no_use_are_left_out(film: tuple[bytes, list[bytes]]) -> None:
    init, fragments = film
    styp = pack(">I4s", 24, b"styp") + bytes(16)
    assert splice(init, styp + fragments[0] + styp + fragments[1], 5) == splice(init, fragments[0] + fragments[1])


def test_any_player_of_the_ffmpeg_family_plays_it(film: tuple[bytes, list[bytes]], tmp_path: Path) -> None:
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        pytest.skip("ffmpeg is not installed")
    init, fragments = film
    path = tmp_path / "clip.mp4"
    path.write_bytes(splice(init, b"".join(fragments), duration_90k=6 * 90_000))
    done = subprocess.run(
        [ffmpeg, "-v", "warning", "-xerror", "-i", str(path), "-f", "null", "-"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data[:-1],
        lambda data: data[: len(data) // 2],
        lambda data: data[:4],
        lambda data: b"",
        lambda data: pack(">I4s", 16, b"mdat") + bytes(8),
        lambda data: data[: unpack_from(">I", data)[0]],
        lambda data: data[: unpack_from(">I", data)[0]] * 2,
        lambda data: data[: unpack_from(">I", data)[0]] + pack(">I4s", 8, b"free"),
        lambda data: pack(">I4s", 0, b"free"),
        lambda data: pack(">I4s", MAX_MOOF_BYTES + 8, b"moof"),
        lambda data: pack(">I4s", 16, b"moof") + pack(">I4s", 8, b"mfhd"),
        lambda data: pack(">I4s", 12, b"moof") + bytes(4),
        lambda data: pack(">I4s", 16, b"moof") + pack(">I4s", 60, b"mfhd"),
        lambda data: data.replace(b"tfdt", b"free", 1),
        lambda data: data.replace(b"trun", b"free", 1)[:100],
    ],
)
def test_damaged_footage_is_refused(film: tuple[bytes, list[bytes]], change: Callable[[bytes], bytes]) -> None:
    init, fragments = film
    with pytest.raises(BadMedia):
        splice(init, change(fragments[0]))


def test_time_that_runs_backwards_is_refused(film: tuple[bytes, list[bytes]]) -> None:
    init, fragments = film
    with pytest.raises(BadMedia, match="backwards"):
        splice(init, fragments[3] + fragments[1])


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data[:40],
        lambda data: b"",
        lambda data: bytes(2 << 20),
        lambda data: data.replace(pack(">I", 90_000), pack(">I", 12_800)),
        lambda data: data.replace(b"mvex", b"free"),
    ],
)
def test_an_unfit_init_segment_is_refused(film: tuple[bytes, list[bytes]], change: Callable[[bytes], bytes]) -> None:
    with pytest.raises(BadMedia):
        Clip(change(film[0]), 1)


@settings(max_examples=150, deadline=None)
@given(noise=st.binary(max_size=400))
def test_noise_never_breaks_the_splicer(film: tuple[bytes, list[bytes]], noise: bytes) -> None:
    clip = Clip(film[0], 1)
    with pytest.raises(BadMedia):
        clip.push(noise)
        clip.finish()


@settings(max_examples=150, deadline=None)
@given(at=st.integers(0, 200), value=st.integers(0, 255))
def test_a_changed_header_byte_is_refused_or_harmless(film: tuple[bytes, list[bytes]], at: int, value: int) -> None:
    init, fragments = film
    data = bytearray(fragments[0])
    data[at % unpack_from(">I", data)[0]] = value
    try:
        spliced = splice(init, bytes(data))
    except BadMedia:
        return
    assert samples(spliced) == samples(fragments[0])


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return pack(">I4s", 8 + len(body), kind) + body


SYNC, NOT_SYNC = 0x0200_0000, 0x0101_0000


def made(tfhd: bytes, trun: bytes, tfdt: bytes = pack(">IQ", 1 << 24, 9000)) -> bytes:
    """A fragment put together by hand."""
    traf = box(b"traf", box(b"tfhd", tfhd), box(b"tfdt", tfdt), trun)
    return box(b"moof", box(b"mfhd", pack(">II", 0, 9)), traf) + box(b"mdat", b"sample")


PLAIN_HEADER = pack(">II", 0, 1)


@pytest.mark.parametrize(
    ("fragment", "keyframe"),
    [
        (made(PLAIN_HEADER, box(b"trun", pack(">IIII", 0x205, 1, 80, SYNC), bytes(4))), True),
        (made(PLAIN_HEADER, box(b"trun", pack(">IIII", 0x205, 1, 80, NOT_SYNC), bytes(4))), False),
        (made(PLAIN_HEADER, box(b"trun", pack(">III", 0x204, 1, SYNC), bytes(4))), True),
        (made(PLAIN_HEADER, box(b"trun", pack(">IIIIII", 0x701, 1, 80, 3600, 6, SYNC))), True),
        (made(PLAIN_HEADER, box(b"trun", pack(">IIIII", 0x600, 1, 6, NOT_SYNC, 0))), False),
        (made(PLAIN_HEADER, box(b"trun", pack(">III", 0x400, 1, SYNC))), True),
        (made(pack(">III", 0x20, 1, SYNC), box(b"trun", pack(">III", 0x200, 1, 6))), True),
        (made(pack(">IIQIIII", 0x3B, 1, 0, 1, 3600, 6, SYNC), box(b"trun", pack(">II", 0, 1))), True),
        (made(pack(">III", 0x20, 1, NOT_SYNC), box(b"trun", pack(">II", 0, 1))), False),
        (made(pack(">II", 0x20, 1), box(b"trun", pack(">II", 0, 1))), False),  # flags promised, not there
        (made(PLAIN_HEADER, box(b"trun", pack(">II", 0x400, 1))), False),
        (made(PLAIN_HEADER, box(b"trun", pack(">II", 0, 1))), False),
        (made(PLAIN_HEADER, box(b"trun", bytes(4))), False),
        (made(PLAIN_HEADER, b""), False),
    ],
)
def test_keyframes_are_found_in_every_spelling(
    film: tuple[bytes, list[bytes]], fragment: bytes, keyframe: bool
) -> None:
    data = splice(film[0], fragment)
    tfra, _ = find(data, b"mfra", b"tfra")
    assert unpack_from(">I", data, tfra + 12)[0] == int(keyframe)


def test_decode_times_of_both_widths_start_at_zero(film: tuple[bytes, list[bytes]]) -> None:
    for wide in (True, False):
        times = [pack(">IQ", 1 << 24, at) if wide else pack(">II", 0, at) for at in (9_000, 54_000)]
        data = splice(film[0], b"".join(made(PLAIN_HEADER, b"", time) for time in times))
        found = []
        for kind, start, end in boxes(data):
            if kind == b"moof":
                at, stop = find(data[start:end], b"moof", b"traf", b"tfdt")
                found.append(int.from_bytes(data[start + at + 4 : start + stop], "big"))
        assert found == [0, 45_000]
    with pytest.raises(BadMedia, match="decode time is cut short"):
        splice(film[0], made(PLAIN_HEADER, b"", pack(">II", 1 << 24, 0)))


def header(kind: bytes, wide: bool, scale: int) -> bytes:
    """An mvhd or mdhd of version 1 or 0; only what is read."""
    return box(kind, pack(">IQQIQ", 1 << 24, 0, 0, scale, 0) if wide else pack(">IIIII", 0, 0, 0, scale, 0), bytes(4))


@pytest.mark.parametrize("wide", [True, False])
def test_durations_of_both_widths_are_written(wide: bool) -> None:
    def init(mvhd: bytes, mdhd: bytes) -> bytes:
        return box(b"moov", mvhd, box(b"trak", box(b"mdia", mdhd)), box(b"mvex", box(b"mehd", bytes(8))))

    data = splice(
        init(header(b"mvhd", wide, 1000), header(b"mdhd", wide, 90_000)), made(PLAIN_HEADER, b""), duration_90k=135_000
    )
    at, _ = find(data, b"moov", b"mvhd")
    assert int.from_bytes(data[at + (24 if wide else 16) : at + (32 if wide else 20)], "big") == 1500
    at, stop = find(data, b"moov", b"mvex", b"mehd")
    assert (stop - at, unpack_from(">Q", data, at + 4)[0]) == (12, 1500)
    with pytest.raises(BadMedia, match="cut short"):
        Clip(init(box(b"mvhd", pack(">I", 1 << 24), bytes(20)), header(b"mdhd", wide, 90_000)), 1)
    with pytest.raises(BadMedia, match="90 000"):
        Clip(init(header(b"mvhd", wide, 0), header(b"mdhd", wide, 90_000)), 1)
