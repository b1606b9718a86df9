"""Releases and roll-outs over HTTP: what the hub holds, which sites have what, starting and stopping. No picture."""

from typing import Annotated, Literal

from fastapi import Request, Response
from pydantic import BaseModel, ConfigDict, Field

from belvedere.foundation.errors import BadInput
from belvedere.hub.access.doors import CurrentSession, roles
from belvedere.hub.proposals.reach import proposals_of, waits
from belvedere.hub.proposals.shapes import WaitsOut
from belvedere.hub.reach import hub_of
from belvedere.hub.rollouts.book import Rollout
from belvedere.hub.rollouts.desk import MOST_AT_ONCE, MOST_SITES, MOST_WAIT_MINUTES
from belvedere.hub.rollouts.doing import pace_of
from belvedere.hub.rollouts.plan import next_of
from belvedere.hub.room import Room
from belvedere.link.release import key_words
from belvedere.policy.table import Role

router = Room("rollouts")

_START = (Role.ADMINISTRATOR, Role.MANAGER)
_LOOK = (*_START, Role.INSTALLER, Role.DPO, Role.SUPERVISOR)
SiteId = Annotated[str, Field(min_length=1, max_length=48)]
Words = Annotated[str, Field(min_length=3, max_length=2_000)]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ReleaseOut(BaseModel):
    """A release that the hub holds. `sha256` names exactly this one; `key` signed it."""

    version: str
    since: str
    bytes: int
    sha256: str
    key: str
    added_us: int


class RolloutSiteOut(BaseModel):
    """A site in a roll-out. `phase`: as it told last at `told_us`; `first`: one of those that get it first."""

    site: str
    name: str
    first: bool
    state: Literal["waiting", "ordered", "healthy", "failed", "gone"]
    phase: str
    former: str
    have_bytes: int
    ordered_us: int | None
    told_us: int | None
    ended_us: int | None
    why: str


class RolloutOut(BaseModel):
    """`rest_us`: when the rest may begin, while that is what it waits for."""

    id: str
    version: str
    state: Literal["running", "done", "failed", "stopped"]
    by: str
    confirmed_by: str
    reason: str
    wait_minutes: int
    at_once: int
    night: bool
    bytes: int
    started_us: int
    ended_us: int | None
    why: str
    rest_us: int | None
    sites: list[RolloutSiteOut]


class RolloutList(BaseModel):
    now_us: int
    trusted: bool = Field(description="False where the hub trusts no release key (`[hub] release_keys`).")
    releases: list[ReleaseOut]
    rollouts: list[RolloutOut]


class RolloutIn(_In):
    version: Annotated[str, Field(max_length=32)]
    first: Annotated[list[SiteId], Field(min_length=1, max_length=MOST_SITES)]
    without: Annotated[list[SiteId], Field(max_length=MOST_SITES)] = []
    wait_minutes: int = Field(24 * 60, ge=0, le=MOST_WAIT_MINUTES)
    at_once: int = Field(5, ge=1, le=MOST_AT_ONCE)
    night: bool = Field(False, description="Fetched in the other hours of each site's line only.")
    reason: Words


class StopIn(_In):
    reason: Words


def _out(found: Rollout, names: dict[str, str], sites: dict[str, str], size: int, now_us: int) -> RolloutOut:
    everybody = frozenset(each.site for each in found.sites)
    return RolloutOut.model_validate(
        {
            "id": found.id,
            "version": found.version,
            "state": str(found.state),
            "by": names.get(found.account_id, found.account_id),
            "confirmed_by": names.get(found.confirmed_by, found.confirmed_by),
            "reason": found.reason,
            "wait_minutes": found.pace.wait_minutes,
            "at_once": found.pace.at_once,
            "night": found.night,
            "bytes": size,
            "started_us": found.started_us,
            "ended_us": found.ended_us,
            "why": found.why,
            "rest_us": next_of(found.sites, found.pace, everybody, now_us).rest_us if found.ended_us is None else None,
            "sites": [
                {
                    "site": each.site,
                    "name": sites.get(each.site, each.site),
                    "first": each.stage == 0,
                    "state": str(each.state),
                    "phase": each.phase,
                    "former": each.former,
                    "have_bytes": each.have_bytes,
                    "ordered_us": each.ordered_us,
                    "told_us": each.told_us,
                    "ended_us": each.ended_us,
                    "why": each.why,
                }
                for each in found.sites
            ],
        }
    )


@router.get("/api/rollouts")
@roles(*_LOOK)
def rollouts(request: Request) -> RolloutList:
    """Releases that the hub holds, and roll-outs, newest first, with how each site does."""
    hub = hub_of(request)
    desk, names = hub.fleet.rollouts, {user.id: user.display for user in hub.users.all()}
    held, sites = desk.book.releases(), hub.fleet.desk.book.site_names()
    sizes = {each.manifest.version: each.manifest.size for each in held}
    return RolloutList(
        now_us=hub.clock.now_us(),
        trusted=bool(hub.settings.hub.release_keys),
        releases=[
            ReleaseOut(
                version=each.manifest.version,
                since=each.manifest.since,
                bytes=each.manifest.size,
                sha256=each.signed.sha256,
                key=key_words(each.signed.key),
                added_us=each.added_us,
            )
            for each in held
        ],
        rollouts=[_out(each, names, sites, sizes.get(each.version, 0), hub.clock.now_us()) for each in desk.book.all()],
    )


@router.post("/api/rollouts", status_code=204, response_model=None, responses={202: {"model": WaitsOut}})
@roles(*_START)
async def start(body: RolloutIn, request: Request, session: CurrentSession) -> Response | None:
    """Roll a release out. A second person confirms it first, by the action table."""
    hub, reason = hub_of(request), " ".join(body.reason.split())
    if len(reason) < 3:
        raise BadInput("Say why the sites are updated.", advice="A few words are enough.")
    change = body.model_dump(exclude={"reason"})
    change |= {"first": sorted(set(body.first)), "without": sorted(set(body.without))}
    way = await proposals_of(request).way(session, "rollout", change, reason)
    if way.proposal is not None:
        return await waits(request, session, way.proposal)
    await hub.fleet.rollouts.start(
        session.user,
        body.version,
        change["first"],
        change["without"],
        pace_of(change),
        night=body.night,
        reason=reason,
        agreed={},
    )
    return None


@router.post("/api/rollouts/{rollout_id}/stop", status_code=204)
@roles(*_START)
async def stop(rollout_id: str, body: StopIn, request: Request, session: CurrentSession) -> None:
    """Order no further site; those that have not switched yet leave it. Takes one person."""
    reason = " ".join(body.reason.split())
    if len(reason) < 3:
        raise BadInput("Say why it is stopped.", advice="A few words are enough.")
    await hub_of(request).fleet.rollouts.stop(session.user, rollout_id, reason)
