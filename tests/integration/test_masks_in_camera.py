"""Permanent masks in the camera: made through ONVIF Media 2, looked at again, and told honestly."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from belvedere.demo.onvif.masks import Mask
from belvedere.foundation.clock import HOUR_US, SimulatedClock
from belvedere.foundation.errors import CameraUnreachable
from belvedere.link.masked import CameraMasks
from belvedere.link.messages import Reply
from belvedere.site.masked.in_camera import AGAIN_US, InCamera
from belvedere.site.masked.store import MaskStore
from belvedere.site.onvif.masks import check_masks, put_masks
from belvedere.site.storage.index import Index
from onvif_stage import fake, talking

WINDOW = ((0.1, 0.1), (0.3, 0.1), (0.3, 0.4))
DOOR = ((0.6, 0.5), (0.7, 0.5), (0.7, 0.9), (0.6, 0.9))
Corners = tuple[tuple[float, float], ...]
OTHERS = Mask(((-1.0, 1.0), (-0.9, 1.0), (-0.9, 0.9)))


def flat(points: Corners) -> list[float]:
    return [one for point in points for one in point]


async def test_masks_are_made_kept_and_seen_where_they_were_drawn() -> None:
    async with fake() as device, talking(device) as client:
        await client.begin()
        device.masks.held["the installer's"] = OTHERS
        done = await put_masks(client, (WINDOW, DOOR), ())
        assert (done.held, done.why, len(done.tokens)) == (True, "", 2)
        first = device.masks.held[done.tokens[0]]
        # The top left of the picture is (-1, 1) there.
        assert first.on and flat(first.points) == pytest.approx([-0.8, 0.8, -0.4, 0.8, -0.4, 0.2], abs=0.01)
        assert await check_masks(client, done.tokens)
        again = await put_masks(client, (DOOR,), done.tokens)
        assert again.held and set(device.masks.held) == {"the installer's", *again.tokens}
        none = await put_masks(client, (), again.tokens)
        assert not none.held and set(device.masks.held) == {"the installer's"}
        assert not await check_masks(client, done.tokens)


async def test_a_camera_that_knows_rectangles_only_hides_more_never_less() -> None:
    async with fake() as device, talking(device) as client:
        await client.begin()
        device.masks.rectangles, device.masks.points = True, 4
        done = await put_masks(client, (WINDOW,), ())
        points = device.masks.held[done.tokens[0]].points
        assert done.held and len(points) == 4
        assert points[0] == pytest.approx((-0.8, 0.8), abs=0.01) and points[2] == pytest.approx((-0.4, 0.2), abs=0.01)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"forgets": True}, "did not keep"),
        ({"unknown": True}, "refused"),
        ({"kinds": ("Blurred",)}, "offers no masks"),
        ({"most": 1}, "has others"),
        ({"sources": ("source-1", "source-2")}, "several lenses"),
    ],
)
async def test_what_the_camera_cannot_do_is_said_in_words(change: dict[str, Any], why: str) -> None:
    async with fake() as device, talking(device) as client:
        await client.begin()
        for name, value in change.items():
            setattr(device.masks, name, value)
        done = await put_masks(client, (WINDOW, DOOR), ())
        assert not done.held and why in done.why and not done.tokens
        assert not device.masks.held


async def test_a_camera_without_media_2_has_none() -> None:
    async with fake() as device, talking(device) as client:
        done = await put_masks(client, (WINDOW,), ())
        assert not done.held and "Media 2" in done.why
        assert device.requests == []


async def test_a_full_camera_changes_old_masks_for_new_ones() -> None:
    async with fake() as device, talking(device) as client:
        await client.begin()
        device.masks.most = 2
        before = await put_masks(client, (WINDOW, DOOR), ())
        after = await put_masks(client, (DOOR, WINDOW), before.tokens)
        assert after.held and set(device.masks.held) == set(after.tokens)


def last(camera: "Camera") -> tuple[str, Any, Any]:
    return camera.asked[-1]


class Camera:
    """What the device process says."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any, Any]] = []
        self.answer: Callable[[str], Awaitable[Reply]] = self.good

    async def good(self, act: str) -> Reply:
        return CameraMasks(True, "", ("mask-1",))

    async def lost(self, act: str) -> Reply:
        return CameraMasks(act == "mask", "", ("mask-2",))

    async def away(self, act: str) -> Reply:
        raise CameraUnreachable("The camera does not answer.", advice="Look at its cable.")

    async def __call__(self, act: str, **more: Any) -> Reply:
        self.asked.append((act, more.get("polygons"), more.get("tokens")))
        return await self.answer(act)


async def test_the_site_tries_again_looks_again_and_says_how_it_is(tmp_path: Path) -> None:
    clock, camera = SimulatedClock(), Camera()
    index = Index(tmp_path / "index.db", clock)
    try:
        store = MaskStore(index)
        attached: set[str] = set()
        keeping = InCamera(store, index, camera, attached.__contains__, clock)
        await keeping.step()
        assert camera.asked == []
        store.put("gate", 1, (WINDOW,))
        assert keeping.state_of("gate", 1) == (False, "")
        await keeping.step()
        assert keeping.state_of("gate", 1) == (False, "No ONVIF device is attached to this camera.")
        attached.add("gate")
        camera.answer = camera.away
        await keeping.step()
        assert camera.asked == []  # not before its time
        clock.advance(AGAIN_US)
        await keeping.step()
        assert keeping.state_of("gate", 1) == (False, "The camera does not answer.")
        camera.answer = camera.good
        clock.advance(AGAIN_US)
        await keeping.step()
        assert keeping.state_of("gate", 1) == (True, "") and keeping.state_of("gate", 2) == (False, "")
        assert last(camera) == ("mask", (WINDOW,), ())
        # It is remembered over a restart, and looked at again.
        keeping = InCamera(store, index, camera, attached.__contains__, clock)
        assert keeping.state_of("gate", 1) == (True, "")
        camera.answer = camera.lost
        await keeping.step()
        assert [(act, tokens) for act, _, tokens in camera.asked[-2:]] == [
            ("masked", ("mask-1",)),
            ("mask", ("mask-1",)),
        ]
        assert keeping.state_of("gate", 1) == (True, "")
        asked = len(camera.asked)
        clock.advance(HOUR_US - 1)
        await keeping.step()
        assert len(camera.asked) == asked
        store.put("gate", 2, ())
        camera.answer = camera.good
        await keeping.step()
        assert last(camera) == ("mask", (), ("mask-2",))
    finally:
        index.close()
