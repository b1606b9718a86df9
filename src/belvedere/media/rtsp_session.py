"""The client's side of one RTSP session without sockets: bytes in, bytes to send out.

OPTIONS, DESCRIBE, SETUP (RTP over this very connection), PLAY; then keep-alive, receiver reports and TEARDOWN. Sound is
set up only when it was asked for, after the pictures; whatever goes wrong with it, PLAY follows.
"""

import os
import re
from collections.abc import Mapping
from enum import StrEnum
from struct import pack

from belvedere.foundation.errors import CameraDenied, CameraProtocol, UnsupportedCodec
from belvedere.media.access_unit import AccessUnit
from belvedere.media.audio import AudioDepacketizer, AudioUnit
from belvedere.media.jpeg_rtp import Jpeg, JpegDepacketizer
from belvedere.media.rtcp import SenderReport, parse_rtcp, write_receiver_report
from belvedere.media.rtp import Depacketizer
from belvedere.media.rtsp import (
    Authenticator,
    Message,
    begins_message,
    message_end,
    parse_message,
    strongest_challenge,
    write_reply,
    write_request,
)
from belvedere.media.sdp import JpegTrack, Presentation, parse_jpeg_sdp, parse_sdp
from belvedere.media.stream import Codec

_SESSION_TIMEOUT_S = 60  # RFC 2326 12.37
_MOST_BUFFERED = 512 << 10
_NO_CHANNEL, _NO_PAYLOAD_TYPE = 256, 128
_OVER_TCP = "RTP/AVP/TCP;unicast;interleaved=0-1"
_SHOWN = re.compile(r"[^ -~]")


class SessionState(StrEnum):
    """How far a session has come."""

    TALKING = "talking"  # OPTIONS to PLAY
    PLAYING = "playing"  # PLAY was answered
    CLOSED = "closed"  # the camera ended it, or we did


