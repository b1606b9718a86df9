"""RTSP 1.0 (RFC 2326) without sockets: requests out, messages in, authentication. Credentials never reach a log or a repr."""

import base64
import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from belvedere.foundation.errors import CameraProtocol

USER_AGENT = "Belvedere"
# Longest header block and body that a camera may send. Real ones stay under 2 KiB and 8 KiB.
HEADER_BYTES = 16 << 10
BODY_BYTES = 256 << 10
_FIRST_RESPONSE = re.compile(rb"RTSP/\d\.\d +(\d{3}) ?([^\r\n]*)")
_FIRST_REQUEST = re.compile(rb"([A-Z_]{3,20}) +(\S+) +RTSP/\d\.\d")


@dataclass(frozen=True, slots=True)
class Message:
    """A reply (`status` set) or the camera's own request (`method` set). Header names are in lower case.

    `headers` keeps the last value of each name; `challenges` all WWW-Authenticate values.
    """

    status: int
    reason: str
    method: str
    headers: Mapping[str, str]
    challenges: tuple[str, ...]
    body: bytes

    @property
    def sequence(self) -> int:
        """CSeq, or -1 when absent or unreadable."""
        text = self.headers.get("cseq", "").strip()
        return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else -1


_TEXTS = (b"RTSP/", b"OPTIONS ", b"ANNOUNCE ", b"GET_PARAMETER ", b"SET_PARAMETER ", b"TEARDOWN ", b"REDIRECT ")


def begins_message(head: bytes) -> bool:
    """Whether a reply, or a request that a camera may send, begins with these bytes (14 decide) or still may."""
    return any(head.startswith(text) or text.startswith(head) for text in _TEXTS)


def message_end(data: bytes, start: int) -> int:
    """Where the text message at `start` ends, or -1 while it is not complete. Raises CameraProtocol when it is too long."""
    head = data.find(b"\r\n\r\n", start, start + HEADER_BYTES + 4)
    gap = 4
    bare = data.find(b"\n\n", start, start + HEADER_BYTES + 4 if head < 0 else head)
    if bare >= 0:
        head, gap = bare, 2
    if head < 0:
        if len(data) - start > HEADER_BYTES:
            raise CameraProtocol("The camera's reply does not end.", advice="Check that the address is an RTSP camera.")
        return -1
    length = 0
    match = re.search(rb"\ncontent-length *: *(\d{1,9})\b", data[start:head], re.IGNORECASE)
    if match:
        length = int(match[1])
        if length > BODY_BYTES:
            raise CameraProtocol("The camera's description is too long.", advice="Check the path of the address.")
    end = head + gap + length
    return end if end <= len(data) else -1


def parse_message(data: bytes) -> Message:
    """One whole message. Raises CameraProtocol when it is not RTSP."""
    split = re.search(rb"\r?\n\r?\n", data)
    head, body = (data[: split.start()], data[split.end() :]) if split else (data, b"")
    lines = head.replace(b"\r\n", b"\n").split(b"\n")
    status, reason, method = 0, "", ""
    if match := _FIRST_RESPONSE.match(lines[0]):
        status, reason = int(match[1]), match[2].decode("latin-1").strip()
    elif match := _FIRST_REQUEST.match(lines[0]):
        method = match[1].decode("ascii")
    else:
        raise CameraProtocol("The answer is not RTSP.", advice="Check the port: 554 is usual for RTSP.")
    headers: dict[str, str] = {}
    challenges = []
    for line in lines[1:200]:
        name, colon, value = line.partition(b":")
        if colon:
            key, text = name.strip().lower().decode("latin-1"), value.strip().decode("latin-1")
            headers[key] = text
            if key == "www-authenticate":
                challenges.append(text)
    return Message(status, reason, method, headers, tuple(challenges), body)


