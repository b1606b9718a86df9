"""The simulated device's web service: SOAP 1.2 over HTTP 1.1, one address for all services."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.etree import ElementTree
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

from belvedere.demo.onvif.door import Door
from belvedere.demo.onvif.faults import GOOD, DeviceFaults
from belvedere.demo.onvif.masks import MaskService, MaskShelf
from belvedere.demo.onvif.masks import text_of as _text
from belvedere.demo.onvif.subscriptions import Fault, Subscription, Subscriptions, stamp
from belvedere.foundation.clock import SECOND_US, Clock

SPACES = {
    "d": "http://www.onvif.org/ver10/device/wsdl",
    "m": "http://www.onvif.org/ver10/media/wsdl",
    "m2": "http://www.onvif.org/ver20/media/wsdl",
    "p": "http://www.onvif.org/ver20/ptz/wsdl",
    "v": "http://www.onvif.org/ver10/events/wsdl",
    "r": "http://www.onvif.org/ver10/recording/wsdl",
    "s": "http://www.onvif.org/ver10/search/wsdl",
    "y": "http://www.onvif.org/ver10/replay/wsdl",
    "t": "http://www.onvif.org/ver10/schema",
    "n": "http://docs.oasis-open.org/wsn/b-2",
    "a": "http://www.w3.org/2005/08/addressing",
    "tns1": "http://www.onvif.org/ver10/topics",
    "er": "http://www.onvif.org/ver10/error",
}
_SERVICES = ("d", "m", "m2", "p", "v", "r", "s", "y")
_ENVELOPE = "http://www.w3.org/2003/05/soap-envelope"
_MOST_BYTES = 1 << 20
_MOST_KEPT = 1000  # requests and movements remembered


@dataclass(frozen=True, slots=True)
class Offer:
    """A stream that the device offers."""

    token: str
    codec: str
    width: int
    height: int
    fps: int
    kilobits: int
    url: str


@dataclass(frozen=True, slots=True)
class Stored:
    """A recording on the device. Times are true ones; it tells them by its own clock."""

    token: str
    start_us: int
    end_us: int
    url: str


class FakeDevice(MaskService):
    """One device on loopback. `async with FakeDevice(clock, ...) as device`."""

    def __init__(
        self,
        clock: Clock,
        *,
        username: str = "belvedere",
        password: str = "camera secret",
        offers: tuple[Offer, ...] = (),
        stored: tuple[Stored, ...] = (),
        host: str = "127.0.0.1",
        faults: DeviceFaults = GOOD,
        port: int = 0,
        ptz: bool = True,
        model: str = "Sparrow 2",
        serial: str = "BW-0042",
    ) -> None:
        self.door = Door(username, password)
        self.offers = offers
        self.stored = stored
        self.host = host
        self.port = port  # wanted; any free one where it is 0 or taken
        self.ptz = ptz
        self.model = model
        self.serial = serial
        self.requests: list[str] = []
        self.moves: list[tuple[float, float, float]] = []
        self.moving = (0.0, 0.0, 0.0)
        self.presets = {"preset-1": "Gate", "preset-2": "Car park"}
        self.at_preset = ""
        self.masks = MaskShelf()
        self.events = Subscriptions(clock)
        self.faults = faults
        self._clock = clock
        self._server: asyncio.Server | None = None
        self._stop: asyncio.TimerHandle | None = None
        self._open: set[asyncio.StreamWriter] = set()

    @property
    def faults(self) -> DeviceFaults:
        return self.events.faults

    @faults.setter
    def faults(self, faults: DeviceFaults) -> None:
        self.events.faults = faults

    @property
    def address(self) -> str:
        """The address of the device service, as it is really reached."""
        return f"http://{self.host}:{self.port}/onvif/device_service"

    async def __aenter__(self) -> "FakeDevice":
        try:
            self._server = await asyncio.start_server(self._serve, self.host, self.port)
        except OSError:  # taken
            self._server = await asyncio.start_server(self._serve, self.host, 0)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._server is not None
        self._server.close()
        for writer in list(self._open):
            writer.close()
        if self._stop is not None:
            self._stop.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            while await self._exchange(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            self._open.discard(writer)
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.split("\r\n")
        headers = {n.strip().lower(): v.strip() for n, _, v in (line.partition(":") for line in lines)}
        body = await reader.readexactly(min(int(headers.get("content-length", "0")), _MOST_BYTES))
        if self.faults.silent:
            await asyncio.sleep(3600)
        status, extra, answer = await self._answer(first.split(" ")[0], headers, body)
        if self.faults.endless:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/soap+xml\r\nTransfer-Encoding: chunked\r\n\r\n")
            while not writer.is_closing():
                writer.write(b"1\r\n \r\n")
                await writer.drain()
                await asyncio.sleep(0.02)
            return False
        answer = self._spoilt(answer)
        text = f"HTTP/1.1 {status} Answer\r\nContent-Type: application/soap+xml; charset=utf-8\r\n{extra}"
        writer.write(f"{text}Content-Length: {len(answer)}\r\n\r\n".encode() + answer)
        await writer.drain()
        return not self.faults.hang_up

    def _spoilt(self, answer: bytes) -> bytes:
        faults = self.faults
        if faults.bad_utf8:
            answer = answer.replace(b"Belvedere Works", b"Belv\xe9d\xe8re \xff\x00Works")
        if faults.broken_xml:
            answer = answer[: len(answer) // 2]
        if faults.entities:
            bomb = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c SYSTEM "file:///etc/passwd">]>'
            answer = bomb + answer.replace(b"Belvedere Works", b"&b;&c;")
        if faults.huge:
            answer += b" " * (4 << 20)
        return answer

    async def _answer(self, method: str, headers: dict[str, str], body: bytes) -> tuple[int, str, bytes]:
        try:
            envelope = ElementTree.fromstring(body)
            request = next(iter(envelope.find(f"{{{_ENVELOPE}}}Body") or ()))
            name = request.tag.rpartition("}")[2]
            self.requests.append(name)
            del self.requests[:-_MOST_KEPT]
            open_to_all = name == "GetSystemDateAndTime" and not self.faults.clock_behind_login
            if not open_to_all:
                if self.faults.http_digest:
                    if not self.door.digest_opens(headers.get("authorization", ""), method):
                        return 401, f"WWW-Authenticate: {self.door.challenge()}\r\n", b""
                elif not self.door.token_opens(envelope.find(f"{{{_ENVELOPE}}}Header"), self.events.now_us()):
                    raise Fault("NotAuthorized", "The action requested requires authorization")
            handler: Callable[[Element, Element], Awaitable[str]] | None = getattr(self, f"_do_{_snake(name)}", None)
            if handler is None:
                raise Fault("ActionNotSupported", f"{name} is not supported")
            return 200, "", _envelope(await handler(request, envelope))
        except Fault as fault:
            return fault.status, "", _envelope(_fault(fault))
        except (ElementTree.ParseError, StopIteration):
            return 400, "", _envelope(_fault(Fault("WellFormed", "Not understood")))

    def _base(self) -> str:
        return f"http://{self.faults.foreign_host or self.host}:{self.port}"

    def _address_of(self, url: str) -> str:
        """A stream address as the device writes it."""
        if not self.faults.foreign_host:
            return escape(url)
        return escape(re.sub(r"//[^/:]+", f"//{self.faults.foreign_host}", url, count=1))

    async def _do_get_system_date_and_time(self, _r: Element, _e: Element) -> str:
        now = datetime.fromtimestamp(self.events.now_us() // SECOND_US, UTC)
        return (
            "<d:GetSystemDateAndTimeResponse><d:SystemDateAndTime><t:DateTimeType>NTP</t:DateTimeType>"
            "<t:DaylightSavings>false</t:DaylightSavings><t:TimeZone><t:TZ>GMT0BST,M3.5.0/1,M10.5.0</t:TZ></t:TimeZone>"
            f"<t:UTCDateTime><t:Time><t:Hour>{now.hour}</t:Hour><t:Minute>{now.minute}</t:Minute><t:Second>{now.second}"
            f"</t:Second></t:Time><t:Date><t:Year>{now.year}</t:Year><t:Month>{now.month}</t:Month><t:Day>{now.day}"
            "</t:Day></t:Date></t:UTCDateTime></d:SystemDateAndTime></d:GetSystemDateAndTimeResponse>"
        )

    async def _do_get_services(self, _r: Element, _e: Element) -> str:
        if self.faults.old:
            raise Fault("ActionNotSupported", "GetServices is not supported")
        entries = "".join(
            f"<d:Service><d:Namespace>{SPACES[key]}</d:Namespace><d:XAddr>{self._base()}/onvif/{key}</d:XAddr>"
            "<d:Version><t:Major>2</t:Major><t:Minor>60</t:Minor></d:Version></d:Service>"
            for key in _SERVICES
            if key != "p" or self.ptz
        )
        return f"<d:GetServicesResponse>{entries}</d:GetServicesResponse>"

    async def _do_get_capabilities(self, _r: Element, _e: Element) -> str:
        names = {"Media": "m", "Events": "v"} | ({"PTZ": "p"} if self.ptz else {})
        base = f"{self._base()}/onvif"
        entries = "".join(f"<t:{name}><t:XAddr>{base}/{key}</t:XAddr></t:{name}>" for name, key in names.items())
        return f"<d:GetCapabilitiesResponse><d:Capabilities>{entries}</d:Capabilities></d:GetCapabilitiesResponse>"

    async def _do_get_device_information(self, _r: Element, _e: Element) -> str:
        return (
            "<d:GetDeviceInformationResponse><d:Manufacturer>Belvedere Works</d:Manufacturer>"
            f"<d:Model>{self.model}</d:Model><d:FirmwareVersion>1.4.2</d:FirmwareVersion><d:SerialNumber>{self.serial}"
            "</d:SerialNumber><d:HardwareId>rev C</d:HardwareId></d:GetDeviceInformationResponse>"
        )

    async def _do_get_profiles(self, request: Element, _e: Element) -> str:
        modern = SPACES["m2"] in request.tag
        prefix, video, ptz = (
            ("m2", "VideoEncoder", "PTZ") if modern else ("m", "VideoEncoderConfiguration", "PTZConfiguration")
        )
        source = "VideoSource" if modern else "VideoSourceConfiguration"
        entries = "".join(
            f'<{prefix}:Profiles token="{each.token}" fixed="true"><{prefix}:Name>{each.token}</{prefix}:Name>'
            f"<t:{source}><t:SourceToken>lens-1</t:SourceToken></t:{source}>"
            f"<t:{video}><t:Encoding>{each.codec}</t:Encoding><t:Resolution><t:Width>{each.width}</t:Width>"
            f"<t:Height>{each.height}</t:Height></t:Resolution><t:RateControl><t:FrameRateLimit>{each.fps}"
            f"</t:FrameRateLimit><t:BitrateLimit>{each.kilobits}</t:BitrateLimit></t:RateControl></t:{video}>"
            + (f'<t:{ptz} token="ptz-1"><t:NodeToken>node-1</t:NodeToken></t:{ptz}>' if self.ptz else "")
            + f"</{prefix}:Profiles>"
            for each in self.offers
        )
        return f"<{prefix}:GetProfilesResponse>{entries}</{prefix}:GetProfilesResponse>"

    async def _do_get_stream_uri(self, request: Element, _e: Element) -> str:
        token = _text(request, "ProfileToken")
        offer = next((each for each in self.offers if each.token == token), None)
        if offer is None:
            raise Fault("NoProfile", "No such profile")
        if SPACES["m2"] in request.tag:
            return f"<m2:GetStreamUriResponse><m2:Uri>{self._address_of(offer.url)}</m2:Uri></m2:GetStreamUriResponse>"
        return (
            f"<m:GetStreamUriResponse><m:MediaUri><t:Uri>{self._address_of(offer.url)}</t:Uri>"
            "<t:InvalidAfterConnect>false</t:InvalidAfterConnect></m:MediaUri></m:GetStreamUriResponse>"
        )

    async def _do_get_snapshot_uri(self, request: Element, _e: Element) -> str:
        uri = f"{self._base()}/snapshot.jpg"
        if SPACES["m2"] in request.tag:
            return f"<m2:GetSnapshotUriResponse><m2:Uri>{uri}</m2:Uri></m2:GetSnapshotUriResponse>"
        return f"<m:GetSnapshotUriResponse><m:MediaUri><t:Uri>{uri}</t:Uri></m:MediaUri></m:GetSnapshotUriResponse>"

    async def _do_continuous_move(self, request: Element, _e: Element) -> str:
        turn = request.find(f".//{{{SPACES['t']}}}PanTilt")
        zoom = request.find(f".//{{{SPACES['t']}}}Zoom")
        speeds = (
            float(turn.get("x", "0")) if turn is not None else 0.0,
            float(turn.get("y", "0")) if turn is not None else 0.0,
            float(zoom.get("x", "0")) if zoom is not None else 0.0,
        )
        self.moves.append(speeds)
        del self.moves[:-_MOST_KEPT]
        self.moving = speeds
        match = re.fullmatch(r"PT(\d+)S", _text(request, "Timeout"))
        if match and not self.faults.no_stop:
            if self._stop is not None:  # the time of the newest order counts
                self._stop.cancel()
            self._stop = asyncio.get_running_loop().call_later(int(match[1]), self._halt)
        return "<p:ContinuousMoveResponse/>"

    def _halt(self) -> None:
        self.moving = (0.0, 0.0, 0.0)

    async def _do_stop(self, _r: Element, _e: Element) -> str:
        self._halt()
        return "<p:StopResponse/>"

    async def _do_get_presets(self, _r: Element, _e: Element) -> str:
        entries = "".join(
            f'<p:Preset token="{token}"><t:Name>{escape(name)}</t:Name></p:Preset>'
            for token, name in self.presets.items()
        )
        return f"<p:GetPresetsResponse>{entries}</p:GetPresetsResponse>"

    async def _do_set_preset(self, request: Element, _e: Element) -> str:
        token = _text(request, "PresetToken") or f"preset-{len(self.presets) + 1}"
        self.presets[token] = _text(request, "PresetName")
        return f"<p:SetPresetResponse><p:PresetToken>{token}</p:PresetToken></p:SetPresetResponse>"

    async def _do_goto_preset(self, request: Element, _e: Element) -> str:
        token = _text(request, "PresetToken")
        if token not in self.presets:
            raise Fault("NoToken", "The requested preset does not exist")
        self.at_preset = token
        return "<p:GotoPresetResponse/>"

    async def _do_create_pull_point_subscription(self, request: Element, _e: Element) -> str:
        made = self.events.subscribe(_text(request, "InitialTerminationTime"))
        return (
            "<v:CreatePullPointSubscriptionResponse><v:SubscriptionReference>"
            f"<a:Address>{self._base()}/onvif/subscription</a:Address><a:ReferenceParameters>"
            f'<x:Number xmlns:x="urn:demo:device">{made.number}</x:Number></a:ReferenceParameters>'
            f"</v:SubscriptionReference>{self.events.times(made)}</v:CreatePullPointSubscriptionResponse>"
        )

    def _subscription(self, envelope: Element) -> Subscription:
        number = envelope.findtext(f"{{{_ENVELOPE}}}Header/{{urn:demo:device}}Number") or "0"
        return self.events.get(int(number))

    async def _do_pull_messages(self, request: Element, envelope: Element) -> str:
        each = self._subscription(envelope)
        match = re.fullmatch(r"PT(\d+)S", _text(request, "Timeout"))
        messages = await self.events.pull(
            each.number, float(match[1]) if match else 1.0, int(_text(request, "MessageLimit") or 1)
        )
        times = self.events.times(each).replace("n:", "v:")
        return f"<v:PullMessagesResponse>{times}{''.join(messages)}</v:PullMessagesResponse>"

    async def _do_renew(self, request: Element, envelope: Element) -> str:
        each = self.events.renew(self._subscription(envelope).number, _text(request, "TerminationTime"))
        return f"<n:RenewResponse>{self.events.times(each)}</n:RenewResponse>"

    async def _do_set_synchronization_point(self, _r: Element, envelope: Element) -> str:
        self._subscription(envelope)
        return "<v:SetSynchronizationPointResponse/>"

    async def _do_find_recordings(self, _r: Element, _e: Element) -> str:
        return "<s:FindRecordingsResponse><s:SearchToken>search-1</s:SearchToken></s:FindRecordingsResponse>"

    async def _do_get_recording_search_results(self, _r: Element, _e: Element) -> str:
        error_us = self.faults.clock_error_us
        entries = "".join(
            f"<t:RecordingInformation><t:RecordingToken>{each.token}</t:RecordingToken><t:Source><t:SourceId>lens-1"
            f"</t:SourceId><t:Name>Lens one</t:Name></t:Source><t:EarliestRecording>{stamp(each.start_us + error_us)}"
            f"</t:EarliestRecording><t:LatestRecording>{stamp(each.end_us + error_us)}</t:LatestRecording>"
            "<t:Content>All day</t:Content><t:Track><t:TrackToken>video-1</t:TrackToken><t:TrackType>Video</t:TrackType>"
            f"<t:DataFrom>{stamp(each.start_us + error_us)}</t:DataFrom><t:DataTo>{stamp(each.end_us + error_us)}</t:DataTo>"
            "</t:Track><t:RecordingStatus>Stopped</t:RecordingStatus></t:RecordingInformation>"
            for each in self.stored
        )
        return (
            "<s:GetRecordingSearchResultsResponse><s:ResultList><t:SearchState>Completed</t:SearchState>"
            f"{entries}</s:ResultList></s:GetRecordingSearchResultsResponse>"
        )

    async def _do_end_search(self, _r: Element, _e: Element) -> str:
        return f"<s:EndSearchResponse><s:Endpoint>{stamp(self.events.now_us())}</s:Endpoint></s:EndSearchResponse>"

    async def _do_get_replay_uri(self, request: Element, _e: Element) -> str:
        token = _text(request, "RecordingToken")
        found = next((each for each in self.stored if each.token == token), None)
        if found is None:
            raise Fault("NoRecording", "No such recording")
        return f"<y:GetReplayUriResponse><y:Uri>{self._address_of(found.url)}</y:Uri></y:GetReplayUriResponse>"


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def _envelope(body: str) -> bytes:
    spaces = "".join(f' xmlns:{key}="{space}"' for key, space in SPACES.items())
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><env:Envelope xmlns:env="{_ENVELOPE}"{spaces}>'
        f"<env:Body>{body}</env:Body></env:Envelope>"
    ).encode()


def _fault(fault: Fault) -> str:
    return (
        "<env:Fault><env:Code><env:Value>env:Sender</env:Value><env:Subcode><env:Value>er:"
        f'{fault.code}</env:Value></env:Subcode></env:Code><env:Reason><env:Text xml:lang="en">{escape(fault.reason)}'
        "</env:Text></env:Reason></env:Fault>"
    )
