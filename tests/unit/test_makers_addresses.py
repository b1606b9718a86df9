"""Addresses proposed by make, and how slowly and how far they are tried."""

import re
from pathlib import Path

import pytest

from belvedere.foundation.errors import (
    BelvedereError,
    CameraDenied,
    CameraProtocol,
    CameraUnreachable,
    UnsupportedCodec,
)
from belvedere.media.stream import Codec
from belvedere.site.ingest.address import split_address
from belvedere.site.ingest.probe import ProbeReport
from belvedere.site.makers.catalogue import MAKES, make_of, propose, same_make
from belvedere.site.makers.guess import Outcome, attempt

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "camera-addresses.md"
REPORT = ProbeReport(Codec.H264, "High", 40, 1920, 1080, 25.0, 2.0, 4_000_000, 0, False, 0, True, "T", ())


@pytest.mark.parametrize(
    ("make", "channel", "main", "sub"),
    [
        ("Hikvision", 1, "/Streaming/Channels/101", "/Streaming/Channels/102"),
        ("hikvision", 12, "/Streaming/Channels/1201", "/Streaming/Channels/1202"),
        ("Dahua", 3, "/cam/realmonitor?channel=3&subtype=0", "/cam/realmonitor?channel=3&subtype=1"),
        ("AXIS", 2, "/axis-media/media.amp?camera=2", "/axis-media/media.amp?camera=2&resolution=640x360"),
        ("Hanwha Vision", 1, "/profile2/media.smp", "/profile3/media.smp"),
        ("Wisenet", 4, "/3/profile2/media.smp", "/3/profile3/media.smp"),
        ("UNV", 5, "/unicast/c5/s0/live", "/unicast/c5/s1/live"),
        ("Reolink", 7, "/Preview_07_main", "/Preview_07_sub"),
        ("Bosch", 1, "/?line=1&inst=1", "/?line=1&inst=2"),
        ("Vivotek", 1, "/live1s1.sdp", "/live1s2.sdp"),
        ("Tapo", 1, "/stream1", "/stream2"),
        ("TP-Link", 1, "/stream1", "/stream2"),
        ("Milesight", 1, "/main", "/sub"),
        ("Avigilon", 1, "/defaultPrimary?streamType=u", "/defaultSecondary?streamType=u"),
        ("Sony", 1, "/media/video1", "/media/video2"),
    ],
)
def test_the_likeliest_address_of_a_make(make: str, channel: int, main: str, sub: str) -> None:
    first = propose("10.0.0.5", make, channel)[0]
    assert (first.main_url, first.sub_url) == (f"rtsp://10.0.0.5{main}", f"rtsp://10.0.0.5{sub}")


@pytest.mark.parametrize("channel", [1, 2, 16])
@pytest.mark.parametrize("host", ["10.0.0.5", "[fd00::5]", "cam.local"])
def test_every_proposal_is_an_address_without_credentials_and_stands_once(host: str, channel: int) -> None:
    proposals = propose(host, "", channel, 8554)
    urls = [each.main_url for each in proposals]
    assert len(set(urls)) == len(urls)
    for each in proposals:
        for url in filter(None, (each.main_url, each.sub_url)):
            assert split_address(url) == (url, "", "")
            assert f"{host}:8554/" in url


def test_all_makes_first_by_their_likeliest() -> None:
    makes = [each.make.id for each in propose("h")]
    assert len(set(makes[: len(MAKES) - 1])) == len(MAKES) - 1  # Sony's first is Uniview's too, and stands once


def test_names_that_cameras_give_themselves() -> None:
    for name, make in (
        ("Hikvision Digital Technology Co., Ltd.", "hikvision"),
        ("AXIS COMMUNICATIONS AB", "axis"),
        ("Hanwha Techwin", "hanwha"),
        ("TP-LINK", "tplink"),
        ("HiLook", "hikvision"),
    ):
        found = make_of(name)
        assert found is not None and found.id == make
    assert make_of("Acme") is None and make_of("") is None


def test_a_brand_is_not_its_maker() -> None:
    assert same_make("Hikvision", "HIKVISION Digital Technology") and same_make("Acme", "ACME")
    assert same_make("Wisenet", "Hanwha Vision")
    assert not same_make("Hikvision", "HiLook") and not same_make("Acme", "Axis")


def test_the_reference_names_every_pattern() -> None:
    told = set(re.findall(r"^\| [^|]*\| `([^`]+)` \| (?:`([^`]*)`)? ?\|", REFERENCE.read_text("utf-8"), re.MULTILINE))
    assert told == {(pattern.main, pattern.sub) for make in MAKES for pattern in make.patterns}


class Device:
    """Answers some paths, and counts log-ins and waits."""

    def __init__(self, answers: dict[str, BelvedereError | None]) -> None:
        self.answers = answers
        self.asked: list[str] = []
        self.waits: list[float] = []

    def look(self, url: str, username: str, password: str) -> ProbeReport:
        path = url.removeprefix("rtsp://h")
        self.asked.append(path)
        error = self.answers.get(path, CameraProtocol("There is no stream under this path."))
        if error is not None:
            raise error
        return REPORT


def run(device: Device, make: str = "", *, every: bool = False) -> list[Outcome]:
    proposals = propose("h", make)
    return [t.outcome for t in attempt(proposals, "u", "p", wait=device.waits.append, every=every, look=device.look)]


def test_what_answers_ends_the_search_with_its_sub_stream() -> None:
    device = Device({"/Streaming/Channels/101": None, "/Streaming/Channels/102": None})
    assert run(device, "Hikvision") == [Outcome.ANSWERED, Outcome.ANSWERED]
    assert device.waits == [2.0]
    device = Device({"/h264/ch1/main/av_stream": None})
    assert run(device, "Hikvision") == [Outcome.ABSENT, Outcome.ANSWERED, Outcome.ABSENT]


def test_every_goes_on() -> None:
    device = Device({"/Streaming/Channels/101": None, "/h264/ch1/main/av_stream": None})
    assert run(device, "Hikvision", every=True) == [
        Outcome.ANSWERED,
        Outcome.ABSENT,
        Outcome.ANSWERED,
        Outcome.ABSENT,
    ]


@pytest.mark.parametrize("error", [CameraDenied("no"), CameraUnreachable("away")])
def test_one_refused_password_and_a_silent_host_end_it(error: BelvedereError) -> None:
    device = Device({"/cam/realmonitor?channel=1&subtype=0": error})
    outcomes = run(device)
    assert outcomes[-1] in (Outcome.DENIED, Outcome.AWAY)
    assert device.asked[-1] == "/cam/realmonitor?channel=1&subtype=0"
    assert len(device.waits) == len(device.asked) - 1, "a wait between every two tries"


def test_pictures_that_we_can_not_read_are_an_answer() -> None:
    device = Device({"/Streaming/Channels/101": UnsupportedCodec("It sends VP9.")})
    assert run(device, "Hikvision")[0] is Outcome.ANSWERED
