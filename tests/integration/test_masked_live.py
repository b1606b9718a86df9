"""Masked live pictures over the link: nobody raw, shared, limited, back after a fault."""

import asyncio
import dataclasses
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import numpy as np
import pytest

from belvedere.foundation.clock import HOUR_US, SECOND_US, Clock, SystemClock
from belvedere.foundation.errors import LinkFault, Refused, Unavailable
from belvedere.link.channel import Channel, memory_pair
from belvedere.link.client import LiveView, SiteLink
from belvedere.link.masked import Polygons
from belvedere.link.messages import LiveMedia, LiveStart, LiveState
from belvedere.policy.decision import Ask, Asker, decide
from belvedere.policy.grant import Action, Grant
from belvedere.policy.table import TABLE
from belvedere.site.live.relay import Relay
from belvedere.site.masked.room import MaskedRoom
from belvedere.site.uplink.server import Uplink
from link_stage import ShelfArchive, Words, film, fragment_of, single
from masking_stage import BEFORE, FPS, STEP_90K, decoded, is_cover, yard_film
from process_stage import confined


def grant_of(clock: Clock, *, masked: bool, cameras: tuple[str, ...] = ("gate", "yard")) -> Grant:
    """What the policy gives an operator on shift when duty is masked."""
    duty = dataclasses.replace(TABLE.purposes["duty"], masked=masked)
    table = dataclasses.replace(TABLE, purposes={**TABLE.purposes, "duty": duty})
    asker = Asker("user_1", "Ann Operator", frozenset({"operator"}), frozenset(cameras), clock.now_us() + 8 * HOUR_US)
    name = "grant_masked" if masked else "grant_raw"
    return decide(asker, Ask(name, "duty", frozenset(cameras)), table, clock.now_us()).granted()


class Site:
    """A relay that a test feeds, the masking beside it, and a link to both."""

    def __init__(self, *, most: int = 4, permanent: Polygons = ()) -> None:
        self.clock = SystemClock()
        self.permanent = permanent
        self.relay = Relay(self.clock, linger_s=0)
        self.room = MaskedRoom(self.relay, self.clock, lambda camera: self.permanent, most=most, linger_s=0)
        self.grants = [grant_of(self.clock, masked=masked) for masked in (True, False)]
        archive = ShelfArchive(self.clock, film(), self.clock.now_us())
        self.uplink = Uplink(archive, self.relay, Words(self.clock, *self.grants), self.clock, masked=self.room)
        self.link = SiteLink(self._connect)
        self._served: set[asyncio.Task[None]] = set()
        self._begun_us = self.clock.now_us()

    async def _connect(self) -> Channel:
        ours, theirs = memory_pair()
        task = asyncio.create_task(self.uplink.serve(theirs))
        self._served.add(task)
        task.add_done_callback(self._served.discard)
        return ours

    def learn(self, camera: str = "gate") -> None:
        """The yard without people, in the minute and more before."""
        config, frames, _ = yard_film()
        self.relay.config(camera, "sub", config)
        self.relay.state(camera, "sub", "recording", "")
        for number in range(BEFORE):
            at_us = self._begun_us - (BEFORE - number) * 8 * SECOND_US
            frame = dataclasses.replace(frames[number], arrival_us=at_us)
            self.relay.fragment(camera, "sub", fragment_of([frame], frame.dts_90k + STEP_90K))
            self.room._history.step()

    def send(self, numbers: range, camera: str = "gate") -> None:
        """People: frames of the film, each as a fragment."""
        _, frames, _ = yard_film()
        for number in numbers:
            at_us = self._begun_us + number * SECOND_US // FPS
            frame = dataclasses.replace(frames[BEFORE + number], arrival_us=at_us)
            self.relay.fragment(camera, "sub", fragment_of([frame], frame.dts_90k + STEP_90K))

    async def watch(self, camera: str = "gate", *, masked: bool = True, stream: str = "sub") -> LiveView:
        grant = self.grants[0 if masked else 1]
        return await self.link.open_live(grant.id.encode(), camera, stream)


@asynccontextmanager
async def site(*, most: int = 4, permanent: Polygons = ()) -> AsyncIterator[Site]:
    made = Site(most=most, permanent=permanent)
    try:
        async with asyncio.timeout(60):
            yield made
    finally:
        await made.link.close()
        await made.uplink.close()
        await made.room.stop()


class Seen:
    """What a viewer got so far."""

    def __init__(self, view: LiveView) -> None:
        self.view = view
        self.init = b""
        self.media: list[LiveMedia] = []
        self.states: list[str] = []

    async def take(self, dts_90k: int) -> None:
        """Go on until the frame with this decode time, or a later one, is there."""
        async for part in self.view:
            match part:
                case LiveStart():
                    self.init, self.media = part.init, []
                case LiveState():
                    self.states.append(part.state)
                case LiveMedia():
                    self.media.append(part)
                    if _dts(part) >= dts_90k:
                        return
        raise AssertionError("the view ended")


def _dts(part: LiveMedia) -> int:
    at = part.data.index(b"tfdt") + 8
    return int.from_bytes(part.data[at : at + 8], "big")


