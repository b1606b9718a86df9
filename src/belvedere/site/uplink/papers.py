"""A site's papers: its key, its certificate, the authority that it trusts, and where its hub is.

They lie in the site's keys folder, for its owner only. The key never leaves; a renewal makes a new one.
"""

import hashlib
import http.client
import json
import os
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from belvedere import __version__
from belvedere.foundation.clock import DAY_US, SECOND_US, Clock
from belvedere.foundation.errors import (
    BadInput,
    BelvedereError,
    LinkFault,
    NotFound,
    Refused,
    SiteAway,
    StorageFault,
)
from belvedere.link.enrolment import (
    Ask,
    Asked,
    Papers,
    Renewal,
    SiteToken,
    fingerprint,
    make_request,
    make_site_key,
)
from belvedere.site.uplink.https import Answer, HubConnection

RENEW_AFTER_US = 10 * DAY_US
# Key and certificate lie in one file, so that they are replaced together.
_IDENTITY, _AUTHORITY, _HUB, _PENDING = "identity.pem", "authority.der", "hub.json", "asked.json"
_Shape = TypeVar("_Shape", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the hub's link listens."""

    host: str
    port: int

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def read_place(text: str) -> Place:
    """`https://hub.council.example:8711`, or without the scheme. Raises BadInput."""
    parts = urlsplit(text if "//" in text else f"//{text}")
    try:
        host, port = parts.hostname or "", parts.port or 8711
    except ValueError:
        host, port = "", 0
    if not host or parts.scheme not in ("", "https") or parts.path.strip("/") or parts.username:
        raise BadInput(
            f"{text[:200]!r} is no address of a hub.", advice="Write https://HOST:PORT, as the hub shows it."
        )
    return Place(host, port)


class PaperFolder:
    """The papers on disk. Blocks. One process at a time; renewals replace files whole."""

    def __init__(self, folder: Path, hub_key_file: Path, clock: Clock) -> None:
        """`hub_key_file`: where the rest of the site looks for the hub's key."""
        self._folder = folder
        self._hub_key_file = hub_key_file
        self._clock = clock

    @property
    def enrolled(self) -> bool:
        """Whether there is a certificate and somewhere to show it."""
        return all((self._folder / name).exists() for name in (_IDENTITY, _AUTHORITY, _HUB))

    def place(self) -> Place:
        """Where the hub is. Raises NotFound before the site was enrolled."""
        try:
            said = json.loads((self._folder / _HUB).read_text("utf-8"))
            return Place(str(said["host"]), int(said["port"]))
        except FileNotFoundError as error:
            raise NotFound(
                "This site belongs to no hub.", advice="Run `belvedere site enrol` with a token from the hub."
            ) from error
        except (OSError, ValueError, KeyError) as error:
            raise StorageFault(f"The site's papers can't be read: {error}.", advice="Enrol the site again.") from error

    def move(self, place: Place) -> None:
        """The hub has another address now."""
        self._write(_HUB, json.dumps({"host": place.host, "port": place.port}).encode())

    def certificate(self) -> x509.Certificate:
        """What the site shows. Raises NotFound, StorageFault."""
        try:
            return x509.load_pem_x509_certificate((self._folder / _IDENTITY).read_bytes())
        except FileNotFoundError as error:
            raise NotFound("This site has no certificate.", advice="Run `belvedere site enrol`.") from error
        except (OSError, ValueError) as error:
            raise StorageFault(f"The certificate can't be read: {error}.", advice="Enrol the site again.") from error

    def expires_us(self) -> int:
        """When it runs out."""
        return int(self.certificate().not_valid_after_utc.timestamp()) * SECOND_US

    def tls(self) -> ssl.SSLContext:
        """To the hub and nobody else: TLS 1.3, this site's certificate, the hub's authority alone. Raises StorageFault."""
        try:
            context = _trusting((self._folder / _AUTHORITY).read_bytes())
            context.load_cert_chain(self._folder / _IDENTITY)
        except (OSError, ValueError, ssl.SSLError) as error:
            raise StorageFault(f"The site's papers can't be used: {error}.", advice="Enrol the site again.") from error
        return context

    def ask(self, place: Place, token: SiteToken, machine: str) -> Asked:
        """Ask the hub to be let in, with a fresh key, or with the one asked with before if that was for the same token.

        Raises Refused when the hub is not the token's, BadInput, SiteAway when nobody answers.
        """
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        authority = _authority_of(place, token)
        key = self._pending_key(token) or make_site_key()
        self._write("next.pem", _pem(key))
        self._write(_PENDING, json.dumps({"token": token.hashed, "host": place.host, "port": place.port}).encode())
        self._write("next-authority.der", authority)
        words = Ask(token.secret, make_request(token.site, key), __version__, machine)
        asked = _post(place, "/enrol", _trusting(authority), words, Asked)
        if asked.fingerprint != fingerprint(key.public_key()):
            raise Refused("The hub has another key than this site's.", advice="Make a new token and enrol again.")
        return asked

    def collect(self, place: Place, asked: Asked) -> Papers:
        """How the enrolment went; with `in` the papers are in place when this returns. Raises as `ask`."""
        authority = (self._folder / "next-authority.der").read_bytes()
        papers = _get(place, f"/enrol/{asked.id}", _trusting(authority), Papers)
        if papers.state == "in":
            if papers.authority != authority:
                raise Refused("The hub's authority changed meanwhile.", advice="Make a new token and enrol again.")
            self._take(papers, (self._folder / "next.pem").read_bytes())
            self.move(place)
            (self._folder / _PENDING).unlink(missing_ok=True)
        return papers

    def renewal_due(self) -> bool:
        """Whether the certificate is ten days old."""
        begun = self.certificate().not_valid_before_utc.timestamp()
        return self._clock.now_us() - int(begun) * SECOND_US >= RENEW_AFTER_US + DAY_US

    def renew(self, site: str) -> None:
        """Get the next certificate with a fresh key. Raises Refused, SiteAway."""
        key = make_site_key()
        papers = _post(self.place(), "/link/renew", self.tls(), Renewal(make_request(site, key)), Papers)
        if papers.authority != (self._folder / _AUTHORITY).read_bytes():
            raise Refused("The hub's authority changed.", advice="Enrol the site again.")
        self._take(papers, _pem(key))

    def hub_digest(self) -> bytes:
        """Which hub: SHA-256 of its authority's certificate."""
        return hashlib.sha256((self._folder / _AUTHORITY).read_bytes()).digest()

    def take(self, papers: Papers, key: ec.EllipticCurvePrivateKey) -> None:
        """Papers that came another way, for a key made here. Raises Refused when they do not fit."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._take(papers, _pem(key))

    def forget(self) -> None:
        """Belong to no hub any more. Footage and its keys stay."""
        for each in self._folder.iterdir():
            each.unlink()

    def _take(self, papers: Papers, key: bytes) -> None:
        certificate = x509.load_der_x509_certificate(papers.certificate)
        own = serialization.load_pem_private_key(key, None)
        if certificate.public_key() != own.public_key():
            raise Refused("The certificate is for another key.", advice="Make a new token and enrol again.")
        self._write(_AUTHORITY, papers.authority)
        self._write(_IDENTITY, key + certificate.public_bytes(serialization.Encoding.PEM))
        if not self._hub_key_file.exists() or self._hub_key_file.read_bytes() != papers.hub_key:
            write_whole(self._hub_key_file, papers.hub_key)

    def _pending_key(self, token: SiteToken) -> ec.EllipticCurvePrivateKey | None:
        try:
            if json.loads((self._folder / _PENDING).read_text("utf-8"))["token"] != token.hashed:
                return None
            key = serialization.load_pem_private_key((self._folder / "next.pem").read_bytes(), None)
        except (OSError, ValueError, KeyError):
            return None
        return key if isinstance(key, ec.EllipticCurvePrivateKey) else None

    def _write(self, name: str, data: bytes) -> None:
        write_whole(self._folder / name, data)


def write_whole(path: Path, data: bytes) -> None:
    """A small file, whole or not at all, for its owner only."""
    near = path.with_name(f"{path.name}.{os.getpid()}.new")
    descriptor = os.open(near, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    near.replace(path)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _trusting(authority: bytes) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_verify_locations(cadata=authority)
    return context


def _authority_of(place: Place, token: SiteToken) -> bytes:
    """The hub's authority, fetched from whoever answers there and held against the token. Raises Refused, SiteAway."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # what comes is public, and worth nothing unless the token names it
    authority = _send(place, "GET", "/enrol/authority", context, b"").body
    if hashlib.sha256(authority).digest() != token.authority:
        raise Refused(
            f"{place.url} is not the hub that made this token.",
            advice="Check the address. If it is right, somebody stands between this site and the hub: tell the council.",
        )
    return authority


def _post(place: Place, path: str, tls: ssl.SSLContext, body: msgspec.Struct, shape: type[_Shape]) -> _Shape:
    return _read(_send(place, "POST", path, tls, msgspec.msgpack.encode(body)), shape)


def _get(place: Place, path: str, tls: ssl.SSLContext, shape: type[_Shape]) -> _Shape:
    return _read(_send(place, "GET", path, tls, b""), shape)


def _send(place: Place, method: str, path: str, tls: ssl.SSLContext, body: bytes) -> Answer:
    connection = HubConnection(place.host, place.port, tls)
    try:
        return connection.exchange(method, path, body)
    except (OSError, http.client.HTTPException) as error:
        raise SiteAway(
            f"The hub at {place.url} can't be reached: {error}.",
            advice="Check the address, and that the network lets this machine out to it.",
        ) from error
    finally:
        connection.close()


def _read(answer: Answer, shape: type[_Shape]) -> _Shape:
    try:
        if answer.status == 200:
            return msgspec.msgpack.decode(answer.body, type=shape)
        said = msgspec.msgpack.decode(answer.body, type=dict[str, str])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise LinkFault("The hub's answer makes no sense.", advice="Is this the link's port?") from error
    kinds: dict[int, type[BelvedereError]] = {400: BadInput, 403: Refused, 404: NotFound}
    raise kinds.get(answer.status, LinkFault)(said.get("message", ""), advice=said.get("advice", ""))
