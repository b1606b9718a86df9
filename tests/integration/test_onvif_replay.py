"""Archives pulled through Profile G replay: at true times, holes kept, into a real recorder with where they came from."""

import asyncio
import itertools

import pytest

from belvedere.demo.onvif.archive import ReplayServer
from belvedere.demo.onvif.device import Stored
from belvedere.demo.onvif.faults import DeviceFaults
from belvedere.foundation.clock import SECOND_US, SystemClock
from belvedere.foundation.errors import CameraFault, CameraProtocol
from belvedere.media.stream import Codec
from belvedere.site.imports.recording import Unit
from belvedere.site.onvif.recordings import list_recordings, replay_address
from belvedere.site.onvif.replay import PictureTimes, Replay, Span
from onvif_stage import PASSWORD, fake, reel, talking

START_US = 1_790_000_000 * SECOND_US
ERROR_US = 95 * SECOND_US


async def pulled(replay: Replay) -> list[Unit]:
    return await asyncio.to_thread(lambda: list(replay.units()))


def span_of(server: ReplayServer, from_s: float, to_s: float, error_us: int = ERROR_US) -> Span:
    start = START_US
    return Span(server.url("archive"), start + int(from_s * SECOND_US), start + int(to_s * SECOND_US), error_us)


@pytest.mark.parametrize(("b_frames", "codec"), [(0, Codec.H264), (2, Codec.H264), (0, Codec.H265)])
async def test_a_span_comes_at_its_true_times(b_frames: int, codec: Codec) -> None:
    faults = DeviceFaults(clock_error_us=ERROR_US)
    async with ReplayServer(SystemClock(), START_US, username="belvedere", password=PASSWORD, faults=faults) as server:
        shown = reel(b_frames, codec)
        server.add("archive", shown)
        replay = Replay(span_of(server, 2.5, 6.0), "belvedere", PASSWORD, SystemClock())
        units = await pulled(replay)
    asked_from, asked_to, headers = server.asked[0]
    assert (asked_from, asked_to) == (START_US + 2_500_000 + ERROR_US, START_US + 6_000_000 + ERROR_US)
    assert headers["rate-control"] == "no" and headers["require"] == "onvif-replay"
    true = [START_US + 2_500_000 + (unit.pts_90k - 120 * 90_000) * 100 // 9 for unit in units]
    assert units[0].keyframe and abs(true[0] - (START_US + 2_000_000)) < 100  # the keyframe before the start
    assert abs(max(true) - (START_US + 5_960_000)) < 100 and len(units) == 100
    steps = [after - before for before, after in zip(sorted(true), sorted(true)[1:], strict=False)]
    assert all(abs(step - 40_000) < 100 for step in steps)
    decode = [unit.dts_90k for unit in units]
    assert decode == sorted(decode) and replay.ended == ""


async def test_a_hole_in_the_archive_stays_a_hole() -> None:
    holes = ((4 * SECOND_US, 30 * SECOND_US),)
    async with ReplayServer(SystemClock(), START_US, holes_us=holes) as server:
        server.add("archive", reel())
        units = await pulled(Replay(span_of(server, 3.0, 40.0, 0), "", "", SystemClock()))
    times = [unit.pts_90k for unit in units]
    (jump,) = [(a, b) for a, b in itertools.pairwise(times) if b - a > 90_000]
    assert abs(jump[1] - jump[0] - 30 * 90_000 - 3600) < 10  # NTP's fraction and microseconds round


async def test_a_connection_that_is_lost_keeps_what_came_and_says_so() -> None:
    async with ReplayServer(SystemClock(), START_US, faults=DeviceFaults(replay_cut_after=40)) as server:
        server.add("archive", reel())
        replay = Replay(span_of(server, 0, 8.0, 0), "", "", SystemClock())
        units = await pulled(replay)
    assert 35 <= len(units) <= 40


async def test_pictures_without_times_are_not_guessed() -> None:
    async with ReplayServer(SystemClock(), START_US, faults=DeviceFaults(no_replay_times=True)) as server:
        server.add("archive", reel())
        replay = Replay(span_of(server, 0, 8.0, 0), "", "", SystemClock())
        assert await pulled(replay) == [] and replay.untold > 100


async def test_nothing_of_that_time_is_said() -> None:
    async with ReplayServer(SystemClock(), START_US) as server:
        server.add("archive", reel())
        with pytest.raises(CameraProtocol, match="no pictures of this time"):
            await pulled(Replay(span_of(server, -60, -30, 0), "", "", SystemClock()))


async def test_recordings_are_listed_and_their_address_is_pinned() -> None:
    stored = (Stored("rec-1", START_US, START_US + 3600 * SECOND_US, "rtsp://10.1.2.3:8554/archive"),)
    async with fake(DeviceFaults(clock_error_us=ERROR_US), stored=stored) as device, talking(device) as client:
        await client.begin()
        (found,) = await list_recordings(client, SystemClock())
        assert (found.token, found.name, found.video, found.open) == ("rec-1", "Lens one", True, False)
        assert (found.earliest_us, found.latest_us) == (START_US + ERROR_US, START_US + 3600 * SECOND_US + ERROR_US)
        assert await replay_address(client, "rec-1") == "rtsp://127.0.0.1:8554/archive" and client.moved
        with pytest.raises(CameraFault):
            await replay_address(client, "rec-2")


def test_times_are_read_whatever_the_reads_cut() -> None:
    head = bytes((0x90, 0xE0)) + (7).to_bytes(2) + (1234).to_bytes(4) + (9).to_bytes(4)
    ntp = (START_US // SECOND_US + 2_208_988_800).to_bytes(4) + (1 << 31).to_bytes(4)
    packet = head + b"\xab\xac\x00\x03" + ntp + bytes(4) + b"payload"
    framed = b"$\x00" + len(packet).to_bytes(2) + packet
    stream = b"RTSP/1.0 200 OK\r\nCSeq: 4\r\n\r\n" + framed + b"garbage" + framed
    for chunk in (1, 3, 17, 1000):
        times = PictureTimes()
        for at in range(0, len(stream), chunk):
            times.look(stream[at : at + chunk])
        assert times.take(1234) == START_US + 500_000
