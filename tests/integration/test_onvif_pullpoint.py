"""Subscriptions and their faults, by a clock of ours: renewal at 80 %, broken times, cameras that forget."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from belvedere.demo.onvif.device import FakeDevice
from belvedere.demo.onvif.faults import DeviceFaults
from belvedere.foundation.clock import HOUR_US, SECOND_US, SimulatedClock
from belvedere.foundation.errors import CameraProtocol
from belvedere.site.onvif.device import Device
from belvedere.site.onvif.events import Changes, Notice
from belvedere.site.onvif.pinning import service_address
from belvedere.site.onvif.pullpoint import PullPoint
from belvedere.site.onvif.watch import backoff_s
from belvedere.site.onvif.web import Web
from onvif_stage import PASSWORD, fake


class Listening:
    """A pull point whose steps the test takes by hand."""

    def __init__(self, clock: SimulatedClock, fake_device: FakeDevice, device: Device, seed: int = 1) -> None:
        self.clock = clock
        self.events = fake_device.events
        self.heard: list[Notice] = []
        self.changes = Changes()
        self.point = PullPoint(
            device, self.changes, clock, lambda notice, _: self.heard.append(notice), random.Random(seed)
        )

    @property
    def left_s(self) -> float:
        """Seconds until the renewal."""
        return (self.point.renew_at_us - self.clock.monotonic_us()) / SECOND_US


@asynccontextmanager
async def listening(faults: DeviceFaults) -> AsyncIterator[Listening]:
    clock = SimulatedClock()
    async with fake(faults, clock=clock) as device, Web() as web:
        place, _, _ = service_address(device.address)
        client = Device(web, place, "belvedere", PASSWORD, clock)
        await client.begin()
        yield Listening(clock, device, client)


QUICK: Any = {"pulls_at_once": True}


async def test_it_is_renewed_at_four_fifths_of_its_life_and_lives_on() -> None:
    async with listening(DeviceFaults(**QUICK)) as it:
        await it.point.step()
        for _ in range(5):
            assert 600 * 0.7 <= it.left_s <= 600 * 0.8
            await it.point.step()
            it.clock.advance(int(it.left_s * SECOND_US))
            await it.point.step()
        assert (it.events.made, it.events.renewed) == (1, 5)
        it.events.set_state("motion", True)
        assert await it.point.step() == 0
        assert [notice.active for notice in it.heard] == [True]
        assert 0 < await it.point.step() <= 1  # an answer at once, with nothing: not asked again at once


@pytest.mark.parametrize(
    ("faults", "life_s"),
    [
        (DeviceFaults(fixed_life_s=30, **QUICK), 30),
        (DeviceFaults(fixed_life_s=86_400, **QUICK), 60),
        (DeviceFaults(past_termination=True, **QUICK), 60),
        (DeviceFaults(event_clock_error_us=HOUR_US, **QUICK), 600),
        (DeviceFaults(event_clock_error_us=-HOUR_US, **QUICK), 600),
        (DeviceFaults(clock_error_us=-HOUR_US, **QUICK), 600),
        (DeviceFaults(relative_refused=True, **QUICK), 600),
        (DeviceFaults(relative_refused=True, clock_error_us=5 * HOUR_US, **QUICK), 600),
        (DeviceFaults(foreign_host="10.99.0.1", **QUICK), 600),
        (DeviceFaults(http_digest=True, **QUICK), 600),
    ],
)
async def test_lives_that_cameras_get_wrong(faults: DeviceFaults, life_s: int) -> None:
    async with listening(faults) as it:
        await it.point.step()
        assert life_s * 0.69 <= it.left_s <= life_s * 0.8 + 1.1  # a second: the camera's clock tells whole ones
        it.events.set_state("input", True)
        await it.point.step()
        assert [notice.kind for notice in it.heard] == ["input"]
        it.clock.advance(int(it.left_s * SECOND_US))
        await it.point.step()
        assert it.events.renewed == 1
        it.events.set_state("input", False)
        await it.point.step()
        assert len(it.heard) == 2


async def test_a_declined_renewal_becomes_a_new_subscription() -> None:
    async with listening(DeviceFaults(renew_refused=True, **QUICK)) as it:
        await it.point.step()
        it.clock.advance(int(it.left_s * SECOND_US) + 1)
        await it.point.step()
        it.events.set_state("motion", True)
        await it.point.step()
        await it.point.step()
        assert it.events.made == 2
        assert it.heard == []  # its state was told as the present one, before any was known: no news


async def test_a_camera_that_forgets_is_asked_again_and_nothing_is_told_twice() -> None:
    async with listening(DeviceFaults(**QUICK)) as it:
        await it.point.step()
        it.events.set_state("motion", True)
        await it.point.step()
        it.events.forget_all()
        with pytest.raises(CameraProtocol):
            await it.point.step()
        await it.point.step()
        await it.point.step()
        assert it.events.made == 2 and len(it.heard) == 1
        it.events.forget_all()
        it.events.set_state("motion", False)  # while nobody listened
        with pytest.raises(CameraProtocol):
            await it.point.step()
        await it.point.step()
        await it.point.step()
        assert [notice.active for notice in it.heard] == [True, False]


async def test_topics_of_no_concern_are_counted_and_dropped() -> None:
    async with listening(DeviceFaults(chatter=True, **QUICK)) as it:
        await it.point.step()
        await it.point.step()
        assert it.point.others == 2 and it.heard == []


def test_sixty_cameras_do_not_come_back_together() -> None:
    waits = sorted(backoff_s(3, random.Random(seed)) for seed in range(60))
    assert waits[0] >= 8 and waits[-1] <= 16 and waits[-1] - waits[0] > 6
    assert 60 <= backoff_s(1_000_000, random.Random(1)) <= 120 and backoff_s(0, random.Random(1)) <= 2
