"""One ONVIF device: its services, and every request that we make of it. The answers are read by the modules beside."""

from dataclasses import dataclass

from belvedere.foundation.clock import Clock
from belvedere.foundation.errors import CameraDenied, CameraProtocol
from belvedere.site.onvif import soap
from belvedere.site.onvif.markup import Node, quoted, shown
from belvedere.site.onvif.media import Profile, read_profiles, read_profiles2
from belvedere.site.onvif.pinning import Place, pinned_service, pinned_stream
from belvedere.site.onvif.times import ClockError, ClockMeter, parse_date_and_time
from belvedere.site.onvif.web import Account, Web

_MOST_SERVICES = 64
_MOST_PROFILES = 64
# The services of GetCapabilities, for devices that do not know GetServices.
_CATEGORIES = {"Device": soap.DEVICE, "Media": soap.MEDIA, "PTZ": soap.PTZ, "Events": soap.EVENTS,
               "Recording": soap.RECORDING, "Search": soap.SEARCH, "Replay": soap.REPLAY}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Information:
    """What GetDeviceInformation tells."""

    manufacturer: str
    model: str
    firmware: str
    serial: str
    hardware: str


class Device:
    """Talks to one device. Not for two tasks at the same time to log in with; requests may overlap after `begin`.

    Every method raises CameraUnreachable, CameraDenied, CameraProtocol or SoapFault (all CameraFault), nothing else.
    """

    def __init__(self, web: Web, home: Place, username: str, password: str, clock: Clock) -> None:
        self.home = home
        self.clock_error: ClockError | None = None
        # Other hosts were named in addresses, and not followed.
        self.moved = False
        self.services: dict[str, Place] = {soap.DEVICE: home}
        self._web = web
        self._account = Account(username, password)
        self._clock = clock
        self._meter = ClockMeter()

    def camera_us(self) -> int:
        """What the device's clock shows now, as far as it is known."""
        return self._clock.now_us() + (self.clock_error.error_us if self.clock_error else 0)

    async def call(
        self,
        place: Place,
        body: str,
        *,
        action: str,
        to: soap.Endpoint | None = None,
        timeout_s: float = 10.0,
        signed: bool = True,
    ) -> Node:
        """Send one request and read its answer. `signed`: with a username token, unless the device prefers HTTP digest."""
        account = self._account
        for _ in range(3):
            token = signed and account.username and not account.challenged
            security = soap.username_token(account.username, account.password, self.camera_us()) if token else ""
            headers = {"Content-Type": f'application/soap+xml; charset=utf-8; action="{action}"'}
            if authorization := account.header(place):
                headers["Authorization"] = authorization
            data = soap.envelope(body, security=security, action=action, to=to)
            status, challenges, answer = await self._web.post(place, data, headers, timeout_s)
            stale = any("stale=true" in text.lower().replace('"', "") for text in challenges)
            tried = bool(authorization) and not stale
            if status == 401 and challenges and account.username and not tried and account.accept(challenges):
                continue
            return soap.read_reply(status, answer)
        raise soap.denied()

    async def ask(self, namespace: str, name: str, inner: str = "", *, signed: bool = True) -> Node:
        """Send the request `name` of a service. Raises CameraProtocol when the device has no such service."""
        body = soap.element(namespace, name, inner)
        return await self.call(self.service(namespace), body, action=f"{namespace}/{name}", signed=signed)

    def service(self, namespace: str) -> Place:
        """Where a service is. Raises CameraProtocol when the device has none."""
        place = self.services.get(namespace)
        if place is None:
            kind = namespace.rsplit("/", 2)[-2]
            raise CameraProtocol(f"The device has no {kind} service.", advice="Switch it on in its ONVIF settings.")
        return place

    async def begin(self) -> None:
        """Read the clock, which logging in needs, and learn the services."""
        await self.date_and_time()
        try:
            reply = await self.ask(soap.DEVICE, "GetServices", "<r:IncludeCapability>false</r:IncludeCapability>")
            pairs = [(each.value("Namespace"), each.value("XAddr")) for each in reply.all("Service")]
        except soap.SoapFault:  # firmware from before 2011
            reply = await self.ask(soap.DEVICE, "GetCapabilities", "<r:Category>All</r:Category>")
            pairs = [
                (namespace, node.value("XAddr"))
                for name, namespace in _CATEGORIES.items()
                if (node := reply.find(name)) is not None
            ]
        for namespace, address in pairs[:_MOST_SERVICES]:
            if namespace != soap.DEVICE and address:
                self.services[namespace] = self.pin(address)

    def pin(self, address: str) -> Place:
        """A service address of this device, on its own host."""
        place, moved = pinned_service(address, self.home)
        self.moved = self.moved or moved
        return place

    async def date_and_time(self) -> ClockError:
        """Measure the device's clock against ours. Needs no log-in by the specification, and one by some firmware."""
        try:
            return await self._measure(signed=False)
        except (CameraDenied, soap.SoapFault):
            return await self._measure(signed=True)

    async def _measure(self, *, signed: bool) -> ClockError:
        # A connection that has to be made first would count as delay: the answer of an open one is measured.
        for again in (False, True):
            sent_us = self._clock.now_us()
            reply = await self.ask(soap.DEVICE, "GetSystemDateAndTime", signed=signed)
            received_us = self._clock.now_us()
            camera_us = parse_date_and_time(reply)
            self.clock_error = self._meter.add(camera_us, sent_us, received_us, self._clock.monotonic_us())
            if again or received_us - sent_us < 50_000:
                break
        assert self.clock_error is not None
        return self.clock_error

    async def information(self) -> Information:
        reply = await self.ask(soap.DEVICE, "GetDeviceInformation")
        names = ("Manufacturer", "Model", "FirmwareVersion", "SerialNumber", "HardwareId")
        return Information(*(shown(reply.value(name)) for name in names))

    async def profiles(self) -> list[Profile]:
        """Media profiles with their stream addresses: Profile T's media service where there is one, else Profile S's."""
        modern = soap.MEDIA2 in self.services
        try:
            found = await (self._profiles2() if modern else self._profiles1())
        except soap.SoapFault:
            if not modern or soap.MEDIA not in self.services:
                raise
            found = await self._profiles1()
        return found

    async def _profiles1(self) -> list[Profile]:
        profiles = read_profiles(await self.ask(soap.MEDIA, "GetProfiles"))[:_MOST_PROFILES]
        for profile in profiles:
            setup = (
                "<r:StreamSetup><t:Stream>RTP-Unicast</t:Stream><t:Transport><t:Protocol>RTSP</t:Protocol>"
                "</t:Transport></r:StreamSetup>"
            )
            token = f"<r:ProfileToken>{quoted(profile.token)}</r:ProfileToken>"
            await self._addresses(profile, soap.MEDIA, setup + token, token)
        return profiles

    async def _profiles2(self) -> list[Profile]:
        kinds = "".join(f"<r:Type>{kind}</r:Type>" for kind in ("VideoSource", "VideoEncoder", "PTZ"))
        profiles = read_profiles2(await self.ask(soap.MEDIA2, "GetProfiles", kinds))[:_MOST_PROFILES]
        for profile in profiles:
            token = f"<r:ProfileToken>{quoted(profile.token)}</r:ProfileToken>"
            await self._addresses(profile, soap.MEDIA2, f"<r:Protocol>RTSP</r:Protocol>{token}", token)
        return profiles

    async def _addresses(self, profile: Profile, service: str, stream: str, snapshot: str) -> None:
        """Fill in the addresses of a profile. One that the device does not give stays empty."""
        for name, inner in (("GetStreamUri", stream), ("GetSnapshotUri", snapshot)):
            try:
                reply = await self.ask(service, name, inner)
                address, moved = pinned_stream(reply.value("Uri"), self.home)
            except CameraProtocol as error:
                if name == "GetStreamUri":
                    profile.trouble = error.message
                continue
            self.moved = self.moved or moved
            if name == "GetStreamUri":
                profile.stream_url = address
            else:
                profile.snapshot_url = address