def write_request(method: str, address: str, sequence: int, headers: Mapping[str, str]) -> bytes:
    """A request without a body."""
    lines = [f"{method} {address} RTSP/1.0", f"CSeq: {sequence}", f"User-Agent: {USER_AGENT}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "replace")


def write_reply(status: int, reason: str, sequence: int) -> bytes:
    """A reply to a request of the camera's."""
    return f"RTSP/1.0 {status} {reason}\r\nCSeq: {max(0, sequence)}\r\n\r\n".encode("ascii")


_PARAMETER = re.compile(r'([a-zA-Z_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))')


@dataclass(frozen=True, slots=True)
class Challenge:
    """One WWW-Authenticate header. `scheme` is `basic` or `digest` in lower case, or what the camera wrote."""

    scheme: str
    parameters: Mapping[str, str]

    @property
    def algorithm(self) -> str:
        return self.parameters.get("algorithm", "MD5").upper()

    @property
    def strength(self) -> int:
        """Higher is better; 0 means that Belvedere can't answer it."""
        if self.scheme == "basic":
            return 1
        offered = [item.strip() for item in self.parameters.get("qop", "auth").split(",")]
        if self.scheme != "digest" or "auth" not in offered or "nonce" not in self.parameters:
            return 0
        return {"MD5": 2, "MD5-SESS": 2, "SHA-256": 3, "SHA-256-SESS": 3}.get(self.algorithm, 0)


def parse_challenge(text: str) -> Challenge:
    """A WWW-Authenticate value. Never fails: what can't be read has strength 0."""
    scheme, _, rest = text[:4096].strip().partition(" ")
    found = {match[1].lower(): match[2] if match[2] is not None else match[3] for match in _PARAMETER.finditer(rest)}
    return Challenge(scheme.lower(), found)


def strongest_challenge(challenges: tuple[str, ...]) -> Challenge | None:
    """The challenge to answer, or None when none can be."""
    parsed = sorted((parse_challenge(text) for text in challenges[:8]), key=lambda item: -item.strength)
    return parsed[0] if parsed and parsed[0].strength else None


@dataclass(slots=True)
class Authenticator:
    """Answers challenges for one user: Digest with MD5 or SHA-256 (RFC 2617, 7616), else Basic (RFC 7617)."""

    username: str
    password: str = field(repr=False)
    challenge: Challenge | None = None
    _count: int = 0

    def header(self, method: str, address: str) -> str:
        """The Authorization value for a request, or an empty string before any challenge came."""
        challenge = self.challenge
        if challenge is None:
            return ""
        if challenge.scheme == "basic":
            return "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode("ascii")
        return self._digest(challenge, method, address)

    def _digest(self, challenge: Challenge, method: str, address: str) -> str:
        algorithm = challenge.algorithm
        parameters = challenge.parameters
        realm, nonce = parameters.get("realm", ""), parameters["nonce"]
        self._count += 1
        count, own = f"{self._count:08x}", os.urandom(8).hex()
        secret = _hash(algorithm, f"{self.username}:{realm}:{self.password}")
        if algorithm.endswith("-SESS"):
            secret = _hash(algorithm, f"{secret}:{nonce}:{own}")
        request = _hash(algorithm, f"{method}:{address}")
        with_quality = "qop" in parameters
        if with_quality:
            response = _hash(algorithm, f"{secret}:{nonce}:{count}:{own}:auth:{request}")
        else:
            response = _hash(algorithm, f"{secret}:{nonce}:{request}")
        fields = [
            f'username="{_quoted(self.username)}"',
            f'realm="{realm}"',
            f'nonce="{nonce}"',
            f'uri="{address}"',
            f'response="{response}"',
        ]
        if "algorithm" in parameters:
            fields.append(f"algorithm={parameters['algorithm']}")
        if "opaque" in parameters:
            fields.append(f'opaque="{parameters["opaque"]}"')
        if with_quality:
            fields += ["qop=auth", f"nc={count}", f'cnonce="{own}"']
        elif algorithm.endswith("-SESS"):
            fields.append(f'cnonce="{own}"')
        return "Digest " + ", ".join(fields)

    def accept(self, challenge: Challenge) -> None:
        """Answer `challenge` from now on."""
        self.challenge = challenge
        self._count = 0


def _hash(algorithm: str, text: str) -> str:
    data = text.encode("utf-8", "replace")
    if algorithm.startswith("SHA-256"):
        return hashlib.sha256(data).hexdigest()
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
