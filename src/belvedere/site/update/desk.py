"""A site's updates: takes an order for a release that it trusts, fetches and builds it, asks for the switch, says how it went."""

import asyncio
import base64
import os
import platform
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import structlog

from belvedere import __version__
from belvedere.foundation.clock import MINUTE_US, Clock
from belvedere.foundation.errors import BelvedereError, Conflict, LinkFault, Refused
from belvedere.link.configuration import DAY_MINUTES, LineLimits
from belvedere.link.messages import Reply, Request
from belvedere.link.release import Manifest, open_manifest, read_key, why_not_after
from belvedere.link.releases import (
    BUILDING,
    FAILED,
    FETCHING,
    REFUSED,
    SWITCHING,
    TRIAL,
    UNDER_WAY,
    ForgetRelease,
    GetReleaseState,
    OrderRelease,
    ReleaseState,
)
from belvedere.site.update.build import build
from belvedere.site.update.fetch import Fetcher
from belvedere.site.update.guard import ASKED, HEALTH, OUTCOME, TRIAL_FILE, UNDER_GUARD, WORDS, Facts, Shelf

if TYPE_CHECKING:
    from belvedere.foundation.settings import SiteSettings

LOOK_EVERY_S = 1.0
ORDER, COMING = "order.json", "coming"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Standing:
    """What the site does now: its streams (camera, stream) that record, and whether the hub is on the line."""

    recording: frozenset[tuple[str, str]]
    linked: bool


Build = Callable[[Path, list[Path], str, str], None]


