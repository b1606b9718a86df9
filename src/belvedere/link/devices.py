"""Messages about ONVIF devices: finding them, what they are, moving them, what they report, their own archives."""

import msgspec

from belvedere.link.messages import Reply, Request


class FindDevices(Request, frozen=True, tag="find_devices"):
    """Search the site's allow-listed camera networks, or those of them named here; answered with `FoundDevices`.

    Nothing that is found is connected to. Refused where the site's settings name no network.
    """

    networks: tuple[str, ...] = ()


class LookAtDevice(Request, frozen=True, tag="look_at_device"):
    """Log in to one device of an allow-listed network and describe it; answered with `DeviceFacts`."""

    address: str  # host, host:port or http(s) address
    username: str
    password: str

    def __repr__(self) -> str:
        return f"LookAtDevice(username={self.username!r})"


class PutDevice(Request, frozen=True, tag="put_device"):
    """Say which device a camera of this site is, so that its clock and events are watched; answered with `Answer`.

    An empty user name means that of the camera's stream. An empty address ends it.
    """

    camera: str
    address: str
    username: str
    password: str

    def __repr__(self) -> str:
        return f"PutDevice(camera={self.camera!r})"


class GetDevices(Request, frozen=True, tag="get_devices"):
    """How the watched devices are; answered with `Devices`."""


class GetDeviceEvents(Request, frozen=True, tag="get_device_events"):
    """What cameras reported with an arrival in [from_us, to_us), oldest first; answered with `DeviceEvents`.

    1000 at most: the first, or the last where `newest` is set. Motion and inputs tell of people, so they need a grant with
    playback of the span; without one only tampering is told.
    """

    cameras: tuple[str, ...]
    from_us: int
    to_us: int
    grant: bytes = b""
    newest: bool = False


class MoveCamera(Request, frozen=True, tag="move_camera"):
    """Move at speeds from -1 to 1 (right, up, in) for 1 to 5 s; all 0 stops it. Needs PTZ; answered with `Turn`.

    `priority` is the rank that the hub gives the person's role; a higher one takes the camera over.
    """

    grant: bytes
    camera: str
    priority: int
    pan: float
    tilt: float
    zoom: float
    seconds: int = 1


class GetPresets(Request, frozen=True, tag="get_presets"):
    """Positions that the camera remembers; answered with `Presets`. Needs PTZ."""

    grant: bytes
    camera: str


class GoToPreset(Request, frozen=True, tag="go_to_preset"):
    """Needs PTZ; answered with `Turn`."""

    grant: bytes
    camera: str
    priority: int
    preset: str


class KeepPreset(Request, frozen=True, tag="keep_preset"):
    """Remember the present view as a new preset, or in place of `preset`. Needs PTZ; answered with `Presets`."""

    grant: bytes
    camera: str
    priority: int
    name: str
    preset: str = ""


class GiveBackCamera(Request, frozen=True, tag="give_back_camera"):
    """Stop moving and let others. Needs PTZ; answered with `Turn`."""

    grant: bytes
    camera: str


class GetDeviceArchive(Request, frozen=True, tag="get_device_archive"):
    """Recordings that the device itself keeps (Profile G); answered with `DeviceArchive`. Carries no picture."""

    camera: str


class PullArchive(Request, frozen=True, tag="pull_archive"):
    """Bring a span of a device's own recording in as footage of `camera`; answered with `Answer` once it has begun.

    Times are true ones. `clock_error_us` is what the device's clock was wrong by then (device minus truth), None: as it
    is measured now.
    """

    camera: str
    recording: str
    from_us: int
    to_us: int
    stream: str
    clock_error_us: int | None = None


class GetPulls(Request, frozen=True, tag="get_pulls"):
    """How the pulls of this start of the site go; answered with `Pulls`."""


class FoundDevice(msgspec.Struct, frozen=True):
    """What answered a search. `address` is that of the host that answered, whatever it names itself."""

    host: str
    address: str
    name: str
    hardware: str
    profiles: tuple[str, ...]  # of ONVIF, such as S, T, G
    named_other_host: bool


