"""The dwell guard: who holds live pictures on one place is asked why, and without an answer the picture stops for them.

It knows what plays because every page with live pictures reports it each second (`look`), and because the door that moves
cameras does (`moved`). A page under a case is not asked: the case says why. In memory; a restart of the hub begins every hold
anew, while notes and authorisations are in the database.
"""

import asyncio
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Engine

from belvedere.foundation.clock import DAY_US, MINUTE_US, SECOND_US, Clock
from belvedere.foundation.errors import NotFound, Refused
from belvedere.foundation.settings import HubSettings
from belvedere.hub.audit.log import AuditLog
from belvedere.hub.dwell.holds import PTZ_US, Call, Due, Hold, Holds, Rules, close_looks
from belvedere.hub.dwell.register import RIPA, Answer, LookRegister, Note
from belvedere.hub.register.cameras import Camera, CameraRegister
from belvedere.hub.watchers.notices import tell_dpo
from belvedere.hub.watchers.people import PeopleBook
from belvedere.policy.grant import Grant

DWELL_ASKED = "dwell.asked"
DWELL_STOPPED = "dwell.stopped"
DWELL_ANSWERED = "dwell.answered"
DWELL_DWELLING = "dwell.dwelling"
DWELL_ENDED = "dwell.ended"
NEAR_M = 150.0
_FRESH_US = MINUTE_US
_AWAY_US = 3 * SECOND_US  # a page that has not reported for so long is gone
_METRES_A_DEGREE = 111_320.0


class DwellStopped(Refused):
    """The picture was held for too long without a reason."""

    code = "dwell_stopped"


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that is open. `until_us`: the picture stops then."""

    camera: str
    cameras: tuple[str, ...]
    held_us: int
    until_us: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a page has to show, and what it may show no more."""

    asked: tuple[Asked, ...] = ()
    stopped: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Page:
    seen_us: int
    grant: Grant
    playing: tuple[tuple[str, bool], ...]


@dataclass(slots=True)
class _Viewer:
    """One person. Times are monotonic, but for `covered`."""

    holds: Holds
    pages: dict[int, _Page] = field(default_factory=dict)
    moved: dict[str, tuple[int, str]] = field(default_factory=dict)  # camera: until when, grant
    stops: dict[str, int] = field(default_factory=dict)  # camera: until when
    covered: dict[str, int] = field(default_factory=dict)  # camera: until when, wall time


