"""Permanent masks of the register's cameras: kept here with their history, pushed to the site, which paints them."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import structlog
from sqlalchemy import Engine, RowMapping, func, insert, select

from belvedere.foundation.clock import Clock
from belvedere.foundation.errors import BadInput, BelvedereError, Conflict
from belvedere.hub.access.users import User
from belvedere.hub.audit.log import AuditLog
from belvedere.hub.masks.tables import camera_mask
from belvedere.hub.storage.engine import reading, writing
from belvedere.link.client import SiteLink
from belvedere.link.masked import GetMasking, Masking, Polygons, PutMasks
from belvedere.link.messages import Answer

MASKS_CHANGED = "masks.changed"
PUSH_S = 30.0  # between two looks at whether the site has what holds
LEAST_REASON = 8
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class MaskVersion:
    """One version of a camera's masks. None of them: `polygons` is empty."""

    camera: str
    version: int
    polygons: Polygons
    account_id: str
    made_by: str
    reason: str
    made_us: int


class MaskDesk:
    """One a hub. `put` and `run` are for the event loop; the rest is quick and may be called from anywhere."""

    def __init__(self, engine: Engine, link: SiteLink, audit: AuditLog, clock: Clock) -> None:
        self._engine = engine
        self._link = link
        self._audit = audit
        self._clock = clock
        self._turn = asyncio.Lock()
        # Invariant: the newest version of every camera that ever had masks; equal to the table's.
        self._newest = self._load()

    def of(self, camera: str) -> Polygons:
        """The masks that hold now."""
        newest = self._newest.get(camera)
        return newest.polygons if newest is not None else ()

    def newest(self, camera: str) -> MaskVersion | None:
        """The version that holds now, None for a camera that never had masks."""
        return self._newest.get(camera)

    def master_needs_dpo(self, camera: str) -> bool:
        """Whether originals (MASTER) of this camera may only be released with the DPO's consent: it has permanent masks, or
        had some while footage that is still kept may have been recorded.
        """
        return camera in self._newest

    def veiled(self) -> frozenset[str]:
        """All cameras of which that is so."""
        return frozenset(self._newest)

    def history(self, camera: str) -> list[MaskVersion]:
        """All versions, the newest first. Blocking."""
        query = select(camera_mask).where(camera_mask.c.camera_id == camera).order_by(camera_mask.c.version.desc())
        with reading(self._engine) as connection:
            return [_version(row) for row in connection.execute(query).mappings()]

    async def put(self, user: User, camera: str, base: int, polygons: Polygons, reason: str) -> MaskVersion:
        """A new version, drawn on top of version `base` (0: none). In the log first, then kept, then pushed to the site.

        Raises BadInput without a reason, Conflict when somebody else drew meanwhile. A site that is away gets it later.
        """
        reason = " ".join(reason.split())
        if len(reason) < LEAST_REASON:
            raise BadInput("Say why these masks change.", advice="A few words: whose windows, or what was wrong.")
        async with self._turn:
            known = self._newest.get(camera)
            if (known.version if known is not None else 0) != base:
                raise Conflict(
                    "Somebody else changed these masks meanwhile.", advice="Load the page again, and draw on theirs."
                )
            made = MaskVersion(camera, base + 1, polygons, user.id, user.display, reason[:500], self._clock.now_us())
            facts = {
                "camera": camera,
                "version": made.version,
                "masks": len(polygons),
                "before": len(known.polygons) if known is not None else 0,
                "words": made.reason,
            }
            await self._audit.append(MASKS_CHANGED, user.id, facts)
            await asyncio.to_thread(self._keep, made)
            self._newest[camera] = made
        await self._push(made)
        return made

    async def masking(self) -> Masking:
        """What the site masks now, and which masks it has. Raises LinkFault."""
        return await self._link.ask(GetMasking(), Masking)

    async def in_camera(self, camera: str) -> tuple[bool, str]:
        """Whether the camera itself paints the masks that hold, and why not; (False, "") where the site does not say."""
        newest = self._newest.get(camera)
        if newest is None:
            return False, ""
        try:
            told = (await self._link.ask(GetMasking(camera), Masking)).masks
        except BelvedereError:
            return False, ""
        found = next((each for each in told if (each.camera, each.version) == (camera, newest.version)), None)
        return (found.in_camera, found.why) if found is not None else (False, "")

    async def run(self, site: SiteLink, cameras: Callable[[], frozenset[str]]) -> None:
        """Bring a site what it does not have, until cancelled. `cameras`: those that it has; blocks."""
        while True:
            try:
                if self._newest:
                    mine = await asyncio.to_thread(cameras)
                    held = {each.camera: each.version for each in (await site.ask(GetMasking(), Masking)).masks}
                    for version in list(self._newest.values()):
                        if version.camera in mine and held.get(version.camera, 0) < version.version:
                            await self._push(version)
            except BelvedereError as error:
                _log.debug("masks not compared", error=str(error))
            await asyncio.sleep(PUSH_S)

    async def _push(self, version: MaskVersion) -> bool:
        """Whether the site has taken it."""
        try:
            await self._link.ask(PutMasks(version.camera, version.version, version.polygons), Answer, reuse=False)
        except BelvedereError as error:
            _log.warning("masks not pushed", camera=version.camera, error=str(error))
            return False
        return True

    def _keep(self, made: MaskVersion) -> None:
        with writing(self._engine) as connection:
            connection.execute(
                insert(camera_mask).values(
                    camera_id=made.camera,
                    version=made.version,
                    polygons=msgspec.json.encode(made.polygons).decode(),
                    account_id=made.account_id,
                    made_by=made.made_by,
                    reason=made.reason,
                    made_us=made.made_us,
                )
            )

    def _load(self) -> dict[str, MaskVersion]:
        highest = (
            select(camera_mask.c.camera_id, func.max(camera_mask.c.version).label("version"))
            .group_by(camera_mask.c.camera_id)
            .subquery()
        )
        query = select(camera_mask).join(
            highest,
            (camera_mask.c.camera_id == highest.c.camera_id) & (camera_mask.c.version == highest.c.version),
        )
        with reading(self._engine) as connection:
            return {row["camera_id"]: _version(row) for row in connection.execute(query).mappings()}


def _version(row: RowMapping) -> MaskVersion:
    return MaskVersion(
        camera=row["camera_id"],
        version=row["version"],
        polygons=msgspec.json.decode(row["polygons"], type=Polygons),
        account_id=row["account_id"],
        made_by=row["made_by"],
        reason=row["reason"],
        made_us=row["made_us"],
    )
