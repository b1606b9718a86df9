"""Live rules over HTTP: what is watched for, what was raised, what people say of it. No pictures but masked ones, with a grant."""

import asyncio
from typing import Annotated, Literal

from fastapi import Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from belvedere.foundation.clock import DAY_US
from belvedere.foundation.errors import NotFound, Refused
from belvedere.hub.access.doors import CurrentUser, granted, roles
from belvedere.hub.reach import hub_of
from belvedere.hub.review.remote import require_here
from belvedere.hub.room import Room
from belvedere.hub.rules.book import AlarmFilter, KeptAlarm, RuleFigures, RuleVersion, SiteRules
from belvedere.hub.rules.picture import event_of, picture_of, span_of
from belvedere.link.rules import LiveRule, Window
from belvedere.policy.grant import Action
from belvedere.policy.row import Role
from belvedere.vision.rules.sound import watches_people_being_somewhere

MAKERS = (Role.REGISTER_EDITOR, Role.SUPERVISOR)
SWITCHERS = (*MAKERS, Role.DPO, Role.MANAGER)
JUDGES = (Role.OPERATOR, Role.INVESTIGATOR, Role.SUPERVISOR, Role.MANAGER)
READERS = (*JUDGES, Role.DPO, Role.AUDITOR, Role.REGISTER_EDITOR)

router = Room("rules")

_Share = Annotated[float, Field(ge=0.0, le=1.0)]
_Corner = tuple[_Share, _Share]
_Minute = Annotated[int, Field(ge=0, lt=1440)]
Kind = Literal["line", "zone", "dwell", "crowd", "wrong_way", "left", "court", "tamper"]


class WindowShape(BaseModel):
    """Hours, local to the site. Days 0 (Monday) to 6; it may pass midnight; from and to alike is the whole day."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)
    days: Annotated[tuple[int, ...], Field(min_length=1, max_length=7)]
    from_minute: _Minute
    to_minute: _Minute


class WatchShape(BaseModel):
    """What a rule minds; see docs/guide/live-rules.md. Points are shares of the picture's width and height."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)
    kind: Kind
    objects: Annotated[tuple[int, ...], Field(max_length=8)] = ()
    least_confidence: _Share = 0.0
    line: Annotated[tuple[_Corner, ...], Field(max_length=2)] = ()
    zone: Annotated[tuple[_Corner, ...], Field(max_length=64)] = ()
    direction: Annotated[int, Field(ge=-1, le=7)] = 0
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    count: Annotated[int, Field(ge=1, le=50)] = 1
    hints: Annotated[tuple[str, ...], Field(max_length=4)] = ()
    windows: Annotated[tuple[WindowShape, ...], Field(max_length=14)] = ()
    zone_name: Annotated[str, Field(max_length=64)] = "Europe/London"
    cool_down_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 60.0
    review_us: Annotated[int, Field(ge=0)] = 0


class RuleIn(BaseModel):
    """A rule on top of version `base`, 0 for a new one."""

    model_config = ConfigDict(extra="forbid")
    camera: Annotated[str, Field(min_length=1, max_length=64)]
    base: Annotated[int, Field(ge=0)] = 0
    name: Annotated[str, Field(max_length=80)]
    on: bool = True
    reason: Annotated[str, Field(max_length=1000)]
    watch: WatchShape


class RuleOut(BaseModel):
    """A rule and how it does. `state`: off, shadow, on, review_due. `days`: that its counts stand for, at least 1.

    `false_rate`: of the alarms judged right or wrong, the part that was wrong; null while none was judged.
    `site`: waiting (the site has not got this version yet), blind (no live picture was looked at of late), watching.
    """

    id: str
    version: int
    camera: str
    name: str
    on: bool
    reason: str
    made_by: str
    made_us: int
    since_us: int
    shadow_until_us: int
    people: bool
    state: str
    site: str
    pictures_a_second: float
    days: float
    raised: int
    shadow: int
    muted: int
    judged_true: int
    judged_false: int
    judged_unclear: int
    false_rate: float | None
    watch: WatchShape


class RulesOut(BaseModel):
    now_us: int
    may_make: bool
    may_switch: bool
    may_judge: bool
    rules: list[RuleOut]


class SwitchIn(BaseModel):
    model_config = ConfigDict(extra="forbid")
    on: bool
    reason: Annotated[str, Field(max_length=1000)]


class AlarmOut(BaseModel):
    """What a rule raised. `object`: a kind of object, 0 of none. `verdict`: "", true, false, unclear."""

    id: str
    rule: str
    rule_name: str
    rule_version: int
    camera: str
    kind: str
    object: int
    start_us: int
    time_us: int
    confidence: float
    box: tuple[float, float, float, float]
    words: str
    verdict: str
    judged_by: str
    judged_us: int | None
    note: str


