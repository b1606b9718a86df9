"""The memory that workers' messages are read into: used again, never while anybody looks into it."""

import asyncio
import random
import socket
import struct
from typing import cast

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from belvedere.site.ingest import messages as m
from belvedere.site.recorder import chunks as room
from belvedere.site.recorder.chunks import CHUNK_BYTES, Chunks
from belvedere.site.recorder.intake import WorkerConnection


def test_a_chunk_is_used_again_once_nobody_looks_into_it() -> None:
    chunks = Chunks()
    first = chunks.take(CHUNK_BYTES)
    view = memoryview(first)[3:7]
    second = chunks.take(CHUNK_BYTES)
    assert second is not first
    part = view[1:2]
    del view
    third = chunks.take(CHUNK_BYTES)
    assert third is second, "nobody looks into the second"
    del part
    assert chunks.take(CHUNK_BYTES) is first
    assert len(first) == CHUNK_BYTES and len(chunks) == 2


def test_a_huge_picture_gets_memory_of_its_own() -> None:
    chunks = Chunks()
    assert len(chunks.take(CHUNK_BYTES + 1)) == CHUNK_BYTES + 1
    assert len(chunks) == 0


def test_what_a_burst_took_is_let_go() -> None:
    chunks = Chunks()
    burst = [memoryview(chunks.take(1)) for _ in range(20)]
    assert len(chunks) == 20
    burst.clear()
    kept: list[memoryview] = []
    for _ in range(3 * room._LOOK_AFTER):
        kept = [*kept[-2:], memoryview(chunks.take(1))]
    assert 3 <= len(chunks) <= 5


class Transport:
    def __init__(self, peer: socket.socket) -> None:
        self._peer = peer

    def get_extra_info(self, name: str) -> socket.socket:
        return self._peer

    def is_closing(self) -> bool:
        return False

    def abort(self) -> None:
        raise AssertionError("it was cut off")


class Ear:
    """Keeps every `keep`-th fragment's view, and looks at all of them again later."""

    def __init__(self, keep: int) -> None:
        self.keep = keep
        self.count = 0
        self.kept: list[tuple[int, memoryview]] = []

    def joined(self, connection: WorkerConnection) -> None:
        pass

    def left(self, connection: WorkerConnection) -> None:
        pass

    def said(self, connection: WorkerConnection, message: m.AsRead) -> None:
        assert isinstance(message, m.FragmentView)
        assert message.data == payload(message.stream, message.start_90k)
        self.count += 1
        if self.count % self.keep == 0:
            self.kept.append((message.stream, message.data))
        if len(self.kept) > 40:
            self.check(self.kept.pop(0))

    def check(self, kept: tuple[int, memoryview]) -> None:
        seed, data = kept
        assert data == payload(seed, len(data))


def payload(seed: int, size: int) -> bytes:
    return (seed.to_bytes(4, "big") * (size // 4 + 1))[:size]


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**32), keep=st.integers(1, 5), largest=st.sampled_from([300, 90_000, 600_000, 1_500_000]))
def test_views_hold_what_was_sent_however_it_is_cut(seed: int, keep: int, largest: int) -> None:
    rng = random.Random(seed)
    ear = Ear(keep)
    connection = WorkerConnection(ear)
    near, far = socket.socketpair()
    connection.connection_made(cast(asyncio.Transport, Transport(near)))

    def feed(body: bytes) -> None:
        rest = memoryview(struct.pack(">I", len(body)) + body)
        while rest:
            room_left = connection.get_buffer(-1)
            assert len(room_left) > 0
            size = min(len(rest), len(room_left), rng.choice((3, 70_000, 1 << 20)) if len(rest) < 200_000 else 1 << 20)
            room_left[:size] = rest[:size]
            connection.buffer_updated(size)
            rest = rest[size:]

    feed(msgspec.msgpack.encode(m.Hello("ingest", 0, 1)))
    for number in range(60):
        size = rng.randrange(largest)
        feed(msgspec.msgpack.encode(m.FragmentCame(number, size, 1, 1, True, 0, 0, payload(number, size))))
    assert ear.count == 60
    for kept in ear.kept:
        ear.check(kept)
    near.close()
    far.close()
