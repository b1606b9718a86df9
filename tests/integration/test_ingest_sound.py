"""Sound over the camera's own connection: never asked for unless switched on, kept as it came, and never the pictures' trouble."""

import io
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import av
import pytest

from belvedere.media.stream import Codec
from belvedere.site.ingest.messages import FragmentCame, OpenStream, RunEnd, RunStart, StreamState
from ingest_stage import Line, Recorder, ScriptedCamera, Worker, film, worker
from sound_stage import SoundPackets, Tune, aac, camera, framed, g711, payload_of, sdp, woven

FILM = film(frames=50)
PICTURES, SOUND = 1, 2
Play = Callable[[Line], None]


@pytest.fixture
def at_work(tmp_path: Path) -> Iterator[Worker]:
    with worker(tmp_path) as running:
        yield running


def hear(recorder: Recorder, url: str, *, sound: bool = True) -> None:
    recorder.send(OpenStream(stream=PICTURES, url=url, username="", password="", audio=SOUND if sound else 0))


def all_of(stream: int, recorder: Recorder) -> list[FragmentCame]:
    return [came for came in recorder.of(FragmentCame) if came.stream == stream]


def frames_of(stream: int, recorder: Recorder) -> int:
    return sum(came.frames for came in all_of(stream, recorder))


def file_of(stream: int, recorder: Recorder) -> bytes:
    start = next(came for came in recorder.of(RunStart) if came.stream == stream)
    return start.init + b"".join(came.data for came in all_of(stream, recorder))


def heard(file: bytes) -> tuple[bytes, int]:
    """What FFmpeg finds in a file of sound: all its bytes, and how many samples they make."""
    with av.open(io.BytesIO(file), "r") as kept:
        data = b"".join(bytes(packet) for packet in kept.demux(kept.streams.audio[0]))
    with av.open(io.BytesIO(file), "r") as kept:
        return data, sum(frame.samples for frame in kept.decode(kept.streams.audio[0]))


def shown(file: bytes) -> int:
    """Pictures that FFmpeg decodes."""
    with av.open(io.BytesIO(file), "r") as kept:
        return len(list(kept.decode(kept.streams.video[0])))


def ended(recorder: Recorder, stream: int = PICTURES) -> RunEnd:
    return recorder.wait(RunEnd, lambda end: end.stream == stream)


def test_nothing_of_sound_is_asked_for_unless_it_is_on(at_work: Worker) -> None:
    tune = g711()
    with ScriptedCamera(camera(sdp(FILM, tune), lambda line: line.send(woven(FILM, [])))) as cam:
        hear(at_work.recorder, cam.url, sound=False)
        at_work.recorder.wait(StreamState, lambda state: state.state == "recording")
        asked = [text.split("\r\n", 1)[0] for text in cam.lines[0].requests]
    assert [text.split()[0] for text in asked] == ["OPTIONS", "DESCRIBE", "SETUP", "PLAY"]
    assert not any("trackID=0" in text for text in asked)


@pytest.mark.parametrize("tune", [g711(), g711(Codec.PCMU), aac()], ids=["pcma", "pcmu", "aac"])
def test_sound_is_kept_beside_the_pictures_as_it_came(at_work: Worker, tune: Tune) -> None:
    def play(line: Line) -> None:
        line.send(woven(FILM, framed(tune)))
        line.connection.close()

    recorder = at_work.recorder
    with ScriptedCamera(camera(sdp(FILM, tune), play)) as cam:
        hear(recorder, cam.url)
        ended(recorder, PICTURES)
        if not [end for end in recorder.of(RunEnd) if end.stream == SOUND]:
            ended(recorder, SOUND)
    assert frames_of(PICTURES, recorder) == len(FILM.pictures)
    units, samples = heard(file_of(SOUND, recorder))
    assert units == b"".join(tune.units)
    assert samples == tune.ticks * len(tune.units)
    fragments = all_of(SOUND, recorder)
    assert fragments[0].start_90k == 0 and fragments[0].keyframe
    for one, following in pairwise(fragments):
        assert one.start_90k + one.duration_90k == following.start_90k
    told = [state for state in recorder.of(StreamState) if state.stream == SOUND]
    assert any(state.state == "recording" and tune.track.words in state.message for state in told)