class AlarmsOut(BaseModel):
    now_us: int
    alarms: list[AlarmOut]
    next: str | None


class JudgeIn(BaseModel):
    model_config = ConfigDict(extra="forbid")
    verdict: Literal["true", "false", "unclear"]
    note: Annotated[str, Field(max_length=500)] = ""


class VersionOut(BaseModel):
    version: int
    name: str
    on: bool
    reason: str
    made_by: str
    made_us: int


@router.get("/api/rules")
@roles(*READERS)
async def rules(request: Request, user: CurrentUser) -> RulesOut:
    """All live rules, by camera and name, with their figures."""
    return await asyncio.to_thread(_all, request, user.roles)


@router.post("/api/rules", status_code=201)
@roles(*MAKERS)
async def make(request: Request, user: CurrentUser, body: RuleIn) -> RulesOut:
    """A new rule. It only counts for a week."""
    await _put(request, user, "", body)
    return await asyncio.to_thread(_all, request, user.roles)


@router.put("/api/rules/{rule}")
@roles(*MAKERS)
async def change(request: Request, user: CurrentUser, rule: str, body: RuleIn) -> RulesOut:
    """A new version. If it minds something else than before it only counts for a week again."""
    await _put(request, user, rule, body)
    return await asyncio.to_thread(_all, request, user.roles)


@router.post("/api/rules/{rule}/switch")
@roles(*SWITCHERS)
async def switch(request: Request, user: CurrentUser, rule: str, body: SwitchIn) -> RulesOut:
    """Switch a rule on or off. The data protection officer and the manager only switch off."""
    if body.on and not user.roles & set(MAKERS):
        raise Refused(
            "Rules are switched on by supervisors and register editors.",
            advice="Ask one of them; you may switch it off.",
        )
    await hub_of(request).rules.switch(user, rule, body.on, body.reason)
    return await asyncio.to_thread(_all, request, user.roles)


@router.get("/api/rules/{rule}/versions")
@roles(*READERS)
async def versions(request: Request, rule: str) -> list[VersionOut]:
    """Every version of a rule, newest first."""
    found = await asyncio.to_thread(hub_of(request).rules.book.history, rule)
    return [
        VersionOut(
            version=each.words.version,
            name=each.name,
            on=each.on,
            reason=each.reason,
            made_by=each.made_by,
            made_us=each.made_us,
        )
        for each in found
    ]


