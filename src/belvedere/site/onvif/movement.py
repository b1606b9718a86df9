"""PTZ requests (ONVIF PTZ service): continuous movement, stop, presets."""

from dataclasses import dataclass

from belvedere.foundation.clock import SECOND_US
from belvedere.foundation.errors import BadInput
from belvedere.site.onvif import soap
from belvedere.site.onvif.device import Device
from belvedere.site.onvif.markup import quoted, shown
from belvedere.site.onvif.messages import LONGEST_MOVE_S
from belvedere.site.onvif.times import write_duration

_MOST_PRESETS = 300


@dataclass(frozen=True, slots=True)
class Preset:
    """A position that the camera remembers."""

    token: str
    name: str


def _velocity(value: float) -> str:
    if not -1 <= value <= 1:
        raise BadInput("A speed is a number from -1 to 1.", advice="0 stands still, 1 is as fast as the camera can.")
    return f"{value:.3f}"


class Movement:
    """Moves one camera. `profile` is the token of a media profile with PTZ."""

    def __init__(self, device: Device, profile: str) -> None:
        self._device = device
        self._profile = f"<r:ProfileToken>{quoted(profile)}</r:ProfileToken>"

    async def move(self, pan: float, tilt: float, zoom: float, seconds: int) -> None:
        """Move at these speeds (-1 to 1; right, up and in are positive) for `seconds`, then stand still."""
        if not 1 <= seconds <= LONGEST_MOVE_S:
            raise BadInput(f"A movement lasts 1 to {LONGEST_MOVE_S} s.", advice="Repeat it to go on.")
        velocity = (
            f'<r:Velocity><t:PanTilt x="{_velocity(pan)}" y="{_velocity(tilt)}"/>'
            f'<t:Zoom x="{_velocity(zoom)}"/></r:Velocity>'
        )
        timeout = f"<r:Timeout>{write_duration(seconds * SECOND_US)}</r:Timeout>"
        await self._device.ask(soap.PTZ, "ContinuousMove", self._profile + velocity + timeout)

    async def stop(self) -> None:
        await self._device.ask(soap.PTZ, "Stop", f"{self._profile}<r:PanTilt>true</r:PanTilt><r:Zoom>true</r:Zoom>")

    async def presets(self) -> list[Preset]:
        reply = await self._device.ask(soap.PTZ, "GetPresets", self._profile)
        found = [node for node in reply.all("Preset") if node.attributes.get("token")]
        return [Preset(n.attributes["token"][:64], shown(n.value("Name"))) for n in found[:_MOST_PRESETS]]

    async def go(self, preset: str) -> None:
        await self._device.ask(
            soap.PTZ, "GotoPreset", f"{self._profile}<r:PresetToken>{quoted(preset)}</r:PresetToken>"
        )

    async def keep(self, name: str, preset: str = "") -> str:
        """Remember where the camera looks now, as a new preset or in place of `preset`. Returns its token."""
        token = f"<r:PresetToken>{quoted(preset)}</r:PresetToken>" if preset else ""
        reply = await self._device.ask(
            soap.PTZ, "SetPreset", f"{self._profile}<r:PresetName>{quoted(name)}</r:PresetName>{token}"
        )
        return reply.value("PresetToken")[:64] or preset