class UpdateDesk:
    """`answers` goes to `serve_link` (any thread); `run` for the event loop. One a data folder."""

    def __init__(
        self,
        settings: "SiteSettings",
        shelf: Shelf,
        fetcher: Fetcher,
        clock: Clock,
        *,
        newest_migration: int,
        limits: Callable[[], LineLimits],
        standing: Callable[[], Standing],
        make: Build = build,
        running: str = __version__,
        look_s: float = LOOK_EVERY_S,
    ) -> None:
        self._settings = settings
        self._shelf = shelf
        self._fetcher = fetcher
        self._clock = clock
        self._newest_migration = newest_migration
        self._limits = limits
        self._standing = standing
        self._make = make
        self._running = running
        self._look_s = look_s
        self._phase, self._why = FETCHING, ""  # of an order that has not ended
        self._tidied: tuple[str, str] | None = None  # order and phase for which the folder was tidied
        self.answers: Mapping[type[Request], Callable[[Any], Reply]] = {
            OrderRelease: self.take,
            ForgetRelease: self.forget,
            GetReleaseState: lambda _: self.state(),
        }

    def unable(self) -> str:
        """Why this box can't be updated over the line, "" where it can."""
        if os.environ.get(UNDER_GUARD) != WORDS:
            return "It was not started by the guard of releases: it is updated by hand."
        if not self._settings.release_keys:
            return "It trusts no release key: its settings name none."
        return ""

    def state(self) -> ReleaseState:
        """How the site's software stands."""
        order = self._order()
        if order is None:
            return ReleaseState(self._running, self.unable())
        manifest = msgspec.json.decode(order.manifest.words, type=Manifest)
        phase, why = self._standing_of(order)
        have = manifest.size
        if phase == FETCHING:
            have = self._fetcher.have(manifest, self._coming(manifest))
        return ReleaseState(
            self._running, self.unable(), order.rollout, manifest.version, phase, have, manifest.size, why
        )

    def take(self, order: OrderRelease) -> ReleaseState:
        """Begin an update that one of this site's own release keys signed. Raises Refused, Conflict."""
        if unable := self.unable():
            raise Refused(unable, advice="Update it with the installer: docs/guide/update-the-sites.md.")
        manifest = open_manifest(order.manifest, self._trusted())
        before = self._order()
        if before is not None and (before.rollout, before.manifest) == (order.rollout, order.manifest):
            return self.state()
        if before is not None and self._standing_of(before)[0] in (SWITCHING, TRIAL):
            raise Conflict("This site is in the middle of a switch.", advice="Wait until it has ended.")
        python = ".".join(platform.python_version_tuple()[:2])
        if why := why_not_after(manifest, self._running, self._newest_migration, python, platform.machine()):
            raise Refused(why, advice="Choose another release, or install this one by hand.")
        self._shelf.write(ORDER, _plain(order))
        self._phase, self._why = FETCHING, ""
        log.info("update_ordered", version=manifest.version, rollout=order.rollout)
        return self.state()

    def forget(self, request: ForgetRelease) -> ReleaseState:
        """Leave an update that has not been switched to."""
        order = self._order()
        early = order is not None and self._standing_of(order)[0] in (FETCHING, BUILDING)
        if order is not None and early and order.rollout == request.rollout:
            self._shelf.remove(ORDER)
        return self.state()

    async def run(self) -> None:
        """Say how a release on trial does, then go on with what is ordered, until cancelled."""
        while True:
            try:
                if self._on_trial() is not None:
                    await asyncio.to_thread(self.say_health)
                else:
                    await asyncio.to_thread(self._tidy)
                    await self._go_on()
            except LinkFault as error:
                self._why = error.message  # away: what is there stays, and it goes on from there
            except (BelvedereError, OSError) as error:
                await asyncio.to_thread(self._ended, error)
            await asyncio.sleep(self._look_s)

    def say_health(self) -> None:
        """Tell the guard whether this release, on trial, does all that the former one did. Blocks."""
        trial = self._on_trial()
        if trial is None:
            return
        now = self._standing()
        before = {(str(camera), str(stream)) for camera, stream in trial.get("recording", [])}
        missing = sorted(f"{camera} ({stream})" for camera, stream in before - now.recording)
        why = f"Not recorded: {', '.join(missing[:20])}." if missing else ""
        if trial.get("linked") and not now.linked:
            why = f"{why} The hub is not reached.".strip()
        told = {"token": trial.get("token"), "well": not why, "why": why}
        if self._shelf.read(HEALTH) != told:
            self._shelf.write(HEALTH, told)

    def _on_trial(self) -> Facts | None:
        trial = self._shelf.read(TRIAL_FILE)
        mine = trial is not None and (trial.get("state"), trial.get("version")) == ("trial", self._running)
        return trial if mine else None

    async def _go_on(self) -> None:
        order = await asyncio.to_thread(self._order)
        if order is None or self._shelf.read(TRIAL_FILE) is not None or self._standing_of(order)[0] not in UNDER_WAY:
            return
        manifest = open_manifest(order.manifest, self._trusted())  # once more: the settings may have changed
        folder = self._coming(manifest)
        folder.mkdir(parents=True, exist_ok=True)
        self._phase = FETCHING
        self._fetcher.require_room(manifest, folder, self._settings.min_free_bytes)
        if not await self._fetcher.fetch(manifest, folder, lambda: self._may_fetch(order), lambda: None):
            return
        self._phase, self._why = BUILDING, ""
        wheels = [folder / each.name for each in manifest.files]
        place = self._shelf.folder / manifest.version
        await asyncio.to_thread(self._make, place, wheels, manifest.version, order.manifest.sha256)
        await asyncio.to_thread(self._ask, order, manifest)

    def _may_fetch(self, order: OrderRelease) -> bool:
        now = self._order()
        if now is None or now.rollout != order.rollout:
            return False
        limits, minute = self._limits(), self._clock.now_us() // MINUTE_US % DAY_MINUTES
        self._why = ""
        if not order.night or limits.night is None or _within(limits.night, minute):
            return True
        self._why = "It waits for the line's other hours."
        return False

    def _ask(self, order: OrderRelease, manifest: Manifest) -> None:
        """Have the guard switch: it ends this process."""
        if self._order() != order:
            return
        now = self._standing()
        trial = {
            "state": ASKED,
            "rollout": order.rollout,
            "version": manifest.version,
            "former": self._shelf.current(),
            "within_s": self._settings.update_minutes * 60,
            "token": os.urandom(8).hex(),
            "recording": sorted(map(list, now.recording)),
            "linked": now.linked,
        }
        self._shelf.write(TRIAL_FILE, trial)
        log.info("update_asks_for_the_switch", version=manifest.version)

    def _standing_of(self, order: OrderRelease) -> tuple[str, str]:
        """Phase of an order, and why."""
        trial = self._shelf.read(TRIAL_FILE)
        if trial is not None and trial.get("rollout") == order.rollout:
            return (SWITCHING if trial.get("state") == ASKED else TRIAL), str(trial.get("why", ""))
        outcome = self._shelf.read(OUTCOME) or {}
        if outcome.get("rollout") == order.rollout:
            return str(outcome.get("phase", FAILED)), str(outcome.get("why", ""))
        return self._phase, self._why

    def _ended(self, error: BelvedereError | OSError) -> None:
        """An update can't go on: the release that runs stays."""
        order = self._order()
        if order is None:
            return
        why = str(error) or type(error).__name__
        phase = REFUSED if isinstance(error, Refused) else FAILED
        log.error("update_failed", rollout=order.rollout, reason=why)
        version = msgspec.json.decode(order.manifest.words, type=Manifest).version
        try:
            self._shelf.write(OUTCOME, {"rollout": order.rollout, "version": version, "phase": phase, "why": why})
        except OSError as full:  # a full disk takes no word either; it is tried again
            log.error("update_failed_without_a_word", reason=str(full))
            self._phase, self._why = FAILED, why

    def _tidy(self) -> None:
        """Keep the release that runs, the former one, and what an order fetches; nothing else."""
        if not self._shelf.folder.is_dir() or self._shelf.read(TRIAL_FILE) is not None:
            return
        order, outcome = self._order(), self._shelf.read(OUTCOME) or {}
        phase = "" if order is None else self._standing_of(order)[0]
        if self._tidied == (seen := ("" if order is None else order.rollout, phase)):
            return
        self._tidied, coming, under_way = seen, "", phase in UNDER_WAY
        if order is not None and under_way:
            coming = msgspec.json.decode(order.manifest.words, type=Manifest).version
        stay = {self._shelf.current(), str(outcome.get("former", "")), coming}
        for folder in self._shelf.folder.iterdir():
            if folder.is_dir() and not folder.is_symlink() and folder.name not in {*stay, COMING}:
                shutil.rmtree(folder, ignore_errors=True)
        for folder in (self._shelf.folder / COMING).glob("*"):
            if folder.name != coming:
                shutil.rmtree(folder, ignore_errors=True)

    def _coming(self, manifest: Manifest) -> Path:
        return self._shelf.folder / COMING / manifest.version

    def _trusted(self) -> list[bytes]:
        return [read_key(each) for each in self._settings.release_keys]

    def _order(self) -> OrderRelease | None:
        found = self._shelf.read(ORDER)
        try:
            return None if found is None else msgspec.convert(found, OrderRelease, strict=False)
        except msgspec.ValidationError:
            return None


def _plain(order: OrderRelease) -> Facts:
    signed = order.manifest
    words, signature, key = (base64.b64encode(each).decode() for each in (signed.words, signed.signature, signed.key))
    manifest = {"words": words, "signature": signature, "key": key}
    return {"kind": "order_release", "rollout": order.rollout, "manifest": manifest, "night": order.night}


def _within(hours: tuple[int, int], minute: int) -> bool:
    start, end = hours
    return start <= minute < end if start < end else minute >= start or minute < end
