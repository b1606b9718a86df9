"""Hub and site over a real Unix socket: every question, every way to fail, and whatever a stranger may send."""

import asyncio
import stat
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from belvedere.foundation import errors
from belvedere.foundation.clock import MINUTE_US, SECOND_US, SimulatedClock
from belvedere.foundation.errors import (
    BadAddress,
    BadInput,
    BelvedereError,
    Conflict,
    DiskFull,
    LinkFault,
    NotFound,
    Refused,
    SealBroken,
    SiteAway,
)
from belvedere.link.blocking import BlockingSiteLink
from belvedere.link.channel import Channel, ChannelClosed, connect_unix, listen_unix, memory_pair
from belvedere.link.client import SiteLink
from belvedere.link.messages import Answer, Failure, GetStatus, LiveMedia, LivePart, LiveStart, LiveState
from belvedere.link.wire import decode_reply, decode_request, encode, error_of, failure_of
from belvedere.media.stream import Frame
from belvedere.policy.signed import GrantForged
from belvedere.site.live.relay import Relay
from belvedere.site.uplink.server import Uplink, serve_link
from link_stage import LAST_NIGHT_US, ShelfArchive, Words, film, grant_for, single

ALL_ERRORS = sorted(
    (each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, BelvedereError)),
    key=lambda each: each.__name__,
)


