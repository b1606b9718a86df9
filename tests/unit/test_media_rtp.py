"""RTP to access units: NAL by NAL what the encoder made, whatever the cutting, and what is left after a loss."""

import itertools
from random import Random
from struct import pack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from belvedere.foundation.errors import CameraProtocol
from belvedere.media.access_unit import ACCESS_UNIT_BYTES
from belvedere.media.nal import is_picture, nal_type, split_lengths
from belvedere.media.rtcp import parse_rtcp
from belvedere.media.rtp import GARBAGE_BYTES, Depacketizer
from belvedere.media.stream import Codec
from ingest_stage import Film, Packetizer, Picture, depacketize, film, sender_report

CODECS = [Codec.H264, Codec.H265]


def nals_of(shown: Film) -> list[tuple[bytes, ...]]:
    return [picture.nals for picture in shown.pictures]


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize(("mtu", "aggregate"), [(1200, False), (1200, True), (60_000, True), (90, False)])
def test_every_nal_unit_arrives_as_it_was_sent(codec: Codec, mtu: int, aggregate: bool) -> None:
    shown = film(codec)
    data = Packetizer(codec, mtu=mtu, aggregate=aggregate).film(shown)
    units = depacketize(shown, data)
    assert [tuple(split_lengths(unit.data)) for unit in units] == nals_of(shown)
    assert [unit.keyframe for unit in units] == [picture.keyframe for picture in shown.pictures]
    assert not any(unit.damaged for unit in units)
    assert set(units[0].parameter_sets) == set(shown.parameter_sets)


@pytest.mark.parametrize("chunk", [1, 7, 1203, 5000])
def test_the_size_of_reads_does_not_matter(chunk: int) -> None:
    shown = film(frames=12)
    data = Packetizer(Codec.H264, aggregate=True).film(shown)
    assert depacketize(shown, data, chunk) == depacketize(shown, data)


def test_known_parameter_sets_are_not_told_again() -> None:
    shown = film()
    track = Depacketizer(Codec.H264, 96)
    track.known_sets = frozenset(shown.parameter_sets)
    assert not any(unit.parameter_sets for unit in track.feed(Packetizer(Codec.H264).film(shown)))


def test_a_frame_ends_by_its_timestamp_when_no_marker_comes() -> None:
    shown = film(frames=6)
    packets = Packetizer(Codec.H264)
    data = b""
    for picture in shown.pictures:
        for part in packets.payloads(picture.nals):
            data += packets.packet(part, picture.pts_90k, marker=False)
    units = depacketize(shown, data)
    assert [tuple(split_lengths(unit.data)) for unit in units] == nals_of(shown)[:-1]


def test_a_camera_that_marks_every_packet_is_found_out_after_one_picture() -> None:
    shown = film(frames=6)  # two slices each
    packets = Packetizer(Codec.H264, mtu=60_000)
    data = b"".join(
        packets.packet(part, picture.pts_90k, marker=True)
        for picture in shown.pictures
        for part in packets.payloads(picture.nals)
    )
    units = depacketize(shown, data)
    assert [unit.starts for unit in units] == [True, False, True, True, True, True][: len(units)]
    joined = [nal for unit in units for nal in split_lengths(unit.data)]
    assert joined == [nal for picture in shown.pictures[:5] for nal in picture.nals]


@pytest.mark.parametrize("codec", CODECS)
def test_after_a_loss_whole_nal_units_stay_and_both_sides_are_marked(codec: Codec) -> None:
    shown = film(codec)
    packetizer = Packetizer(codec)
    packets = [packetizer.picture(picture) for picture in shown.pictures]
    target = next(index for index, group in enumerate(packets) if index > 2 and len(group) > 4)
    del packets[target][-2]  # inside the last slice
    track = Depacketizer(codec, 96)
    units = track.feed(b"".join(itertools.chain.from_iterable(packets)))
    assert track.lost_packets == 1
    damaged = [set(split_lengths(unit.data)) for unit in units if unit.damaged]
    if codec is Codec.H264:  # two slices, of which one arrived whole
        assert damaged == [set(shown.pictures[target].nals[:-1])]
    else:  # one slice: no picture is left
        assert damaged == []
    others = [tuple(split_lengths(unit.data)) for unit in units if not unit.damaged]
    assert others == [picture.nals for index, picture in enumerate(shown.pictures) if index != target]


