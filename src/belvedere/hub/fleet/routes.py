"""Sites over HTTP: which there are, letting them in, shutting them out. Nothing here shows a picture."""

from typing import Annotated, Literal

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field

from belvedere.hub.access.doors import CurrentSession, roles
from belvedere.hub.context import HubContext
from belvedere.hub.fleet import document_routes
from belvedere.hub.fleet.book import Enrolment
from belvedere.hub.fleet.configuration import Version, difference
from belvedere.hub.reach import hub_of
from belvedere.hub.room import Room
from belvedere.link.configuration import MOST_KBIT, LineLimits
from belvedere.policy.table import Role

router = Room("sites")
router.add(document_routes.router)

_LET_IN = (Role.ADMINISTRATOR, Role.MANAGER)
_LOOK = (*_LET_IN, Role.INSTALLER, Role.DPO, Role.SUPERVISOR)
SiteId = Annotated[str, Field(min_length=1, max_length=48)]
Words = Annotated[str, Field(max_length=2_000)]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class LimitsOut(BaseModel):
    """What a site may send to the hub, in kbit/s; 0: as much as the line carries. `night`: minutes of the UTC day."""

    kbit: int
    night_kbit: int
    night: tuple[int, int] | None


class LineOut(BaseModel):
    """What a site's line is limited to. Null: not heard of since the hub started."""

    now: LimitsOut | None = Field(description="What holds at the site, as it said at `heard_us`.")
    own: LimitsOut | None = Field(description="What the box's own settings say.")
    heard_us: int | None
    version: int | None = Field(description="Of the configuration that the site goes by; 0: its own settings.")
    ordered: int = Field(description="The newest version that was ordered; 0: none.")
    fault: str = Field(description="Why the site did not take the newest; empty where it did.")


class SiteRow(BaseModel):
    """A site. `own`: the one on the hub's machine, which needs no papers. Times are microseconds UTC."""

    id: str
    name: str
    own: bool
    state: Literal["here", "connected", "away", "shut_out"]
    cameras: int
    software: str
    address: str
    since_us: int | None = Field(description="Connected since; null while away.")
    heard_us: int | None
    clock_error_us: int | None = Field(description="The site's clock minus the hub's, with the way there in it.")
    round_trip_us: int | None = Field(
        description="From the site to here and back; null while away, not measured yet, or under a millisecond."
    )
    waiting: int | None = Field(description="Records that wait at the site, as it said last.")
    lag_us: int | None = Field(description="Age of the oldest of them, by the site's clock.")
    caught_up_in_us: int | None = Field(description="Until none waits, at the last minutes' pace; null: can't be told.")
    falling_behind: bool = Field(description="More waits than minutes ago.")
    missing: int = Field(description="Records that the site had to drop before they came; there should be none.")
    certificate_until_us: int | None
    line: LineOut | None = Field(description="Null for the hub's own machine, which has no line.")
    clashes: list[str] = Field(description="Cameras whose id belongs to another site here: rename them at the site.")


class SiteList(BaseModel):
    now_us: int
    listening: bool = Field(description="False where the hub lets no site call (`[hub] link`).")
    sites: list[SiteRow]


class EnrolmentOut(BaseModel):
    id: str
    site: str
    name: str
    state: Literal["open", "lapsed", "waiting", "in", "refused"]
    made_by: str
    mine: bool = Field(description="You made its token: somebody else has to confirm it.")
    made_us: int
    expires_us: int
    asked_us: int | None
    fingerprint: str
    address: str
    machine: str
    software: str
    decided_by: str
    decided_us: int | None
    reason: str


class EnrolmentList(BaseModel):
    enrolments: list[EnrolmentOut]


class TokenIn(_In):
    site: SiteId
    name: Annotated[str, Field(min_length=1, max_length=80)]


class TokenOut(BaseModel):
    token: str = Field(description="Shown this once. Good once, until `expires_us`.")
    enrolment: EnrolmentOut


class DecisionIn(_In):
    let_in: bool
    fingerprint: Annotated[str, Field(max_length=64)] = ""
    reason: Words = ""


class RevocationIn(_In):
    reason: Words


class Revoked(BaseModel):
    certificates: int


