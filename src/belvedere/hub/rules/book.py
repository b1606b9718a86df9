"""Rules and alarms in the hub's database. Blocking; call it in a thread."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec
import structlog
from sqlalchemy import Connection, Engine, RowMapping, Select, delete, func, insert, select, update

from belvedere.foundation.clock import DAY_US, Clock
from belvedere.foundation.errors import Conflict, NotFound
from belvedere.hub.rules.tables import live_rule, rule_alarm, rule_count, rule_site
from belvedere.hub.storage.engine import reading, writing
from belvedere.link.rules import Alarm, LiveRule, RuleCount, RulesHeld, Watched
from belvedere.vision.rules.raised import only_counts

log = structlog.get_logger()

KEPT_US = 396 * DAY_US  # 13 months, as tickets
VERDICTS = ("true", "false", "unclear")
_words: msgspec.json.Decoder[LiveRule] = msgspec.json.Decoder(LiveRule)
_SUMS = ("raised", "shadow", "muted")
_watched: msgspec.json.Decoder[tuple[Watched, ...]] = msgspec.json.Decoder(tuple[Watched, ...])


@dataclass(frozen=True, slots=True)
class RuleVersion:
    """One version of a rule. `since_us`: it minds the same things since then, whatever its name or reason was."""

    words: LiveRule
    name: str
    on: bool
    reason: str
    account_id: str
    made_by: str
    made_us: int
    since_us: int


@dataclass(frozen=True, slots=True)
class KeptAlarm:
    """What a rule raised, and what a person said of it. `verdict`: "", true, false or unclear."""

    id: str
    site_id: str
    rule_id: str
    rule_version: int
    camera_id: str
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


@dataclass(frozen=True, slots=True)
class RuleFigures:
    """Of a rule since it minds what it minds: by its site's counts, and by people's verdicts."""

    raised: int = 0
    shadow: int = 0
    muted: int = 0
    true: int = 0
    false: int = 0
    unclear: int = 0


@dataclass(frozen=True, slots=True)
class SiteRules:
    """What a site said last of its rules."""

    site_id: str
    version: int
    heard_us: int
    number: int
    cameras: tuple[Watched, ...]


@dataclass(frozen=True, slots=True)
class AlarmFilter:
    """Which alarms are wanted; "" means any. `verdict` "open": not judged. Before (time, id) of the page before."""

    camera: str = ""
    rule: str = ""
    verdict: str = ""
    before_us: int | None = None
    before_id: str = ""


class RuleBook:
    """Everything of live rules that is kept."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    # Rules.

    def rules(self) -> list[RuleVersion]:
        """The newest version of each, by camera and name."""
        with reading(self._engine) as connection:
            found = [_version(row) for row in connection.execute(_newest()).mappings()]
        return sorted(found, key=lambda rule: (rule.words.camera, rule.name, rule.words.id))

    def history(self, rule_id: str) -> list[RuleVersion]:
        """All versions of a rule, newest first. Raises NotFound."""
        query = select(live_rule).where(live_rule.c.id == rule_id).order_by(live_rule.c.version.desc())
        with reading(self._engine) as connection:
            found = [_version(row) for row in connection.execute(query).mappings()]
        if not found:
            raise NotFound("There is no such rule.", advice="Reload the page.")
        return found

    def put(self, made: RuleVersion) -> RuleVersion:
        """Keep a version; its time is put after that of every other. Raises Conflict when there is one of this number."""
        with writing(self._engine) as connection:
            newest = connection.scalar(select(func.max(live_rule.c.made_us))) or 0
            known = connection.scalar(select(func.max(live_rule.c.version)).where(live_rule.c.id == made.words.id)) or 0
            if made.words.version != known + 1:
                raise Conflict("Somebody else changed this rule meanwhile.", advice="Load the page again.")
            made_us = max(made.made_us, newest + 1)
            connection.execute(
                insert(live_rule).values(
                    id=made.words.id,
                    version=made.words.version,
                    camera_id=made.words.camera,
                    name=made.name,
                    switched_on=made.on,
                    words=msgspec.json.encode(made.words).decode(),
                    reason=made.reason,
                    account_id=made.account_id,
                    made_by=made.made_by,
                    made_us=made_us,
                    since_us=made.since_us,
                )
            )
        return made

    def any(self) -> bool:
        """Whether there ever was a rule."""
        with reading(self._engine) as connection:
            return connection.scalar(select(live_rule.c.id).limit(1)) is not None

    def wanted(self, cameras: frozenset[str]) -> tuple[int, tuple[LiveRule, ...]]:
        """What a site with these cameras should hold: a version (0: there never was a rule) and the rules that are on."""
        with reading(self._engine) as connection:
            version = connection.scalar(select(func.max(live_rule.c.made_us))) or 0
            rules = [_version(row) for row in connection.execute(_newest()).mappings()]
        mine = sorted((each.words for each in rules if each.on and each.words.camera in cameras), key=lambda w: w.id)
        return int(version), tuple(mine)

    # What sites say.

    def take_in(self, site_id: str, alarms: Iterable[Alarm]) -> int:
        """Keep alarms that are new; how many. An alarm of an unknown rule, or of one that only counted then, is refused."""
        taken, now_us = 0, self._clock.now_us()
        with writing(self._engine) as connection:
            for alarm in alarms:
                taken += self._take(connection, site_id, alarm, now_us)
        return taken

    def _take(self, connection: Connection, site_id: str, alarm: Alarm, now_us: int) -> bool:
        rule = (
            connection.execute(
                select(live_rule).where((live_rule.c.id == alarm.rule) & (live_rule.c.version == alarm.version))
            )
            .mappings()
            .first()
        )
        if (
            rule is None
            or rule["camera_id"] != alarm.camera
            or only_counts(_words.decode(rule["words"]), alarm.time_us)
        ):
            log.warning("alarm_refused", site=site_id, alarm=alarm.id, rule=alarm.rule, version=alarm.version)
            return False
        if connection.scalar(select(rule_alarm.c.id).where(rule_alarm.c.id == alarm.id)) is not None:
            return False
        connection.execute(
            insert(rule_alarm).values(
                id=alarm.id,
                site_id=site_id,
                number=alarm.number,
                rule_id=alarm.rule,
                rule_version=alarm.version,
                camera_id=alarm.camera,
                kind=alarm.kind,
                object=alarm.object,
                start_us=alarm.start_us,
                time_us=alarm.time_us,
                confidence=alarm.confidence,
                box=msgspec.json.encode(alarm.box).decode(),
                words=alarm.words[:300],
                heard_us=now_us,
                verdict="",
                judged_by="",
                judged_us=None,
                note="",
            )
        )
        return True

    def heard(self, site_id: str, held: RulesHeld, alarms: Sequence[Alarm]) -> None:
        """Keep what a site answered: its counts as they stand, how it looks, and those of its new alarms that are its own."""
        now_us = self._clock.now_us()
        with writing(self._engine) as connection:
            for alarm in alarms:
                self._take(connection, site_id, alarm, now_us)
            self._count(connection, site_id, held.counts)
            number = max((alarm.number for alarm in held.alarms), default=None)
            known = connection.scalar(select(rule_site.c.number).where(rule_site.c.site_id == site_id))
            values = {
                "version": held.version,
                "heard_us": now_us,
                # A site whose index was made anew counts from 1 again.
                "number": min(number if number is not None else known or 0, held.newest),
                "cameras": msgspec.json.encode(held.cameras).decode(),
            }
            if known is None:
                connection.execute(insert(rule_site).values(site_id=site_id, **values))
            else:
                connection.execute(update(rule_site).where(rule_site.c.site_id == site_id).values(**values))

    def _count(self, connection: Connection, site_id: str, counts: Sequence[RuleCount]) -> None:
        query = select(rule_count).where(rule_count.c.site_id == site_id)
        known = {
            (row["rule_id"], row["rule_version"], row["day"]): (row["raised"], row["shadow"], row["muted"])
            for row in connection.execute(query).mappings()
        }
        for each in counts:
            key, now = (each.rule, each.version, each.day), (each.raised, each.shadow, each.muted)
            if known.get(key) == now:
                continue
            values = dict(zip(("raised", "shadow", "muted"), now, strict=True))
            if key in known:
                mine = (rule_count.c.rule_id == key[0]) & (rule_count.c.rule_version == key[1])
                mine &= (rule_count.c.day == key[2]) & (rule_count.c.site_id == site_id)
                connection.execute(update(rule_count).where(mine).values(**values))
            else:
                names = dict(zip(("rule_id", "rule_version", "day"), key, strict=True))
                connection.execute(insert(rule_count).values(site_id=site_id, **names, **values))

    def sites(self) -> dict[str, SiteRules]:
        """What each site said last."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(rule_site)).mappings().all()
        return {
            row["site_id"]: SiteRules(
                row["site_id"], row["version"], row["heard_us"], row["number"], _watched.decode(row["cameras"])
            )
            for row in rows
        }

    def forget(self) -> int:
        """Drop alarms and counts past their time; how many alarms."""
        before_us = self._clock.now_us() - KEPT_US
        with writing(self._engine) as connection:
            connection.execute(delete(rule_count).where(rule_count.c.day < before_us // DAY_US))
            return connection.execute(delete(rule_alarm).where(rule_alarm.c.time_us < before_us)).rowcount

    # Alarms and what people say of them.

    def alarms(self, wanted: AlarmFilter, limit: int) -> list[KeptAlarm]:
        """Newest first."""
        query = select(rule_alarm).order_by(rule_alarm.c.time_us.desc(), rule_alarm.c.id.desc()).limit(limit)
        if wanted.camera:
            query = query.where(rule_alarm.c.camera_id == wanted.camera)
        if wanted.rule:
            query = query.where(rule_alarm.c.rule_id == wanted.rule)
        if wanted.verdict:
            query = query.where(rule_alarm.c.verdict == ("" if wanted.verdict == "open" else wanted.verdict))
        if wanted.before_us is not None:
            earlier = rule_alarm.c.time_us < wanted.before_us
            same = (rule_alarm.c.time_us == wanted.before_us) & (rule_alarm.c.id < wanted.before_id)
            query = query.where(earlier | same)
        with reading(self._engine) as connection:
            return [_alarm(row) for row in connection.execute(query).mappings()]

    def alarm(self, alarm_id: str) -> KeptAlarm:
        """One of them. Raises NotFound."""
        with reading(self._engine) as connection:
            row = connection.execute(select(rule_alarm).where(rule_alarm.c.id == alarm_id)).mappings().first()
        if row is None:
            raise NotFound("There is no such alarm.", advice="Reload the page: alarms go after 13 months.")
        return _alarm(row)

    def judge(self, alarm_id: str, verdict: str, by: str, note: str) -> KeptAlarm:
        """Keep what a person says of an alarm; a later verdict replaces it. Raises NotFound."""
        values = {"verdict": verdict, "judged_by": by, "judged_us": self._clock.now_us(), "note": note}
        with writing(self._engine) as connection:
            connection.execute(update(rule_alarm).where(rule_alarm.c.id == alarm_id).values(**values))
        return self.alarm(alarm_id)

    def figures(self) -> dict[str, RuleFigures]:
        """By rule, since it minds what it minds now."""
        since = {each.words.id: each for each in self.rules()}
        found: dict[str, dict[str, int]] = {rule: {} for rule in since}
        counted = select(
            rule_count.c.rule_id, rule_count.c.rule_version, *(func.sum(rule_count.c[n]).label(n) for n in _SUMS)
        )
        counted = counted.group_by(rule_count.c.rule_id, rule_count.c.rule_version)
        judged = (
            select(rule_alarm.c.rule_id, rule_alarm.c.rule_version, rule_alarm.c.verdict, func.count().label("times"))
            .where(rule_alarm.c.verdict != "")
            .group_by(rule_alarm.c.rule_id, rule_alarm.c.rule_version, rule_alarm.c.verdict)
        )
        with reading(self._engine) as connection:
            first = _first_versions(connection, since)
            for row in connection.execute(counted):
                if row.rule_version >= first.get(row.rule_id, 1 << 30):
                    for name in _SUMS:
                        sums = found[row.rule_id]
                        sums[name] = sums.get(name, 0) + int(getattr(row, name))
            for row in connection.execute(judged):
                if row.rule_version >= first.get(row.rule_id, 1 << 30):
                    sums = found[row.rule_id]
                    sums[row.verdict] = sums.get(row.verdict, 0) + int(row.times)
        return {rule: RuleFigures(**sums) for rule, sums in found.items()}


def _first_versions(connection: Connection, rules: dict[str, RuleVersion]) -> dict[str, int]:
    """By rule, the first version that minds what the newest minds."""
    query = select(live_rule.c.id, live_rule.c.since_us, func.min(live_rule.c.version).label("version"))
    rows = connection.execute(query.group_by(live_rule.c.id, live_rule.c.since_us))
    return {row.id: int(row.version) for row in rows if rules[row.id].since_us == row.since_us}


def _newest() -> "Select[tuple[object, ...]]":
    highest = select(live_rule.c.id, func.max(live_rule.c.version).label("version")).group_by(live_rule.c.id).subquery()
    same = (live_rule.c.id == highest.c.id) & (live_rule.c.version == highest.c.version)
    return select(live_rule).join(highest, same)


def _version(row: RowMapping) -> RuleVersion:
    return RuleVersion(
        words=_words.decode(row["words"]),
        name=row["name"],
        on=bool(row["switched_on"]),
        reason=row["reason"],
        account_id=row["account_id"],
        made_by=row["made_by"],
        made_us=row["made_us"],
        since_us=row["since_us"],
    )


def _alarm(row: RowMapping) -> KeptAlarm:
    return KeptAlarm(
        id=row["id"],
        site_id=row["site_id"],
        rule_id=row["rule_id"],
        rule_version=row["rule_version"],
        camera_id=row["camera_id"],
        kind=row["kind"],
        object=row["object"],
        start_us=row["start_us"],
        time_us=row["time_us"],
        confidence=row["confidence"],
        box=msgspec.json.decode(row["box"], type=tuple[float, float, float, float]),
        words=row["words"],
        verdict=row["verdict"],
        judged_by=row["judged_by"],
        judged_us=row["judged_us"],
        note=row["note"],
    )
