"""The browser that a session was opened in, as far as browsers tell: a random id of their own, and what kind they are."""

import hashlib
import re
import secrets
from dataclasses import dataclass

from starlette.requests import HTTPConnection
from starlette.responses import Response

COOKIE = "belvedere-device"
SECURE_COOKIE = "__Host-belvedere-device"
_KEPT_S = 400 * 24 * 3600  # the longest that browsers allow (RFC 6265bis, section 5.5)
_ID = re.compile(r"[A-Za-z0-9_-]{43}")
# First match counts: browsers name their ancestors too.
_BROWSERS = (("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrom", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


@dataclass(frozen=True, slots=True)
class Device:
    """A browser. `hash` is SHA-256 of its id, hex; both are "" for what is no browser."""

    hash: str = ""
    agent: str = ""


def agent_of(text: str) -> str:
    """The family of browser and system of a User-Agent, such as `Firefox on Windows`: versions change, families do not."""
    browser = next((name for mark, name in _BROWSERS if mark in text), "")
    if not browser:
        return "Another program"
    system = next((name for mark, name in _SYSTEMS if mark in text), "")
    return f"{browser} on {system}" if system else browser


def device_of(connection: HTTPConnection, cookie: str) -> Device:
    """The browser of a request. One without an id has an empty hash, which fits no bound session."""
    known = connection.cookies.get(cookie, "")
    agent = agent_of(connection.headers.get("user-agent", ""))
    return Device(_hash(known) if _ID.fullmatch(known) else "", agent)


def keep_device(connection: HTTPConnection, response: Response, cookie: str) -> Device:
    """The browser of a request that signs in; given an id that it keeps when it has none."""
    known = device_of(connection, cookie)
    if known.hash:
        return known
    fresh = secrets.token_urlsafe(32)
    response.set_cookie(
        cookie, fresh, max_age=_KEPT_S, path="/", secure=cookie == SECURE_COOKIE, httponly=True, samesite="strict"
    )
    return Device(_hash(fresh), known.agent)


def _hash(device_id: str) -> str:
    return hashlib.sha256(device_id.encode()).hexdigest()
