"""Session descriptions (RFC 4566) as cameras send them: which video and sound, in which packets, under which address."""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass

from belvedere.foundation.errors import BelvedereError, CameraProtocol, UnsupportedCodec
from belvedere.media.audio import AudioTrack, described_audio
from belvedere.media.nal import is_parameter_set, nal_type
from belvedere.media.stream import Codec

_MOST_LINES = 1000
_STATIC_PAYLOADS = {26: "JPEG", 31: "H261", 32: "MPV", 33: "MP2T", 34: "H263"}  # RFC 3551 table 5
_STATIC_SOUNDS = {0: "PCMU", 8: "PCMA", 9: "G722"}
_PLAIN_NAMES = {
    "JPEG": "MJPEG",
    "MP4V-ES": "MPEG-4",
    "MPV": "MPEG-2",
    "MP2T": "an MPEG transport stream",
    "H266": "H.266",
}
_CODECS = {"H264": Codec.H264, "H265": Codec.H265}
_ADDRESS = re.compile(r"[!-~]+")


class MotionJpeg(UnsupportedCodec):
    """The stream is JPEG pictures, which only a reader process takes (site/ingest/reader_jpeg.py)."""


@dataclass(frozen=True, slots=True)
class JpegTrack:
    """JPEG pictures (RFC 2435). `control` is the track's complete SETUP address, `base` that for PLAY."""

    payload_type: int
    control: str
    base: str


@dataclass(frozen=True, slots=True)
class VideoTrack:
    """The video that is set up.

    `control` is its complete SETUP address. `parameter_sets` are raw NAL units out of sprop-* in the order the camera
    gave them, empty when it gave none. `clock_rate` is RTP ticks a second; `fps` what the camera claims, or None.
    """

    codec: Codec
    payload_type: int
    clock_rate: int
    control: str
    parameter_sets: tuple[bytes, ...]
    fps: float | None


@dataclass(frozen=True, slots=True)
class Presentation:
    """What DESCRIBE answered: the address for PLAY, the one video track and the sound that could be had beside it.

    `audio` is None when there is none that is kept; `no_audio` then says why, for people. Metadata is left out.
    """

    control: str
    video: VideoTrack
    audio: AudioTrack | None = None
    no_audio: str = ""


@dataclass(slots=True)
class _Section:
    """One `m=` section, or the session's own lines (kind empty)."""

    kind: str
    formats: tuple[int, ...]
    attributes: list[tuple[str, str]]

    def values(self, name: str) -> Iterator[str]:
        return (value for key, value in self.attributes if key == name)

    def value(self, name: str) -> str:
        return next(self.values(name), "")


def parse_sdp(text: bytes, base: str) -> Presentation:
    """The presentation described by `text`; `base` is Content-Base, Content-Location or the request's address.

    Raises UnsupportedCodec when there is video but none that Belvedere keeps, CameraProtocol when there is no video. Sound that
    can't be used is no fault.
    """
    session, *sections = _sections(text)
    control = resolve_control(base, session.value("control"))
    videos = [section for section in sections if section.kind == "video"]
    if not videos:
        raise CameraProtocol("The camera's stream has no video.", advice="Check the path of the address.")
    refused: list[UnsupportedCodec] = []
    for section in videos:
        try:
            video = _video(section, control)
        except UnsupportedCodec as error:
            refused.append(error)
        else:
            return Presentation(control, video, *_sound(sections, control))
    raise refused[0]


def parse_jpeg_sdp(text: bytes, base: str) -> JpegTrack:
    """The first JPEG track of a description. Raises UnsupportedCodec when there is none: then it is another kind of stream."""
    session, *sections = _sections(text)
    control = resolve_control(base, session.value("control"))
    for section in sections:
        if section.kind == "video":
            for number, (name, _, _) in _formats(section, _STATIC_PAYLOADS, 90_000).items():
                if name == "JPEG":
                    return JpegTrack(number, resolve_control(control, section.value("control")), control)
    raise UnsupportedCodec("The stream is not JPEG any more.", advice="It is opened anew.")


def _sound(sections: list[_Section], base: str) -> tuple[AudioTrack | None, str]:
    """The first sound that is kept, or why there is none. What the camera would play itself (sendonly) is not its sound."""
    why = ""
    for section in sections:
        if section.kind != "audio" or any(name in ("sendonly", "inactive") for name, _ in section.attributes):
            continue
        for number, (name, rate, channels) in _formats(section, _STATIC_SOUNDS, 8_000).items():
            try:
                control = resolve_control(base, section.value("control"))
                return described_audio(name, number, rate, channels, _format_parameters(section, number), control), ""
            except BelvedereError as error:
                why = why or str(error)
    return None, why or "The camera offers no sound. Switch its microphone on."


