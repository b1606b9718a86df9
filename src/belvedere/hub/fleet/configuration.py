"""What sites are set to: a person orders it, it is logged, kept as a signed document with a version, and brought to the site."""

import asyncio
from dataclasses import dataclass

import msgspec
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from belvedere.foundation.clock import Clock
from belvedere.foundation.errors import BadInput, BelvedereError, Conflict, LinkFault, NotFound
from belvedere.hub.access.sessions import SignedIn
from belvedere.hub.access.step_up import StepUps
from belvedere.hub.audit.log import AuditLog
from belvedere.hub.fleet.tables import site_configuration
from belvedere.hub.storage import reading, writing
from belvedere.link.client import SiteLink
from belvedere.link.configuration import (
    FORMAT,
    Configuration,
    ConfigurationState,
    GetConfiguration,
    LineLimits,
    PutConfiguration,
    check_limits,
    sign_configuration,
)

CONFIGURED, TAKEN, NOT_TAKEN = "site.configured", "site.configuration_taken", "site.configuration_refused"
LOOK_EVERY_S = 60.0
MOST_SHOWN = 50
_LONGEST_WORDS = 2_000
_AS_THE_BOX_SAYS = "as the box's own settings say"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Version:
    """A document that was ordered. `taken_us`: when the site said that it goes by it."""

    document: Configuration
    signed: PutConfiguration
    account_id: str
    reason: str
    taken_us: int | None


@dataclass(frozen=True, slots=True)
class Told:
    """What a site said last of its configuration. `fault`: why it did not take the newest, "" where it did."""

    state: ConfigurationState
    heard_us: int
    fault: str = ""


def words_of(limits: LineLimits | None) -> dict[str, str]:
    """Limits in words, by what they are about."""
    if limits is None:
        return {"Limit": _AS_THE_BOX_SAYS, "Other hours": _AS_THE_BOX_SAYS}
    other = "none"
    if limits.night is not None:
        start, end = (f"{each // 60:02}:{each % 60:02}" for each in limits.night)
        other = f"{start} to {end} UTC: {_rate(limits.night_kbit)}"
    return {"Limit": _rate(limits.kbit), "Other hours": other}


def difference(before: LineLimits | None, after: LineLimits | None) -> list[tuple[str, str, str]]:
    """What is different: what, before, after."""
    was, will = words_of(before), words_of(after)
    return [(what, was[what], will[what]) for what in was if was[what] != will[what]]


def _rate(kbit: int) -> str:
    return f"{kbit:,} kbit/s" if kbit else "no limit"


