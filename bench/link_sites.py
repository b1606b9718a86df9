"""The sites of `bench/link.py`, all in one process: real papers, lines, outboxes and senders; cameras that are records only.

`link_sites.py DATA SITES`, with the papers that `link_hub.py` left in DATA/papers. Does what lines of JSON on its input say.
"""

import asyncio
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "tests")]

from belvedere.foundation.clock import SystemClock  # noqa: E402
from belvedere.foundation.errors import BelvedereError, LinkFault  # noqa: E402
from belvedere.link.health import Faults, GetFaults  # noqa: E402
from belvedere.link.messages import CameraStatus, Reply, Request, SiteStatus, StreamStatus  # noqa: E402
from belvedere.link.records import METADATA, Batch, Record, pack  # noqa: E402
from belvedere.policy.grant import Action, Grant  # noqa: E402
from belvedere.site.live.relay import Relay  # noqa: E402
from belvedere.site.outbox.sender import HttpsPost  # noqa: E402
from belvedere.site.storage.index import Index  # noqa: E402
from belvedere.site.uplink.outgoing import Outgoing  # noqa: E402
from belvedere.site.uplink.papers import PaperFolder  # noqa: E402
from belvedere.site.uplink.server import Uplink  # noqa: E402
from link_stage import LAST_NIGHT_US, Film, ShelfArchive, Words, film, grant_for  # noqa: E402
from outbox_stage import empty_index  # noqa: E402

CLOCK = SystemClock()
_PART = os.urandom(64 << 10)


class Shelf(ShelfArchive):
    """Footage of any length: bytes that do not shrink. Its status tells of eight cameras."""

    site = "site"

    def status(self) -> SiteStatus:
        now_us = self.clock.now_us()
        streams = (
            StreamStatus("main", "recording", "", "h264", 1920, 1080, 25.0, 2e6, 2.0, now_us, 0, 0, None),
            StreamStatus("sub", "recording", "", "h264", 640, 360, 12.5, 3e5, 2.0, now_us, 0, 0, None),
        )
        names = [f"{self.site}-camera-{number}" for number in range(8)]
        cameras = tuple(CameraStatus(name, name.title(), True, streams, now_us, 1 << 36) for name in names)
        return msgspec.structs.replace(super().status(), cameras=cameras)

    def read(
        self, grant: Grant, action: Action, camera: str, stream: str, segment: int, start: int, end: int
    ) -> Iterator[bytes]:
        left = end - start
        while left > 0:
            yield _PART[:left]
            left -= len(_PART)


def record(site: int, at: int) -> Record:
    """What a camera says of motion, as the site's trigger words it."""
    now_us = 1_790_000_000_000_000 + at * 60_000
    body = {
        "camera": f"site-{site}-camera-{at % 9}",
        "kind": "motion",
        "source": f"VideoSource_{at % 4}/Region_{at % 7}",
        "active": at % 2,
        "camera_us": now_us - 120_000,
        "arrival_us": now_us,
    }
    return Record("device_event", now_us, json.dumps(body, separators=(",", ":")))


@dataclass
class Box:
    """One site."""

    number: int
    data: Path
    film: Film
    epoch: bytes = field(default_factory=lambda: os.urandom(16))
    next_seq: int = 1

    def __post_init__(self) -> None:
        self.name = f"site-{self.number}"
        papers = self.data / "papers"
        self.papers = PaperFolder(papers / self.name, papers / f"{self.name}.pub", CLOCK)
        path = self.data / f"{self.name}.db"
        shutil.copy(empty_index(), path)
        self.index = Index(path, CLOCK)
        self.relay = Relay(CLOCK)
        archive = Shelf(CLOCK, self.film, CLOCK.now_us() - LAST_NIGHT_US)
        words = Words(CLOCK, grant_for(CLOCK, "gate"))
        archive.site = self.name
        healthy: dict[type[Request], Callable[[Any], Reply]] = {GetFaults: lambda _asked: Faults(CLOCK.now_us(), ())}
        self.uplink = Uplink(archive, self.relay, words, CLOCK, answers=healthy)
        self.out = Outgoing(self.index, self.papers, self.uplink, CLOCK, site=self.name, name=self.name)
        self.post = HttpsPost(self.papers.tls, self.papers.place)

    def fill(self, records: int) -> None:
        """So much waits in the outbox, as if it had happened while the line was away."""
        self.out.outbox.begin(self.papers.hub_digest())
        with self.index.write() as db:
            rows = ((at, *_row(record(self.number, at))) for at in range(1, records + 1))
            db.executemany("INSERT INTO outbox (lane, seq, kind, time_us, body) VALUES (1, ?, ?, ?, ?)", rows)
            db.execute("UPDATE outbox_lane SET next_seq = ? WHERE lane = 1", (records + 1,))

    async def send(self, batch: bytes, size: int) -> None:
        for again in range(5):  # as the real sender does; the time counts
            try:
                await self.post(batch)
                break
            except LinkFault:
                if again == 4:
                    raise
                await asyncio.sleep(0.2)
        self.next_seq += size


