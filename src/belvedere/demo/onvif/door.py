"""Who may talk to the simulated device: the username token (WSS 1.0) and HTTP digest (RFC 2617), checked as a camera does."""

import base64
import hashlib
import re
import secrets
from datetime import UTC, datetime
from xml.etree.ElementTree import Element

from belvedere.foundation.clock import SECOND_US

REALM = "onvif"
_TOLERANCE_US = 5 * SECOND_US
_MOST_SEEN = 10_000
_CREDENTIAL = re.compile(r'(\w+)=(?:"([^"]*)"|([^\s,]+))')
_SECURITY = "{http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd}"
_TIMES = "{http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd}"


class Door:
    """One user. Remembers the nonces it has seen, as the token profile asks."""

    def __init__(self, username: str, password: str) -> None:
        self.username = username
        self.password = password
        self.nonce = secrets.token_hex(16)
        self.replays = 0
        self._seen: set[str] = set()

    def token_opens(self, header: Element | None, now_us: int) -> bool:
        """Whether a SOAP header holds a valid token, made within 5 s of the device's own clock."""
        if header is None:
            return False
        name = header.findtext(f".//{_SECURITY}Username")
        given = header.findtext(f".//{_SECURITY}Password")
        nonce = header.findtext(f".//{_SECURITY}Nonce")
        created = header.findtext(f".//{_TIMES}Created")
        if not (name and given and nonce and created):
            return False
        if nonce in self._seen:
            self.replays += 1
            return False
        if len(self._seen) >= _MOST_SEEN:  # an old one is refused by its age as well
            self._seen.clear()
        self._seen.add(nonce)
        plain = base64.b64decode(nonce) + created.encode() + self.password.encode()
        expected = base64.b64encode(hashlib.sha1(plain, usedforsecurity=False).digest()).decode()
        made = datetime.strptime(created, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
        fresh = abs(int(made.timestamp() * SECOND_US) - now_us) <= _TOLERANCE_US
        return name == self.username and secrets.compare_digest(expected, given) and fresh

    def challenge(self) -> str:
        return f'Digest realm="{REALM}", nonce="{self.nonce}", qop="auth", algorithm=MD5'

    def digest_opens(self, authorization: str, method: str) -> bool:
        """Whether an Authorization header is right."""
        kind, _, value = authorization.partition(" ")
        if kind.lower() != "digest":
            return False
        given = {name: quoted or bare for name, quoted, bare in _CREDENTIAL.findall(value)}

        def md5(*parts: str) -> str:
            return hashlib.md5(":".join(parts).encode(), usedforsecurity=False).hexdigest()

        expected = md5(
            md5(self.username, REALM, self.password),
            self.nonce,
            given.get("nc", ""),
            given.get("cnonce", ""),
            given.get("qop", ""),
            md5(method, given.get("uri", "")),
        )
        return given.get("username") == self.username and secrets.compare_digest(expected, given.get("response", ""))
