"""Sound taken apart: packets of AAC and G.711 in every shape they come in, descriptions, configurations, and any bytes at all."""

from dataclasses import replace
from pathlib import Path
from struct import pack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from belvedere.cli.originals import originals
from belvedere.foundation.errors import BadInput, BadMedia, NotFound, UnsupportedCodec
from belvedere.media.aac import parse_config, parse_mux_config, split_units, unwrap_latm
from belvedere.media.audio import AudioDepacketizer, AudioTrack, Framing, described_audio
from belvedere.media.fmp4 import write_fragment
from belvedere.media.jpeg_rtp import JpegDepacketizer
from belvedere.media.jpeg_sei import escape, jpeg_sei, jpegs_in
from belvedere.media.mp4_audio import WavSplice, sound_config
from belvedere.media.nal import join_lengths
from belvedere.media.sdp import parse_sdp
from belvedere.media.stream import Codec, Frame
from ingest_stage import describe, film
from jpeg_stage import rtp_packets
from sound_stage import PCMA, SHAPE, SoundPackets, aac, g711, hbr, hbr_parts, sdp

AAC = aac().track


def test_several_units_in_a_packet_and_one_in_several() -> None:
    tune = aac()
    packets = SoundPackets(97)
    track = AudioDepacketizer(tune.track)
    units = track.take([packets.rtp(hbr(tune.units[:3]), 0)])
    parts = hbr_parts(tune.units[3], 40)
    assert len(parts) > 1
    for index, part in enumerate(parts):
        units += track.take([packets.rtp(part, 3 * 1024, marker=index == len(parts) - 1)])
    assert [unit.data for unit in units] == list(tune.units[:4])
    assert [(unit.timestamp - units[0].timestamp) & 0xFFFF_FFFF for unit in units] == [0, 1024, 2048, 3072]
    assert track.bad_packets == track.lost_packets == 0


def test_a_lost_part_costs_its_unit_only() -> None:
    tune = aac()
    packets = SoundPackets(97)
    parts = [packets.rtp(part, 0) for part in hbr_parts(tune.units[2], 40)]
    after = packets.rtp(hbr([tune.units[3]]), 1024)
    track = AudioDepacketizer(tune.track)
    units = track.take([parts[0], *parts[2:], after, after])
    assert [unit.data for unit in units] == [tune.units[3]]
    assert track.lost_packets == 1 and units[0].lost_packets == 1
    assert track.ignored_packets == 1  # the same packet again


def test_latm_is_unwrapped() -> None:
    # audioMuxVersion 0, same framing, one program, one layer; then the AudioSpecificConfig, frameLengthType 0 and the rest.
    assert AAC.aac is not None
    bits = "0" + "1" + "0" * 13 + f"{int.from_bytes(AAC.aac.data, 'big'):016b}" + "000" + "1" * 8 + "00"
    bits += "0" * (-len(bits) % 8)
    config = int(bits, 2).to_bytes(len(bits) // 8, "big")
    parameters = {"cpresent": "0", "config": config.hex()}
    track = described_audio("MP4A-LATM", 97, 16_000, 1, parameters, "rtsp://h/a")
    assert track.framing is Framing.LATM and track.aac == AAC.aac
    packets = SoundPackets(97)
    taken = AudioDepacketizer(track)
    out = []
    for index, unit in enumerate(aac().units):
        element = b"\xff" * (len(unit) // 255) + bytes((len(unit) % 255,)) + unit
        half = len(element) // 2
        out += taken.take(
            [packets.rtp(element[:half], index * 1024, marker=False), packets.rtp(element[half:], index * 1024)]
        )
    assert [unit.data for unit in out] == list(aac().units)


def test_descriptions() -> None:
    shown = film()
    for tune in (aac(), g711(), g711(Codec.PCMU)):
        found = parse_sdp(sdp(shown, tune).encode(), "rtsp://h/").audio
        assert found == replace(tune.track, control="rtsp://h/trackID=0")
    none = parse_sdp(sdp(shown, None).encode(), "rtsp://h/")
    assert none.audio is None and "no sound" in none.no_audio
    talk_back = describe(shown).replace("a=rtpmap:8 PCMA/8000", "a=rtpmap:8 PCMA/8000\r\na=sendonly")
    assert parse_sdp(talk_back.encode(), "rtsp://h/").audio is None


@pytest.mark.parametrize(
    ("name", "rate", "parameters"),
    [
        ("OPUS", 48_000, {}),
        ("L16", 44_100, {}),
        ("PCMA", 7, {}),
        ("MPEG4-GENERIC", 16_000, {"mode": "CELP-cbr"}),
        ("MPEG4-GENERIC", 16_000, {"mode": "AAC-hbr"}),
        ("MPEG4-GENERIC", 16_000, {"mode": "AAC-hbr", "config": "zz"}),
        ("MPEG4-GENERIC", 16_000, {"mode": "AAC-hbr", "config": "1408", "sizelength": "x"}),
        ("MPEG4-GENERIC", 11_000, {"mode": "AAC-hbr", "config": "1408"}),
        ("MPEG4-GENERIC", 16_000, {"mode": "AAC-hbr", "config": "1408", "ctsdeltalength": "4"}),
        ("MP4A-LATM", 16_000, {}),
        ("MP4A-LATM", 16_000, {"cpresent": "0", "config": "ff"}),
        ("", 8_000, {}),
    ],
)
def test_what_is_not_kept_is_refused_with_a_reason(name: str, rate: int, parameters: dict[str, str]) -> None:
    with pytest.raises((BadMedia, UnsupportedCodec)) as caught:
        described_audio(name, 97, rate, 1, parameters, "rtsp://h/a")
    assert caught.value.advice


def test_configurations_with_sbr_tell_the_core_rate() -> None:
    found = parse_config(bytes.fromhex("2b8a0800"))  # SBR, 22.05 kHz core, 44.1 kHz, LC
    assert (found.object_type, found.rate, found.channels, found.samples) == (5, 22_050, 1, 1024)
    assert AudioTrack(Codec.AAC, 97, 44_100, 22_050, 1, "", Framing.HBR, found, SHAPE).unit_ticks == 2048


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.binary(max_size=300), max_size=6),
    st.sampled_from([AAC, PCMA, replace(AAC, framing=Framing.LATM, shape=None)]),
)
def test_any_packets_are_survived(payloads: list[bytes], track: AudioTrack) -> None:
    packets = SoundPackets(track.payload_type)
    taken, jpeg = AudioDepacketizer(track), JpegDepacketizer(track.payload_type)
    for index, payload in enumerate(payloads):
        for data in (payload, packets.rtp(payload, index)):
            for unit in taken.take([data]):
                assert (len(unit.data) <= max(16 << 10, len(payload)) and unit.ticks > 0) or track is PCMA
            jpeg.take([data])


