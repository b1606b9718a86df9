"""A camera's sound is recorded, or no longer: as a proposal. Switching it off takes nobody else."""

import asyncio
from typing import TYPE_CHECKING

from belvedere.foundation.errors import Conflict, NotFound
from belvedere.hub.access.agreed import Agreed
from belvedere.hub.proposals.doing import Sight
from belvedere.hub.proposals.proposal import Change
from belvedere.link.messages import Answer
from belvedere.link.sound import SetSound

if TYPE_CHECKING:
    from belvedere.hub.context import HubContext

SOUND_ON, SOUND_OFF = "camera.sound_on", "camera.sound_off"


class SoundDoing:
    """For the event loop."""

    act = "sound_on"

    def __init__(self, hub: "HubContext") -> None:
        self._hub = hub

    async def look(self, change: Change) -> Sight:
        camera = str(change["camera"])
        if camera not in await asyncio.to_thread(self._hub.register.camera_ids):
            raise NotFound(f"There is no camera {camera}.", advice="Choose a camera of the register.")
        status = await self._hub.state.status()
        if status is None:
            raise Conflict("The site is away.", advice="Wait until it is back; recording goes on without sound.")
        sound = next((each.sound for each in status.cameras if each.camera == camera), None)
        was = sound is not None and sound.on
        if was:
            raise Conflict("The sound of this camera is recorded already.", advice="Reload the page.")
        lines = ((f"Sound of camera {camera}", "not recorded", "recorded"),)
        return Sight(f"Record the sound of camera {camera}", lines, {"camera": camera, "on": was})

    async def carry_out(self, change: Change, agreed: Agreed) -> dict[str, str]:
        camera = str(change["camera"])
        facts = {"camera": camera, "reason": agreed.reason, "decided_by": agreed.user.display, **agreed.facts}
        await self._hub.audit.append(SOUND_ON, agreed.user.id, facts)
        order = SetSound(camera, True, agreed.reason, agreed.user.display)
        await self._hub.link.ask(order, Answer, reuse=False)
        return {}
