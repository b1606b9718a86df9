"""Everything that the hub's rooms share, opened in order and closed in reverse."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from argon2 import PasswordHasher
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine

from belvedere.foundation.clock import MINUTE_US, Clock, SystemClock
from belvedere.foundation.settings import Settings
from belvedere.hub.access.account_watch import AccountWatch
from belvedere.hub.access.credentials import Passwords
from belvedere.hub.access.ending import GrantEnder
from belvedere.hub.access.endings import EndingCourier
from belvedere.hub.access.grants import GrantDesk
from belvedere.hub.access.keys import signing_key
from belvedere.hub.access.oidc import CouncilDesk
from belvedere.hub.access.oidc_accounts import CouncilAccounts
from belvedere.hub.access.passkeys import PasskeyDesk
from belvedere.hub.access.sessions import SessionDesk
from belvedere.hub.access.step_up import StepUps
from belvedere.hub.access.step_up_codes import ShownCode, StepUpCodes
from belvedere.hub.access.table_change import TableChange, note_table
from belvedere.hub.access.tries import LoginTries
from belvedere.hub.access.users import UserDesk
from belvedere.hub.analysis.book import JobBook
from belvedere.hub.analysis.jobs import AnalysisJobs
from belvedere.hub.analysis.orders import AnalysisOrders
from belvedere.hub.analysis.room import AnalysisRoom
from belvedere.hub.audit.erasure import LogErasure
from belvedere.hub.audit.explorer import Reads
from belvedere.hub.audit.log import AuditLog
from belvedere.hub.audit.search import LogSearch
from belvedere.hub.audit.stamps import StampDesk
from belvedere.hub.audit.watch import LogWatch
from belvedere.hub.audit.witnesses import WitnessDesk
from belvedere.hub.cases.desk import CaseDesk
from belvedere.hub.cases.store import CaseBook
from belvedere.hub.custody.desk import CustodyDesk
from belvedere.hub.custody.due import keys_due
from belvedere.hub.custody.release import ReleasingLink
from belvedere.hub.custody.vault import Vault
from belvedere.hub.dwell.guard import DwellGuard
from belvedere.hub.fleet.fleet import Fleet
from belvedere.hub.fleet.health import FleetHealth
from belvedere.hub.fleet.opening import make_fleet
from belvedere.hub.fleet.routing import FleetLink
from belvedere.hub.health.desk import HealthDesk
from belvedere.hub.health.standing import StandingFaults
from belvedere.hub.jobs.desk import JobDesk
from belvedere.hub.local import keep_logging, log_local_acts
from belvedere.hub.masks.desk import MaskDesk
from belvedere.hub.objects.address import check_address, open_store
from belvedere.hub.objects.shelf import ObjectShelf
from belvedere.hub.processes.share import Share
from belvedere.hub.purposes.book import PurposeBook
from belvedere.hub.purposes.desk import PurposeDesk
from belvedere.hub.quotas.desk import QuotaDesk
from belvedere.hub.reach import hub_of
from belvedere.hub.register.cameras import CameraRegister
from belvedere.hub.register.map import MapFolder
from belvedere.hub.register.state import SiteState
from belvedere.hub.review.views import ViewBook
from belvedere.hub.rules.desk import RuleDesk
from belvedere.hub.storage import open_engine, upgrade
from belvedere.hub.watchers.desk import WatchDesk
from belvedere.link.client import SiteLink
from belvedere.policy.table import TABLES, Role

__all__ = ["HubContext", "hub_of", "open_hub"]


@dataclass(frozen=True, slots=True)
class HubContext:
    """What a route reaches through `hub_of(request)`.

    `engine`, `users`, `sessions`, `passkeys`, `council_accounts` and `register` block: call them in a thread. `audit`, `grants`,
    `link`, `state`, `health` and `council` are for the event loop.
    """

    settings: Settings
    clock: Clock
    engine: Engine
    key: Ed25519PrivateKey
    link: FleetLink
    state: SiteState
    fleet: Fleet
    audit: AuditLog
    witnesses: WitnessDesk
    stamps: StampDesk
    log_search: LogSearch
    log_watch: LogWatch
    log_erasure: LogErasure
    reads: Reads
    register: CameraRegister
    map: MapFolder
    users: UserDesk
    accounts: AccountWatch
    sessions: SessionDesk
    passkeys: PasskeyDesk
    council: CouncilDesk
    council_accounts: CouncilAccounts
    step_up: StepUps
    step_up_codes: StepUpCodes | None  # None: passkeys only, as everywhere but in the demo
    tries: LoginTries
    grants: GrantDesk
    views: ViewBook
    table_change: TableChange
    purposes: PurposeDesk
    cases: CaseDesk
    health: FleetHealth
    custody: CustodyDesk
    watch: WatchDesk
    dwell: DwellGuard
    masks: MaskDesk
    quotas: QuotaDesk
    objects: ObjectShelf
    jobs: JobDesk
    rules: RuleDesk
    analysis: AnalysisRoom


@asynccontextmanager
async def open_hub(
    settings: Settings,
    *,
    clock: Clock | None = None,
    link: SiteLink | None = None,
    hasher: PasswordHasher | None = None,
    show_code: Callable[[ShownCode], None] = lambda _code: None,
    share: Share | None = None,
) -> AsyncIterator[HubContext]:
    """Open the hub of a data folder: migrate its database, check its log, reach for its site. `hasher` is for tests.

    `show_code` puts codes that stand for a passkey in front of the person, where the demo has those. `share`: what this one is
    among the processes of its hub; what has to run once runs in the one with the chair.

    Raises StorageFault, Conflict or BadSettings when it can't be opened; a site that is away is no reason.
    """
    clock, duties = clock or SystemClock(), share is None or share.chair
    settings.hub_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = await asyncio.to_thread(signing_key, settings)
    engine = open_engine(settings.hub_database_url)
    try:
        await asyncio.to_thread(upgrade, engine)
        turn = None if share is None else share.turn
        audit = await asyncio.to_thread(AuditLog, engine, settings.hub_folder / "log", key, clock, turn)
        register = CameraRegister(engine, clock)
        if settings.hub.own_site:
            await asyncio.to_thread(register.put_site, settings.site.id, settings.site.name)
        purpose_book, case_book = PurposeBook(engine, clock), CaseBook(engine, clock, register.list_cameras)
        await asyncio.to_thread(purpose_book.load)
        users, step_up = UserDesk(engine, clock, frozenset(Role), Passwords(hasher)), StepUps(clock)
        scheme = settings.hub.case_scheme
        site = link or ReleasingLink(settings.link_socket)
        fleet_link = FleetLink(settings.site.id, site, register.sites_of_cameras)
        vault = Vault(engine, settings.hub_folder / "keys" / "wrapping", clock)
        custody = CustodyDesk(settings.site.id, engine, vault, key, audit, clock)
        if isinstance(site, ReleasingLink):
            site.bind(custody)
        await audit.start(keeps_signed=duties)
        local_acts: asyncio.Task[None] | None = None
        health = HealthDesk(engine, site, settings.site.id, clock)
        watch = WatchDesk(engine, clock, audit, settings.hub_folder / "keys" / "watching.key")
        dwell = DwellGuard(engine, clock, audit, register, watch.people, settings.hub)
        quotas = QuotaDesk(engine, clock, audit, settings.hub, shared=share is not None)
        table_change = await note_table(engine, clock, audit, settings.hub)
        grants = GrantDesk(
            engine,
            clock,
            key,
            audit,
            register.camera_ids,
            TABLES[settings.hub.access],
            step_up=step_up,
            purposes=purpose_book,
            cases=case_book,
            trained=table_change.trained_us,
        )
        views = ViewBook(engine, clock, audit)
        ender = GrantEnder(engine, clock, audit, grants.ended.set)
        accounts = AccountWatch(engine, clock, audit, ender, grants.stop_for)
        endings = EndingCourier(engine, clock, key, site, grants.ended)
        telling: asyncio.Task[None] | None = None
        keys_kept: asyncio.Task[None] | None = None
        witnesses = WitnessDesk(settings.hub_folder / "witness", audit, key.public_key().public_bytes_raw())
        witnessing: asyncio.Task[None] | None = None
        authority = settings.hub.timestamp_url, settings.hub.timestamp_certificates
        stamps = StampDesk(settings.hub_folder / "timestamps", *authority, audit, clock)
        stamping = asyncio.create_task(stamps.run(), name="timestamps") if duties else None
        due = partial(keys_due, vault, settings.hub_folder, clock)
        health.standing = StandingFaults(settings.site.id, site, due, witnesses, stamps)
        masks = await asyncio.to_thread(MaskDesk, engine, fleet_link, audit, clock)
        grants.look_at_masks(masks.veiled)
        pushing_masks: asyncio.Task[None] | None = None
        rules = RuleDesk(engine, audit, clock, register.camera_ids)
        meeting_rules: asyncio.Task[None] | None = None
        orders = AnalysisOrders(engine, key, audit, clock, step_up, register.camera_ids, lambda: grants.table)
        public = key.public_key().public_bytes_raw()
        analyses = AnalysisJobs(
            JobBook(engine, clock), grants, audit, clock, fleet_link, register.sites_of_cameras, public
        )
        analysing: list[asyncio.Task[None]] = []
        log_search = LogSearch(engine, audit)
        log_watch = LogWatch(engine, audit, log_search, clock)
        log_erasure = LogErasure(engine, audit, clock, settings.hub.log_years)
        watching = asyncio.create_task(log_watch.run(), name="log watch") if duties else None
        erasing = asyncio.create_task(log_erasure.run(), name="log erasure") if duties else None
        state = SiteState(site, clock)
        fleet = await make_fleet(
            settings,
            engine,
            key,
            clock,
            link=fleet_link,
            own=state,
            own_custody=custody,
            health=health,
            masks=masks,
            rules=rules,
            orders=orders,
            register=register,
            audit=audit,
            step_up=step_up,
            vault=vault,
            grants=grants,
            witnesses=witnesses,
            switchboard=None if share is None else share.switchboard,
            duties=duties,
        )
        try:
            if duties:
                # What stands there before the log tells of any account is how a hub begins.
                await log_local_acts(engine, audit, clock if await accounts.told_of_any() else None)
                local_acts = asyncio.create_task(keep_logging(engine, audit, clock), name="local acts")
                await accounts.start()
            if duties and isinstance(site, ReleasingLink) and settings.hub.own_site:
                keys_kept = asyncio.create_task(custody.run(site), name="custody")
                here = partial(register.camera_ids, (settings.site.id,))
                pushing_masks = asyncio.create_task(masks.run(site, here), name="masks")
                meeting_rules = asyncio.create_task(rules.run(settings.site.id, site), name="rules")
                analysing.append(asyncio.create_task(orders.run(settings.site.id, site), name="analysis grant"))
                telling = asyncio.create_task(endings.run(), name="ended grants")
                witnessing = asyncio.create_task(witnesses.run(settings.site.id, site), name="witnesses")
            await views.start(None if share is None else share.gone)
            if duties and settings.hub.own_site:
                health.start()
            await quotas.start()
            if duties:
                watch.start()
            await fleet.open()
            if duties:
                analysing.append(asyncio.create_task(analyses.run(), name="analyses"))
            yield HubContext(
                settings=settings,
                clock=clock,
                engine=engine,
                key=key,
                link=fleet_link,
                state=state,
                fleet=fleet,
                audit=audit,
                witnesses=witnesses,
                stamps=stamps,
                log_search=log_search,
                log_watch=log_watch,
                log_erasure=log_erasure,
                reads=Reads(),
                register=register,
                map=MapFolder(settings.map_folder),
                users=users,
                accounts=accounts,
                sessions=SessionDesk(engine, clock, settings.hub.session_idle_minutes * MINUTE_US),
                passkeys=PasskeyDesk(engine, clock),
                council=CouncilDesk(settings.hub, clock),
                council_accounts=CouncilAccounts(engine, clock, users),
                step_up=step_up,
                step_up_codes=StepUpCodes(clock, show_code) if settings.hub.step_up_codes else None,
                tries=LoginTries(clock),
                grants=grants,
                views=views,
                table_change=table_change,
                purposes=PurposeDesk(purpose_book, clock, audit, step_up, ender),
                cases=CaseDesk(case_book, clock, audit, users, ender, register.camera_ids, scheme),
                health=fleet.health,
                custody=custody,
                watch=watch,
                dwell=dwell,
                masks=masks,
                quotas=quotas,
                objects=ObjectShelf(
                    engine, clock, check_address(settings.hub.objects), partial(open_store, settings=settings)
                ),
                jobs=JobDesk(engine, clock, settings.hub_folder / "jobs"),
                rules=rules,
                analysis=AnalysisRoom(orders, analyses),
            )
        finally:
            for task in (
                *analysing,
                pushing_masks,
                meeting_rules,
                local_acts,
                keys_kept,
                telling,
                witnessing,
                stamping,
                watching,
                erasing,
            ):
                if task is not None:
                    task.cancel()
                    await asyncio.gather(task, return_exceptions=True)
            await views.stop()
            await fleet.close()
            await accounts.stop()
            await health.stop()
            await watch.stop()
            await quotas.stop()
            await audit.stop()
            await site.close()
    finally:
        engine.dispose()
