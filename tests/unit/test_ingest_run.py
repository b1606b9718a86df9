"""Runs and the recorder's socket: splits, pieces, and what happens when the recorder is slow."""

import itertools
import socket
from dataclasses import replace

import pytest

from belvedere.media.access_unit import AccessUnit
from belvedere.media.fmp4 import read_fragment
from belvedere.media.stream import Codec, EndReason
from belvedere.site.ingest import recorder_link
from belvedere.site.ingest.messages import FragmentCame, LiveFrame, RunEnd, RunStart, StreamState
from belvedere.site.ingest.recorder_link import RecorderGone, RecorderLink
from ingest_stage import Packetizer, Picture, film
from run_stage import Stage, stage


def test_fragments_close_at_keyframes_and_after_half_a_second() -> None:
    shown = film(frames=60, gop=30)
    with stage(shown) as it:
        it.feed(Packetizer(shown.codec).film(shown))
        it.run.end(EndReason.RESTART, "bye")
        it.read()
        fragments = it.recorder.of(FragmentCame)
        assert [fragment.frames for fragment in fragments] == [13, 13, 4, 13, 13, 4]
        assert [fragment.keyframe for fragment in fragments] == [True, False, False] * 2
        assert it.recorder.of(RunEnd) == [RunEnd(stream=7, reason="restart", message="bye")]
        assert it.frames() == [picture.nals for picture in shown.pictures]


def test_nothing_is_recorded_before_a_keyframe_with_known_parameters() -> None:
    shown = film(frames=30)
    bare = [replace(picture, nals=picture.nals[-2:]) for picture in shown.pictures]
    packets = Packetizer(shown.codec)
    with stage(shown, sets=False) as it:
        it.feed(b"".join(b"".join(packets.picture(picture)) for picture in bare[:10]))
        assert it.read() == []
        assert not it.run.knows_parameters
        it.feed(b"".join(b"".join(packets.picture(picture)) for picture in shown.pictures[10:]))
        it.read()
        assert len(it.recorder.of(RunStart)) == 1
        assert it.run.left_out == 10


def test_pieces_of_a_picture_are_joined() -> None:
    shown = film(frames=12)
    packets = Packetizer(shown.codec, mtu=60_000)
    data = b"".join(
        packets.packet(part, picture.pts_90k, marker=True)
        for picture in shown.pictures
        for part in packets.payloads(picture.nals)
    )
    with stage(shown) as it:
        it.feed(data)
        it.run.end(EndReason.RESTART, "")
        it.read()
        assert it.frames() == [picture.nals for picture in shown.pictures[:-1]]


def test_lost_packets_are_told_with_the_next_fragment() -> None:
    shown = film(frames=30)
    with stage(shown) as it:
        packetizer = Packetizer(shown.codec)
        groups = [packetizer.picture(picture) for picture in shown.pictures]
        del groups[4][1], groups[15][0], groups[25][0]
        it.feed(b"".join(itertools.chain.from_iterable(groups)))
        it.run.end(EndReason.RESTART, "")
        it.read()
        assert [fragment.lost_packets for fragment in it.recorder.of(FragmentCame)] == [1, 1, 1]


def test_a_parameter_set_that_comes_again_changes_nothing_and_a_new_one_waits_for_a_keyframe() -> None:
    shown, other = film(frames=20), film(frames=20, width=640, height=360)
    packets = Packetizer(shown.codec)
    with stage(shown) as it:
        it.feed(packets.film(shown))
        for index, picture in enumerate(shown.pictures[11:20]):  # new sets in the middle of a group
            nals = (*other.parameter_sets, *picture.nals) if index == 0 else picture.nals
            it.feed(b"".join(packets.picture(Picture(nals, picture.pts_90k + 72_000, picture.keyframe))))
        assert len([message for message in it.read() if isinstance(message, RunEnd)]) == 0
        for picture in other.pictures[:10]:
            it.feed(b"".join(packets.picture(Picture(picture.nals, picture.pts_90k + 144_000, picture.keyframe))))
        it.read()
        assert [start.width for start in it.recorder.of(RunStart)] == [320, 640]
        assert it.recorder.of(RunEnd)[0].reason == "parameters_changed"