@given(st.binary(max_size=80))
def test_any_configuration_and_unit_is_survived(data: bytes) -> None:
    for read in (parse_config, parse_mux_config, unwrap_latm, lambda one: split_units(one, SHAPE)):
        try:
            read(data)
        except (BadMedia, UnsupportedCodec):
            pass


@given(st.lists(st.sampled_from([0, 0, 0, 1, 2, 3, 4, 255]), max_size=900).map(bytes))
def test_a_jpeg_comes_out_of_its_message_as_it_went_in(jpeg: bytes) -> None:
    nal = jpeg_sei(jpeg)
    assert not any(mark in nal for mark in (b"\0\0\0", b"\0\0\1", b"\0\0\2"))
    assert list(jpegs_in(join_lengths([nal, b"\x65\x88"]))) == [jpeg]
    assert len(escape(jpeg)) >= len(jpeg)


def test_a_jpeg_of_which_a_packet_is_missing_is_dropped() -> None:
    packets = list(rtp_packets())
    whole = len(JpegDepacketizer().take(packets))
    track = JpegDepacketizer()
    assert len(track.take(packets[:4] + packets[5:])) == whole - 1
    assert (track.lost_packets, track.dropped_pictures) == (1, 1)


def test_a_wav_keeps_its_time_when_packets_were_lost_and_takes_reads_of_any_size() -> None:
    tune = g711(Codec.PCMU)
    config = sound_config(tune.track)
    frames = [Frame(unit, index * 1800, 0, True, 0) for index, unit in enumerate(tune.units) if index % 10 != 3]
    data = b"".join(
        write_fragment(frames[at : at + 20], frames[at + 20].dts_90k if at + 20 < len(frames) else 180_000, at)
        for at in range(0, len(frames), 20)
    )
    splice = WavSplice(config.init)
    body = b"".join(bytes(part) for at in range(0, len(data), 501) for part in splice.push(data[at : at + 501]))
    body += splice.finish()
    assert body == b"".join(b"\xff" * 160 if index % 10 == 3 else unit for index, unit in enumerate(tune.units))
    assert splice.header()[-4:] == pack("<I", len(body)) and splice.silence_bytes == 10 * 160
    for wrong in (data[:-1], data[3:], b""):
        with pytest.raises(BadMedia):
            again = WavSplice(config.init)
            again.push(wrong)
            again.finish()
    with pytest.raises(BadMedia):
        WavSplice(sound_config(AAC).init)


def test_the_originals_of_a_clip(tmp_path: Path) -> None:
    jpeg = b"\xff\xd8 one \0\0\1 \xff\xd9"
    frames = [Frame(join_lengths([jpeg_sei(jpeg), b"\x65abc"]), 0, 0, True, 0)]
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(sound_config(AAC).init + write_fragment(frames, 7500, 1))
    originals(clip, tmp_path / "out")
    assert [path.read_bytes() for path in (tmp_path / "out").iterdir()] == [jpeg]
    with pytest.raises(BadInput):
        originals(clip, tmp_path / "out")
    clip.write_bytes(sound_config(AAC).init + write_fragment([Frame(b"", 0, 0, True, 0)], 7500, 1))
    with pytest.raises(NotFound):
        originals(clip, tmp_path / "other")