class RtspSession:
    """One session with one camera.

    `address` holds no credentials. Every method that takes bytes may raise CameraDenied, CameraProtocol or
    UnsupportedCodec, after which the session is of no more use. `outgoing` collects bytes to send; take and clear them.
    """

    def __init__(
        self,
        address: str,
        username: str,
        password: str,
        *,
        client_ports: tuple[int, int] | None = None,
        sound: bool = False,
        jpeg: bool = False,
    ) -> None:
        """`sound`: ask for the sound too; otherwise nothing of it is set up. `jpeg`: take JPEG pictures and nothing else.

        `client_ports`: RTP and RTCP go over UDP to these ports of ours; then `receive` takes packets in RTSP's framing
        all the same, and our own reports collect in `datagrams`."""
        self.outgoing = bytearray()
        self.datagrams: list[bytes] = []
        self.server_ports = (0, 0)  # where the camera sends from, when it says so
        self.state = SessionState.TALKING
        self.server = ""
        self.presentation: Presentation | None = None
        self.track: Depacketizer | None = None
        self.sound: AudioDepacketizer | None = None
        self.no_sound = ""  # why there is no sound although it was asked for
        self.asked_sound = False  # its SETUP was sent
        self._wants_sound = sound
        self._setting_sound = False  # and is not answered yet
        self._sound_packets: list[bytes] = []
        self._sound_reports: list[bytes] = []
        self._wants_jpeg = jpeg
        self._jpeg: JpegTrack | None = None
        self._jpegs: JpegDepacketizer | None = None
        self._jpeg_packets: list[bytes] = []
        self.keep_alive_s = _SESSION_TIMEOUT_S / 2
        self.reports: list[SenderReport] = []
        self._address = address
        self._client_ports = client_ports
        self._authenticator = Authenticator(username, password)
        self._has_user = bool(username)
        self._buffer = b""
        self._sequence = 0
        self._method = ""
        self._target = ""
        self._headers: dict[str, str] = {}
        self._tries = 0
        self._session = ""
        self._keep_alive_method = "OPTIONS"
        self._base = address
        self._own_ssrc = int.from_bytes(os.urandom(4), "big")
        self._last_report: SenderReport | None = None
        self._last_report_us = 0

    def begin(self) -> None:
        """Sends the first request."""
        self._request("OPTIONS", self._address)

    def receive(self, data: bytes, monotonic_us: int) -> list[AccessUnit]:
        """Takes what came from the camera; returns the access units that it completed."""
        track = self.track
        if track is None:
            self._buffer += data
            if len(self._buffer) > _MOST_BUFFERED:
                raise CameraProtocol("The camera answers without end.", advice="Check that the address is a camera's.")
            self._talk()
            track = self.track
            if track is None:
                return []
            data, self._buffer = self._buffer, b""
        units = track.feed(data)
        if units and self.state is SessionState.TALKING:
            self.state = SessionState.PLAYING  # pictures are answer enough
        if track.messages:
            messages, track.messages = track.messages, []
            for text in messages:
                self._take(parse_message(text))
        if track.reports:
            packets, track.reports = track.reports, []
            for packet in packets:
                news = parse_rtcp(packet)
                if news.report is not None:
                    self._last_report, self._last_report_us = news.report, monotonic_us
                    self.reports.append(news.report)
                if news.bye:
                    self.state = SessionState.CLOSED
        return units

    @property
    def setting_sound(self) -> bool:
        """Whether the camera has yet to answer the request for its sound."""
        return self._setting_sound

    def take_sound(self) -> list[AudioUnit]:
        """Sound that came since the last call. Call it after each `receive`."""
        self._sound_reports.clear()
        if self.sound is None or not self._sound_packets:
            return []
        packets = self._sound_packets[:]
        self._sound_packets.clear()
        return self.sound.take(packets)

    def take_jpegs(self) -> list[Jpeg]:
        """Pictures of a JPEG stream that came since the last call. Call it after each `receive`."""
        packets = self._jpeg_packets[:]
        self._jpeg_packets.clear()
        return self._jpegs.take(packets) if self._jpegs is not None else []

    def skip_sound(self, why: str) -> None:
        """Does not wait any longer for the sound to be set up; a late answer is passed over."""
        if self._setting_sound:
            self._setting_sound = False
            self.no_sound = why
            self._play()

    def keep_alive(self, monotonic_us: int) -> None:
        """Tells the camera that somebody is still there: a request and a receiver report. Once every `keep_alive_s`."""
        if self.state is SessionState.PLAYING:
            self._request(self._keep_alive_method, self._base)
        self.report(monotonic_us)

    def report(self, monotonic_us: int) -> None:
        """Sends a receiver report."""
        track = self.track
        if track is None or not track.packets:
            return
        last = self._last_report
        packet = write_receiver_report(
            self._own_ssrc,
            track.ssrc,
            track.highest_sequence,
            track.lost_packets,
            last.ntp_middle if last else 0,
            monotonic_us - self._last_report_us,
        )
        if self._client_ports is not None:
            self.datagrams = [*self.datagrams[-3:], packet]
        else:
            self.outgoing += pack(">BBH", 0x24, track.report_channel & 0xFF, len(packet)) + packet

    def teardown(self) -> None:
        """Says goodbye. Nothing is waited for."""
        if self._session and self.state is not SessionState.CLOSED:
            self._request("TEARDOWN", self._base)
        self.state = SessionState.CLOSED

    def _request(self, method: str, target: str, headers: Mapping[str, str] | None = None) -> None:
        self._method, self._target = method, target
        self._headers = dict(headers or {})
        self._tries = 0
        self._send()

    def _send(self) -> None:
        self._sequence += 1
        self._tries += 1
        headers = dict(self._headers)
        if self._session:
            headers["Session"] = self._session
        if authorization := self._authenticator.header(self._method, self._target):
            headers["Authorization"] = authorization
        self.outgoing += write_request(self._method, self._target, self._sequence, headers)

    def _talk(self) -> None:
        """Messages before PLAY is sent; interleaved packets (from an old session, say) are stepped over."""
        pos = 0
        buffer = self._buffer
        while pos < len(buffer) and self.track is None:
            if buffer[pos] in b"\r\n":
                pos += 1
                continue
            if buffer[pos] == 0x24:
                if len(buffer) - pos < 4:
                    break
                following = pos + 4 + (buffer[pos + 2] << 8 | buffer[pos + 3])
                if following > len(buffer):
                    break
                pos = following
                continue
            if not begins_message(buffer[pos : pos + 14]):
                raise CameraProtocol("The answer is not RTSP.", advice="Check the port: 554 is usual for RTSP.")
            following = message_end(buffer, pos)
            if following < 0:
                break
            self._take(parse_message(buffer[pos:following]))
            pos = following
        self._buffer = buffer[pos:]

    def _take(self, message: Message) -> None:
        if message.method:
            self._asked(message)
            return
        if message.sequence not in (-1, self._sequence) or not self._tries:
            return  # the answer to something older, or to nothing
        if 100 <= message.status < 200:
            return
        self.server = self.server or _SHOWN.sub("", message.headers.get("server", ""))[:80]
        if message.status == 401:
            try:
                self._challenged(message)
                return
            except CameraDenied:
                if not self._setting_sound:
                    raise
        self._tries = 0
        if self._setting_sound:
            self._sound_set_up(message)
            return
        if self.state is SessionState.PLAYING:
            if message.status == 454:
                self.state = SessionState.CLOSED
            return
        self._answered(message)

    def _asked(self, message: Message) -> None:
        """The camera's own request: goodbye is taken, anything else politely declined."""
        if message.method in ("TEARDOWN", "REDIRECT"):
            self.outgoing += write_reply(200, "OK", message.sequence)
            self.state = SessionState.CLOSED
        elif message.method in ("OPTIONS", "SET_PARAMETER", "GET_PARAMETER"):
            self.outgoing += write_reply(200, "OK", message.sequence)
        else:
            self.outgoing += write_reply(501, "Not Implemented", message.sequence)

    def _challenged(self, message: Message) -> None:
        challenge = strongest_challenge(message.challenges)
        if not self._has_user:
            raise CameraDenied(
                "The camera asks for a user name and password.", advice="Add them to the camera's address."
            )
        if challenge is None:
            raise CameraDenied(
                "The camera asks for a kind of log-in that Belvedere does not know.", advice="Set it to Digest."
            )
        previous = self._authenticator.challenge
        stale = challenge.parameters.get("stale", "").lower() == "true"
        fresh = previous is None or previous.parameters.get("nonce") != challenge.parameters.get("nonce")
        # Once with the challenge, once more when only the nonce had aged.
        if self._tries > (2 if stale else 1) or (previous is not None and not (stale or (fresh and self._tries == 1))):
            raise CameraDenied(
                "The camera refused the user name or password.", advice="Correct them in the camera's settings here."
            )
        self._authenticator.accept(challenge)
        self._send()

    def _answered(self, message: Message) -> None:
        """The next step of the conversation."""
        method = self._method
        if method == "OPTIONS":
            if "GET_PARAMETER" in message.headers.get("public", "").upper():
                self._keep_alive_method = "GET_PARAMETER"
            if 300 <= message.status < 400:
                raise _refusal(method, message)
            self._request("DESCRIBE", self._address, {"Accept": "application/sdp"})
            return
        if message.status != 200:
            raise _refusal(method, message)
        if method == "DESCRIBE":
            self._described(message)
        elif method == "SETUP":
            self._set_up(message)
        elif method == "PLAY":
            self.state = SessionState.PLAYING

    def _described(self, message: Message) -> None:
        base = message.headers.get("content-base") or message.headers.get("content-location") or self._address
        if not base.lower().startswith("rtsp://"):
            base = self._address
        if self._wants_jpeg:
            self._jpeg = parse_jpeg_sdp(message.body, re.sub(r"^([a-zA-Z]+://)[^/]*@", r"\1", base.strip()))
            self._base = self._jpeg.base
            self._request("SETUP", self._jpeg.control, {"Transport": _OVER_TCP})
            return
        presentation = parse_sdp(message.body, re.sub(r"^([a-zA-Z]+://)[^/]*@", r"\1", base.strip()))
        self.presentation = presentation
        self._base = presentation.control
        ports = self._client_ports
        transport = f"RTP/AVP;unicast;client_port={ports[0]}-{ports[1]}" if ports else _OVER_TCP
        self._request("SETUP", presentation.video.control, {"Transport": transport})

    def _set_up(self, message: Message) -> None:
        if self.presentation is None and self._jpeg is None:
            raise CameraProtocol("The camera set up a stream that it had not described.")
        transport = message.headers.get("transport", "")
        if self._client_ports is not None:
            if "TCP" in transport.upper():
                raise CameraProtocol("The camera sends RTSP over TCP only.", advice="Use its rtsp:// address.")
            if match := re.search(r"server_port\s*=\s*(\d{1,5})(?:\s*-\s*(\d{1,5}))?", transport):
                self.server_ports = int(match[1]), int(match[2] or int(match[1]) + 1)
        elif transport and "TCP" not in transport.upper():
            raise CameraProtocol(
                "The camera does not send RTSP over TCP.", advice="Switch RTSP over TCP on in the camera."
            )
        channel, report_channel = _channels(transport, 0)
        session, *options = message.headers.get("session", "").split(";")
        self._session = session.strip()[:512]
        for option in options:
            name, _, value = option.partition("=")
            if name.strip().lower() == "timeout" and value.strip().isascii() and value.strip().isdigit():
                self.keep_alive_s = max(5.0, min(300, int(value.strip()[:6])) / 2)
        if self._jpeg is not None:
            # Its packets are nothing for the track: they go beside it, and the track sees to framing, replies and reports.
            self.track = Depacketizer(Codec.H264, _NO_PAYLOAD_TYPE, _NO_CHANNEL, report_channel)
            self.track.beside = {channel: self._jpeg_packets}
            self._jpegs = JpegDepacketizer(self._jpeg.payload_type)
            self._play()
            return
        if self.presentation is None:
            return
        video, audio = self.presentation.video, self.presentation.audio
        self.track = Depacketizer(video.codec, video.payload_type, channel, report_channel)
        if not self._wants_sound:
            self._play()
        elif audio is None:
            self.no_sound = self.presentation.no_audio
            self._play()
        else:
            first = 2 if channel < 2 else 0
            self.asked_sound = self._setting_sound = True
            over_tcp = f"RTP/AVP/TCP;unicast;interleaved={first}-{first + 1}"
            self._request("SETUP", audio.control, {"Transport": over_tcp})

    def _sound_set_up(self, message: Message) -> None:
        """The camera's answer about its sound. Raises CameraProtocol when it would come among the pictures."""
        self._setting_sound = False
        track, audio = self.track, self.presentation.audio if self.presentation else None
        if message.status != 200 or track is None or audio is None:
            reason = _SHOWN.sub("", message.reason)[:60]
            self.no_sound = f"The camera refused to send its sound ({message.status} {reason})."
        else:
            channel, report_channel = _channels(message.headers.get("transport", ""), 2 if track.channel < 2 else 0)
            if {channel, report_channel} & {track.channel, track.report_channel}:
                raise CameraProtocol(
                    "The camera mixes its sound with its pictures.", advice="Switch its sound off here."
                )
            track.beside = {report_channel: self._sound_reports, channel: self._sound_packets}
            self.sound = AudioDepacketizer(audio)
        self._play()

    def _play(self) -> None:
        self._request("PLAY", self._base, {"Range": "npt=0.000-"})


