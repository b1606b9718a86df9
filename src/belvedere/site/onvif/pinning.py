"""Addresses that a device hands out lead to that device and nowhere else.

A camera behind an address translation, or after a move, names an address that it no longer has; a bad one could name our
hub. So the host of every address is replaced by the one that the person entered; path and port are the device's to choose.
"""

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import unquote

from belvedere.foundation.errors import BadAddress, CameraProtocol
from belvedere.site.ingest.address import split_address

_WEB_PORTS = {"http": 80, "https": 443}
_SERVICE_PATH = "/onvif/device_service"
_LONGEST = 2048
_PARTS = re.compile(r"([a-zA-Z][a-zA-Z+.-]*)://([^/?#]*)([^#]*)")
_NAME = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62})(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62}))*")
_ADVICE = "Write it like 10.0.0.5, 10.0.0.5:8000 or http://10.0.0.5/onvif/device_service."


@dataclass(frozen=True, slots=True)
class Place:
    """An address on one device. `host` is a name or an IP address, IPv6 without brackets."""

    scheme: str
    host: str
    port: int
    path: str  # with its query, begins with /

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _WEB_PORTS.get(self.scheme) else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.authority}{self.path}"


def service_address(text: str) -> tuple[Place, str, str]:
    """(device service, user name, password) of what a person wrote: a host, host:port or a whole address. Raises BadAddress."""
    text = text.strip()
    if "://" not in text:
        text = f"http://{text}"
    match = _PARTS.fullmatch(text)
    if match is None or len(text) > _LONGEST or not text.isprintable() or " " in text:
        raise BadAddress("This is no address of an ONVIF device.", advice=_ADVICE)
    scheme = match[1].lower()
    if scheme not in _WEB_PORTS:
        raise BadAddress("An ONVIF address begins with http:// or https://.", advice=_ADVICE)
    credentials, _, place = match[2].rpartition("@")
    host, port = _host_and_port(place, _WEB_PORTS[scheme])
    username, _, password = credentials.partition(":")
    path = match[3] if match[3] not in ("", "/") else _SERVICE_PATH
    if not path.startswith("/"):
        raise BadAddress("This is no address of an ONVIF device.", advice=_ADVICE)
    return Place(scheme, host, port, path), unquote(username), unquote(password)


def _host_and_port(place: str, usual: int) -> tuple[str, int]:
    if place.startswith("["):
        inside, bracket, after = place[1:].partition("]")
        try:
            host = str(ipaddress.IPv6Address(inside))
        except ValueError as error:
            raise BadAddress("The address in brackets is not IPv6.", advice=_ADVICE) from error
        if not bracket or (after and not after.startswith(":")):
            raise BadAddress("The IPv6 address is not closed by a bracket.", advice=_ADVICE)
        given, digits = bool(after), after[1:]
    else:
        host, colon, digits = place.partition(":")
        given = bool(colon)
        if not _NAME.fullmatch(host):
            raise BadAddress("The address has no usable host.", advice=_ADVICE)
    if not given:
        return host, usual
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 5 and 1 <= int(digits) <= 65_535):
        raise BadAddress("The port is not a number from 1 to 65535.", advice=_ADVICE)
    return host, int(digits)


def pinned_service(text: str, home: Place) -> tuple[Place, bool]:
    """A service address of the device at `home`, moved to its host; and whether it had named another. Raises CameraProtocol."""
    try:
        place, _, _ = service_address(text.split()[0] if text.split() else "")
    except BadAddress as error:
        raise CameraProtocol(
            f"The device names a service address that can't be used: {error.message}", advice="Update its firmware."
        ) from error
    return Place(place.scheme, home.host, place.port, place.path), place.host != home.host


def pinned_stream(text: str, home: Place) -> tuple[str, bool]:
    """A stream address of the device at `home`, moved to its host, without credentials. Raises CameraProtocol."""
    try:
        clean, _, _ = split_address(text)
        match = _PARTS.fullmatch(clean)
        if match is None or match[1] not in ("rtsp", "http", "https"):
            raise BadAddress("It is not RTSP.")
        host, port = _host_and_port(match[2], 554 if match[1] == "rtsp" else _WEB_PORTS[match[1]])
    except BadAddress as error:
        raise CameraProtocol(
            f"The device names a stream address that can't be used: {error.message}",
            advice="Enter the address by hand.",
        ) from error
    shown = f"[{home.host}]" if ":" in home.host else home.host
    suffix = "" if port in (554, 0) and match[1] == "rtsp" else f":{port}"
    return f"{match[1]}://{shown}{suffix}{match[3]}", host != home.host