def uncovered(seen: Seen) -> int:
    """Pixels of people that a viewer could see, in all pictures that he got."""
    _, _, truths = yard_film()
    missed = 0
    for part, picture in zip(seen.media, decoded(seen.init, [each.data for each in seen.media]), strict=True):
        missed += int((truths[_dts(part) // STEP_90K] & ~is_cover(picture)).sum())
    return missed


async def until(true: Callable[[], bool]) -> None:
    while not true():
        await asyncio.sleep(0.01)


def end_90k(number: int) -> int:
    return (BEFORE + number) * STEP_90K


async def test_every_pixel_of_people_is_covered_for_all_viewers_of_one_rendition() -> None:
    async with site() as one:
        one.learn()
        first = Seen(await one.watch())
        one.send(range(10))
        await first.take(end_90k(9))
        second = Seen(await one.watch(stream="main"))  # whatever is asked for, a masked grant gets this
        await second.take(end_90k(9))  # without a new frame: the newest masked group
        one.send(range(10, 20))
        for seen in (first, second):
            await seen.take(end_90k(19))
            assert len(seen.media) >= 10
            assert uncovered(seen) == 0
        ((kind, rendition),) = one.room.renditions
        assert (kind, len(rendition.viewers), rendition.restarts) == ("masked", 2, 0)
        assert not rendition.whole
        assert 0 < rendition.share < 0.5
        assert rendition.cost.frames >= 20
        assert rendition.cost.cpu_ms_per_s > 0
        await first.view.close()
        await second.view.close()
        await until(lambda: not one.room.renditions)


async def test_a_view_that_is_not_known_yet_is_blocks_as_a_whole() -> None:
    async with site() as one:
        config, _, _ = yard_film()
        one.relay.config("gate", "sub", config)
        seen = Seen(await one.watch())
        one.send(range(10))
        await seen.take(end_90k(9))
        for picture in decoded(seen.init, [each.data for each in seen.media]):
            blocks = picture[:360].reshape(9, 40, 16, 40).astype(int)
            assert np.median(blocks.max(axis=(1, 3)) - blocks.min(axis=(1, 3))) < 16
        ((_, rendition),) = one.room.renditions
        assert rendition.whole
        await seen.view.close()


async def test_a_killed_process_comes_back_and_nothing_raw_is_shown_meanwhile() -> None:
    async with site() as one:
        one.learn()
        seen = Seen(await one.watch())
        one.send(range(5))
        await seen.take(end_90k(4))
        missed = uncovered(seen)
        ((_, rendition),) = one.room.renditions
        assert rendition.pid is not None
        os.kill(confined(rendition.pid), signal.SIGKILL)
        await until(lambda: rendition.pid is None)
        one.send(range(5, 12))
        await until(lambda: rendition.restarts > 0 and rendition.pid is not None)
        one.send(range(12, 25))
        await seen.take(end_90k(24))
        assert "connecting" in seen.states
        assert missed + uncovered(seen) == 0
        assert rendition.restarts == 1
        await seen.view.close()


async def test_the_limit_is_said_in_plain_words() -> None:
    async with site(most=1) as one:
        view = await one.watch("gate")
        with pytest.raises(Unavailable) as refused:
            await one.watch("yard")
        assert refused.value.message.startswith("One masked picture is being made already")
        await one.watch("gate")  # the one that is made can have more viewers
        assert one.room.refused == 1
        await view.close()


async def test_a_masked_grant_opens_nothing_raw_and_an_unmasked_one_is_as_before() -> None:
    async with site() as one:
        masked, raw = one.grants
        for stream in ("main", "sub"):
            with pytest.raises(Refused, match="masked"):
                one.relay.subscribe(masked, "gate", stream)
        one.learn()
        view = await one.watch(masked=False)
        one.send(range(1))
        _, frames, _ = yard_film()
        async for part in view:
            if isinstance(part, LiveMedia) and _dts(part) == end_90k(0):
                assert part.data.endswith(frames[BEFORE].data)
                break
        assert one.room.renditions == []
        assert raw.actions >= {Action.LIVE}
        await view.close()


async def test_permanent_masks_bind_unmasked_views_too() -> None:
    window = ((0.1, 0.1), (0.4, 0.1), (0.4, 0.6), (0.1, 0.6))
    async with site() as one:
        one.learn()
        raw = await one.watch(masked=False)
        one.permanent = (window,)
        await one.room.masks_changed("gate")
        with pytest.raises(LinkFault, match="masks have changed"):
            async for _ in raw:
                pass
        seen = Seen(await one.watch(masked=False))
        one.send(range(10))
        await seen.take(end_90k(9))
        for picture in decoded(seen.init, [each.data for each in seen.media]):
            inside = picture[40:210, 70:250]
            assert np.abs(inside.astype(int) - 40).max() < 16
            assert picture[40:210, 300:600].std() > 20  # the rest is as it is
        ((kind, _),) = one.room.renditions
        assert kind == "painted"
        await seen.view.close()


async def test_frame_by_frame_the_masked_picture_follows_at_once() -> None:
    async with site() as one:
        one.learn()
        seen = Seen(await one.watch())
        one.send(range(1))
        await seen.take(end_90k(0))
        _, frames, _ = yard_film()
        for number in range(1, 6):
            frame = frames[BEFORE + number]
            one.relay.frame("gate", "sub", frame.keyframe, one.clock.now_us(), single(frame, STEP_90K))
            await seen.take(frame.dts_90k)  # before the next frame is sent
        assert uncovered(seen) == 0
        await seen.view.close()
