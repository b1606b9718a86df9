"""Boxes that update themselves over the real link: releases of almost nothing, the guard's part played step by step."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from belvedere.foundation.clock import Clock
from belvedere.foundation.settings import SiteSettings
from belvedere.hub.rollouts.desk import RolloutDesk
from belvedere.hub.rollouts.plan import Pace, SiteStep
from belvedere.hub.rollouts.store import write_release
from belvedere.hub.storage.acts import nowhere
from belvedere.link.configuration import LineLimits
from belvedere.link.release import SignedManifest, key_words
from belvedere.site.outbox.sender import HttpsPost
from belvedere.site.update.desk import Standing, UpdateDesk
from belvedere.site.update.fetch import Fetcher
from belvedere.site.update.guard import HEALTH, TRIAL_FILE, WHOLE, Shelf
from belvedere.site.uplink.budget import LineBudget
from fleet_stage import Box, FleetStage
from update_stage import PUBLIC, manifest, signed

FILES = {"belvedere-9.0.0-py3-none-any.whl": bytes(range(256)) * 1500, "other-1-py3-none-any.whl": b"other"}


def held(stage: FleetStage, version: str = "9.0.0", files: dict[str, bytes] | None = None) -> SignedManifest:
    """A release that the hub has taken in."""
    wheels = stage.folder / f"wheels-{version}"
    wheels.mkdir()
    for name, data in (files or FILES).items():
        (wheels / name).write_bytes(data)
    made = manifest(version, files or FILES)
    archive = stage.folder / f"{version}.release"
    write_release(archive, signed(made), made, wheels)
    desk = stage.hub.fleet.rollouts
    found, opened = desk.store.take_in(archive, [PUBLIC])
    desk.book.add_release(found, opened, nowhere)
    return found


def build_stub(folder: Path, wheels: list[Path], version: str, _sha256: str) -> None:
    """In the place of a Python environment."""
    assert all(wheel.is_file() for wheel in wheels)
    folder.mkdir(exist_ok=True)
    (folder / WHOLE).write_text(version, "utf-8")


@dataclass
class Updating:
    """A box's part that updates it; `switch` is what the guard does."""

    box: Box
    folder: Path
    clock: Clock
    make: Callable[[Path, list[Path], str, str], None] = build_stub
    recording: frozenset[tuple[str, str]] = frozenset({("gate", "main")})
    limits: LineLimits = field(default_factory=LineLimits)
    keys: list[str] = field(default_factory=lambda: [key_words(PUBLIC)])
    free: int = 1 << 40
    _task: "asyncio.Task[None] | None" = None
    _going: "set[asyncio.Future[bytes]]" = field(default_factory=set)  # a thread has them, whoever waited has left

    def __post_init__(self) -> None:
        self.shelf = Shelf(self.folder / "releases", self.folder / "floor")
        self.shelf.folder.mkdir(parents=True, exist_ok=True)
        self.post = HttpsPost(self.box.papers.tls, self.box.papers.place, "/link/release")
        self.begin("0.1.0")

    def begin(self, running: str) -> None:
        """The site's process starts, with this version."""
        self.desk = UpdateDesk(
            SiteSettings.model_validate({"id": self.box.site, "release_keys": self.keys}),
            self.shelf,
            Fetcher(self._send, LineBudget(self.clock), lambda _folder: self.free),
            self.clock,
            newest_migration=17,
            limits=lambda: self.limits,
            standing=lambda: Standing(self.recording, self.box.dialler.connected),
            make=self.make,
            running=running,
            look_s=0.02,
        )
        self.box.uplink._answers = {**self.box.uplink._answers, **self.desk.answers}
        self._task = asyncio.create_task(self.desk.run())

    async def end(self) -> None:
        """The site's process ends."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await asyncio.gather(*self._going, return_exceptions=True)
        self.post.close()

    async def _send(self, data: bytes) -> bytes:
        going = asyncio.ensure_future(self.post(data))
        self._going.add(going)
        going.add_done_callback(self._going.discard)
        return await asyncio.shield(going)

    async def until(self, name: str) -> dict[str, object]:
        """Until a file of facts is there."""
        async with asyncio.timeout(120):
            while (found := self.shelf.read(name)) is None:
                await asyncio.sleep(0.02)
        return found

    async def switch(self, *, well: bool) -> None:
        """The guard: ends the process, starts the new one, hears of its health, and keeps it or goes back."""
        await self.until(TRIAL_FILE)
        await self.end()
        trial = self.shelf.settle()
        assert trial is not None
        former, self.recording = self.recording, self.recording if well else frozenset()
        self.begin(str(trial["version"]))
        said = await self.until(HEALTH)
        if well:
            assert said == {"token": trial["token"], "well": True, "why": ""}
            self.shelf.well(trial)
        else:
            assert said["well"] is False
            await self.end()
            self.shelf.back(trial, str(said["why"]))
            self.recording = former
            self.begin("0.1.0")


async def begun(stage: FleetStage, version: str, first: list[str], pace: Pace, *, night: bool = False) -> str:
    """A roll-out, confirmed; its id."""
    desk = stage.hub.fleet.rollouts
    agreed = {"confirmed_by": stage.ben.user.id}
    made = await desk.start(stage.ann.user, version, first, [], pace, night=night, reason="holes closed", agreed=agreed)
    return made.id


async def standing(
    desk: RolloutDesk, rollout: str, wanted: Callable[[dict[str, SiteStep]], bool]
) -> dict[str, SiteStep]:
    """How the sites stand, once they stand as wanted; the desk is made to look meanwhile."""
    async with asyncio.timeout(120):
        while True:
            await desk.look()
            found = {each.site: each for each in (await asyncio.to_thread(desk.book.get, rollout)).sites}
            if wanted(found):
                return found
            await asyncio.sleep(0.02)