def test_losing_the_end_of_one_frame_and_the_start_of_the_next_marks_both() -> None:
    shown = film()
    packetizer = Packetizer(Codec.H264)
    packets = [packetizer.picture(picture) for picture in shown.pictures]
    del packets[3][-1]
    del packets[4][0]
    track = Depacketizer(Codec.H264, 96)
    units = track.feed(b"".join(itertools.chain.from_iterable(packets)))
    assert track.lost_packets == 2
    assert {unit.timestamp for unit in units if unit.damaged} <= {
        (packetizer.base + shown.pictures[index].pts_90k) & 0xFFFF_FFFF for index in (3, 4)
    }
    assert any(unit.damaged for unit in units)


def test_a_packet_sent_twice_changes_nothing() -> None:
    shown = film(frames=5)
    packetizer = Packetizer(Codec.H264)
    packets = [packet for picture in shown.pictures for packet in packetizer.picture(picture)]
    packets.insert(4, packets[3])
    track = Depacketizer(Codec.H264, 96)
    units = track.feed(b"".join(packets))
    assert [tuple(split_lengths(unit.data)) for unit in units] == nals_of(shown)
    assert (track.lost_packets, track.ignored_packets) == (0, 1)


def test_replies_reports_and_audio_between_packets() -> None:
    shown = film(frames=8)
    packetizer = Packetizer(Codec.H264)
    data = b""
    reply = b"RTSP/1.0 200 OK\r\nCSeq: 9\r\nContent-Length: 3\r\n\r\nabc"
    audio = pack(">BBH", 0x24, 2, 20) + b"\x80\x08" + bytes(18)
    for picture in shown.pictures:
        for packet in packetizer.picture(picture):
            data += packet + audio + reply + b"\r\n" + sender_report(1_700_000_000_000_000, 5)
    track = Depacketizer(Codec.H264, 96)
    units = []
    for at in range(0, len(data), 1000):
        units += track.feed(data[at : at + 1000])
        assert set(track.messages) <= {reply}
        assert all(parse_rtcp(report).report is not None for report in track.reports)
        track.messages.clear()
        track.reports.clear()
    assert [tuple(split_lengths(unit.data)) for unit in units] == nals_of(shown)
    assert track.garbage_bytes == 0


@pytest.mark.parametrize("garbage", [b"x", b"$", b"$$$\0\1", b"\0" * 50, b"RTXP$\x00\x00", bytes(range(256))])
def test_garbage_before_a_packet_costs_that_frame_at_most(garbage: bytes) -> None:
    shown = film(frames=20)
    packetizer = Packetizer(Codec.H264)
    data = b""
    for index, picture in enumerate(shown.pictures):
        data += (garbage if index == 5 else b"") + b"".join(packetizer.picture(picture))
    units = depacketize(shown, data)
    whole = {tuple(split_lengths(unit.data)) for unit in units if not unit.damaged}
    missing = [index for index, nals in enumerate(nals_of(shown)) if nals not in whole]
    assert set(missing) <= {5, 6}


