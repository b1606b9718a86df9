"""Searching for cameras: only where it is allowed, by multicast and one by one, and nothing is connected to."""

import asyncio
import contextlib
import socket

import pytest

from belvedere.demo.onvif.discovery import hear
from belvedere.demo.onvif.faults import DeviceFaults
from belvedere.foundation.errors import BadInput, Refused
from belvedere.site.onvif.discovery import allowed_networks, inside, search
from onvif_stage import fake


def test_without_a_network_in_the_settings_there_is_no_search() -> None:
    with pytest.raises(Refused) as caught:
        allowed_networks([])
    assert "camera_networks" in caught.value.advice


def test_only_networks_inside_those_allowed_are_searched() -> None:
    assert [str(n) for n in allowed_networks(["10.20.0.0/24"], ["10.20.0.64/26"])] == ["10.20.0.64/26"]
    for wanted in ("10.21.0.0/24", "10.20.0.0/16"):
        with pytest.raises(Refused):
            allowed_networks(["10.20.0.0/24"], [wanted])
    for bad in ("8.8.8.0/24", "10.0.0.0/8", "10.20.0.1/24", "cameras", "fd00::/64"):
        with pytest.raises(BadInput):
            allowed_networks([bad])
    assert not inside("10.21.0.9", allowed_networks(["10.20.0.0/24"])) and not inside("camera", ())


async def test_a_search_only_asks() -> None:
    async with (
        fake(DeviceFaults(foreign_host="10.99.0.1"), host="127.0.0.2") as device,
        hear(device, "127.0.0.2", 0, noise=b"<!DOCTYPE x><ProbeMatch/>") as (hearing, port),
    ):
        done = await search(allowed_networks(["127.0.0.0/29"]), seconds=0.3, port=port)
    (found,) = done.found
    assert (found.host, found.name, found.hardware) == ("127.0.0.2", "Gate camera", "Sparrow2")
    assert found.address == f"http://127.0.0.2:{device.port}/onvif/device_service" and found.named_other_host
    assert set(found.profiles) == {"S", "T"} and done.asked == 6
    assert hearing.probes and device.requests == []


async def test_answers_from_elsewhere_are_not_taken() -> None:
    outside = "127.0.0.9"
    async with fake(host=outside) as device, hear(device, outside, 0) as (hearing, port):
        other = await search(allowed_networks(["127.0.0.0/29"]), seconds=0.2, port=port)
        assert other.found == () and hearing.probes == 0


async def test_the_group_is_asked_too() -> None:
    group = "239.255.255.250"
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    async with fake() as device, hear(device, "127.0.0.1", port, group=group) as (hearing, _):
        networks = allowed_networks(["127.0.0.0/30"])
        done = await search(networks, seconds=0.3, port=port)
        await asyncio.sleep(0)
    assert hearing.probes >= 1 and [found.host for found in done.found] == ["127.0.0.1"]
