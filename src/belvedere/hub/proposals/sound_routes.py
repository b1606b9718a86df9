"""A camera's sound over HTTP: whether it is recorded and why; switching it. Nobody hears anything here."""

from typing import Annotated

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field

from belvedere.foundation.errors import BadInput, NotFound
from belvedere.hub.access.doors import CurrentSession, roles
from belvedere.hub.proposals.reach import proposals_of, waits
from belvedere.hub.proposals.shapes import WaitsOut
from belvedere.hub.proposals.sound import SOUND_OFF, SOUND_ON
from belvedere.hub.reach import hub_of
from belvedere.hub.room import Room
from belvedere.link.messages import Answer
from belvedere.link.sound import SetSound
from belvedere.policy.table import Role

SWITCHERS = (Role.SUPERVISOR, Role.MANAGER)
READERS = (*SWITCHERS, Role.DPO, Role.AUDITOR)
_LEAST_BECAUSE = 20  # letters, as the site asks for them

router = Room("cameras")


class SoundOut(BaseModel):
    """`on` is null while the site is away. The rest is of the last switching, empty where there was none."""

    on: bool | None
    because: str = ""
    set_by: str = ""
    set_us: int | None = None


class SoundIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    on: bool
    reason: Annotated[str, Field(max_length=1_000, description="Why sound is needed here; kept with the camera.")] = ""


@router.get("/api/cameras/{camera_id}/sound")
@roles(*READERS)
async def sound(camera_id: str, request: Request) -> SoundOut:
    """Whether a camera's sound is recorded, since when and why."""
    hub = hub_of(request)
    if camera_id not in await run_in_threadpool(hub.register.camera_ids):
        raise NotFound(f"There is no camera {camera_id}.", advice="Choose a camera of the register.")
    status = await hub.state.status()
    if status is None:
        return SoundOut(on=None)
    found = next((each.sound for each in status.cameras if each.camera == camera_id), None)
    if found is None:
        return SoundOut(on=False)
    return SoundOut(on=found.on, because=found.because, set_by=found.set_by, set_us=found.set_us)


@router.put(
    "/api/cameras/{camera_id}/sound", status_code=204, response_model=None, responses={202: {"model": WaitsOut}}
)
@roles(*SWITCHERS)
async def switch_sound(camera_id: str, request: Request, session: CurrentSession, body: SoundIn) -> Response | None:
    """Record a camera's sound, with a reason, or stop at once. On: a second person confirms it first, by the action table."""
    hub, reason = hub_of(request), " ".join(body.reason.split())
    if camera_id not in await run_in_threadpool(hub.register.camera_ids):
        raise NotFound(f"There is no camera {camera_id}.", advice="Choose a camera of the register.")
    if body.on:
        if len(reason) < _LEAST_BECAUSE:
            raise BadInput("Say why sound is needed here.", advice=f"{_LEAST_BECAUSE} letters or more.")
        way = await proposals_of(request).way(session, "sound", {"camera": camera_id}, reason)
        if way.proposal is not None:
            return await waits(request, session, way.proposal)
    facts = {"camera": camera_id, "reason": reason, "decided_by": session.user.display}
    await hub.audit.append(SOUND_ON if body.on else SOUND_OFF, session.user.id, facts)
    order = SetSound(camera_id, body.on, reason, session.user.display)
    await hub.link.ask(order, Answer, reuse=False)
    return None
