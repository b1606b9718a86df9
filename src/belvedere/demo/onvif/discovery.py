"""The simulated device on WS-Discovery (2005/04): answers probes sent to its address or to the group."""

import asyncio
import re
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from belvedere.demo.onvif.device import FakeDevice

_MESSAGE = re.compile(rb"MessageID[^>]*>([^<]{1,200})<")


class Hearing(asyncio.DatagramProtocol):
    """Answers every probe for one device. `noise`: bytes sent before each answer, to see what a searcher makes of them."""

    def __init__(self, device: FakeDevice, noise: bytes = b"") -> None:
        self.probes = 0
        self._device = device
        self._noise = noise
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        match = _MESSAGE.search(data)
        if b"discovery/Probe<" not in data or match is None or self._transport is None:
            return
        self.probes += 1
        if self._noise:
            self._transport.sendto(self._noise, address)
        self._transport.sendto(self._match(match[1].decode("latin-1")), address)

    def _match(self, related: str) -> bytes:
        device = self._device
        host = device.faults.foreign_host or device.host
        return (
            '<?xml version="1.0" encoding="UTF-8"?><e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope" '
            'xmlns:w="http://schemas.xmlsoap.org/ws/2004/08/addressing" '
            'xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"><e:Header><w:Action>'
            "http://schemas.xmlsoap.org/ws/2005/04/discovery/ProbeMatches</w:Action>"
            f"<w:RelatesTo>{related}</w:RelatesTo></e:Header><e:Body><d:ProbeMatches><d:ProbeMatch>"
            "<w:EndpointReference><w:Address>urn:uuid:0bd1</w:Address></w:EndpointReference>"
            "<d:Types>dn:NetworkVideoTransmitter</d:Types><d:Scopes>onvif://www.onvif.org/name/Gate%20camera "
            "onvif://www.onvif.org/hardware/Sparrow2 onvif://www.onvif.org/Profile/Streaming "
            "onvif://www.onvif.org/Profile/T</d:Scopes>"
            f"<d:XAddrs>http://{host}:{device.port}/onvif/device_service</d:XAddrs><d:MetadataVersion>1</d:MetadataVersion>"
            "</d:ProbeMatch></d:ProbeMatches></e:Body></e:Envelope>"
        ).encode()


@asynccontextmanager
async def hear(
    device: FakeDevice, host: str, port: int, group: str = "", noise: bytes = b""
) -> AsyncIterator[tuple[Hearing, int]]:
    """Listen on `host`, or to `group` there; what counts probes, and the port."""
    endpoint = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    endpoint.bind((group or host, port))
    if group:
        member = struct.pack("4s4s", socket.inet_aton(group), socket.inet_aton(host))
        endpoint.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
    loop = asyncio.get_running_loop()
    transport, hearing = await loop.create_datagram_endpoint(lambda: Hearing(device, noise), sock=endpoint)
    try:
        yield hearing, int(endpoint.getsockname()[1])
    finally:
        transport.close()
        await asyncio.sleep(0)
