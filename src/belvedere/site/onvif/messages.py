"""What the site's process and its device process say to each other: MessagePack behind 4-byte lengths, over pipes.

The device process alone reads what devices write. It gets passwords, like an ingest process; it has no keys and no database.
"""

import msgspec

from belvedere.link.devices import DeviceFacts
from belvedere.link.masked import Polygons

LIMIT = 16 << 20

LONGEST_MOVE_S = 5  # one order; who wants more says it again


class Target(msgspec.Struct, frozen=True):
    """A camera's device to be watched."""

    camera: str
    address: str
    username: str
    password: str

    def __repr__(self) -> str:
        return f"Target({self.camera!r})"


class Watch(msgspec.Struct, frozen=True, tag=True):
    """All devices to be watched from now on; those not named are let go."""

    targets: tuple[Target, ...]


class Do(msgspec.Struct, frozen=True, tag=True):
    """Something to do, answered with `Done` of the same number. `camera` is "" for `look` and `find`."""

    number: int
    act: str  # find, look, move, presets, go, keep, archive, pull, mask, masked
    camera: str = ""
    target: Target | None = None
    networks: tuple[str, ...] = ()
    speeds: tuple[float, float, float] = (0.0, 0.0, 0.0)
    seconds: int = 1
    preset: str = ""
    name: str = ""
    recording: str = ""
    from_us: int = 0
    to_us: int = 0
    stream: str = "main"
    clock_error_us: int | None = None
    polygons: Polygons = ()
    tokens: tuple[str, ...] = ()


ToWorker = Watch | Do


class Seen(msgspec.Struct, frozen=True, tag=True):
    """How a watched device is. `facts` come after it was logged in to."""

    camera: str
    state: str
    message: str
    dropped_events: int = 0
    facts: DeviceFacts | None = None


class ClockSeen(msgspec.Struct, frozen=True, tag=True):
    camera: str
    seen_us: int
    error_us: int
    uncertainty_us: int


class Reported(msgspec.Struct, frozen=True, tag=True):
    """An event of a camera."""

    camera: str
    kind: str
    source: str
    active: bool
    camera_us: int | None
    arrival_us: int


class PullWent(msgspec.Struct, frozen=True, tag=True):
    """How a pull goes. `state`: running, done, failed."""

    number: int
    state: str
    message: str = ""
    end_us: int = 0
    frames: int = 0
    bytes: int = 0
    runs: int = 0


class Done(msgspec.Struct, frozen=True, tag=True):
    """`reply` is a message of the link: what was asked for, or a `Failure`."""

    number: int
    reply: bytes


FromWorker = Seen | ClockSeen | Reported | PullWent | Done
