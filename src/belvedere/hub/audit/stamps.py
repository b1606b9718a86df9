"""Once a day, an outside authority's time on the log (RFC 3161), where the settings name one.

    HUB/timestamps/2026-11-22.checkpoint    what was stamped
    HUB/timestamps/2026-11-22.tsr           the authority's answer, as `openssl ts -verify` takes it

The authority is told a hash and nothing else. A stamp shows that this checkpoint existed by then, whatever the hub's clock said.
"""

import asyncio
import re
from dataclasses import dataclass
from pathlib import Path

import structlog
from cryptography import x509
from rfc3161_client import HashAlgorithm, TimestampRequestBuilder, VerifierBuilder, decode_timestamp_response
from rfc3161_client.errors import VerificationError

from belvedere.foundation.clock import DAY_US, SECOND_US, Clock, iso
from belvedere.foundation.errors import BelvedereError, LinkFault, NotFound, StorageFault
from belvedere.hub.audit.log import AuditLog
from belvedere.tlog.folder import write_durably

STAMPED = "log.timestamped"
LOOK_EVERY_S = 900.0  # also the time between two tries when the authority is away
_TIMEOUT_S = 30.0
_MAX_ANSWER_BYTES = 64 * 1024
_FAR_US = DAY_US  # an answer this far from the hub's own clock is told, not refused
_NAME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\.(?:checkpoint|tsr)")
_LOG = structlog.get_logger(__name__)


class StampRefused(BelvedereError):
    """An answer of the authority that does not hold."""

    code = "stamp_refused"


@dataclass(frozen=True, slots=True)
class Stamp:
    """What the authority said. `time_us`: by its clock."""

    day: str
    time_us: int
    size: int


def check_stamp(answer: bytes, checkpoint: bytes, roots: list[x509.Certificate], nonce: int | None = None) -> int:
    """The time (microseconds) that the answer puts on `checkpoint`, once it is found to be signed under one of `roots`.

    Certificates in `roots` that did not sign themselves serve as links of the chain. Raises StampRefused.
    """
    builder = VerifierBuilder(nonce=nonce)
    for one in roots:
        own = one.issuer == one.subject
        builder = builder.add_root_certificate(one) if own else builder.add_intermediate_certificate(one)
    try:
        response = decode_timestamp_response(answer)
        builder.build().verify_message(response, checkpoint)
        return round(response.tst_info.gen_time.timestamp()) * SECOND_US
    except (VerificationError, ValueError) as error:
        raise StampRefused(
            f"The timestamp does not hold: {error}.", advice="Check the authority's certificates in the settings."
        ) from error


class StampDesk:
    """For the event loop. `url` empty: no authority, nothing is done."""

    def __init__(self, folder: Path, url: str, roots_file: str, audit: AuditLog, clock: Clock) -> None:
        self._folder = folder
        self._url = url
        self._roots_file = roots_file
        self._audit = audit
        self._clock = clock
        self.fault = ""  # why there is no stamp of today, empty when there is one or none is due

    def read(self, name: str) -> bytes:
        """One of the files above. Raises NotFound."""
        path = self._folder / name
        if not _NAME.fullmatch(name) or not path.is_file():
            raise NotFound("There is no such timestamp.", advice="Files are called 2026-11-22.tsr and .checkpoint.")
        return path.read_bytes()

    async def run(self) -> None:
        """See every quarter of an hour whether today has its stamp, for as long as the hub runs."""
        while self._url:
            try:
                await self.stamp()
                self.fault = ""
            except (BelvedereError, OSError) as error:
                if str(error) != self.fault:
                    _LOG.error("timestamp_failed", reason=str(error))
                self.fault = str(error)
            await asyncio.sleep(LOOK_EVERY_S)

    async def stamp(self) -> Stamp | None:
        """Get today's stamp (UTC); None when there is one. Raises LinkFault, StampRefused, StorageFault."""
        day = iso(self._clock.now_us())[:10]
        if (self._folder / f"{day}.tsr").exists():
            return None
        head = self._audit.checkpoint()
        roots = await asyncio.to_thread(self._roots)
        request = (
            TimestampRequestBuilder()
            .data(head.note)
            .hash_algorithm(HashAlgorithm.SHA256)
            .cert_request(cert_request=True)
        ).build()
        answer = await self._ask(request.as_bytes())
        time_us = check_stamp(answer, head.note, roots, request.nonce)
        if abs(time_us - self._clock.now_us()) > _FAR_US:
            _LOG.error("clock_far_from_authority", authority=iso(time_us), hub=iso(self._clock.now_us()))
        await asyncio.to_thread(write_durably, self._folder / f"{day}.checkpoint", head.note)
        await asyncio.to_thread(write_durably, self._folder / f"{day}.tsr", answer)
        facts = {"day": day, "authority": self._url, "authority_us": time_us, "size": head.size}
        await self._audit.append(STAMPED, "hub", facts)
        return Stamp(day, time_us, head.size)

    def _roots(self) -> list[x509.Certificate]:
        try:
            return x509.load_pem_x509_certificates(Path(self._roots_file).read_bytes())
        except (OSError, ValueError) as error:
            raise StorageFault(
                f"The authority's certificates in {self._roots_file or '(no file)'} can't be read: {error}.",
                advice="Name a PEM file as [hub] timestamp_certificates.",
            ) from error

    async def _ask(self, request: bytes) -> bytes:
        import httpx  # here: it is 0.1 s of each start, and this runs once a day

        headers = {"Content-Type": "application/timestamp-query"}
        data = bytearray()
        try:
            async with (
                httpx.AsyncClient(timeout=_TIMEOUT_S, trust_env=False) as client,
                client.stream("POST", self._url, content=request, headers=headers) as answer,
            ):
                answer.raise_for_status()
                async for part in answer.aiter_bytes():
                    data += part
                    if len(data) > _MAX_ANSWER_BYTES:
                        raise LinkFault("The authority's answer is too long.", advice="Check [hub] timestamp_url.")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise LinkFault(
                f"The timestamp authority can't be reached: {error!r}.", advice="Check [hub] timestamp_url."
            ) from error
        return bytes(data)
