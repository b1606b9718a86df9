"""Devices in the index: sealed, sealed again under a new key, told apart from the camera's own address, forgotten in time."""

from pathlib import Path

import pytest

from belvedere.foundation.clock import DAY_US, SimulatedClock
from belvedere.foundation.errors import BadAddress, NotFound
from belvedere.site.onvif.messages import ClockSeen, Reported, Target
from belvedere.site.onvif.store import DeviceStore
from belvedere.site.storage.camera_key import open_connection_safe, rotate_camera_key
from belvedere.site.storage.cameras import Cameras
from belvedere.site.storage.index import Index


def test_devices_are_kept_and_forgotten(tmp_path: Path) -> None:
    clock = SimulatedClock()
    index = Index(tmp_path / "index.db", clock)
    key_file = tmp_path / "keys" / "camera.key"
    safe = open_connection_safe(index, key_file, make=True)
    cameras = Cameras(index, safe, clock)
    cameras.put("gate", "Gate", "rtsp://viewer:stream-word@10.0.0.5/main", "", True)
    store = DeviceStore(index, safe, cameras, clock, retention_days=31)

    with pytest.raises(NotFound):
        store.put("yard", "10.0.0.6", "", "")
    with pytest.raises(BadAddress):
        store.put("gate", "ftp://10.0.0.5", "", "")
    store.put("gate", "10.0.0.5:8000", "", "")
    address = "http://10.0.0.5:8000/onvif/device_service"
    assert store.targets() == (Target("gate", address, "viewer", "stream-word"),)  # the user of its stream
    assert "stream-word" not in repr(store.targets())
    store.put("gate", "http://onvif:a%20word@10.0.0.5:8000", "", "")
    assert store.targets() == (Target("gate", address, "onvif", "a word"),)
    rotate_camera_key(index, safe, key_file, clock)
    fresh = open_connection_safe(index, key_file, make=False)
    assert DeviceStore(index, fresh, Cameras(index, fresh, clock), clock, 31).targets()[0].password == "a word"

    now_us = clock.now_us()
    store.add([Reported("gate", "motion", "s", True, None, now_us)], [ClockSeen("gate", now_us, 5, 2)] * 2)
    store.add(
        [Reported("gone", "motion", "s", True, None, now_us)], [ClockSeen("gone", now_us, 5, 2)]
    )  # a removed camera
    (event,) = store.events(("gate", "gone"), now_us, now_us + 1)
    assert (event.kind, event.active, event.camera_us) == ("motion", True, None)
    assert index.read().execute("SELECT count(*) FROM clock_uncertainty").fetchone()[0] == 1
    clock.advance(30 * DAY_US)
    store.forget()
    assert store.events(("gate",), 0, now_us + 1)
    clock.advance(2 * DAY_US)
    store.forget()
    assert not store.events(("gate",), 0, now_us + 1)

    store.put("gate", "", "", "")
    assert store.targets() == () and store.known() == {}
    index.close()
