"""Devices in the site index: addresses sealed like those of cameras, what devices tell, what they report."""

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files

import msgspec

from belvedere.foundation.clock import DAY_US, Clock
from belvedere.foundation.errors import BadInput, NotFound
from belvedere.link.devices import DeviceEvent, DeviceFacts
from belvedere.media.stream import StreamKind
from belvedere.site.onvif.messages import ClockSeen, Reported, Target
from belvedere.site.onvif.pinning import service_address
from belvedere.site.storage.cameras import Cameras
from belvedere.site.storage.index import Index
from belvedere.site.storage.keys import ConnectionSafe

MAX_EVENTS = 1000


class StoredDevice(msgspec.Struct, frozen=True):
    """What is sealed of a device."""

    address: str
    username: str
    password: str


@cache
def _sql() -> Mapping[str, str]:
    text = (files("belvedere.site.onvif") / "devices.sql").read_text("utf-8")
    parts = re.split(r"^-- name: (\w+)\n", text, flags=re.MULTILINE)[1:]
    return {name: body.strip() for name, body in zip(parts[::2], parts[1::2], strict=True)}


def seal_name(camera: str) -> str:
    """What a device's credentials are bound to: not the camera's own name, so that the two can't be swapped."""
    return f"{camera} device"


class DeviceStore:
    """Thread-safe, as the index is."""

    def __init__(self, index: Index, safe: ConnectionSafe, cameras: Cameras, clock: Clock, retention_days: int) -> None:
        self._index = index
        self._safe = safe
        self._cameras = cameras
        self._clock = clock
        self._keep_us = retention_days * DAY_US

    def put(self, camera: str, address: str, username: str, password: str) -> None:
        """Say which device a camera is; an empty address: none. Raises BadAddress, NotFound."""
        if not address:
            with self._index.write() as db:
                db.execute(_sql()["remove_device"], {"camera": camera})
            return
        place, inner_username, inner_password = service_address(address)
        if not username:
            username, password = inner_username, inner_password
        stored = msgspec.json.encode(StoredDevice(place.url, username, password))
        with self._index.write() as db:  # sealed inside, so that a change of the key can't come between
            row = {"camera": camera, "connection": self._safe.shut(seal_name(camera), stored)}
            changed = db.execute(_sql()["put_device"], row).rowcount
        if not changed:
            raise NotFound(f"There is no camera {camera}.", advice="`belvedere camera list` names them.")

    def targets(self) -> tuple[Target, ...]:
        """The devices to be watched. Without a user of its own, that of the camera's stream is used."""
        streams = {each.slug: each.addresses.get(StreamKind.MAIN) for each in self._cameras.all()}
        targets = []
        for camera, sealed, *_ in self._index.read().execute(_sql()["devices"]).fetchall():
            stored = msgspec.json.decode(self._safe.open(seal_name(camera), sealed), type=StoredDevice)
            username, password = stored.username, stored.password
            if not username and (stream := streams.get(camera)) is not None:
                username, password = stream.username, stream.password
            targets.append(Target(camera, stored.address, username, password))
        return tuple(targets)

    def known(self) -> dict[str, tuple[str, str, str, str]]:
        """(maker, model, firmware, serial) last told, by camera."""
        rows = self._index.read().execute(_sql()["devices"]).fetchall()
        return {row[0]: (row[2], row[3], row[4], row[5]) for row in rows}

    def tell(self, camera: str, facts: DeviceFacts) -> None:
        row = {
            "camera": camera,
            "manufacturer": facts.manufacturer,
            "model": facts.model,
            "firmware": facts.firmware,
            "serial": facts.serial,
            "seen_us": self._clock.now_us(),
        }
        with self._index.write() as db:
            db.execute(_sql()["tell_facts"], row)

    def add(self, events: Sequence[Reported], clocks: Sequence[ClockSeen]) -> None:
        """Keep what came, in one transaction."""
        seen = [msgspec.structs.asdict(each) for each in clocks]
        with self._index.write() as db:
            db.executemany(_sql()["add_event"], [msgspec.structs.asdict(each) for each in events])
            db.executemany(_sql()["add_clock"], seen)
            db.executemany(_sql()["add_uncertainty"], seen)

    def forget(self) -> None:
        """Delete what is older than footage may be."""
        before = {"before_us": self._clock.now_us() - self._keep_us}
        with self._index.write() as db:
            db.execute(_sql()["forget_events"], before)
            db.execute(_sql()["forget_uncertainty"], before)

    def events(
        self,
        cameras: Sequence[str],
        from_us: int,
        to_us: int,
        *,
        kinds: Sequence[str] = ("motion", "tamper", "input"),
        newest: bool = False,
    ) -> tuple[DeviceEvent, ...]:
        """What these cameras reported, by arrival, MAX_EVENTS at most: the first or the `newest`.

        Raises BadInput for an empty span.
        """
        if not 0 <= from_us < to_us:
            raise BadInput("The span of time is empty.", advice="Give a start before the end.")
        db, found = self._index.read(), []
        for camera in cameras:
            asked = {"camera": camera, "from_us": from_us, "to_us": to_us, "kinds": json.dumps(list(kinds))}
            rows = db.execute(_sql()["newest_events" if newest else "events"], asked).fetchall()
            if newest:
                rows.reverse()
            found += [DeviceEvent(row[0], row[1], row[2], bool(row[3]), row[4], row[5]) for row in rows]
        found.sort(key=lambda each: each.arrival_us)
        return tuple(found[-MAX_EVENTS:] if newest else found[:MAX_EVENTS])
