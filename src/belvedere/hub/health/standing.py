"""Faults that only the hub sees: keys that nobody but it could replace, witnesses and timestamps that fail, what the operator's
advisory file says of cameras, how well a site's decoders are confined. They become tickets, and close by themselves."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from belvedere.foundation.errors import LinkFault
from belvedere.hub.custody.due import KeysDue
from belvedere.link.cameras import CameraMake, CameraMakes, GetCameraMakes
from belvedere.link.client import SiteLink

CEREMONY_DUE = "ceremony_due"
DRILL_DUE = "drill_due"
WITNESS = "witness"
TIMESTAMP = "timestamp"
SANDBOX = "sandbox"
FIRMWARE = "firmware"
SUPPORT = "support"
STANDING = (CEREMONY_DUE, DRILL_DUE, WITNESS, TIMESTAMP, SANDBOX, FIRMWARE, SUPPORT)
_PATIENCE_S = 5.0
_WEAKEST = "limits"  # the level of site/sandbox at which a decoder could read what its user can read
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Standing:
    """One thing that is wrong now. `subject`: hub, site or camera."""

    subject: str
    subject_id: str
    kind: str
    detail: str


class Said(Protocol):
    """A desk that says why its work fails; "" while it goes well. `WitnessDesk`, `StampDesk`."""

    @property
    def fault(self) -> str: ...


class StandingFaults:
    """For the event loop. `keys` blocks, and gives None while no site was ever met: then nothing is due."""

    def __init__(
        self, site: str, link: SiteLink, keys: Callable[[], KeysDue | None], witness: Said, stamps: Said
    ) -> None:
        self._site = site
        self._link = link
        self._keys = keys
        self._witness = witness
        self._stamps = stamps

    async def look(self) -> tuple[list[Standing], frozenset[str]]:
        """What is wrong, and the kinds that could be told of: of the others nothing is known while the site is away."""
        found: list[Standing] = []
        keys = await asyncio.to_thread(self._keys)
        if keys is not None and keys.ceremony:
            words = "No key ceremony was held: if the hub were lost, nobody could open footage, so sites keep all keys."
            found.append(Standing("hub", "hub", CEREMONY_DUE, words))
        if keys is not None and keys.drill:
            found.append(
                Standing("hub", "hub", DRILL_DUE, "Two officers have not shown for a year that they can open footage.")
            )
        if self._witness.fault:
            found.append(Standing("site", self._site, WITNESS, self._witness.fault))
        if self._stamps.fault:
            found.append(Standing("hub", "hub", TIMESTAMP, self._stamps.fault))
        known = {CEREMONY_DUE, DRILL_DUE, WITNESS, TIMESTAMP}
        try:
            async with asyncio.timeout(_PATIENCE_S):
                status = await self._link.status()
                makes = await self._link.ask(GetCameraMakes(), CameraMakes)
        except (LinkFault, TimeoutError):
            return found, frozenset(known)
        if status.ingest is not None and status.ingest.confinement == _WEAKEST:
            refused = "; ".join(status.ingest.refused)
            found.append(Standing("site", self._site, SANDBOX, f"{status.ingest.words}. {refused}".strip()))
        for camera in makes.cameras:
            found += _of_camera(camera)
        return found, frozenset(STANDING)


def _of_camera(camera: CameraMake) -> list[Standing]:
    found = []
    affected = [fault for fault in camera.faults if fault.state == "affected"]
    if affected:
        worst = sorted(affected, key=lambda fault: (not fault.exploited, _SEVERITIES.index(fault.severity)))
        named = ", ".join(f"{fault.id} ({fault.severity})" for fault in worst[:_NAMED])
        more = f" and {len(worst) - _NAMED} more" if len(worst) > _NAMED else ""
        used = " Attackers are known to use it." if worst[0].exploited else ""
        mend = f" Mended in firmware {worst[0].fixed_in}." if worst[0].fixed_in else ""
        said = f"{camera.make} {camera.model}, firmware {camera.firmware}: {named}{more}.{used}{mend}"
        found.append(Standing("camera", camera.camera, FIRMWARE, said))
    if camera.support == "ended":
        said = f"{camera.make} {camera.model}: its maker's support ended on {camera.support_ends}."
        found.append(Standing("camera", camera.camera, SUPPORT, said))
    return found


_SEVERITIES = ("critical", "high", "medium", "low")
