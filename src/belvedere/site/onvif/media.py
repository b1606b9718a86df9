"""Media profiles (ONVIF Media 1 for Profile S, Media 2 for Profile T): which of a camera's streams to record."""

from collections.abc import Iterable
from dataclasses import dataclass

from belvedere.site.onvif.markup import Node, shown

_MOST = 1 << 20  # of any number that a device names here


@dataclass(slots=True)
class Profile:
    """One stream that the camera offers. Numbers are 0 where it does not tell; `stream_url` is "" where it gives none."""

    token: str
    name: str
    source: str  # video source: one a lens
    codec: str  # H264, H265, JPEG, MPEG4 as the camera writes it
    width: int
    height: int
    fps: float
    bits_per_second: int
    ptz: bool
    stream_url: str = ""
    snapshot_url: str = ""
    trouble: str = ""

    @property
    def recordable(self) -> bool:
        """Whether Belvedere can keep it as it is."""
        return bool(self.stream_url) and self.codec in ("H264", "H265")


@dataclass(frozen=True, slots=True)
class Proposal:
    """The addresses proposed for one lens. `sub` is None when only one stream is fit."""

    source: str
    main: Profile
    sub: Profile | None


def read_profiles(reply: Node) -> list[Profile]:
    """Profiles of the Media 1 service."""
    return [_profile(node, "VideoEncoderConfiguration", "PTZConfiguration") for node in _entries(reply)]


def read_profiles2(reply: Node) -> list[Profile]:
    """Profiles of the Media 2 service."""
    return [_profile(node, "VideoEncoder", "PTZ") for node in _entries(reply)]


def _entries(reply: Node) -> list[Node]:
    return [node for node in reply.children if node.name == "Profiles" and node.attributes.get("token")]


def _profile(node: Node, encoder_name: str, ptz_name: str) -> Profile:
    encoder = node.find(encoder_name)
    place = encoder if encoder is not None else Node("", "", {})
    resolution = place.find("Resolution")
    rate = place.find("RateControl")
    codec = shown(place.value("Encoding"), 20).upper().replace(".", "")
    return Profile(
        token=node.attributes["token"][:64],
        name=shown(node.value("Name")),
        source=shown(node.value("SourceToken"), 64),
        codec={"HEVC": "H265", "AVC": "H264"}.get(codec, codec),
        width=whole(resolution.value("Width")) if resolution else 0,
        height=whole(resolution.value("Height")) if resolution else 0,
        fps=number(rate.value("FrameRateLimit")) if rate else 0.0,
        bits_per_second=whole(rate.value("BitrateLimit")) * 1000 if rate else 0,
        ptz=node.find(ptz_name) is not None,
    )


def number(text: str) -> float:
    """A number that a device wrote, 0 when it can't be one."""
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return value if 0 <= value <= _MOST else 0.0


def whole(text: str) -> int:
    return int(number(text))


def propose(profiles: Iterable[Profile]) -> list[Proposal]:
    """For each lens: the largest picture as main stream, and as sub stream the one nearest to 640x360 that is smaller."""
    by_source: dict[str, list[Profile]] = {}
    for profile in profiles:
        if profile.recordable:
            by_source.setdefault(profile.source, []).append(profile)
    proposals = []
    for source, offered in by_source.items():
        main = max(offered, key=lambda each: (each.width * each.height, each.fps))
        pixels = main.width * main.height
        smaller = [each for each in offered if each.width * each.height < pixels and each.stream_url != main.stream_url]
        sub = min(smaller, key=lambda each: abs(each.width * each.height - 640 * 360), default=None)
        proposals.append(Proposal(source, main, sub))
    return proposals
