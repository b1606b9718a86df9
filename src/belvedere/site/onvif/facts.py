"""A device described: log in, ask what it is and what it offers, and propose which streams to record."""

from belvedere.foundation.clock import SECOND_US, iso
from belvedere.foundation.errors import CameraProtocol
from belvedere.link.devices import DeviceFacts, DeviceProposal, DeviceStream
from belvedere.site.onvif import soap
from belvedere.site.onvif.device import Device, Information
from belvedere.site.onvif.media import Profile, propose

_NAMES = {
    soap.MEDIA: "media",
    soap.MEDIA2: "media2",
    soap.PTZ: "ptz",
    soap.EVENTS: "events",
    soap.RECORDING: "recording",
    soap.SEARCH: "search",
    soap.REPLAY: "replay",
}
_CLOCK_TOLERANCE_US = 2 * SECOND_US


async def describe(device: Device) -> DeviceFacts:
    """Ask everything once. Raises CameraFault."""
    await device.begin()
    try:
        told = await device.information()
    except soap.SoapFault:
        told = Information("", "", "", "", "")
    profiles: list[Profile] = []
    notes = []
    if soap.MEDIA in device.services or soap.MEDIA2 in device.services:
        try:
            profiles = await device.profiles()
        except CameraProtocol as error:
            notes.append(error.message)
    else:
        notes.append("It has no media service: it offers no stream through ONVIF.")
    clock = device.clock_error
    assert clock is not None  # begin() measured it
    if abs(clock.error_us) > _CLOCK_TOLERANCE_US + clock.uncertainty_us:
        way = "ahead" if clock.error_us > 0 else "behind"
        notes.append(
            f"Its clock is {abs(clock.error_us) / SECOND_US:.0f} s {way} (it shows {iso(device.camera_us())[:19]} UTC). "
            "Set it to a time server."
        )
    if device.moved:
        notes.append("It names another host in its addresses; its own host was used instead.")
    notes += [f"Profile {profile.name or profile.token}: {profile.trouble}" for profile in profiles if profile.trouble]
    return DeviceFacts(
        address=device.home.url,
        manufacturer=told.manufacturer,
        model=told.model,
        firmware=told.firmware,
        serial=told.serial,
        services=tuple(name for space, name in _NAMES.items() if space in device.services),
        clock_error_us=clock.error_us,
        clock_uncertainty_us=clock.uncertainty_us,
        streams=tuple(_stream(profile) for profile in profiles),
        proposals=tuple(
            DeviceProposal(each.source, each.main.stream_url, each.sub.stream_url if each.sub else "")
            for each in propose(profiles)
        ),
        notes=tuple(notes),
    )


def _stream(profile: Profile) -> DeviceStream:
    return DeviceStream(
        token=profile.token,
        name=profile.name,
        source=profile.source,
        codec=profile.codec,
        width=profile.width,
        height=profile.height,
        fps=profile.fps,
        bits_per_second=profile.bits_per_second,
        ptz=profile.ptz,
        url=profile.stream_url,
        snapshot=bool(profile.snapshot_url),
        trouble=profile.trouble,
    )
