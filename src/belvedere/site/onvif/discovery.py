"""WS-Discovery (2005/04), as ONVIF Core 7 asks for it: who is there, in networks that a person has named, and nowhere else.

A probe goes to the multicast group on the interfaces of those networks, and as single datagrams to every host of them,
because switches and camera firmware lose multicast. Nothing is connected to. What answers is shown to a person.
"""

import asyncio
import ipaddress
import os
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

import structlog

from belvedere.foundation.errors import BadInput, BelvedereError, Refused
from belvedere.site.onvif.markup import parse, shown
from belvedere.site.onvif.pinning import Place, pinned_service

Network = ipaddress.IPv4Network

GROUP = "239.255.255.250"
PORT = 3702
_MOST_HOSTS = 4096  # in one search
_MOST_FOUND = 1024
_LONGEST_ANSWER = 64 << 10
_BURST = 64  # datagrams in one go, then a pause, so that no switch drops them
_PAUSE_S = 0.05
_PROFILES = {"Streaming": "S"}

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Found:
    """One answer. `address` lies on the host that answered; `named_other_host`: it named another, which was not used."""

    host: str
    address: str
    name: str
    hardware: str
    profiles: tuple[str, ...]
    named_other_host: bool


@dataclass(frozen=True, slots=True)
class Search:
    found: tuple[Found, ...]
    asked: int  # hosts


def allowed_networks(allowed: Iterable[str], wanted: Iterable[str] = ()) -> tuple[Network, ...]:
    """The networks to search: all allow-listed ones, or those wanted, each inside one of them.

    Raises Refused when the settings name none or one asked for lies outside, BadInput when one can't be read or is too large.
    """
    listed = tuple(parse_network(text) for text in allowed)
    if not listed:
        raise Refused(
            "No network is named in which cameras may be searched for.",
            advice='Put camera_networks = ["10.20.0.0/24"] below the line site in belvedere.toml; only networks that are yours.',
        )
    asked = tuple(parse_network(text) for text in wanted)
    for network in asked:
        if not any(network.subnet_of(each) for each in listed):
            raise Refused(
                f"{network} is not in the networks that the settings allow.",
                advice="Add it to camera_networks in belvedere.toml, if it is yours.",
            )
    networks = tuple(ipaddress.collapse_addresses(asked or listed))
    if sum(network.num_addresses for network in networks) > _MOST_HOSTS:
        raise BadInput(
            f"A search covers {_MOST_HOSTS} addresses at most.", advice="Name smaller networks, such as /24."
        )
    return networks


def parse_network(text: str) -> Network:
    """An IPv4 network such as 10.20.0.0/24. Raises BadInput."""
    try:
        network = ipaddress.IPv4Network(text.strip())
    except ValueError as error:
        raise BadInput(f"{shown(text, 60)!r} is no network.", advice="Write it like 10.20.0.0/24.") from error
    if not (network.is_private or network.is_link_local):
        raise BadInput(
            f"{network} is not a private network.", advice="Cameras are searched for in private networks only."
        )
    return network


def inside(host: str, networks: Iterable[Network]) -> bool:
    """Whether `host` is an IP address in one of the networks."""
    try:
        address = ipaddress.IPv4Address(host)
    except ValueError:
        return False
    return any(address in network for network in networks)


def probe_message() -> bytes:
    """A Probe for any ONVIF device."""
    number = os.urandom(16).hex()
    identity = f"{number[:8]}-{number[8:12]}-{number[12:16]}-{number[16:20]}-{number[20:]}"
    return (
        '<?xml version="1.0" encoding="UTF-8"?><e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope" '
        'xmlns:w="http://schemas.xmlsoap.org/ws/2004/08/addressing" '
        'xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery" '
        'xmlns:dn="http://www.onvif.org/ver10/network/wsdl"><e:Header>'
        "<w:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</w:Action>"
        f"<w:MessageID>urn:uuid:{identity}</w:MessageID>"
        "<w:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</w:To></e:Header>"
        "<e:Body><d:Probe><d:Types>dn:NetworkVideoTransmitter</d:Types></d:Probe></e:Body></e:Envelope>"
    ).encode()


