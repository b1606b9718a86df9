"""Camera addresses: checked once, credentials taken out, so that what is passed on and logged never holds them.

`rtsp://` is read by our own client (RTP inside the TCP connection). The other schemes are read by a reader process
(reader.py): what FFmpeg in PyAV speaks and what cameras and encoders offer.
"""

import ipaddress
import re
from urllib.parse import quote, unquote

from belvedere.foundation.errors import BadAddress

RTSP_PORT = 554
# Scheme to the port that is left out of an address; 0: it has to be given.
_PORTS = {"rtsp": RTSP_PORT, "rtsp+udp": RTSP_PORT, "http": 80, "https": 443, "udp": 0}
_LONGEST = 2048
_NAME = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62})(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62}))*\.?")
_PATH_SAFE = "/?&=%:@!$'()*+,;~#[]|-._"
_EXAMPLE = "Write it like rtsp://user:password@10.0.0.5:554/stream1."
_UDP_EXAMPLE = "Write it like udp://239.1.2.3:5004, or with the address of this machine that the camera sends to."
_REFUSED = {
    "rtsps": ("Encrypted RTSP (rtsps) is not supported.", "Use the camera's rtsp:// address."),
    "srt": ("SRT is not supported.", "Set the encoder to RTSP, or to MPEG-TS over UDP."),
    "rtp": ("Bare RTP is not supported.", "Use the camera's rtsp:// address."),
    "rtmp": ("RTMP is not supported.", "Use the camera's rtsp:// address."),
}


def split_address(url: str) -> tuple[str, str, str]:
    """(address without credentials, user name, password) of a camera address. Raises BadAddress, which never repeats it.

    Accepted: rtsp, rtsp+udp (RTP over UDP), http and https (MPEG-TS, FLV or fragmented MP4), udp (MPEG-TS; the IP address
    is the multicast group, or this machine's own). Credentials may be percent-encoded; an `@` or `:` in a password is
    understood as it stands.
    """
    url = url.strip()
    scheme, colon, rest = url.partition("://")
    scheme = scheme.lower()
    if not colon or not rest:
        raise BadAddress("This is not a camera address.", advice=_EXAMPLE)
    if scheme in _REFUSED:
        message, advice = _REFUSED[scheme]
        raise BadAddress(message, advice=advice)
    if scheme not in _PORTS:
        known = ", ".join(f"{name}://" for name in _PORTS)
        raise BadAddress(f"A camera address begins with one of {known}.", advice=_EXAMPLE)
    if len(url) > _LONGEST or any(not char.isprintable() or char.isspace() for char in url):
        raise BadAddress("The camera address holds spaces or is too long.", advice=_EXAMPLE)
    match = re.match(r"[^/?]*", rest)
    authority = match[0] if match else ""
    path = rest[len(authority) :]
    credentials, _, place = authority.rpartition("@")
    host, port = _host_and_port(place, _PORTS[scheme])
    if scheme == "udp":
        _check_udp(host, credentials, path)
        path = ""
    username, _, password = credentials.partition(":")
    shown = f"[{host}]" if ":" in host else host
    suffix = "" if port == _PORTS[scheme] else f":{port}"
    clean = f"{scheme}://{shown}{suffix}{quote(path, safe=_PATH_SAFE)}"
    return clean, unquote(username), unquote(password)


def host_and_port(url: str) -> tuple[str, int]:
    """Host (an IPv6 address without brackets) and port of an address that `split_address` has cleaned. Raises BadAddress."""
    clean, _, _ = split_address(url)
    scheme, _, rest = clean.partition("://")
    match = re.match(r"[^/?]*", rest)
    return _host_and_port(match[0] if match else "", _PORTS[scheme])


def own_client(url: str) -> bool:
    """Whether our own client reads this address; otherwise a reader process does."""
    return url[:7].lower() == "rtsp://"


def _check_udp(host: str, credentials: str, path: str) -> None:
    """UDP has neither names, passwords nor paths; and no port is opened on every interface. Raises BadAddress."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError as error:
        raise BadAddress("A udp:// address holds an IP address.", advice=_UDP_EXAMPLE) from error
    if address.is_unspecified:
        raise BadAddress("A udp:// address can't mean every interface.", advice=_UDP_EXAMPLE)
    if credentials or path not in ("", "/"):
        raise BadAddress("A udp:// address has no user name and no path.", advice=_UDP_EXAMPLE)


def _host_and_port(place: str, usual: int) -> tuple[str, int]:
    if place.startswith("["):
        inside, bracket, after = place[1:].partition("]")
        if not bracket or (after and not after.startswith(":")):
            raise BadAddress("The IPv6 address is not closed by a bracket.", advice="Write rtsp://[fd00::5]/stream1.")
        try:
            host = str(ipaddress.IPv6Address(inside))
        except ValueError as error:
            raise BadAddress("The address in brackets is not IPv6.", advice="Write rtsp://[fd00::5]/.") from error
        digits = after[1:]
        has_port = bool(after)
    else:
        host, found, digits = place.partition(":")
        has_port = bool(found)
        if not _NAME.fullmatch(host):
            raise BadAddress("The camera address has no usable host.", advice=_EXAMPLE)
    if not has_port and usual:
        return host, usual
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 5 and 1 <= int(digits) <= 65_535):
        raise BadAddress("The port is not a number from 1 to 65535.", advice=_EXAMPLE)
    return host, int(digits)
