"""The hub of `bench/link.py`: a process that lets sites in, takes their calls, and does what lines of JSON on its input say.

`link_hub.py DATA ADDRESS SITES`; SITES papers lie in DATA/papers when it says that it is ready.
"""

import asyncio
import gc
import json
import logging
import os
import random
import socket
import sys
import time
from contextlib import aclosing
from pathlib import Path
from typing import Any

import structlog
import uvloop

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "tests")]

from belvedere.foundation.clock import SystemClock  # noqa: E402
from belvedere.foundation.errors import BelvedereError  # noqa: E402
from belvedere.foundation.settings import load_settings  # noqa: E402
from belvedere.hub.context import HubContext, open_hub  # noqa: E402
from belvedere.link.client import SiteLink  # noqa: E402
from belvedere.link.enrolment import Ask, make_request, make_site_key  # noqa: E402
from belvedere.link.messages import LiveMedia  # noqa: E402
from belvedere.policy.grant import Action  # noqa: E402
from belvedere.site.uplink.papers import PaperFolder, Place  # noqa: E402
from fleet_stage import Confirming, person  # noqa: E402
from hub_stage import FAST, ToldSite  # noqa: E402
from link_stage import grant_for  # noqa: E402

CLOCK = SystemClock()
PATIENCE_S = 15.0  # for a first live picture


async def let_in(hub: HubContext, place: Place, folder: Path, site: str) -> None:
    """Token, request, decision and papers, with the network left out."""
    desk, key = hub.fleet.desk, make_site_key()
    _, token = await desk.make_token(person("ann"), site, site.title())
    asked = await desk.ask(Ask(token.secret, make_request(site, key), "bench", "bench"), "127.0.0.1")
    await desk.decide(person("ben"), asked.id, let_in=True, seen=asked.fingerprint, reason="")
    papers = PaperFolder(folder / site, folder / f"{site}.pub", CLOCK)
    papers.take(await desk.papers(asked.id), key)
    papers.move(place)


async def probe(hub: HubContext, seconds: float, every_s: float) -> dict[str, Any]:
    """How long live commands take: a question to one site after the other, at random. Failures are counted."""
    chance, until = random.Random(3), time.monotonic() + seconds
    took: list[float] = []
    failed = 0
    sites = [site for site in hub.fleet.asked() if hub.fleet.switchboard.line(site) is not None]
    while time.monotonic() < until:
        begun = time.perf_counter()
        try:
            await hub.fleet.to(chance.choice(sites)).status()
            took.append(time.perf_counter() - begun)
        except BelvedereError:
            failed += 1
        await asyncio.sleep(every_s)
    return {"took": took, "failed": failed}


async def first_pictures(hub: HubContext, site: str, times: int) -> dict[str, Any]:
    """From asking for a live picture to having it, each on a line of its own."""
    took, size, link = [], 0, hub.fleet.to(site)
    for _ in range(times):
        await link.close()  # no kept channel: the dial is in it
        begun = time.perf_counter()
        try:
            async with (
                asyncio.timeout(PATIENCE_S),
                await link.open_live(grant_for(CLOCK, "gate").id.encode(), "gate", "main") as view,
            ):
                async for part in view:
                    if isinstance(part, LiveMedia):
                        took.append(time.perf_counter() - begun)
                        size = len(part.data)
                        break
        except TimeoutError:  # counts as that long, and the rest is measured all the same
            took.append(PATIENCE_S)
            break
    return {"took": took, "bytes": size}


async def clip(hub: HubContext, site: str, segments: int, size: int) -> dict[str, Any]:
    """All segments of a clip, one after the other, as an export reads them."""
    link, came, begun = hub.fleet.to(site), 0, time.perf_counter()
    wire = grant_for(CLOCK, "gate").id.encode()
    for segment in range(1, segments + 1):
        asked = wire, Action.PLAYBACK, "gate", "main", segment, 0, size
        async with aclosing(link.read_footage(*asked)) as parts:
            async for part in parts:
                came += len(part)
    return {"bytes": came, "seconds": time.perf_counter() - begun}


async def carry_out(hub: HubContext, order: dict[str, Any]) -> dict[str, Any]:
    match order.pop("do"):
        case "probe":
            return await probe(hub, **order)
        case "live":
            return await first_pictures(hub, **order)
        case "clip":
            return await clip(hub, **order)
        case "lines":
            lines = sum(hub.fleet.switchboard.line(site) is not None for site in hub.fleet.asked())
            return {"lines": lines, "cameras": len(await asyncio.to_thread(hub.register.list_cameras))}
        case "taken":
            book = hub.fleet.records
            return {"taken": book.taken, "repeated": book.repeated, "gaps": len(book.gaps())}
        case other:
            raise SystemExit(f"{other} is no order")


async def main(data: Path, address: str, sites: int) -> None:
    settings = load_settings(data)
    link = SiteLink(ToldSite().connect)
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async with open_hub(settings, clock=CLOCK, link=link, hasher=FAST) as hub:
        hub.fleet.desk._step_up = Confirming()  # type: ignore[assignment]
        listener = socket.create_server((address, 0), backlog=512)
        place = Place(address, listener.getsockname()[1])
        for number in range(sites):
            await let_in(hub, place, data / "papers", f"site-{number}")
        await hub.fleet.listen(listener)
        gc.enable()  # as `hub.serve` has it once it is ready
        gc.freeze()
        gc.set_threshold(20_000, 20, 20)
        print(json.dumps({"ready": place.port, "pid": os.getpid()}), flush=True)
        while line := await reader.readline():
            print(json.dumps(await carry_out(hub, json.loads(line))), flush=True)


if __name__ == "__main__":
    structlog.configure(
        processors=[structlog.processors.format_exc_info, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    os.environ.setdefault("BELVEDERE_HUB__ACCESS", "open_desk")
    uvloop.run(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