class ConfigurationDesk:
    """For the hub's event loop."""

    def __init__(self, engine: Engine, clock: Clock, key: Ed25519PrivateKey, audit: AuditLog, step_up: StepUps) -> None:
        self._engine = engine
        self._clock = clock
        self._key = key
        self._audit = audit
        self._step_up = step_up
        self._one_at_a_time = asyncio.Lock()
        self._due: dict[str, asyncio.Event] = {}
        self._bringing: dict[str, asyncio.Lock] = {}
        self.told: dict[str, Told] = {}

    def versions(self, site: str) -> list[Version]:
        """What was ordered of a site, newest first. Blocks."""
        query = select(site_configuration).where(site_configuration.c.site_id == site)
        query = query.order_by(site_configuration.c.version.desc()).limit(MOST_SHOWN)
        with reading(self._engine) as connection:
            return [
                Version(
                    msgspec.json.decode(row.words, type=Configuration),
                    PutConfiguration(row.words, row.signature),
                    row.account_id,
                    row.reason,
                    row.taken_us,
                )
                for row in connection.execute(query)
            ]

    def newest(self, site: str) -> Version | None:
        """The one that holds. Blocks."""
        return next(iter(self.versions(site)), None)

    async def order(
        self, session: SignedIn, site: str, sites: frozenset[str], line: LineLimits | None, reason: str
    ) -> Version:
        """Set a site to something; logged with the difference. Raises NotFound, BadInput, Conflict, StepUpNeeded."""
        reason = " ".join(reason.split())[:_LONGEST_WORDS]
        if len(reason) < 3:
            raise BadInput("Say why it is changed.", advice="A few words are enough.")
        if site not in sites:
            raise NotFound(f"No site {site[:48]!r} calls this hub.", advice="Look at the list of sites.")
        if line is not None:
            check_limits(line)
        async with self._one_at_a_time:
            before = await asyncio.to_thread(self.newest, site)
            changes = difference(None if before is None else before.document.line, line)
            if not changes:
                raise Conflict("Nothing is different.", advice="Change something, or leave it.")
            told = self.told.get(site)
            # Above what the site has, too: this database may have been set back.
            known = max(0 if before is None else before.document.version, 0 if told is None else told.state.version)
            document = Configuration(FORMAT, site, known + 1, self._clock.now_us(), line)
            act = {"do": CONFIGURED, "site": site, "version": document.version, **_facts(changes)}
            proof = self._step_up.require(session, act)
            signed = sign_configuration(document, self._key)
            await self._audit.append(CONFIGURED, session.user.id, {**act, "reason": reason, "step_up": proof.id})
            made = Version(document, signed, session.user.id, reason, None)
            await asyncio.to_thread(self._add, made)
        self.look_soon(site)
        return made

    def look_soon(self, site: str) -> None:
        """There is something for the site to hear, or it came back."""
        self._due.setdefault(site, asyncio.Event()).set()

    async def run(self, site: str, link: SiteLink) -> None:
        """Bring the newest document to a site that belongs to this hub, until cancelled."""
        due = self._due.setdefault(site, asyncio.Event())
        while True:
            due.clear()
            try:
                await self.bring(site, link)
            except LinkFault:
                pass  # away: it hears it when it is back, and goes on by what it has
            except (BelvedereError, SQLAlchemyError) as error:
                log.warning("configuration_waits", site=site, reason=str(error))
            try:
                async with asyncio.timeout(LOOK_EVERY_S):
                    await due.wait()
            except TimeoutError:
                continue

    async def bring(self, site: str, link: SiteLink) -> Told:
        """Ask what the site goes by, and give it the newest; one at a time for each site. Raises LinkFault."""
        async with self._bringing.setdefault(site, asyncio.Lock()):
            return await self._bring(site, link)

    async def _bring(self, site: str, link: SiteLink) -> Told:
        state = await link.ask(GetConfiguration(), ConfigurationState)
        newest, fault = await asyncio.to_thread(self.newest, site), ""
        # The same version may be other words, where this database was set back: the site says so when it gets ours.
        unsure = newest is not None and state.version == newest.document.version and newest.taken_us is None
        if newest is not None and (unsure or state.version < newest.document.version):
            try:
                state = await link.ask(newest.signed, ConfigurationState, reuse=False)
            except LinkFault:
                raise
            except BelvedereError as error:
                fault = error.message
        told = Told(state, self._clock.now_us(), fault)
        before = self.told.get(site)
        if newest is not None and newest.taken_us is None:
            facts = {"site": site, "version": newest.document.version}
            if state.version == newest.document.version and not fault:
                await self._audit.append(TAKEN, f"site:{site}", facts)
                await asyncio.to_thread(self._taken, site, newest.document.version, told.heard_us)
            elif fault and (before is None or before.fault != fault):
                await self._audit.append(NOT_TAKEN, f"site:{site}", {**facts, "reason": fault})
        self.told[site] = told
        return told

    def _add(self, made: Version) -> None:
        with writing(self._engine) as connection:
            connection.execute(
                insert(site_configuration).values(
                    site_id=made.document.site,
                    version=made.document.version,
                    issued_us=made.document.issued_us,
                    account_id=made.account_id,
                    reason=made.reason,
                    words=made.signed.words,
                    signature=made.signed.signature,
                    taken_us=None,
                )
            )

    def _taken(self, site: str, version: int, now_us: int) -> None:
        which = (site_configuration.c.site_id == site) & (site_configuration.c.version == version)
        with writing(self._engine) as connection:
            connection.execute(update(site_configuration).where(which).values(taken_us=now_us))


def _facts(changes: list[tuple[str, str, str]]) -> dict[str, object]:
    return {"changes": [{"what": what, "before": before, "after": after} for what, before, after in changes]}