class Site:
    """A serving site with an archive in memory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = SimulatedClock()
        self.film = film()
        self.archive = ShelfArchive(self.clock, self.film, self.clock.now_us() - LAST_NIGHT_US)
        self.relay = Relay(self.clock, linger_s=0)
        self.grant = grant_for(self.clock, "gate", "yard", lasts_us=MINUTE_US)
        self.wire = self.grant.id.encode()
        self.opener = Words(self.clock, self.grant)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[SiteLink]:
        server = await serve_link(self.path, self.archive, self.relay, self.opener, self.clock)
        link = SiteLink(self.path)
        try:
            yield link
        finally:
            await link.close()
            await server.close()

    async def read(self, link: SiteLink, segment: int, start: int, end: int, wire: bytes | None = None) -> bytes:
        parts = link.read_footage(wire or self.wire, "playback", "gate", "main", segment, start, end)
        return b"".join([part async for part in parts])


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "run" / "link.sock")


async def test_every_question_is_answered(site: Site) -> None:
    async with site.serving() as link:
        assert stat.S_IMODE(site.path.stat().st_mode) == 0o600
        assert (await link.status()).name == "This site"
        now = site.clock.now_us()
        timeline = await link.timeline(["gate", "yard"], "main", 0, now)
        assert [(each.camera, len(each.runs)) for each in timeline.cameras] == [("gate", 1), ("yard", 0)]
        start = site.archive.start_us
        playlist = await link.playlist(site.wire, "gate", "main", start, start + 4 * SECOND_US)
        assert [piece.segment for piece in playlist.pieces] == [1, 1, 2, 2]
        piece = playlist.pieces[3]
        init = await link.init(site.wire, "gate", piece.config_id)
        assert init.data == site.film.config.init
        data = await site.read(link, piece.segment, piece.start, piece.end)
        assert data == b"".join(fragment.data for fragment in site.film.fragments()[6:8])
        await link.put_camera("gate", "Gate", "rtsp://127.0.0.1/gate", "")
        assert site.archive.put == [("gate", "Gate", "rtsp://127.0.0.1/gate", "", True)]
        await link.remove_camera("gate")


def test_the_command_line_asks_without_async(tmp_path: Path) -> None:
    site = Site(tmp_path / "link.sock")
    ready = asyncio.Event()

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        async with site.serving():
            await loop.run_in_executor(None, ask)
        ready.set()

    def ask() -> None:
        with BlockingSiteLink(site.path) as link:
            assert link.status().site == "main"
            start = site.archive.start_us
            assert link.timeline(["gate"], "main", 0, site.clock.now_us()).cameras[0].runs[0].start_us == start
            (piece,) = link.playlist(site.wire, "gate", "main", start, start + 1000).pieces
            assert link.init(site.wire, "gate", piece.config_id).width == 64
            whole = b"".join(link.read_footage(site.wire, "export", "gate", "main", 1, piece.start, piece.end))
            assert len(whole) == piece.end - piece.start
            link.put_camera("gate", "Gate", "rtsp://127.0.0.1/gate", "")
            with pytest.raises(NotFound):
                link.remove_camera("nowhere")

    asyncio.run(serve())
    assert ready.is_set()


@pytest.mark.parametrize("kind", ALL_ERRORS, ids=lambda kind: kind.__name__)
def test_failures_come_back_as_the_same_class(kind: type[BelvedereError]) -> None:
    there = kind("What happened.", advice="What to do.")
    here = error_of(failure_of(there))
    assert type(here) is (kind if kind is not BelvedereError else LinkFault)
    assert (here.message, here.advice) == (there.message, there.advice)


def test_a_class_of_one_room_travels_as_its_parent() -> None:
    assert type(error_of(failure_of(GrantForged("Changed.")))) is Refused
    assert type(error_of(Failure("unheard_of", "What?", ""))) is LinkFault


CALLS = ["status", "timeline", "playlist", "init", "read", "part", "put_camera", "remove_camera"]
FAULTS: list[tuple[str, Exception]] = [
    *((call, BadAddress("No.", advice="Yes.")) for call in CALLS),
    ("part", SealBroken("Cut.")),
    ("part", ValueError("inside")),
    ("status", RuntimeError("inside")),
]


@pytest.mark.parametrize(("call", "fault"), FAULTS, ids=repr)
async def test_a_fault_in_any_call_is_told_and_the_site_goes_on(site: Site, call: str, fault: Exception) -> None:
    def break_it(name: str) -> None:
        if name == call:
            raise fault

    start = site.archive.start_us
    async with site.serving() as link:
        asks: dict[str, Callable[[], Any]] = {
            "status": link.status,
            "timeline": lambda: link.timeline(["gate"], "main", 0, 1),
            "playlist": lambda: link.playlist(site.wire, "gate", "main", start, start + 1),
            "init": lambda: link.init(site.wire, "gate", site.film.config.config_id),
            "read": lambda: site.read(link, 1, 0, 100),
            "part": lambda: site.read(link, 1, 0, 100),
            "put_camera": lambda: link.put_camera("gate", "Gate", "rtsp://127.0.0.1/", ""),
            "remove_camera": lambda: link.remove_camera("gate"),
        }
        site.archive.fault = break_it
        expected = type(fault) if isinstance(fault, BelvedereError) else LinkFault
        with pytest.raises(expected) as caught:
            await asks[call]()
        assert type(caught.value) is expected
        assert "inside" not in str(caught.value)
        site.archive.fault = lambda name: None
        await asks[call]()


async def test_what_may_not_be_asked(site: Site) -> None:
    start = site.archive.start_us
    async with site.serving() as link:
        with pytest.raises(Refused, match="not signed"):
            await link.playlist(b"forged", "gate", "main", start, start + 1)
        with pytest.raises(Refused, match="not signed"):
            await site.read(link, 1, 0, 10, wire=b"forged")
        with pytest.raises(Refused, match="not signed"):
            await link.open_live(b"forged", "gate", "main")
        with pytest.raises(Refused, match="does not cover"):
            await link.open_live(site.wire, "cellar", "main")
        with pytest.raises(BadInput, match="no stream"):
            await link.timeline(["gate"], "third", 0, 1)
        with pytest.raises(BadInput, match="empty"):
            await link.playlist(site.wire, "gate", "main", 5, 5)
        with pytest.raises(BadInput, match="1000 cameras"):
            await link.timeline(["gate"] * 1001, "main", 0, 1)
        with pytest.raises(BadInput, match="range"):
            await site.read(link, 1, 10, 10)
        with pytest.raises(BadInput, match="range"):
            await site.read(link, 1, 0, 1 << 40)
        with pytest.raises(BadInput, match="no action"):
            await anext(link.read_footage(site.wire, "look", "gate", "main", 1, 0, 10))
        with pytest.raises(NotFound):
            await site.read(link, 99, 0, 10)
        with pytest.raises(LinkFault, match="instead of"):
            await site.read(link, 1, 0, 1 << 20)  # the segment is shorter
        site.clock.advance(MINUTE_US)
        with pytest.raises(Refused, match="ended"):
            await site.read(link, 1, 0, 10)


async def test_a_site_that_is_away(tmp_path: Path) -> None:
    with pytest.raises(SiteAway) as caught:
        await SiteLink(tmp_path / "none.sock").status()
    assert caught.value.advice


async def test_a_site_that_was_restarted_is_asked_again(site: Site) -> None:
    async with site.serving() as first:
        kept = SiteLink(site.path)
        await kept.status()
        await first.status()
    with pytest.raises(SiteAway):
        await kept.status()
    async with site.serving() as link:
        await link.status()
        await kept.status()
        await kept.close()


async def test_a_kept_channel_that_died_is_passed_over(site: Site) -> None:
    link = SiteLink(site.path)
    async with site.serving():
        await asyncio.gather(*(link.status() for _ in range(4)))
    async with site.serving():
        await link.status()
        await link.close()


async def test_a_site_that_says_nothing_in_time(tmp_path: Path) -> None:
    silent = asyncio.Event()

    async def serve(channel: Channel) -> None:
        await channel.receive()
        await silent.wait()

    server = await listen_unix(tmp_path / "link.sock", serve)
    try:
        with pytest.raises(SiteAway, match="in time"):
            await SiteLink(tmp_path / "link.sock", reply_timeout_s=0.05).status()
    finally:
        silent.set()
        server.close()


@pytest.mark.parametrize("answer", [b"", b"\xc1", encode(b"bytes"), encode(GetStatus()), encode(Answer())], ids=repr)
async def test_answers_that_make_no_sense(tmp_path: Path, answer: bytes) -> None:
    async def serve(channel: Channel) -> None:
        await channel.receive()
        await channel.send(answer)
        await channel.receive()

    server = await listen_unix(tmp_path / "link.sock", serve)
    with pytest.raises(LinkFault):
        await SiteLink(tmp_path / "link.sock").status()
    server.close()


async def test_a_site_that_dies_in_the_middle_of_an_answer(tmp_path: Path) -> None:
    async def serve(channel: Channel) -> None:
        await channel.receive()
        await channel.send(encode(Answer()))
        await channel.send(encode(b"part"))

    server = await listen_unix(tmp_path / "link.sock", serve)
    link = SiteLink(tmp_path / "link.sock")
    with pytest.raises(SiteAway, match="middle"):
        async for _ in link.read_footage(b"", "playback", "gate", "main", 1, 0, 100):
            pass
    view = await link.open_live(b"", "gate", "main")
    with pytest.raises(LinkFault):
        async for _ in view:
            pass
    server.close()


async def test_reading_may_stop_early(site: Site) -> None:
    async with site.serving() as link:
        parts = link.read_footage(site.wire, "playback", "gate", "main", 1, 0, 1200)
        assert await anext(parts)
        await parts.aclose()
        assert (await link.status()).site == "main"


async def test_strangers_and_broken_framing(site: Site) -> None:
    async with site.serving() as link:
        channel = await connect_unix(site.path)
        for nonsense in (b"", b"\xc1\xc1", encode(Answer()), b"\x81\xa4kind\xa5shell"):
            await channel.send(nonsense)
            reply = decode_reply(await channel.receive())
            assert isinstance(reply, Failure) and reply.code == "bad_input"
        await channel.close()
        reader, writer = await asyncio.open_unix_connection(str(site.path))
        writer.write(struct.pack(">I", 0xFFFFFFFF))
        (size,) = struct.unpack(">I", await reader.readexactly(4))
        assert isinstance(decode_reply(await reader.readexactly(size)), Failure)
        assert await reader.read() == b""
        writer.write(b"\0\0")
        writer.close()
        assert (await link.status()).site == "main"


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_any_bytes_are_a_request_or_bad_input(data: bytes) -> None:
    try:
        decode_request(data)
    except BadInput:
        pass
    try:
        decode_reply(data)
    except LinkFault:
        pass


async def test_one_site_a_socket(site: Site) -> None:
    async with site.serving():
        with pytest.raises(Conflict, match="Another process"):
            await serve_link(site.path, site.archive, site.relay, site.opener, site.clock)
    site.path.unlink(missing_ok=True)
    site.path.write_text("a file")
    with pytest.raises(Conflict, match="not a socket"):
        await serve_link(site.path, site.archive, site.relay, site.opener, site.clock)


async def test_messages_too_long_are_refused_on_both_sides() -> None:
    left, right = memory_pair()
    with pytest.raises(LinkFault, match="over the limit"):
        await left.send(bytes((16 << 20) + 1))
    await left.send(b"last words")
    await left.close()
    assert await right.receive() == b"last words"
    with pytest.raises(ChannelClosed):
        await right.receive()
    with pytest.raises(ChannelClosed):
        await right.send(b"too late")


async def test_a_pair_in_memory_serves_as_well(site: Site) -> None:
    uplink = Uplink(site.archive, site.relay, site.opener, site.clock)
    tasks = []

    async def connect() -> Channel:
        here, there = memory_pair(2)
        tasks.append(asyncio.create_task(uplink.serve(there)))
        return here

    link = SiteLink(connect)
    assert (await link.status()).site == "main"
    assert len(await site.read(link, 1, 0, 1200)) == 1200
    assert len(tasks) == 1
    await link.close()
    await asyncio.gather(*tasks)
    await uplink.close()


async def take(parts: AsyncIterator[LivePart], media: int) -> list[LivePart]:
    """Parts up to and including the `media`-th with pictures."""
    taken = []
    while media:
        taken.append(await anext(parts))
        media -= isinstance(taken[-1], LiveMedia)
    return taken


async def test_live_pictures_until_the_grant_ends(site: Site) -> None:
    switched: list[bool] = []
    site.relay.bind(lambda camera, stream, on: switched.append(on))
    fragments = site.film.fragments()
    async with site.serving() as link:
        site.relay.state("gate", "sub", "recording", "")
        site.relay.config("gate", "sub", site.film.config)
        for fragment in fragments[:3]:
            site.relay.fragment("gate", "sub", fragment)
        view = await link.open_live(site.wire, "gate", "sub")
        state, start, *pictures = await take(view, 1)
        assert state == LiveState("recording", "")
        assert isinstance(start, LiveStart) and start.codec_string == site.film.config.codec_string
        frame = site.film.frames[15]
        site.relay.frame("gate", "sub", frame.keyframe, 77, single(frame))
        pictures += await take(view, 1)
        assert [part.data for part in pictures if isinstance(part, LiveMedia)] == [fragments[2].data, single(frame)]
        site.clock.advance(MINUTE_US)
        with pytest.raises(Refused, match="ended"):
            await anext(view)
        assert site.relay.viewers == 0
        assert switched == [True, False]


async def test_hanging_up_ends_a_live_view(site: Site) -> None:
    gone = asyncio.Event()
    site.relay.bind(lambda camera, stream, on: None if on else gone.set())
    async with site.serving() as link:
        async with await link.open_live(site.wire, "gate", "main") as view:
            assert isinstance(await anext(view), LiveState)
            assert site.relay.viewers == 1
        async with asyncio.timeout(5):
            await gone.wait()
        assert site.relay.viewers == 0


async def test_an_asker_that_does_not_read_skips_to_a_keyframe(site: Site) -> None:
    """Back-pressure reaches the relay: what can't be sent is dropped there, counted, and told."""
    async with site.serving() as link:
        site.relay.config("gate", "main", site.film.config)
        view = await link.open_live(site.wire, "gate", "main")
        count = 201  # of 200 kB: five times what sockets and backlog hold; the last is a keyframe
        for number in range(count):
            frame = Frame(bytes(200_000), number * 9000, 0, number % 10 == 0, number)
            site.relay.frame("gate", "main", frame.keyframe, number, single(frame))
            await asyncio.sleep(0)
        told = 0
        last = -1
        async for part in view:
            if isinstance(part, LiveMedia):
                assert part.arrival_us == last + 1 + part.skipped
                assert part.keyframe or not part.skipped
                last, told = part.arrival_us, told + part.skipped
                if last == count - 1:
                    break
        assert told > 0
        await view.close()


async def test_removing_a_camera_ends_its_live_view(site: Site) -> None:
    async with site.serving() as link:
        view = await link.open_live(site.wire, "gate", "sub")
        assert isinstance(await anext(view), LiveState)
        await link.remove_camera("gate")
        async with asyncio.timeout(5):
            assert [part async for part in view] == []


async def test_a_full_disk_is_told_as_such(site: Site) -> None:
    def full(name: str) -> None:
        raise DiskFull("The disk is full.", advice="Make room.")

    site.archive.fault = full
    async with site.serving() as link:
        with pytest.raises(DiskFull, match="Make room"):
            await link.status()
