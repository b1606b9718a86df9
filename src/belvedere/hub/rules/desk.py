"""Setting live rules, bringing them to the sites, taking in what they raise. For one event loop."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

import msgspec
import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from belvedere.foundation.clock import DAY_US, HOUR_US, MINUTE_US, Clock
from belvedere.foundation.errors import BadInput, BelvedereError, Conflict
from belvedere.foundation.ids import new_id
from belvedere.hub.access.users import User
from belvedere.hub.audit.log import AuditLog
from belvedere.hub.rules.book import VERDICTS, KeptAlarm, RuleBook, RuleVersion
from belvedere.link.client import SiteLink
from belvedere.link.messages import Answer
from belvedere.link.records import Record
from belvedere.link.rules import MOST_RULES, Alarm, GetRules, LiveRule, PutRules, RulesHeld
from belvedere.vision.rules.sound import unsound, watches_people_being_somewhere

log = structlog.get_logger(__name__)

RULE_SET = "rule.set"
RULE_SWITCHED = "rule.switched"
ALARM_JUDGED = "alarm.judged"
SHADOW_US = 7 * DAY_US  # a new or changed rule only counts for so long
MOST_REVIEW_US = 366 * DAY_US
LEAST_REASON = 8
LEAST_REASON_PEOPLE = 40  # of a rule about people who stay somewhere
ASK_S = 5.0
_KEEP_US = MINUTE_US  # how far behind what is kept of a site may be while nothing happens there


class RuleDesk:
    """One a hub. Every act is in the log before it holds.

    Invariant: a rule that begins to mind something else only counts for a week from then, whoever changed it; a rule about
    people who stay somewhere has a reason and a date, at most a year ahead, from which on it only counts.
    """

    def __init__(
        self, engine: Engine, audit: AuditLog, clock: Clock, cameras: Callable[[tuple[str, ...]], frozenset[str]]
    ) -> None:
        """`cameras` gives the cameras of sites; blocks."""
        self.book = RuleBook(engine, clock)
        self._audit = audit
        self._clock = clock
        self._cameras = cameras
        self._turn = asyncio.Lock()
        self._changed = asyncio.Event()
        self._forget_due_us = 0
        # By site, what was kept last and when (monotonic): a hub of many sites does not write each of them every few seconds.
        self._kept: dict[str, tuple[tuple[object, ...], int]] = {}

    async def put(
        self, user: User, rule_id: str, base: int, wanted: LiveRule, *, name: str, on: bool, reason: str
    ) -> RuleVersion:
        """A new rule (`rule_id` "", `base` 0), or a new version on top of `base`. Raises BadInput, Conflict, NotFound.

        Of `wanted` the id, version and shadow time are set here. The site gets it within seconds, or once it is back.
        """
        name, reason = " ".join(name.split())[:80], " ".join(reason.split())[:1000]
        if not name:
            raise BadInput("Give the rule a name.", advice="A few words: where, and what for.")
        if wrong := unsound(wanted):
            raise BadInput(wrong, advice="Change the rule.")
        now_us = self._clock.now_us()
        self._weigh_reason(wanted, reason, now_us)
        async with self._turn:
            before = (await asyncio.to_thread(self.book.history, rule_id))[0] if rule_id else None
            if (before.words.version if before is not None else 0) != base:
                raise Conflict("Somebody else changed this rule meanwhile.", advice="Load the page again.")
            if before is not None and before.words.camera != wanted.camera:
                raise BadInput("A rule stays with its camera.", advice="Make a new one for the other camera.")
            if before is None and len(await asyncio.to_thread(self.book.rules)) >= MOST_RULES:
                raise Conflict(f"There are {MOST_RULES} rules.", advice="Change one that is switched off.")
            same = before is not None and minds(before.words) == minds(wanted)
            words = msgspec.structs.replace(
                wanted,
                id=rule_id or new_id("rule", self._clock),
                version=base + 1,
                shadow_until_us=before.words.shadow_until_us if before is not None and same else now_us + SHADOW_US,
            )
            since_us = before.since_us if before is not None and same else now_us
            made = RuleVersion(words, name, on, reason, user.id, user.display, now_us, since_us)
            await self._audit.append(RULE_SET, user.id, _facts(made))
            await asyncio.to_thread(self.book.put, made)
        self._changed.set()
        return made

    async def switch(self, user: User, rule_id: str, on: bool, reason: str) -> RuleVersion:
        """Switch a rule on or off, which changes nothing else of it. Raises BadInput, NotFound."""
        reason = " ".join(reason.split())[:1000]
        if len(reason) < LEAST_REASON:
            raise BadInput("Say why.", advice="A few words.")
        async with self._turn:
            before = (await asyncio.to_thread(self.book.history, rule_id))[0]
            words = msgspec.structs.replace(before.words, version=before.words.version + 1)
            made = replace(
                before, words=words, on=on, account_id=user.id, made_by=user.display, made_us=self._clock.now_us()
            )
            facts = {"rule": rule_id, "camera": words.camera, "on": on, "words": reason, "version": words.version}
            await self._audit.append(RULE_SWITCHED, user.id, facts)
            await asyncio.to_thread(self.book.put, made)
        self._changed.set()
        return made

    async def judge(self, user: User, alarm_id: str, verdict: str, note: str) -> KeptAlarm:
        """Say whether an alarm was right. Raises BadInput, NotFound."""
        if verdict not in VERDICTS:
            raise BadInput(f"{verdict} is no verdict.", advice=f"Say one of {', '.join(VERDICTS)}.")
        found = await asyncio.to_thread(self.book.alarm, alarm_id)
        note = " ".join(note.split())[:500]
        facts = {"alarm": alarm_id, "rule": found.rule_id, "camera": found.camera_id, "verdict": verdict}
        await self._audit.append(ALARM_JUDGED, user.id, {**facts, **({"words": note} if note else {})})
        return await asyncio.to_thread(self.book.judge, alarm_id, verdict, user.display, note)

    # Sites.

    def hear(self, site: str, records: Sequence[Record]) -> None:
        """Alarms as a site's outbox brings them. Blocks."""
        mine = self._cameras((site,))
        alarms = [msgspec.json.decode(record.body, type=Alarm) for record in records]
        self.book.take_in(site, [alarm for alarm in alarms if alarm.camera in mine])

    async def run(self, site: str, link: SiteLink) -> None:
        """Bring a site its rules and ask what they raised and counted, until cancelled."""
        while True:
            self._changed.clear()
            try:
                await self.meet(site, link)
            except (BelvedereError, SQLAlchemyError) as error:  # away, or the database is: tried again
                log.debug("rules not compared", site=site, error=str(error))
            try:
                await asyncio.wait_for(self._changed.wait(), ASK_S)
            except TimeoutError:
                continue

    async def meet(self, site: str, link: SiteLink) -> None:
        """Once. Raises what the link and the database raise."""
        if not await asyncio.to_thread(self.book.any):
            return
        mine = await asyncio.to_thread(self._cameras, (site,))
        version, rules = await asyncio.to_thread(self.book.wanted, mine)
        known = (await asyncio.to_thread(self.book.sites)).get(site)
        after = known.number if known is not None else 0
        held = await self._ask(link, after)
        if held.newest < after:  # the site's index was made anew, and counts from 1 again
            held = await self._ask(link, 0)
        if held.version < version:
            await link.ask(PutRules(version, rules), Answer, reuse=False)
            held = msgspec.structs.replace(held, version=version)
        elif held.version > version:
            log.warning("site_has_newer_rules", site=site, held=held.version, here=version)
        mine_alarms = tuple(alarm for alarm in held.alarms if alarm.camera in mine)
        if len(mine_alarms) < len(held.alarms):
            log.warning("alarms_of_other_cameras", site=site, alarms=len(held.alarms) - len(mine_alarms))
        said, monotonic_us = (held.version, held.newest, held.counts), self._clock.monotonic_us()
        before, kept_us = self._kept.get(site, ((), 0))
        if mine_alarms or said != before or monotonic_us - kept_us >= _KEEP_US:
            await asyncio.to_thread(self.book.heard, site, held, mine_alarms)
            self._kept[site] = said, monotonic_us
        now_us = self._clock.now_us()
        if now_us >= self._forget_due_us:
            self._forget_due_us = now_us + HOUR_US
            await asyncio.to_thread(self.book.forget)

    @staticmethod
    async def _ask(link: SiteLink, after: int) -> RulesHeld:
        return await link.ask(GetRules(after), RulesHeld)

    def _weigh_reason(self, wanted: LiveRule, reason: str, now_us: int) -> None:
        if not watches_people_being_somewhere(wanted):
            if len(reason) < LEAST_REASON:
                raise BadInput("Say what this rule is for.", advice="A few words.")
            return
        if len(reason) < LEAST_REASON_PEOPLE:
            raise BadInput(
                "A rule about people who stay somewhere needs a reason in whole sentences.",
                advice="Write what happens there, how often, and why watching is proportionate.",
            )
        if not now_us < wanted.review_us <= now_us + MOST_REVIEW_US:
            raise BadInput(
                "A rule about people who stay somewhere needs a date on which its bias is reviewed, within a year.",
                advice="From that date on it raises nothing until somebody has looked at whom it strikes.",
            )


def minds(rule: LiveRule) -> LiveRule:
    """What of a rule decides when it raises something: all but its number, its dates and the pause between alarms."""
    return msgspec.structs.replace(rule, id="", version=0, shadow_until_us=0, review_us=0, cool_down_s=0.0)


def _facts(made: RuleVersion) -> dict[str, object]:
    words = made.words
    return {
        "rule": words.id,
        "version": words.version,
        "camera": words.camera,
        "kind": words.kind,
        "name": made.name,
        "on": made.on,
        "words": made.reason,
        "review_us": words.review_us,
        "shadow_until_us": words.shadow_until_us,
    }