def _broken_sound() -> dict[str, Callable[[Tune], list[bytes]]]:
    def garbage(tune: Tune) -> list[bytes]:
        packets = SoundPackets(tune.track.payload_type)
        return [packets.framed(bytes((i * 37 + k) & 0xFF for k in range(200)), i * 1024) for i in range(60)]

    def not_rtp(tune: Tune) -> list[bytes]:
        return [b"$\x02\x00\x40" + bytes((i + k) & 0x3F for k in range(64)) for i in range(60)]

    def huge(tune: Tune) -> list[bytes]:
        packets = SoundPackets(tune.track.payload_type)
        return [packets.framed(bytes(65_000), i * 1024) for i in range(12)]

    def stranger(tune: Tune) -> list[bytes]:
        packets = SoundPackets(96)  # the pictures' own type
        return [packets.framed(payload_of(tune, i), i * tune.ticks) for i in range(len(tune.units))]

    def empty(tune: Tune) -> list[bytes]:
        return [b"$\x02\x00\x00", b"$\x03\x00\x00", b"$\x02\x00\x04\x80\x61\x00\x00"] * 30

    def stops(tune: Tune) -> list[bytes]:
        return framed(tune)[:7]

    def jumps(tune: Tune) -> list[bytes]:
        packets = SoundPackets(tune.track.payload_type)
        return [packets.framed(payload_of(tune, i), i * 7_919_191) for i in range(len(tune.units))]

    return {f.__name__: f for f in (garbage, not_rtp, huge, stranger, empty, stops, jumps)}


@pytest.mark.parametrize("fault", _broken_sound().values(), ids=_broken_sound().keys())
def test_broken_sound_costs_no_picture(at_work: Worker, fault: Callable[[Tune], list[bytes]]) -> None:
    tune = aac()

    def play(line: Line) -> None:
        line.send(woven(FILM, fault(tune)))
        line.connection.close()

    recorder = at_work.recorder
    with ScriptedCamera(camera(sdp(FILM, tune), play)) as cam:
        hear(recorder, cam.url)
        ended(recorder)
    assert frames_of(PICTURES, recorder) == len(FILM.pictures)
    assert sum(came.lost_packets for came in all_of(PICTURES, recorder)) == 0
    assert shown(file_of(PICTURES, recorder)) == len(FILM.pictures)


def _refuse(line: Line, request: str) -> None:
    line.reply(request, "461 Unsupported Transport")


def _ask_again(line: Line, request: str) -> None:
    line.reply(request, "401 Unauthorized", 'WWW-Authenticate: Digest realm="x", nonce="y"\r\n')


def _nothing(line: Line, request: str) -> None:
    pass


@pytest.mark.parametrize("sound", [_refuse, _ask_again, _nothing], ids=["refused", "denied", "unanswered"])
def test_pictures_come_when_sound_is_not_given(at_work: Worker, sound: Callable[[Line, str], None]) -> None:
    recorder = at_work.recorder
    play: Play = lambda line: line.send(woven(FILM, []))  # noqa: E731
    with ScriptedCamera(camera(sdp(FILM, aac()), play, sound)) as cam:
        hear(recorder, cam.url)
        seen = recorder.wait(StreamState, lambda state: state.stream == SOUND and state.state == "refused")
        assert "sound" in seen.message
        if not any(state.stream == PICTURES and state.state == "recording" for state in recorder.of(StreamState)):
            recorder.wait(StreamState, lambda state: state.stream == PICTURES and state.state == "recording")
        assert len(cam.lines) == 1


@pytest.mark.parametrize("how", ["closes", "mixes"])
def test_a_camera_that_breaks_on_sound_is_recorded_without(at_work: Worker, how: str) -> None:
    def sound(line: Line, request: str) -> None:
        if how == "closes":
            line.connection.close()
        else:
            line.reply(request, headers="Session: 7\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n")

    recorder = at_work.recorder
    play: Play = lambda line: line.send(woven(FILM, []))  # noqa: E731
    with ScriptedCamera(camera(sdp(FILM, aac()), play, sound)) as cam:
        hear(recorder, cam.url)
        recorder.wait(StreamState, lambda state: state.stream == PICTURES and state.state == "recording")
        assert "SETUP" in " ".join(cam.lines[0].requests) and len(cam.lines) == 2
        assert sum(text.startswith("SETUP") for text in cam.lines[1].requests) == 1
    refused = [state for state in recorder.of(StreamState) if state.stream == SOUND and state.state == "refused"]
    assert refused and "without" in refused[-1].message


@pytest.mark.parametrize("lines", ["", "m=audio 0 RTP/AVP 9\r\na=control:trackID=0\r\n"], ids=["none", "g722"])
def test_sound_that_is_not_kept_is_said(at_work: Worker, lines: str) -> None:
    recorder = at_work.recorder
    text = sdp(FILM, None).replace("m=video", lines + "m=video")
    with ScriptedCamera(camera(text, lambda line: line.send(woven(FILM, [])))) as cam:
        hear(recorder, cam.url)
        told = recorder.wait(StreamState, lambda state: state.stream == SOUND and state.state == "refused")
        assert ("G.722" in told.message) == bool(lines)
        assert sum(text.startswith("SETUP") for text in cam.lines[0].requests) == 1
