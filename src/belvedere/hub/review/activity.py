"""Activity over HTTP: the strip under each lane, and "did anything move here". It tells presence: like footage, it needs a grant.

Who looked at whose strip is logged once a grant, camera and day; each question whether anything moved is logged.
"""

from collections import OrderedDict
from typing import Annotated

from fastapi import Query, Request
from pydantic import BaseModel, Field
from starlette.requests import HTTPConnection

from belvedere.foundation.clock import DAY_US, HOUR_US
from belvedere.foundation.errors import BadInput
from belvedere.hub.access.doors import CurrentUser, granted
from belvedere.hub.access.grants import UsableGrant
from belvedere.hub.access.users import User
from belvedere.hub.fleet.away import AwayOut, away_out
from belvedere.hub.reach import hub_of
from belvedere.hub.room import Room
from belvedere.link.activity import Activity, AskMovement, GetActivity, Movement
from belvedere.policy.grant import Action

VIEW_ACTIVITY = "view.activity"
VIEW_MOVEMENT = "view.movement"
MOST_CAMERAS = 32
MOST_BUCKETS = 2000
_LONGEST_STRIP_US = 32 * DAY_US
_LONGEST_QUESTION_US = 26 * HOUR_US
_REMEMBERED = 50_000
_Name = Annotated[str, Query(max_length=64)]
_Moment = Annotated[int, Query(ge=0, lt=1 << 53, description="Microseconds, UTC.")]

router = Room("review")


class StripOut(BaseModel):
    """One camera's strip. `values`: 0 not known, 1 quiet to 255 busy; `checked`: 0 to 255, how much of the bucket's footage
    was told by comparing keyframes and not by packet sizes. `ordered` is false where sizes say next to nothing."""

    id: str
    stream: str
    values: list[int]
    checked: list[int]
    rate_control: str
    confidence: float
    ordered: bool
    text: str


class ActivityOut(BaseModel):
    """Strips over [from_us, to_us), cut to whole seconds; bucket n of k begins at from_us + n x (to_us - from_us) / k."""

    from_us: int
    to_us: int
    cameras: list[StripOut]
    away: list[AwayOut] = Field(default=[], description="Sites that did not answer; their cameras are left out.")


class MovedOut(BaseModel):
    start_us: int
    end_us: int
    share: float


class MovementOut(BaseModel):
    """`answer`: yes, no or unclear; `method` says what it rests on, `text` is the whole answer in words."""

    id: str
    answer: str
    method: str
    text: str
    moved: list[MovedOut]
    recorded_s: int
    checked_s: int
    missing_s: int


