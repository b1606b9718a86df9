"""Calling a partner's hub: HTTPS, TLS 1.3, its own authority or a public one. What counts are the signatures inside."""

import asyncio
import ssl
from typing import TYPE_CHECKING, Any

import msgspec

from belvedere.foundation.errors import LinkFault
from belvedere.hub.federation.partner_book import Partner
from belvedere.link.enrolment import LINK_NAME

if TYPE_CHECKING:
    import httpx

LETTERS, PARTS = "/federation/v1/letters", "/federation/v1/parts"
_WAIT_S = 30.0


class _Said(msgspec.Struct):
    message: str = ""
    advice: str = ""


class FederationClient:
    """For the event loop. Keeps a client for each partner."""

    def __init__(self) -> None:
        self._clients: dict[tuple[str, bytes], httpx.AsyncClient] = {}

    async def close(self) -> None:
        """Hang up."""
        for each in self._clients.values():
            await each.aclose()
        self._clients.clear()

    async def post(self, partner: Partner, path: str, data: bytes, most: int) -> bytes:
        """What it answers, `most` bytes at most. Raises LinkFault with words that name the partner."""
        import httpx

        client = await self._client(partner)
        # With an authority of its own the hub is known by a fixed name, whatever address it has (`link.enrolment`).
        more: dict[str, Any] = {"extensions": {"sni_hostname": LINK_NAME}} if partner.authority else {}
        headers = {"content-type": "application/json"}
        url = f"https://{partner.address}{path}"
        try:
            async with (
                asyncio.timeout(_WAIT_S),
                client.stream("POST", url, content=data, headers=headers, **more) as answer,
            ):
                body = bytearray()
                async for part in answer.aiter_raw():
                    body += part
                    if len(body) > most:
                        raise LinkFault(f"{partner.controller} answered with more than can be.")
        except (TimeoutError, httpx.HTTPError, httpx.InvalidURL) as error:
            raise LinkFault(_words(partner, error), advice="It is tried again by itself.") from error
        if answer.status_code != 200:
            raise LinkFault(_told(partner, answer.status_code, bytes(body)))
        return bytes(body)

    async def _client(self, partner: Partner) -> "httpx.AsyncClient":
        import httpx  # here: most hubs have no partner, and it is 0.1 s of each start

        known = partner.address, partner.authority
        if known not in self._clients:
            try:
                context = await asyncio.to_thread(_context, partner.authority)
            except ssl.SSLError as error:
                raise LinkFault(f"The certificate authority in {partner.controller}'s document is damaged.") from error
            # No proxy of the environment's: a partner is called directly, or not at all. No line is kept open: letters are few,
            # and a hub that ends waits for those that are open.
            alone = httpx.Limits(max_keepalive_connections=0)
            client = httpx.AsyncClient(
                verify=context, timeout=_WAIT_S, limits=alone, trust_env=False, follow_redirects=False
            )
            self._clients[known] = client
        return self._clients[known]


def _context(authority: bytes) -> ssl.SSLContext:
    context = ssl.create_default_context() if not authority else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    if authority:
        context.load_verify_locations(cadata=authority)
    return context


def _words(partner: Partner, error: Exception) -> str:
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return f"Whoever answers at {partner.address} has no certificate of {partner.controller}."
    return f"{partner.controller} does not answer at {partner.address}."


def _told(partner: Partner, status: int, body: bytes) -> str:
    """What it said, unsigned: a hint for people, nothing is decided by it."""
    try:
        said = msgspec.json.decode(body, type=_Said)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        said = _Said()
    words = f"{said.message[:300]} {said.advice[:300]}".strip()
    return (
        f"{partner.controller} answered: {words}" if words else f"{partner.controller} answered with status {status}."
    )
