"""SOAP 1.2 as ONVIF uses it: envelopes out, bodies and faults in, and the WS-UsernameToken (WSS 1.0, password digest)."""

import base64
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from belvedere.foundation.errors import CameraDenied, CameraProtocol
from belvedere.site.onvif.markup import Node, parse, quoted, quoted_attribute, shown
from belvedere.site.onvif.times import write_time

DEVICE = "http://www.onvif.org/ver10/device/wsdl"
MEDIA = "http://www.onvif.org/ver10/media/wsdl"
MEDIA2 = "http://www.onvif.org/ver20/media/wsdl"
PTZ = "http://www.onvif.org/ver20/ptz/wsdl"
EVENTS = "http://www.onvif.org/ver10/events/wsdl"
RECORDING = "http://www.onvif.org/ver10/recording/wsdl"
SEARCH = "http://www.onvif.org/ver10/search/wsdl"
REPLAY = "http://www.onvif.org/ver10/replay/wsdl"
SCHEMA = "http://www.onvif.org/ver10/schema"
NOTIFICATION = "http://docs.oasis-open.org/wsn/b-2"
ADDRESSING = "http://www.w3.org/2005/08/addressing"
ENVELOPE = "http://www.w3.org/2003/05/soap-envelope"
_SECURITY = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
_TIMES = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
_DIGEST = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordDigest"
_BASE64 = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary"


class SoapFault(CameraProtocol):
    """The device declined the request. `subcode` is the last part of its code, such as `ActionNotSupported`."""

    def __init__(self, subcode: str, reason: str) -> None:
        super().__init__(
            f"The device declined: {reason or subcode or 'it gave no reason'}.",
            advice="Look whether it supports this, and whether its user has the right to it.",
        )
        self.subcode = subcode


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where requests of one subscription go: its address, and the header elements to be echoed (WS-Addressing 3.3)."""

    address: str
    parameters: tuple[str, ...] = field(default=())


def password_digest(nonce: bytes, created: str, password: str) -> str:
    """Base64(SHA-1(nonce + created + password)), as the username token profile 1.0 prescribes."""
    plain = nonce + created.encode() + password.encode("utf-8", "replace")
    return base64.b64encode(hashlib.sha1(plain, usedforsecurity=False).digest()).decode("ascii")


def username_token(username: str, password: str, camera_us: int) -> str:
    """The security header for a camera whose clock shows `camera_us`. The nonce is never used again."""
    nonce, created = os.urandom(16), write_time(camera_us)
    return (
        f'<s:Security xmlns:s="{_SECURITY}" xmlns:u="{_TIMES}" e:mustUnderstand="1"><s:UsernameToken>'
        f"<s:Username>{quoted(username)}</s:Username>"
        f'<s:Password Type="{_DIGEST}">{password_digest(nonce, created, password)}</s:Password>'
        f'<s:Nonce EncodingType="{_BASE64}">{base64.b64encode(nonce).decode("ascii")}</s:Nonce>'
        f"<u:Created>{created}</u:Created></s:UsernameToken></s:Security>"
    )


def envelope(body: str, *, security: str = "", action: str = "", to: Endpoint | None = None) -> bytes:
    """A request. `to` adds the addressing headers that subscriptions need."""
    head = security
    if to is not None:
        head += (
            f'<a:Action xmlns:a="{ADDRESSING}" e:mustUnderstand="1">{quoted(action)}</a:Action>'
            f'<a:MessageID xmlns:a="{ADDRESSING}">urn:uuid:{_uuid()}</a:MessageID>'
            f'<a:To xmlns:a="{ADDRESSING}" e:mustUnderstand="1">{quoted(to.address)}</a:To>'
        ) + "".join(to.parameters)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><e:Envelope xmlns:e="{ENVELOPE}" xmlns:t="{SCHEMA}">'
        f"<e:Header>{head}</e:Header><e:Body>{body}</e:Body></e:Envelope>"
    ).encode()


def _uuid() -> str:
    digits = os.urandom(16).hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def element(namespace: str, name: str, inner: str = "", attributes: Mapping[str, str] | None = None) -> str:
    """One request element in its namespace, prefix `r`."""
    given = "".join(f" {key}={quoted_attribute(value)}" for key, value in (attributes or {}).items())
    return f'<r:{name} xmlns:r="{namespace}"{given}>{inner}</r:{name}>'


def written(node: Node) -> str:
    """`node` as text again, to be echoed to the device that wrote it."""
    given = "".join(f" {key}={quoted_attribute(value)}" for key, value in node.attributes.items() if key.isidentifier())
    space = f" xmlns={quoted_attribute(node.namespace)}"
    return f"<{node.name}{space}{given}>{quoted(node.text)}{''.join(map(written, node.children))}</{node.name}>"


def read_reply(status: int, data: bytes) -> Node:
    """The element in the body of an answer. Raises CameraDenied, SoapFault or CameraProtocol."""
    if status in (401, 403) and not data.lstrip().startswith(b"<"):
        raise denied()
    if status not in (200, 400, 401, 403, 500):
        raise CameraProtocol(
            f"The device answered with HTTP status {status}.",
            advice="Check the port of its ONVIF service: 80, 8000, 8080 and 2020 are usual.",
        )
    try:
        root = parse(data)
    except CameraProtocol:
        if status in (401, 403):
            raise denied() from None
        raise
    body = root.child("Body") if root.name == "Envelope" else None
    if body is None:
        if status in (401, 403):
            raise denied()
        raise CameraProtocol(
            "The answer is not SOAP.", advice="Check the port of its ONVIF service: 80, 8000, 8080 and 2020 are usual."
        )
    fault = body.child("Fault")
    if fault is not None:
        raise _fault(fault)
    if not body.children:
        raise CameraProtocol("The device's answer is empty.", advice="Update its firmware.")
    return body.children[0]


def _fault(fault: Node) -> CameraDenied | SoapFault:
    codes = [shown(node.text).rpartition(":")[2] for node in fault.all("Value")] or [shown(fault.value("faultcode"))]
    reason = shown(fault.value("Text") or fault.value("faultstring"))
    if {"NotAuthorized", "FailedAuthentication", "InvalidSecurity", "InvalidSecurityToken"} & set(codes):
        return denied()
    if "authorized" in reason.lower() or "authenticat" in reason.lower():
        return denied()
    return SoapFault(codes[-1], reason.rstrip("."))


def denied() -> CameraDenied:
    return CameraDenied(
        "The device refused the user name or password for ONVIF.",
        advice="Some devices keep a user of their own for ONVIF, to be added in their settings; its clock may also be far off.",
    )