class LimitsIn(_In):
    kbit: int = Field(ge=0, le=MOST_KBIT)
    night_kbit: int = Field(0, ge=0, le=MOST_KBIT)
    night: tuple[int, int] | None = None


class ConfigurationIn(_In):
    line: LimitsIn | None = Field(description="Null: as the box's own settings say.")
    reason: Words


class ChangeOut(BaseModel):
    what: str
    before: str
    after: str


class VersionOut(BaseModel):
    """A signed document, with its difference to the one before."""

    version: int
    issued_us: int
    by: str
    reason: str
    changes: list[ChangeOut]
    taken_us: int | None


class ConfigurationOut(BaseModel):
    line: LineOut
    ordered: LimitsOut | None = Field(description="What was ordered last; null: as the box's own settings say.")
    versions: list[VersionOut] = Field(description="Newest first.")


def _limits_out(limits: LineLimits | None) -> LimitsOut | None:
    return None if limits is None else LimitsOut(kbit=limits.kbit, night_kbit=limits.night_kbit, night=limits.night)


def _line_out(hub: HubContext, site: str, newest: Version | None = None) -> LineOut:
    """Blocks."""
    desk = hub.fleet.configuration
    told, newest = desk.told.get(site), newest or desk.newest(site)
    return LineOut(
        now=_limits_out(told.state.line if told else None),
        own=_limits_out(told.state.own if told else None),
        heard_us=told.heard_us if told else None,
        version=told.state.version if told else None,
        ordered=newest.document.version if newest else 0,
        fault=told.fault if told else "",
    )


def _configuration_out(hub: HubContext, site: str, names: dict[str, str]) -> ConfigurationOut:
    """Blocks."""
    found = hub.fleet.configuration.versions(site)
    before = [*(each.document.line for each in found[1:]), None]
    return ConfigurationOut(
        line=_line_out(hub, site, found[0] if found else None),
        ordered=_limits_out(found[0].document.line if found else None),
        versions=[
            VersionOut(
                version=each.document.version,
                issued_us=each.document.issued_us,
                by=names.get(each.account_id, each.account_id),
                reason=each.reason,
                changes=[
                    ChangeOut(what=what, before=old, after=new)
                    for what, old, new in difference(was, each.document.line)
                ],
                taken_us=each.taken_us,
            )
            for each, was in zip(found, before, strict=False)
        ],
    )


def _enrolment_out(found: Enrolment, now_us: int, account: str, names: dict[str, str]) -> EnrolmentOut:
    return EnrolmentOut.model_validate(
        {
            "id": found.id,
            "site": found.site_id,
            "name": found.site_name,
            "state": found.state(now_us),
            "made_by": names.get(found.made_by, found.made_by),
            "mine": found.made_by == account,
            "made_us": found.made_us,
            "expires_us": found.expires_us,
            "asked_us": found.asked_us,
            "fingerprint": found.fingerprint,
            "address": found.address,
            "machine": found.machine,
            "software": found.software,
            "decided_by": names.get(found.decided_by, found.decided_by),
            "decided_us": found.decided_us,
            "reason": found.reason,
        }
    )


def _names(request: Request) -> dict[str, str]:
    """Blocks."""
    return {user.id: user.display for user in hub_of(request).users.all()}