class FoundDevices(Reply, frozen=True, tag="found_devices"):
    devices: tuple[FoundDevice, ...]
    asked: int  # hosts asked


class DeviceStream(msgspec.Struct, frozen=True):
    """One media profile. `url` holds no credentials and lies on the device's own host."""

    token: str
    name: str
    source: str
    codec: str
    width: int
    height: int
    fps: float
    bits_per_second: int
    ptz: bool
    url: str
    snapshot: bool
    trouble: str


class DeviceProposal(msgspec.Struct, frozen=True):
    """The addresses to record one lens by."""

    source: str
    main_url: str
    sub_url: str


class DeviceFacts(Reply, frozen=True, tag="device_facts"):
    """What a device tells of itself. `clock_error_us` is the device minus this site."""

    address: str
    manufacturer: str
    model: str
    firmware: str
    serial: str
    services: tuple[str, ...]
    clock_error_us: int
    clock_uncertainty_us: int
    streams: tuple[DeviceStream, ...]
    proposals: tuple[DeviceProposal, ...]
    notes: tuple[str, ...]


class DeviceState(msgspec.Struct, frozen=True):
    """One watched device. `state`: connecting, watching, waiting, denied."""

    camera: str
    state: str
    message: str
    manufacturer: str
    model: str
    firmware: str
    serial: str
    ptz: bool
    events: bool
    archive: bool
    clock_error_us: int | None
    clock_uncertainty_us: int
    clock_seen_us: int
    dropped_events: int
    holder: str = ""  # who moves it now
    holder_id: str = ""
    free_in_us: int = 0  # until it is anybody's, if the holder does nothing more


class Devices(Reply, frozen=True, tag="devices"):
    devices: tuple[DeviceState, ...]


class DeviceEvent(msgspec.Struct, frozen=True):
    """A change that a camera reported. `kind`: motion, tamper, input. `camera_us` is by its own clock, None if unreadable."""

    camera: str
    kind: str
    source: str
    active: bool
    camera_us: int | None
    arrival_us: int


class DeviceEvents(Reply, frozen=True, tag="device_events"):
    events: tuple[DeviceEvent, ...]


class Turn(Reply, frozen=True, tag="turn"):
    """Who moves the camera now; "" when nobody does. Free again in `free_in_us` if they do nothing more."""

    camera: str
    holder: str
    free_in_us: int = 0


class PresetEntry(msgspec.Struct, frozen=True):
    token: str
    name: str


class Presets(Reply, frozen=True, tag="presets"):
    presets: tuple[PresetEntry, ...]


class DeviceRecording(msgspec.Struct, frozen=True):
    """A recording in a device. Times by its own clock; None where it does not tell."""

    token: str
    name: str
    earliest_us: int | None
    latest_us: int | None
    video: bool
    open: bool  # still being recorded


class DeviceArchive(Reply, frozen=True, tag="device_archive"):
    recordings: tuple[DeviceRecording, ...]
    clock_error_us: int
    clock_uncertainty_us: int


class PullState(msgspec.Struct, frozen=True):
    """One pull. `state`: running, done, failed. Times are true ones; `end_us` is how far it got."""

    camera: str
    recording: str
    from_us: int
    to_us: int
    state: str
    message: str
    end_us: int
    frames: int
    bytes: int
    runs: int


class Pulls(Reply, frozen=True, tag="pulls"):
    pulls: tuple[PullState, ...]


REQUESTS = (
    FindDevices,
    LookAtDevice,
    PutDevice,
    GetDevices,
    GetDeviceEvents,
    MoveCamera,
    GetPresets,
    GoToPreset,
    KeepPreset,
    GiveBackCamera,
    GetDeviceArchive,
    PullArchive,
    GetPulls,
)
REPLIES = (FoundDevices, DeviceFacts, Devices, DeviceEvents, Turn, Presets, DeviceArchive, Pulls)