def resolve_control(base: str, control: str) -> str:
    """A control attribute made whole: `*` or nothing is the base itself, an rtsp address stands, the rest is appended.

    Cameras expect the text appended after a slash, behind a query too, rather than RFC 3986's merging of paths.
    Raises CameraProtocol when the result could not stand in a request line.
    """
    control = control.strip()
    if control in ("", "*"):
        whole = base
    elif control.lower().startswith(("rtsp://", "rtsps://")):
        whole = re.sub(r"^([a-zA-Z]+://)[^/]*@", r"\1", control)
    else:
        whole = base + control if base.endswith("/") or control.startswith("/") else f"{base}/{control}"
        if base.endswith("/") and control.startswith("/"):
            whole = base + control[1:]
    if len(whole) > 2048 or not _ADDRESS.fullmatch(whole):
        raise CameraProtocol("The camera names an impossible track address.", advice="Update the camera's firmware.")
    return whole


def _sections(text: bytes) -> list[_Section]:
    sections = [_Section("", (), [])]
    for line in text.decode("utf-8", "replace").splitlines()[:_MOST_LINES]:
        kind, _, rest = line.strip().partition("=")
        if kind == "m":
            words = rest.split()
            formats = tuple(int(word) for word in words[3:] if word.isascii() and word.isdigit() and len(word) <= 3)
            sections.append(_Section(words[0].lower() if words else "", formats, []))
        elif kind == "a":
            name, _, value = rest.partition(":")
            sections[-1].attributes.append((name.strip().lower(), value.strip()))
    return sections


def _video(section: _Section, base: str) -> VideoTrack:
    """The first format of the section that Belvedere keeps. Raises UnsupportedCodec."""
    formats = _formats(section, _STATIC_PAYLOADS, 90_000)
    chosen = next((number for number, (name, _, _) in formats.items() if name in _CODECS), None)
    if chosen is None:
        raise _unsupported(next((name for name, _, _ in formats.values() if name), "an unnamed codec"))
    codec = _CODECS[formats[chosen][0]]
    parameters = _format_parameters(section, chosen)
    if codec is Codec.H264 and parameters.get("packetization-mode", "0") not in ("0", "1"):
        raise UnsupportedCodec("The camera interleaves its packets.", advice="Set packetization mode 1 in the camera.")
    if codec is Codec.H265 and parameters.get("sprop-max-don-diff", "0") != "0":
        raise UnsupportedCodec("The camera interleaves its packets.", advice="Switch decoding order numbers off.")
    return VideoTrack(
        codec=codec,
        payload_type=chosen,
        clock_rate=formats[chosen][1],
        control=resolve_control(base, section.value("control")),
        parameter_sets=_parameter_sets(codec, parameters),
        fps=_frame_rate(section),
    )


def _formats(section: _Section, known: dict[int, str], usual_rate: int) -> dict[int, tuple[str, int, int]]:
    """Payload types of a section: name in upper case, ticks a second, channels (RFC 3551, RFC 4566 rtpmap)."""
    formats = {number: (known.get(number, ""), usual_rate, 1) for number in section.formats}
    for value in section.values("rtpmap"):
        number, _, encoding = value.partition(" ")
        name, *numbers = (part.strip() for part in encoding.strip().split("/"))
        if _small(number) in formats:
            rate = _small(numbers[0]) if numbers else -1
            channels = _small(numbers[1]) if len(numbers) > 1 else 1
            known_rate = rate if 1 <= rate <= 10_000_000 else usual_rate
            formats[int(number)] = (name.upper(), known_rate, channels if 1 <= channels <= 64 else 1)
    return formats


def _small(text: str) -> int:
    """A decimal number of up to 8 digits, or -1."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 8 else -1


def _format_parameters(section: _Section, number: int) -> dict[str, str]:
    for value in section.values("fmtp"):
        head, _, rest = value.partition(" ")
        if _small(head) == number:
            pairs = (item.partition("=") for item in rest.split(";"))
            return {name.strip().lower(): value.strip() for name, _, value in pairs}
    return {}


def _parameter_sets(codec: Codec, parameters: dict[str, str]) -> tuple[bytes, ...]:
    """Parameter sets out of sprop-*; what can't be read is left out, for the stream will bring its own."""
    names = ("sprop-parameter-sets",) if codec is Codec.H264 else ("sprop-vps", "sprop-sps", "sprop-pps")
    found = []
    for name in names:
        for item in parameters.get(name, "").split(",")[:16]:
            try:
                unit = base64.b64decode(item.strip() + "=" * (-len(item.strip()) % 4))
            except (binascii.Error, ValueError):
                continue
            unit = unit.removeprefix(b"\0\0\0\1").rstrip(b"\0")
            if is_parameter_set(codec, nal_type(codec, unit)) and len(unit) <= 4096:
                found.append(unit)
    return tuple(found)


def _frame_rate(section: _Section) -> float | None:
    match = re.fullmatch(r"(\d{1,4}(?:\.\d{1,6})?)", section.value("framerate"))
    rate = float(match[1]) if match else 0.0
    return rate if 0 < rate <= 480 else None


def _unsupported(name: str) -> UnsupportedCodec:
    shown = _PLAIN_NAMES.get(name, re.sub(r"[^A-Za-z0-9 .+-]", "", name)[:24])
    kind = MotionJpeg if name == "JPEG" else UnsupportedCodec
    return kind(f"The stream is {shown}; Belvedere records H.264 and H.265.", advice="Set the camera to H.264.")