def read_answer(data: bytes, host: str) -> list[Found]:
    """The devices in a ProbeMatches message that came from `host`. Raises CameraProtocol."""
    found = []
    for match in parse(data).all("ProbeMatch")[:16]:
        home = Place("http", host, 80, "/onvif/device_service")
        addresses = match.value("XAddrs").split()
        # Of several addresses the one on this host is meant; the others are its further interfaces.
        places = [pinned_service(text, home) for text in addresses[:8]]
        place, moved = min(places, key=lambda each: (each[1], each[0].scheme != "http"), default=(home, False))
        scopes = [text for text in match.value("Scopes").split() if text.lower().startswith("onvif://www.onvif.org/")]
        found.append(
            Found(
                host=host,
                address=place.url,
                name=_scope(scopes, "name"),
                hardware=_scope(scopes, "hardware"),
                profiles=tuple(sorted({_PROFILES.get(p, p)[:12] for p in _scopes(scopes, "Profile")})),
                named_other_host=moved,
            )
        )
    return found


def _scopes(scopes: Sequence[str], kind: str) -> list[str]:
    head = f"onvif://www.onvif.org/{kind}/".lower()
    return [shown(unquote(text[len(head) :])) for text in scopes if text.lower().startswith(head)]


def _scope(scopes: Sequence[str], kind: str) -> str:
    return next(iter(_scopes(scopes, kind)), "")


class _Listener(asyncio.DatagramProtocol):
    def __init__(self, networks: Sequence[Network]) -> None:
        self.found: dict[tuple[str, str], Found] = {}
        self.ignored = 0
        self._networks = networks

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        host = address[0]
        if not inside(host, self._networks) or len(data) > _LONGEST_ANSWER or len(self.found) >= _MOST_FOUND:
            self.ignored += 1
            return
        try:
            for each in read_answer(data, host):
                self.found.setdefault((each.host, each.address), each)
        except BelvedereError:
            self.ignored += 1

    def error_received(self, exc: Exception) -> None:
        pass  # a host without such a service says so; that is what we asked


async def search(networks: Sequence[Network], *, seconds: float = 4.0, port: int = PORT, group: str = GROUP) -> Search:
    """Ask everybody in `networks` and listen for `seconds`. Raises Refused when `networks` is empty."""
    if not networks:
        raise Refused("No network is named to search in.", advice="Name it in camera_networks in belvedere.toml.")
    loop = asyncio.get_running_loop()
    listener = _Listener(networks)
    transport, _ = await loop.create_datagram_endpoint(lambda: listener, local_addr=("0.0.0.0", 0))
    try:
        message = probe_message()
        for own in _own_addresses(networks):
            _multicast(transport, own, message, group, port)
        asked = 0
        for network in networks:
            for host in network.hosts():
                transport.sendto(message, (str(host), port))
                asked += 1
                if asked % _BURST == 0:
                    await asyncio.sleep(_PAUSE_S)
        await asyncio.sleep(seconds)
    finally:
        transport.close()
        await asyncio.sleep(0)  # the socket is closed by the loop's next turn
    if listener.ignored:
        _log.info("discovery answers ignored", count=listener.ignored)
    found = sorted(listener.found.values(), key=lambda each: (ipaddress.IPv4Address(each.host), each.address))
    return Search(tuple(found), asked)


def _own_addresses(networks: Sequence[Network]) -> list[str]:
    """This machine's addresses in `networks`."""
    import psutil  # here, because it is 4 MB of a process that hardly ever searches

    entries = (entry for each in psutil.net_if_addrs().values() for entry in each)
    return [e.address for e in entries if e.family == socket.AF_INET and inside(e.address, networks)]


def _multicast(transport: asyncio.DatagramTransport, own: str, message: bytes, group: str, port: int) -> None:
    """Send to the group on the interface with the address `own`, one hop far."""
    endpoint = transport.get_extra_info("socket")
    try:
        endpoint.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(own))
        endpoint.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
        transport.sendto(message, (group, port))
    except OSError as error:
        _log.info("no multicast on this interface", own=own, error=error.strerror)