class _Noted:
    """What was logged already, so that a person who zooms does not fill the log. Bounded: the oldest is forgotten."""

    def __init__(self) -> None:
        self._seen: OrderedDict[tuple[str, str, int], None] = OrderedDict()

    def fresh(self, grant: str, cameras: list[str], from_us: int, to_us: int) -> list[str]:
        """Cameras of which a day of the span was not logged yet; they are from now on."""
        found = []
        for camera in cameras:
            keys = [(grant, camera, day) for day in range(from_us // DAY_US, (to_us - 1) // DAY_US + 1)]
            if any(key not in self._seen for key in keys):
                found.append(camera)
            for key in keys:
                self._seen[key] = None
        while len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        return found

    def forget(self, grant: str, cameras: list[str]) -> None:
        """The entry could not be written: next time is the first time again."""
        for key in [key for key in self._seen if key[0] == grant and key[1] in cameras]:
            del self._seen[key]


def _noted(connection: HTTPConnection) -> _Noted:
    state = connection.app.state
    found = getattr(state, "activity_noted", None)
    if not isinstance(found, _Noted):
        found = state.activity_noted = _Noted()
    return found


@router.get("/api/activity")
@granted(Action.PLAYBACK)
async def strips(
    request: Request,
    user: CurrentUser,
    grant: _Name,
    cameras: Annotated[str, Query(max_length=4000, description="Camera ids, separated by commas.")],
    from_us: _Moment,
    to_us: _Moment,
    buckets: Annotated[int, Query(ge=1, le=MOST_BUCKETS)] = 600,
) -> ActivityOut:
    """How busy some cameras were. The span is cut to what the grant covers."""
    hub = hub_of(request)
    names = list(dict.fromkeys(name for name in cameras.split(",") if name))
    if not 1 <= len(names) <= MOST_CAMERAS:
        raise BadInput(f"Name 1 to {MOST_CAMERAS} cameras.", advice="Give `cameras=ID,ID`.")
    _check_span(from_us, to_us, _LONGEST_STRIP_US)
    usable, from_us, to_us = await _use(request, user, grant, names, from_us, to_us)
    part = await hub.link.ask_those_here(GetActivity(usable.wire, tuple(names), from_us, to_us, buckets), Activity)
    found = part.reply
    names = [each.camera for each in found.cameras]  # a site that is away shows nothing
    noted = _noted(request)
    fresh = noted.fresh(grant, names, from_us, to_us)
    if fresh:
        facts = {"grant": grant, "cameras": fresh, "start_us": from_us, "end_us": to_us}
        try:
            await hub.audit.append(VIEW_ACTIVITY, user.id, facts)
        except BaseException:
            noted.forget(grant, fresh)
            raise
    return ActivityOut(
        from_us=found.from_us,
        to_us=found.to_us,
        cameras=[
            StripOut(
                id=each.camera,
                stream=each.stream,
                values=list(each.values),
                checked=list(each.checked),
                rate_control=each.rate_control,
                confidence=round(each.confidence, 2),
                ordered=each.ordered,
                text=each.text,
            )
            for each in found.cameras
        ],
        away=await away_out(hub, part.away),
    )


@router.get("/api/activity/moved")
@granted(Action.PLAYBACK)
async def moved(
    request: Request,
    user: CurrentUser,
    grant: _Name,
    camera: _Name,
    from_us: _Moment,
    to_us: _Moment,
    look: bool = True,
) -> MovementOut:
    """Did anything move here? Seconds that nobody has looked at are looked at now, as far as ten seconds of work go."""
    hub = hub_of(request)
    _check_span(from_us, to_us, _LONGEST_QUESTION_US)
    usable, from_us, to_us = await _use(request, user, grant, [camera], from_us, to_us)
    facts = {"grant": grant, "camera": camera, "start_us": from_us, "end_us": to_us}
    await hub.audit.append(VIEW_MOVEMENT, user.id, facts)
    found = await hub.link.ask(AskMovement(usable.wire, camera, from_us, to_us, look), Movement)
    return MovementOut(
        id=found.camera,
        answer=found.answer,
        method=found.method,
        text=found.text,
        moved=[MovedOut(start_us=each.start_us, end_us=each.end_us, share=each.share) for each in found.moved],
        recorded_s=found.recorded_s,
        checked_s=found.checked_s,
        missing_s=found.missing_s,
    )


async def _use(
    request: Request, user: User, grant: str, cameras: list[str], from_us: int, to_us: int
) -> tuple[UsableGrant, int, int]:
    """The grant, and the span cut to it. Raises Refused."""
    hub = hub_of(request)
    held = next((each for each in await hub.grants.live(user) if each.id == grant), None)
    if held is not None and held.from_us < to_us and from_us < held.to_us:
        from_us, to_us = max(from_us, held.from_us), min(to_us, held.to_us)
    usable = await hub.grants.use(user, grant, Action.PLAYBACK, cameras, start_us=from_us, end_us=to_us)
    return usable, from_us, to_us


def _check_span(from_us: int, to_us: int, longest_us: int) -> None:
    if not 0 <= from_us < to_us:
        raise BadInput("The span of time is empty.", advice="Give `from_us` before `to_us`.")
    if to_us - from_us > longest_us:
        raise BadInput("The span of time is too long.", advice=f"Ask for {longest_us // HOUR_US} hours or less.")