class DwellGuard:
    """One for each hub; use it on the hub's event loop."""

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        audit: AuditLog,
        register: CameraRegister,
        people: PeopleBook,
        settings: HubSettings,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._audit = audit
        self._cameras = register
        self._people = people
        self.rules = Rules(
            settings.dwell_minutes * MINUTE_US, settings.dwell_grace_seconds * SECOND_US, settings.dwell_wall_tiles
        )
        self.book = LookRegister(engine, clock, settings.dwell_note_minutes)
        self._viewers: dict[str, _Viewer] = {}
        self._places: Mapping[str, Camera] = {}
        self._dwellings: frozenset[tuple[str, str]] = frozenset()
        self._presets: dict[str, str] = {}  # camera: the preset that it was last turned to
        self._read_us: int | None = None
        self._read = asyncio.Lock()
        self._covers_read = False

    async def look(self, page: object, user: str, grant: Grant, playing: Iterable[tuple[str, bool]]) -> Verdict:
        """What plays on a page now, as (camera, is it the full picture); called about once a second."""
        await self._refresh()
        viewer = self._viewer(user)
        if grant.case:
            viewer.pages.pop(id(page), None)
            return Verdict()
        viewer.pages[id(page)] = _Page(self._clock.monotonic_us(), grant, tuple(playing))
        await self._judge(user, viewer)
        return self._verdict(viewer)

    def leave(self, page: object, user: str) -> None:
        """A page is gone."""
        viewer = self._viewers.get(user)
        if viewer is not None:
            viewer.pages.pop(id(page), None)
            now_us = self._clock.monotonic_us()
            if not (viewer.pages or viewer.moved or viewer.holds.holds) and all(
                until_us <= now_us for until_us in viewer.stops.values()
            ):
                del self._viewers[user]

    def require(self, user: str, grant: Grant, camera: str) -> None:
        """Return unless live pictures of `camera` were stopped for this person; else raise DwellStopped."""
        viewer = self._viewers.get(user)
        if viewer is None or grant.case:
            return
        if viewer.stops.get(camera, 0) > self._clock.monotonic_us():
            raise DwellStopped(
                f"You watched this place for {self.rules.longest_us // MINUTE_US} minutes and gave no reason, "
                "so its live picture stopped for you.",
                advice="Write an immediate-response note, give an authorisation number, or ask under a case.",
            )

    async def moved(self, user: str, grant: Grant, camera: str, preset: str = "") -> None:
        """A camera is about to be moved by this person. Raises DwellStopped."""
        await self._refresh()
        self.require(user, grant, camera)
        self._presets[camera] = preset
        if grant.case:
            return
        viewer = self._viewer(user)
        viewer.moved[camera] = (self._clock.monotonic_us() + PTZ_US, grant.id)
        await self._judge(user, viewer)
        self.require(user, grant, camera)

    async def answer(self, user: str, grant: Grant, camera: str, answer: Answer) -> Note:
        """A person says why they go on looking; in the log, then in the register. Raises NotFound, BadInput, Refused."""
        await self._refresh()
        viewer = self._viewer(user)
        hold = next((each for each in viewer.holds.holds if camera in each.cameras), None)
        now_us = self._clock.monotonic_us()
        stopped = [name for name, until_us in viewer.stops.items() if until_us > now_us]
        if hold is None and camera not in stopped:
            raise NotFound("Nobody asked you about this camera.", advice="Reload the page.")
        cameras = tuple(hold.cameras) if hold is not None else tuple(sorted({camera, *stopped}))
        held_us = now_us - hold.start_us if hold is not None else self.rules.longest_us
        note = await asyncio.to_thread(self.book.prepare, user, grant.id, cameras, held_us, answer)
        facts = {
            "note": note.id,
            "ground": note.kind,
            "grant": grant.id,
            "cameras": list(cameras),
            "number": note.number,
            "reason": note.text,
            "until_us": note.until_us,
            "held_us": held_us,
        }
        entry = await self._audit.append(DWELL_ANSWERED, user, facts)
        await asyncio.to_thread(self.book.keep, note)
        for name in cameras:
            viewer.covered[name] = max(viewer.covered.get(name, 0), note.until_us)
            viewer.stops.pop(name, None)
        if hold is not None:
            hold.asked_us = None
        if note.kind == RIPA:
            await tell_dpo(
                self._engine,
                self._clock,
                "dwell.authorised",
                user,
                f"Somebody watches under authorisation {note.number}. Check that it exists and covers this.",
                {"number": note.number, "cameras": list(cameras), "until_us": note.until_us},
                matter=f"ripa:{note.id}",
                entries=(entry.index,),
                due_us=self._clock.now_us() + 2 * DAY_US,
            )
        return note

    async def end(self, by: str, note_id: str, reason: str) -> None:
        """The DPO ends a note or authorisation before its time. Raises NotFound."""
        note = await asyncio.to_thread(self.book.end, note_id)
        await self._audit.append(DWELL_ENDED, by, {"note": note_id, "reason": reason[:500]})
        viewer = self._viewers.get(note.account_id)
        if viewer is not None:
            for name in note.cameras:
                viewer.covered.pop(name, None)
        self._covers_read = False

    def open_questions(self, user: str) -> Verdict:
        """What this person was asked and has not answered, and what was stopped."""
        viewer = self._viewers.get(user)
        return self._verdict(viewer) if viewer is not None else Verdict()

    async def read_covers_anew(self) -> None:
        """Another process of the hub may have ended a note: cover what the register says, no more."""
        if self._viewers:
            for viewer in self._viewers.values():
                viewer.covered = {}
            await self._read_covers()

    def dwellings_changed(self) -> None:
        """Read the list of homes again at the next look."""
        self._read_us = None

    # Inside --------------------------------------------------------------------------------------------------------

    def _viewer(self, user: str) -> _Viewer:
        found = self._viewers.get(user)
        if found is None:
            found = self._viewers[user] = _Viewer(Holds(self.rules, self._near, self._is_dwelling))
            self._covers_read = False
        return found

    async def _judge(self, user: str, viewer: _Viewer) -> None:
        if not self._covers_read:
            await self._read_covers()
        now_us, wall_us = self._clock.monotonic_us(), self._clock.now_us()
        viewer.pages = {key: page for key, page in viewer.pages.items() if now_us - page.seen_us <= _AWAY_US}
        viewer.moved = {camera: each for camera, each in viewer.moved.items() if each[0] > now_us}
        viewer.stops = {camera: until_us for camera, until_us in viewer.stops.items() if until_us > now_us}
        shown = [each for page in viewer.pages.values() for each in page.playing]
        openable = max((len(page.grant.cameras) for page in viewer.pages.values()), default=0)
        close = close_looks(shown, self.rules.wall_tiles, openable) | frozenset(viewer.moved)

        def excused(camera: str) -> int:
            left_us = viewer.covered.get(camera, 0) - wall_us
            return now_us + left_us if left_us > 0 else 0

        for call in list(viewer.holds.see(close - frozenset(viewer.stops), excused, now_us)):
            await self._tell(user, viewer, call, now_us)

    async def _tell(self, user: str, viewer: _Viewer, call: Call, now_us: int) -> None:
        hold = call.hold
        facts: dict[str, object] = {
            "camera": hold.camera,
            "held_us": now_us - hold.start_us,
            "grant": self._grant_of(viewer, hold.camera),
        }
        if call.due is Due.DWELLING:
            await self._audit.append(DWELL_DWELLING, user, facts | {"preset": self._presets.get(hold.camera, "")})
            return
        facts["cameras"] = list(hold.cameras)
        if call.due is Due.STOP:
            for camera in hold.cameras:
                viewer.stops[camera] = now_us + self.rules.longest_us
        await self._audit.append(DWELL_ASKED if call.due is Due.ASK else DWELL_STOPPED, user, facts)

    def _grant_of(self, viewer: _Viewer, camera: str) -> str:
        for page in viewer.pages.values():
            if any(name == camera for name, _ in page.playing):
                return page.grant.id
        return viewer.moved.get(camera, (0, ""))[1]

    def _verdict(self, viewer: _Viewer) -> Verdict:
        now_us, wall_us = self._clock.monotonic_us(), self._clock.now_us()
        return Verdict(
            tuple(self._asked(hold, now_us, wall_us) for hold in viewer.holds.holds if hold.asked_us is not None),
            frozenset(camera for camera, until_us in viewer.stops.items() if until_us > now_us),
        )

    def _asked(self, hold: Hold, now_us: int, wall_us: int) -> Asked:
        assert hold.asked_us is not None
        until_us = wall_us + hold.asked_us + self.rules.grace_us - now_us
        return Asked(hold.camera, tuple(hold.cameras), now_us - hold.start_us, until_us)

    def _near(self, one: str, other: str) -> bool:
        a, b = self._places.get(one), self._places.get(other)
        if a is None or b is None:
            return False
        if a.lat is None or b.lat is None or a.lon is None or b.lon is None:
            return bool(a.place) and a.place == b.place
        north = (a.lat - b.lat) * _METRES_A_DEGREE
        east = (a.lon - b.lon) * _METRES_A_DEGREE * math.cos(math.radians(a.lat))
        return math.hypot(north, east) <= NEAR_M

    def _is_dwelling(self, camera: str) -> bool:
        return (camera, "") in self._dwellings or (camera, self._presets.get(camera, "")) in self._dwellings

    async def _refresh(self) -> None:
        """Where cameras stand and which look at homes, at most a minute old."""
        async with self._read:
            now_us = self._clock.monotonic_us()
            if self._read_us is not None and now_us - self._read_us < _FRESH_US:
                return
            cameras = await asyncio.to_thread(self._cameras.list_cameras)
            dwellings = await asyncio.to_thread(self._people.dwellings)
            self._places = {each.id: each for each in cameras}
            self._dwellings = frozenset((each.camera, each.preset) for each in dwellings)
            self._read_us = now_us

    async def _read_covers(self) -> None:
        for note in await asyncio.to_thread(self.book.in_force):
            viewer = self._viewers.get(note.account_id)
            if viewer is not None:
                for camera in note.cameras:
                    viewer.covered[camera] = max(viewer.covered.get(camera, 0), note.until_us)
        self._covers_read = True