@router.get("/api/sites")
@roles(*_LOOK)
def sites(request: Request) -> SiteList:
    """All sites, by name: connected or away, since when, with which clock and software."""
    hub = hub_of(request)
    fleet, now_us = hub.fleet, hub.clock.now_us()
    counts: dict[str, int] = {}
    for site in hub.register.sites_of_cameras().values():
        counts[site] = counts.get(site, 0) + 1
    until: dict[str, int] = {}
    for each in fleet.desk.book.certificates():
        if each.revoked_us is None:
            until[each.site_id] = max(until.get(each.site_id, 0), each.expires_us)
    missing: dict[str, int] = {}
    for gap in fleet.records.gaps():
        missing[gap.site] = missing.get(gap.site, 0) + gap.end - gap.first
    rows = []
    for site, name in sorted(fleet.desk.book.site_names().items(), key=lambda pair: (pair[1], pair[0])):
        own = site == fleet.own_id
        if own and not hub.settings.hub.own_site:
            continue
        line = fleet.switchboard.line(site)
        place = fleet.places.open.get(site)
        beat = line.beat if line else None
        state = "here" if own else "connected" if line else "away" if site in until else "shut_out"
        rows.append(
            SiteRow.model_validate(
                {
                    "id": site,
                    "name": name,
                    "own": own,
                    "state": state,
                    "cameras": counts.get(site, 0),
                    "software": line.hello.software if line else "",
                    "address": line.address if line else "",
                    "since_us": line.since_us if line else None,
                    "heard_us": fleet.switchboard.last_heard_us.get(site),
                    "clock_error_us": line.clock_error_us if line else None,
                    "round_trip_us": beat.round_trip_us or None if beat else None,
                    "waiting": beat.waiting if beat else None,
                    "lag_us": (max(0, beat.now_us - beat.oldest_us) if beat.oldest_us else 0) if beat else None,
                    "caught_up_in_us": line.backlog.caught_up_in_us() if line else None,
                    "falling_behind": line.backlog.grows() if line else False,
                    "missing": missing.get(site, 0),
                    "certificate_until_us": until.get(site),
                    "line": None if own else _line_out(hub, site),
                    "clashes": list(place.clashes) if place else [],
                }
            )
        )
    return SiteList(now_us=now_us, listening=bool(hub.settings.hub.link), sites=rows)


@router.get("/api/sites/enrolments")
@roles(*_LOOK)
def enrolments(request: Request, session: CurrentSession) -> EnrolmentList:
    """All tries to bring a site in, newest first."""
    hub = hub_of(request)
    now_us, names = hub.clock.now_us(), _names(request)
    found = hub.fleet.desk.book.enrolments()
    return EnrolmentList(enrolments=[_enrolment_out(each, now_us, session.user.id, names) for each in found])


@router.post("/api/sites/tokens", status_code=201)
@roles(*_LET_IN)
async def make_token(token: TokenIn, request: Request, session: CurrentSession) -> TokenOut:
    """A token for a new site's box, or for one whose papers ran out. Confirmed with a passkey."""
    hub = hub_of(request)
    made, secret = await hub.fleet.desk.make_token(session, token.site, token.name)
    out = _enrolment_out(made, hub.clock.now_us(), session.user.id, {session.user.id: session.user.display})
    return TokenOut(token=str(secret), enrolment=out)


@router.post("/api/sites/enrolments/{enrolment}/decision")
@roles(*_LET_IN)
async def decide(enrolment: str, decision: DecisionIn, request: Request, session: CurrentSession) -> EnrolmentOut:
    """Let a site in whose fingerprint was compared, by somebody else than who made its token; or refuse it."""
    hub = hub_of(request)
    found = await hub.fleet.desk.decide(
        session, enrolment, let_in=decision.let_in, seen=decision.fingerprint, reason=decision.reason
    )
    return _enrolment_out(found, hub.clock.now_us(), session.user.id, {session.user.id: session.user.display})


@router.post("/api/sites/{site}/revocation")
@roles(*_LET_IN)
async def revoke(site: str, revocation: RevocationIn, request: Request, session: CurrentSession) -> Revoked:
    """Shut a site out at once. It goes on recording; nothing of it reaches the hub any more."""
    return Revoked(certificates=await hub_of(request).fleet.desk.revoke(session, site, revocation.reason))


@router.get("/api/sites/{site}/configuration")
@roles(*_LOOK)
def configuration(site: str, request: Request) -> ConfigurationOut:
    """What a site may take of its line: as it said, as was ordered, and every version with its difference."""
    return _configuration_out(hub_of(request), site, _names(request))


@router.put("/api/sites/{site}/configuration")
@roles(*_LET_IN)
async def configure(site: str, body: ConfigurationIn, request: Request, session: CurrentSession) -> ConfigurationOut:
    """Order another limit: the next version of the site's signed configuration. Confirmed with a passkey."""
    hub = hub_of(request)
    line = None if body.line is None else LineLimits(body.line.kbit, body.line.night_kbit, body.line.night)
    await hub.fleet.configuration.order(session, site, hub.fleet.desk.sites(), line, body.reason)
    return await run_in_threadpool(lambda: _configuration_out(hub, site, _names(request)))
