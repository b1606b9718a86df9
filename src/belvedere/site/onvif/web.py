"""HTTP to devices: one client for all, no redirects, no compression, bounded answers, digest authentication (RFC 7616)."""

import asyncio
import ssl
from types import TracebackType
from typing import Self

import httpx

from belvedere.foundation.errors import CameraDenied, CameraProtocol, CameraUnreachable
from belvedere.media.rtsp import Authenticator, strongest_challenge
from belvedere.site.onvif.markup import MAX_BYTES
from belvedere.site.onvif.pinning import Place

_CONNECT_S = 5.0
_TIMEOUT_S = 10.0
_WEAKEST = 2  # digest; a password in clear is never sent


class _HungUp(CameraUnreachable):
    """The connection ended where an answer should have come."""


class Web:
    """The HTTP client of one process. Devices' certificates are their own; nobody vouches for them, so none is checked."""

    def __init__(self) -> None:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self._client = httpx.AsyncClient(
            verify=context,
            trust_env=False,
            follow_redirects=False,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=64, keepalive_expiry=30.0),
            headers={"User-Agent": "Belvedere", "Accept-Encoding": "identity"},
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def post(
        self, place: Place, body: bytes, headers: dict[str, str], timeout_s: float = _TIMEOUT_S
    ) -> tuple[int, list[str], bytes]:
        """(status, WWW-Authenticate values, body). Raises CameraUnreachable or CameraProtocol."""
        try:
            return await self._post(place, body, headers, timeout_s)
        except _HungUp:  # the device had closed a connection that stood idle: this says nothing about it
            return await self._post(place, body, headers, timeout_s)

    async def _post(
        self, place: Place, body: bytes, headers: dict[str, str], timeout_s: float
    ) -> tuple[int, list[str], bytes]:
        timeout = httpx.Timeout(timeout_s, connect=_CONNECT_S, pool=_CONNECT_S)
        try:
            async with asyncio.timeout(timeout_s + _CONNECT_S):  # a byte a second must not hold us for ever
                async with self._client.stream(
                    "POST", place.url, content=body, headers=headers, timeout=timeout
                ) as reply:
                    if reply.headers.get("content-encoding", "identity").lower() != "identity":
                        raise CameraProtocol("The device compresses its answer unasked.", advice="Update its firmware.")
                    data = bytearray()
                    async for part in reply.aiter_raw():
                        data += part
                        if len(data) > MAX_BYTES:
                            raise CameraProtocol(
                                "The device's answer is too long.", advice="Check that the address is an ONVIF device."
                            )
                    return reply.status_code, reply.headers.get_list("www-authenticate"), bytes(data)
        except (httpx.TimeoutException, TimeoutError) as error:
            raise CameraUnreachable(
                f"No answer from {place.authority}: timed out.", advice="Check that it has power and its IP address."
            ) from error
        except httpx.RemoteProtocolError as error:
            raise _HungUp(
                f"{place.authority} ended the connection without an answer in HTTP.",
                advice="Check the port of its ONVIF service: 80, 8000, 8080 and 2020 are usual.",
            ) from error
        except (httpx.ConnectError, httpx.ReadError, httpx.WriteError, httpx.CloseError, OSError) as error:
            raise CameraUnreachable(
                f"The connection to {place.authority} failed.",
                advice="Check its address, and the port of its ONVIF service: 80, 8000, 8080 and 2020 are usual.",
            ) from error
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise CameraProtocol(
                f"{place.authority} does not answer in HTTP.", advice="Check the port of its ONVIF service."
            ) from error


class Account:
    """A user of one device, and how the device lets it in over HTTP, as learnt from its challenge."""

    def __init__(self, username: str, password: str) -> None:
        self.username = username
        self.password = password
        self._authenticator = Authenticator(username, password)

    def __repr__(self) -> str:
        return f"Account({self.username!r})"

    @property
    def challenged(self) -> bool:
        return self._authenticator.challenge is not None

    def header(self, place: Place) -> str:
        """The Authorization value for a request to `place`, "" while no challenge came."""
        return self._authenticator.header("POST", place.path)

    def accept(self, challenges: list[str]) -> bool:
        """Take up a challenge; False when it can't be answered. Raises CameraDenied when only clear text is offered."""
        challenge = strongest_challenge(tuple(challenges))
        if challenge is None:
            return False
        if challenge.strength < _WEAKEST:
            raise CameraDenied(
                "The device wants the password in clear text, which is not sent.", advice="Set it to digest."
            )
        self._authenticator.accept(challenge)
        return True