def test_endless_garbage_ends_the_connection() -> None:
    track = Depacketizer(Codec.H264, 96)
    with pytest.raises(CameraProtocol):
        for _ in range(GARBAGE_BYTES // 1000 + 2):
            track.feed(b"\x11" * 1000)


def test_an_endless_picture_ends_the_connection() -> None:
    track = Depacketizer(Codec.H264, 96)
    packets = Packetizer(Codec.H264)
    start = packets.packet(b"\x7c\x85" + bytes(1000), 0, marker=False)
    track.feed(start)
    with pytest.raises(CameraProtocol):
        for _ in range(ACCESS_UNIT_BYTES // 1000 + 2):
            track.feed(packets.packet(b"\x7c\x05" + bytes(1000), 0, marker=False))


def test_extensions_padding_and_sources_are_stepped_over() -> None:
    shown = film(frames=2)
    nals = shown.pictures[0].nals
    track = Depacketizer(Codec.H264, 96)
    data = b""
    for index, nal in enumerate(nals):
        marker = 0x80 if index == len(nals) - 1 else 0
        rtp = (
            pack(">BBHII", 0xB2, marker | 96, index, 77, 1)
            + bytes(8)
            + pack(">HH", 0xABAC, 2)
            + bytes(8)
            + nal
            + b"\0\0\3"
        )
        data += pack(">BBH", 0x24, 0, len(rtp)) + rtp
    (unit,) = track.feed(data)
    assert tuple(split_lengths(unit.data)) == nals


def test_another_channel_or_payload_type_than_promised_is_taken() -> None:
    shown = film()
    data = Packetizer(Codec.H264, channel=4).film(shown)
    assert len(depacketize(shown, data)) == len(shown.pictures)
    late = Packetizer(Codec.H264, payload_type=98).film(film(frames=60))
    assert depacketize(shown, late)


def test_a_new_source_marks_the_picture_as_damaged() -> None:
    shown = film(frames=4)
    first, second = Packetizer(Codec.H264), Packetizer(Codec.H264, ssrc=9, sequence=100)
    data = b"".join(first.picture(shown.pictures[0])) + b"".join(second.picture(shown.pictures[1]))
    units = depacketize(shown, data)
    assert [unit.damaged for unit in units] == [False, True]


def test_sei_sent_ahead_waits_for_its_picture() -> None:
    packets = Packetizer(Codec.H264)
    shown = film(frames=2)
    sets, pictures = shown.pictures[0].nals[:3], shown.pictures[0].nals[3:]
    data = b"".join(packets.packet(nal, 0, marker=True) for nal in sets)
    data += b"".join(packets.picture(Picture(pictures, 3600, True)))
    (unit,) = depacketize(shown, data)
    assert tuple(split_lengths(unit.data)) == shown.pictures[0].nals


def test_highest_sequence_counts_its_cycles() -> None:
    shown = film()
    track = Depacketizer(Codec.H264, 96)
    packets = Packetizer(Codec.H264)
    track.feed(packets.film(shown))
    assert track.highest_sequence == packets.sequence - 1


def test_open_gop_keyframes_are_told_by_their_recovery_point() -> None:
    packets = Packetizer(Codec.H264)
    recovery, slice_nal = b"\x06\x06\x01\xc4\x80", b"\x41\x9a\x24\x6c"
    units = depacketize(film(), b"".join(packets.picture(Picture((recovery, slice_nal), 0, True))))
    assert units[0].keyframe


@settings(max_examples=200, deadline=None)
@given(codec=st.sampled_from(CODECS), seed=st.integers(0, 1 << 32), wounds=st.integers(0, 12))
def test_no_bytes_raise_anything_but_camera_protocol_or_grow_memory(codec: Codec, seed: int, wounds: int) -> None:
    chance = Random(seed)
    stream = bytearray(Packetizer(codec, mtu=400, aggregate=True).film(film(codec, frames=6, width=64, height=64)))
    for _ in range(wounds):
        at = chance.randrange(len(stream))
        action = chance.choice(["flip", "cut", "insert"])
        if action == "flip":
            stream[at] = chance.randrange(256)
        elif action == "cut":
            del stream[at : at + chance.randint(1, 300)]
        else:
            stream[at:at] = chance.randbytes(chance.randint(1, 80))
    track = Depacketizer(codec, 96)
    at = 0
    try:
        while at < len(stream):
            size = chance.randint(1, 3000)
            for unit in track.feed(bytes(stream[at : at + size])):
                kinds = [nal_type(codec, nal) for nal in split_lengths(unit.data)]
                assert any(is_picture(codec, kind) for kind in kinds)
            assert len(track._tail) <= 300_000
            at += size
    except CameraProtocol:
        pass


@settings(max_examples=150, deadline=None)
@given(st.lists(st.binary(max_size=200), max_size=20))
def test_random_bytes_are_survived(chunks: list[bytes]) -> None:
    track = Depacketizer(Codec.H265, 96)
    for chunk in chunks:
        try:
            track.feed(chunk)
        except CameraProtocol:
            return


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_any_rtcp_is_survived(data: bytes) -> None:
    parse_rtcp(data)


def test_rtcp_tells_time_and_goodbye() -> None:
    report = sender_report(1_780_000_000_250_000, 12)[4:]
    news = parse_rtcp(report + pack(">BBHI", 0x81, 203, 1, 1))
    assert news.report is not None and news.bye
    assert abs(news.report.camera_us - 1_780_000_000_250_000) <= 1
    assert news.report.rtp == 12
