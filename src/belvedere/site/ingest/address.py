"""Camera addresses: checked once, credentials taken out, so that what is passed on and logged never holds them."""

import ipaddress
import re
from urllib.parse import quote, unquote

from belvedere.foundation.errors import BadAddress

RTSP_PORT = 554
_LONGEST = 2048
_NAME = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62})(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62}))*\.?")
_PATH_SAFE = "/?&=%:@!$'()*+,;~#[]|-._"
_EXAMPLE = "Write it like rtsp://user:password@10.0.0.5:554/stream1."


def split_address(url: str) -> tuple[str, str, str]:
    """(address without credentials, user name, password) of an rtsp:// address. Raises BadAddress, which never repeats it.

    Credentials may be percent-encoded; an `@` or `:` in a password is understood as it stands.
    """
    url = url.strip()
    scheme, colon, rest = url.partition("://")
    if not colon or not rest:
        raise BadAddress("This is not a camera address.", advice=_EXAMPLE)
    if scheme.lower() == "rtsps":
        raise BadAddress("Encrypted RTSP (rtsps) is not supported.", advice="Use the camera's rtsp:// address.")
    if scheme.lower() != "rtsp":
        raise BadAddress("A camera address begins with rtsp://.", advice=_EXAMPLE)
    if len(url) > _LONGEST or any(not char.isprintable() or char.isspace() for char in url):
        raise BadAddress("The camera address holds spaces or is too long.", advice=_EXAMPLE)
    match = re.match(r"[^/?]*", rest)
    authority = match[0] if match else ""
    path = rest[len(authority) :]
    credentials, _, place = authority.rpartition("@")
    host, port = _host_and_port(place)
    username, _, password = credentials.partition(":")
    shown = f"[{host}]" if ":" in host else host
    suffix = "" if port == RTSP_PORT else f":{port}"
    clean = f"rtsp://{shown}{suffix}{quote(path, safe=_PATH_SAFE)}"
    return clean, unquote(username), unquote(password)


def host_and_port(url: str) -> tuple[str, int]:
    """Host (an IPv6 address without brackets) and port of an address that `split_address` has cleaned. Raises BadAddress."""
    clean, _, _ = split_address(url)
    match = re.match(r"[^/?]*", clean.partition("://")[2])
    return _host_and_port(match[0] if match else "")


def _host_and_port(place: str) -> tuple[str, int]:
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
    if not has_port:
        return host, RTSP_PORT
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 5 and 1 <= int(digits) <= 65_535):
        raise BadAddress("The port is not a number from 1 to 65535.", advice=_EXAMPLE)
    return host, int(digits)