def test_switching_live_on_sends_the_frames_of_the_open_fragment_first() -> None:
    shown = film(frames=20)
    packets = Packetizer(shown.codec)
    groups = [b"".join(packets.picture(picture)) for picture in shown.pictures]
    with stage(shown) as it:
        it.feed(b"".join(groups[:15]))
        it.run.set_live(True)
        it.feed(b"".join(groups[15:]))
        it.read()
        times = [read_fragment(frame.data)[0].dts_90k for frame in it.recorder.of(LiveFrame)]
        assert times == [index * 3600 for index in range(10, 20)]
        assert it.recorder.of(LiveFrame)[0].keyframe
        it.run.set_live(False)
        it.feed(b"".join(packets.picture(shown.pictures[0])))
        assert not [message for message in it.read() if isinstance(message, LiveFrame)]


def test_a_slow_recorder_costs_whole_groups_and_ends_the_run_openly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_link, "QUEUE_BYTES", 200_000)
    monkeypatch.setattr(recorder_link, "_LIVE_QUEUE_BYTES", 50_000)
    shown = film(frames=60)
    packets = Packetizer(shown.codec)

    def more(it: Stage, at: int, *, reading: bool) -> None:
        for picture in shown.pictures:
            moved = Picture(picture.nals, picture.pts_90k + at * 3600 * 60, picture.keyframe)
            it.feed(b"".join(packets.picture(moved)), at * 2_400_000)
            if reading:
                it.read()

    with stage(shown, live=True) as it:
        for at in range(20):
            more(it, at, reading=False)
            assert it.link.queued_bytes < 400_000
        assert it.run.left_out > 100
        assert it.link.dropped_live > 0
        it.read()
        more(it, 20, reading=True)
        ends, starts = it.recorder.of(RunEnd), it.recorder.of(RunStart)
        assert len(starts) == len(ends) + 1 > 1
        assert "could not keep up" in ends[0].message
        # Inside a run nothing is missing.
        expected = None
        for message in it.recorder.seen:
            if isinstance(message, RunStart):
                expected = 0
            elif isinstance(message, FragmentCame):
                assert message.start_90k == expected
                expected = message.start_90k + message.duration_90k


def test_a_camera_that_jumps_back_a_little_begins_a_new_run() -> None:
    shown = film(frames=20)
    packets = Packetizer(shown.codec)
    with stage(shown) as it:
        for index, picture in enumerate(shown.pictures):
            back = 20_000 if index >= 10 else 0
            it.feed(b"".join(packets.picture(Picture(picture.nals, picture.pts_90k - back, picture.keyframe))))
        it.read()
        assert [end.reason for end in it.recorder.of(RunEnd)] == ["timestamp_jump"]


def test_the_recorder_s_end_is_noticed() -> None:
    near, far = socket.socketpair()
    link = RecorderLink(near)
    far.sendall(b"\xff\xff\xff\xff")
    with pytest.raises(RecorderGone, match="impossible length"):
        link.receive()
    far.sendall(b"\x00\x00\x00\x01\xc0")
    link = RecorderLink(near)
    with pytest.raises(RecorderGone, match="unknown order"):
        link.receive()
    far.close()
    link = RecorderLink(near)
    with pytest.raises(RecorderGone, match="is gone"):
        link.receive()
    link.send(StreamState(stream=1, state="waiting", message="", reconnects=0))
    with pytest.raises(RecorderGone):
        link.flush()
    assert not link.drain(0.1)
    link.close()


def test_handing_over_on_the_way_stops_at_a_full_socket() -> None:
    near, far = socket.socketpair()
    link = RecorderLink(near)
    said = FragmentCame(
        stream=1, start_90k=0, duration_90k=1, frames=1, keyframe=True, arrival_us=0, lost_packets=0, data=b""
    )
    for _ in range(12):
        link.send_fragment(said, [bytes(1 << 20)])
    link.hurry()
    waiting = link.queued_bytes
    assert 0 < waiting < 12 << 20
    far.recv(1 << 20)
    link.hurry()
    assert link.queued_bytes == waiting  # it is not asked again and again
    link.flush()
    assert link.queued_bytes < waiting
    link.close()
    far.close()


def test_units_that_can_not_be_configured_are_left_out() -> None:
    shown = film(Codec.H265)
    with stage(shown, sets=False) as it:
        it.run.add([AccessUnit(b"\0\0\0\1a", 0, True, True, False, (b"\x42\x01junk",))], 0, 0)
        assert it.run.config is None and it.run.left_out == 1