def _channels(transport: str, usual: int) -> tuple[int, int]:
    """Channels for RTP and RTCP out of a Transport header."""
    if match := re.search(r"interleaved\s*=\s*(\d{1,3})(?:\s*-\s*(\d{1,3}))?", transport):
        channel = min(255, int(match[1]))
        return channel, min(255, int(match[2] or channel + 1))
    return usual, usual + 1


def _refusal(method: str, message: Message) -> CameraProtocol | UnsupportedCodec | CameraDenied:
    """What a status other than 200 means, in plain words."""
    status = message.status
    reason = _SHOWN.sub("", message.reason)[:60]
    if 300 <= status < 400:
        return CameraProtocol(
            "The camera redirects to another address, which is not followed.",
            advice="Enter the address that it really streams from.",
        )
    if status == 403:
        return CameraDenied("The camera forbids this user to watch.", advice="Give the user the right to view video.")
    if status == 404:
        return CameraProtocol("The camera has no stream under this path.", advice="Check the path of the address.")
    if status == 461:
        return CameraProtocol(
            "The camera does not send RTSP over TCP.", advice="Switch RTSP over TCP on in the camera."
        )
    if status in (453, 503):
        return CameraProtocol(
            f"The camera can't serve another viewer ({status} {reason}).",
            advice="Close other connections to it, or raise its limit.",
        )
    return CameraProtocol(
        f"The camera answered {method} with {status} {reason}.".replace(" .", "."),
        advice="Check the path of the address, and the camera's RTSP settings.",
    )