def _of_now(records: tuple[Record, ...]) -> tuple[Record, ...]:
    """The same words of the last second: the hub sorts records by time, and those of one moment are dearer to keep apart."""
    first_us, step_us = CLOCK.now_us() - 1_000_000, 1_000_000 // len(records)
    return tuple(Record(each.kind, first_us + at * step_us, each.body) for at, each in enumerate(records))


def _row(made: Record) -> tuple[str, int, str]:
    return made.kind, made.time_us, made.body


class Sites:
    """All of them."""

    def __init__(self, data: Path, count: int) -> None:
        shown = film(4, 640, 360)
        self.boxes = [Box(number, data, shown) for number in range(count)]
        self._playing: asyncio.Task[None] | None = None

    async def dial(self) -> dict[str, Any]:
        """Everybody keeps a line, and a camera's pictures come for who looks at the first site."""
        for box in self.boxes:
            box.out.dialler.start()
        for box in self.boxes:
            while not box.out.dialler.connected:  # noqa: ASYNC110 (it tells nobody)
                await asyncio.sleep(0.01)
        self._playing = asyncio.create_task(self._play(self.boxes[0]))
        return {"connected": len(self.boxes)}

    async def _play(self, box: Box) -> None:
        """As a recorder feeds it: a fragment each half second, and the run begins anew with each turn of the film."""
        while True:
            box.relay.config("gate", "main", box.film.config)
            for fragment in box.film.fragments():
                box.relay.fragment("gate", "main", fragment)
                await asyncio.sleep(0.5)

    async def steady(self, rate: int, seconds: float) -> dict[str, Any]:
        """Each site sends what its cameras said in the last second, all sites at their own moment of it, at `rate` records/s.

        A batch that is late does not hold up the clock: it counts from when it should have gone.
        """
        size, count = max(1, rate // len(self.boxes)), len(self.boxes)
        rounds = int(seconds)
        took: list[float] = []
        records = [tuple(record(box.number, at) for at in range(size)) for box in self.boxes]
        begun = time.perf_counter() + 0.5

        async def one(at: int, box: Box) -> None:
            for turn in range(rounds):
                due = begun + turn + at / count
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                batch = Batch(box.epoch, METADATA, box.next_seq, CLOCK.now_us(), _of_now(records[at]))
                await box.send(pack(batch), size)
                took.append(time.perf_counter() - due)

        await asyncio.gather(*(one(at, box) for at, box in enumerate(self.boxes)))
        wall_s = time.perf_counter() - begun
        return {"took": took, "records": size * rounds * count, "seconds": wall_s}

    async def flood(self, batches: int, at_once: int) -> dict[str, Any]:
        """As fast as the hub takes it, `at_once` sites at a time."""
        records = tuple(record(0, at) for at in range(500))
        begun = time.perf_counter()

        async def one(box: Box) -> None:
            for _ in range(batches):
                await box.send(pack(Batch(box.epoch, METADATA, box.next_seq, CLOCK.now_us(), records)), 500)

        await asyncio.gather(*(one(box) for box in self.boxes[:at_once]))
        return {"records": 500 * batches * at_once, "seconds": time.perf_counter() - begun}

    async def fill(self, records: int) -> dict[str, Any]:
        for box in self.boxes:
            await asyncio.to_thread(box.fill, records)
        return {"records": records * len(self.boxes)}

    async def catch_up(self) -> dict[str, Any]:
        """All senders at once, as after an outage, until nothing waits."""
        begun = time.perf_counter()
        tasks = [asyncio.create_task(box.out.sender.run(lambda: True)) for box in self.boxes]
        while any(box.out.outbox.standing().waiting for box in self.boxes):  # noqa: ASYNC110
            await asyncio.sleep(0.2)
        took = time.perf_counter() - begun
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return {"seconds": took, "records": sum(box.out.sender.sent for box in self.boxes)}

    async def carry_out(self, order: dict[str, Any]) -> dict[str, Any]:
        name = order.pop("do")
        if name not in ("dial", "steady", "flood", "fill", "catch_up"):
            raise SystemExit(f"{name} is no order")
        try:
            done: dict[str, Any] = await getattr(self, name)(**order)
        except BelvedereError as error:
            return {"failed": str(error)}
        return done


async def main(data: Path, count: int) -> None:
    # One process stands for many machines: no site waits for a thread of another's.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(2 * count + 8))
    sites = Sites(data, count)
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    print(json.dumps({"ready": count, "pid": os.getpid()}), flush=True)
    while line := await reader.readline():
        print(json.dumps(await sites.carry_out(json.loads(line))), flush=True)
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
