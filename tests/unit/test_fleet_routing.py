"""One question about cameras of several sites: asked at the same time, joined in the order asked, without those that are away."""

import asyncio
from collections.abc import Collection
from typing import Any

import pytest

from belvedere.foundation.errors import LinkFault, Refused, SiteAway
from belvedere.hub.fleet.routing import Away, FleetLink
from belvedere.link.channel import Channel, ChannelClosed, memory_pair
from belvedere.link.client import SiteLink
from belvedere.link.messages import CameraTimeline, GetTimeline, Timeline
from belvedere.link.wire import decode_request, encode, failure_of

PLACES = {"a1": "main", "a2": "main", "b1": "rowan", "c1": "elm"}


class Town:
    """Three sites on memory channels. `doing`: what a site does with a question: answer, away, hang, refuse."""

    def __init__(self) -> None:
        self.doing = dict.fromkeys(("main", "rowan", "elm"), "answer")
        self.asked: list[str] = []
        self.all_asked = asyncio.Event()
        self.tasks: list[asyncio.Task[None]] = []
        self.link = FleetLink("main", self.to("main"), lambda: PLACES)
        self.link.sites |= {site: self.to(site) for site in ("rowan", "elm")}

    def to(self, site: str) -> SiteLink:
        async def connect() -> Channel:
            if self.doing[site] == "away":
                raise ChannelClosed("away")
            ours, theirs = memory_pair()
            self.tasks.append(asyncio.create_task(self.serve(site, theirs)))
            return ours

        return SiteLink(connect)

    async def serve(self, site: str, channel: Channel) -> None:
        try:
            while True:
                request = decode_request(await channel.receive())
                assert isinstance(request, GetTimeline)
                self.asked.append(site)
                if len(self.asked) == 3:
                    self.all_asked.set()
                match self.doing[site]:
                    case "away":
                        return await channel.close()
                    case (
                        "together"
                    ):  # answers once all three have been asked: they would wait for ever one after another
                        await self.all_asked.wait()
                    case "hang":
                        await asyncio.Event().wait()
                    case "refuse":
                        await channel.send(encode(failure_of(Refused("No."))))
                        continue
                await channel.send(encode(Timeline(tuple(CameraTimeline(camera, ()) for camera in request.cameras))))
        except ChannelClosed:
            return

    async def close(self) -> None:
        await self.link.close()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


def question(*cameras: str) -> GetTimeline:
    return GetTimeline(cameras, "main", 0, 1)


async def test_all_are_asked_at_the_same_time_and_answers_come_in_the_order_asked() -> None:
    town = Town()
    try:
        town.doing = dict.fromkeys(town.doing, "together")
        async with asyncio.timeout(60):
            part = await town.link.ask_those_here(question("c1", "a1", "b1", "a2"), Timeline)
        assert [each.camera for each in part.reply.cameras] == ["c1", "a1", "b1", "a2"] and part.away == ()
    finally:
        await town.close()


async def test_a_site_that_is_away_is_named_and_the_others_are_shown() -> None:
    town = Town()
    try:
        town.doing["rowan"] = "away"
        part = await town.link.ask_those_here(question("b1", "a1", "c1"), Timeline)
        assert [each.camera for each in part.reply.cameras] == ["a1", "c1"]
        assert part.away == (Away("rowan", ("b1",)),)
        with pytest.raises(SiteAway, match="rowan"):
            await town.link.ask(question("b1", "a1"), Timeline)
        town.doing = dict.fromkeys(town.doing, "away")
        with pytest.raises(LinkFault):
            await town.link.ask_those_here(question("b1", "a1"), Timeline)
        with pytest.raises(SiteAway):
            await town.link.ask_those_here(question("b1"), Timeline)
    finally:
        await town.close()


async def test_one_that_hangs_is_left_out_when_the_limit_is_over() -> None:
    town = Town()

    async def all_but_one(tasks: Collection[asyncio.Task[Any]]) -> set[asyncio.Task[Any]]:
        """The limit is over when the others have answered, however long that takes on this machine."""
        waiting = set(tasks)
        while len(waiting) > 1:
            waiting = (await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED))[1]
        return waiting

    try:
        town.doing["rowan"] = "hang"
        town.link.late = all_but_one  # type: ignore[method-assign]
        part = await town.link.ask_those_here(question("b1", "a1", "c1"), Timeline)
        assert [each.camera for each in part.reply.cameras] == ["a1", "c1"] and part.away[0].site == "rowan"
    finally:
        await town.close()


async def test_a_refusal_is_no_absence() -> None:
    town = Town()
    try:
        town.doing["elm"] = "refuse"
        with pytest.raises(Refused):
            await town.link.ask_those_here(question("a1", "c1"), Timeline)
    finally:
        await town.close()