@router.get("/api/alarms")
@roles(*READERS)
async def alarms(
    request: Request,
    camera: Annotated[str, Query(max_length=64)] = "",
    rule: Annotated[str, Query(max_length=64)] = "",
    verdict: Literal["", "open", "true", "false", "unclear"] = "",
    before: Annotated[str, Query(max_length=100)] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> AlarmsOut:
    """What rules raised, newest first. `before` goes on from a page."""
    hub = hub_of(request)
    moment, _, last = before.partition("~")
    wanted = AlarmFilter(camera, rule, verdict, int(moment) if moment.isdecimal() else None, last)

    def read() -> AlarmsOut:
        names = {each.words.id: each.name for each in hub.rules.book.rules()}
        found = hub.rules.book.alarms(wanted, limit + 1)
        more = f"{found[limit - 1].time_us}~{found[limit - 1].id}" if len(found) > limit else None
        return AlarmsOut(now_us=hub.clock.now_us(), alarms=[_alarm(each, names) for each in found[:limit]], next=more)

    return await asyncio.to_thread(read)


@router.post("/api/alarms/{alarm}/judge")
@roles(*JUDGES)
async def judge(request: Request, user: CurrentUser, alarm: str, body: JudgeIn) -> AlarmOut:
    """Say whether an alarm was right: what the rule's false-alarm rate is made of."""
    hub = hub_of(request)
    found = await hub.rules.judge(user, alarm, body.verdict, body.note)
    names = {each.words.id: each.name for each in await asyncio.to_thread(hub.rules.book.rules)}
    return _alarm(found, names)


@router.get("/api/alarms/{alarm}/picture", response_class=Response)
@granted(Action.PLAYBACK)
async def picture(
    request: Request,
    user: CurrentUser,
    alarm: str,
    grant: Annotated[str, Query(max_length=64)],
    width: Annotated[int, Query(ge=64, le=640)] = 320,
) -> Response:
    """What the camera saw then, masked at the site. 404 while the site has no event of it."""
    hub = hub_of(request)
    found = await asyncio.to_thread(hub.rules.book.alarm, alarm)
    from_us, to_us = span_of(found)
    usable = await hub.grants.use(
        user, grant, Action.PLAYBACK, [found.camera_id], start_us=found.time_us, end_us=found.time_us
    )
    require_here(hub, request, user, grant)
    event = await event_of(hub, usable, found)
    facts = {"grant": grant, "camera": found.camera_id, "event": event.id, "start_us": from_us, "end_us": to_us}
    await hub.audit.append("view.thumbnail", user.id, facts)
    made = await picture_of(hub, usable, event, width)
    head = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return Response(made.jpeg, media_type="image/jpeg", headers=head)


async def _put(request: Request, user: CurrentUser, rule: str, body: RuleIn) -> None:
    hub = hub_of(request)
    if body.camera not in await asyncio.to_thread(hub.register.camera_ids):
        raise NotFound(f"There is no camera {body.camera}.", advice="Look at the list of cameras.")
    watch = body.watch
    windows = tuple(Window(each.days, each.from_minute, each.to_minute) for each in watch.windows)
    wanted = LiveRule(
        id=rule,
        version=0,
        camera=body.camera,
        kind=watch.kind,
        objects=tuple(sorted(set(watch.objects))),
        least_confidence=watch.least_confidence,
        line=watch.line,
        zone=watch.zone,
        direction=watch.direction,
        seconds=watch.seconds,
        count=watch.count,
        hints=watch.hints,
        windows=windows,
        zone_name=watch.zone_name,
        cool_down_s=watch.cool_down_s,
        review_us=watch.review_us,
    )
    await hub.rules.put(user, rule, body.base, wanted, name=body.name, on=body.on, reason=body.reason)


def _all(request: Request, held: frozenset[str]) -> RulesOut:
    hub = hub_of(request)
    now_us, book = hub.clock.now_us(), hub.rules.book
    figures, sites = book.figures(), book.sites()
    found = [_rule(each, figures.get(each.words.id, RuleFigures()), sites, now_us) for each in book.rules()]
    return RulesOut(
        now_us=now_us,
        may_make=bool(held & set(MAKERS)),
        may_switch=bool(held & set(SWITCHERS)),
        may_judge=bool(held & set(JUDGES)),
        rules=found,
    )


def state_of(rule: RuleVersion, now_us: int) -> str:
    """off, review_due, shadow or on."""
    if not rule.on:
        return "off"
    if rule.words.review_us and now_us >= rule.words.review_us:
        return "review_due"
    return "shadow" if now_us < rule.words.shadow_until_us else "on"


def _rule(each: RuleVersion, figures: RuleFigures, sites: dict[str, SiteRules], now_us: int) -> RuleOut:
    words = each.words
    watched = [(site, one) for site in sites.values() for one in site.cameras if one.camera == words.camera]
    pace = max((one.a_second for _, one in watched), default=0.0)
    judged = figures.true + figures.false
    if not any(site.version >= each.made_us for site, _ in watched):
        at_site = "waiting" if each.on else "watching"
    else:
        at_site = "watching" if pace > 0 or words.kind == "tamper" else "blind"
    return RuleOut(
        id=words.id,
        version=words.version,
        camera=words.camera,
        name=each.name,
        on=each.on,
        reason=each.reason,
        made_by=each.made_by,
        made_us=each.made_us,
        since_us=each.since_us,
        shadow_until_us=words.shadow_until_us,
        people=watches_people_being_somewhere(words),
        state=state_of(each, now_us),
        site=at_site,
        pictures_a_second=pace,
        days=round(max(1.0, (now_us - each.since_us) / DAY_US), 2),
        raised=figures.raised,
        shadow=figures.shadow,
        muted=figures.muted,
        judged_true=figures.true,
        judged_false=figures.false,
        judged_unclear=figures.unclear,
        false_rate=round(figures.false / judged, 3) if judged else None,
        watch=WatchShape.model_validate(words),
    )


def _alarm(each: KeptAlarm, names: dict[str, str]) -> AlarmOut:
    return AlarmOut(
        id=each.id,
        rule=each.rule_id,
        rule_name=names.get(each.rule_id, each.rule_id),
        rule_version=each.rule_version,
        camera=each.camera_id,
        kind=each.kind,
        object=each.object,
        start_us=each.start_us,
        time_us=each.time_us,
        confidence=each.confidence,
        box=each.box,
        words=each.words,
        verdict=each.verdict,
        judged_by=each.judged_by,
        judged_us=each.judged_us,
        note=each.note,
    )
