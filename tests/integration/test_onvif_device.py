"""Our ONVIF client against a simulated device, in health and with each fault of the field."""

import asyncio

import pytest

from belvedere.demo.onvif.faults import GOOD, DeviceFaults
from belvedere.foundation.clock import SECOND_US
from belvedere.foundation.errors import CameraDenied, CameraFault, CameraProtocol, CameraUnreachable
from belvedere.site.onvif import web
from belvedere.site.onvif.facts import describe
from belvedere.site.onvif.pinning import service_address
from belvedere.site.onvif.web import Web
from onvif_stage import PASSWORD, fake, talking


async def test_a_device_in_health_is_described() -> None:
    async with fake() as device, talking(device) as client:
        facts = await describe(client)
    assert (facts.manufacturer, facts.model, facts.firmware, facts.serial) == (
        "Belvedere Works",
        "Sparrow 2",
        "1.4.2",
        "BW-0042",
    )
    assert set(facts.services) == {"media", "media2", "ptz", "events", "recording", "search", "replay"}
    assert [(s.token, s.codec, s.width, s.fps) for s in facts.streams][:2] == [
        ("small", "H264", 640, 12),
        ("large", "H265", 2560, 25),
    ]
    (proposal,) = facts.proposals
    assert proposal.main_url == "rtsp://127.0.0.1:8554/main?x=1&y=2"  # and not the password that stood in it
    assert proposal.sub_url == "rtsp://127.0.0.1:8554/sub"
    assert facts.notes == () and facts.streams[0].snapshot and facts.streams[0].ptz
    assert abs(facts.clock_error_us) <= facts.clock_uncertainty_us + 50_000 and facts.clock_uncertainty_us < SECOND_US
    assert device.requests[0] == "GetSystemDateAndTime" and device.door.replays == 0


@pytest.mark.parametrize(
    "faults",
    [
        DeviceFaults(http_digest=True),
        DeviceFaults(clock_behind_login=True),
        DeviceFaults(old=True),
        DeviceFaults(hang_up=True),
        DeviceFaults(clock_error_us=-3 * 86_400 * SECOND_US),
        DeviceFaults(clock_error_us=3600 * SECOND_US, http_digest=True),
        DeviceFaults(bad_utf8=True),
        DeviceFaults(foreign_host="10.99.0.1"),
    ],
    ids=lambda f: ",".join(n for n in f.__slots__ if getattr(f, n) != getattr(GOOD, n)),
)
async def test_faults_that_are_lived_with(faults: DeviceFaults) -> None:
    async with fake(faults) as device, talking(device) as client:
        facts = await describe(client)
    assert facts.model == "Sparrow 2" and facts.proposals[0].main_url == "rtsp://127.0.0.1:8554/main?x=1&y=2"
    assert abs(facts.clock_error_us - faults.clock_error_us) <= facts.clock_uncertainty_us + 50_000
    assert bool(facts.notes) == bool(faults.clock_error_us or faults.foreign_host)
    if faults.bad_utf8:
        assert facts.manufacturer.startswith("Belv") and facts.manufacturer.isprintable()


@pytest.mark.parametrize(
    "faults",
    [DeviceFaults(broken_xml=True), DeviceFaults(entities=True), DeviceFaults(huge=True)],
    ids=["broken", "entities", "huge"],
)
async def test_answers_that_are_refused(faults: DeviceFaults) -> None:
    async with fake(faults) as device, talking(device) as client:
        with pytest.raises(CameraProtocol) as caught:
            await describe(client)
    assert caught.value.advice


async def test_a_wrong_password_is_said() -> None:
    async with fake() as device, talking(device, "wrong") as client:
        with pytest.raises(CameraDenied):
            await describe(client)
    async with fake(DeviceFaults(http_digest=True)) as device, talking(device, "wrong") as client:
        with pytest.raises(CameraDenied):
            await describe(client)
    assert device.requests.count("GetServices") == 2  # the challenge and one try: no account is locked by us


async def test_a_clock_set_after_the_log_in_is_told_by_the_next_look() -> None:
    async with fake() as device, talking(device) as client:
        await client.begin()
        device.faults = DeviceFaults(clock_error_us=7200 * SECOND_US)
        with pytest.raises(CameraDenied):
            await client.information()
        measured = await client.date_and_time()
        assert abs(measured.error_us - 7200 * SECOND_US) <= measured.uncertainty_us + 50_000
        assert (await client.information()).model == "Sparrow 2"


@pytest.mark.parametrize("faults", [DeviceFaults(silent=True), DeviceFaults(endless=True)], ids=["silent", "endless"])
async def test_a_device_that_never_answers(faults: DeviceFaults, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "_CONNECT_S", 0.2)
    async with fake(faults) as device, Web() as client:
        place, _, _ = service_address(device.address)
        with pytest.raises(CameraUnreachable):
            await client.post(place, b"<x/>", {}, timeout_s=0.3)


async def test_something_else_than_a_device() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"RTSP/1.0 400 Bad\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, Web() as client:
        place, _, _ = service_address(f"127.0.0.1:{port}")
        with pytest.raises(CameraFault):
            await client.post(place, b"<x/>", {})
    async with Web() as client:
        place, _, _ = service_address(f"127.0.0.1:{port}")
        with pytest.raises(CameraUnreachable):
            await client.post(place, b"<x/>", {})


async def test_no_password_is_written_anywhere() -> None:
    async with fake() as device, talking(device) as client:
        with pytest.raises(CameraFault) as caught:
            device.offers = ()
            await client.ask("http://www.onvif.org/ver10/media/wsdl", "Nothing")
        assert PASSWORD not in f"{client!r} {client.__dict__!r} {caught.value!r}"
        assert PASSWORD not in repr(client._account)
