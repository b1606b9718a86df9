"""Opening the fleet of a hub: what it is made of, and what runs for each site."""

import asyncio
from collections.abc import Coroutine, Sequence
from functools import partial
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine

from belvedere.foundation.clock import Clock
from belvedere.foundation.settings import Settings
from belvedere.hub.access.endings import EndingCourier
from belvedere.hub.access.grants import GrantDesk
from belvedere.hub.access.step_up import StepUps
from belvedere.hub.analysis.orders import AnalysisOrders
from belvedere.hub.audit.log import AuditLog
from belvedere.hub.audit.witnesses import WitnessDesk
from belvedere.hub.custody.desk import CustodyDesk
from belvedere.hub.custody.vault import Vault
from belvedere.hub.fleet.aging import RecordAging
from belvedere.hub.fleet.authority import Authority
from belvedere.hub.fleet.book import FleetBook
from belvedere.hub.fleet.calls import Switchboard
from belvedere.hub.fleet.configuration import ConfigurationDesk
from belvedere.hub.fleet.desk import FleetDesk
from belvedere.hub.fleet.fleet import Fleet
from belvedere.hub.fleet.records import RecordBook
from belvedere.hub.fleet.routing import FleetLink
from belvedere.hub.health.desk import HealthDesk
from belvedere.hub.health.tickets import TicketBook
from belvedere.hub.masks.desk import MaskDesk
from belvedere.hub.register.cameras import CameraRegister
from belvedere.hub.register.state import SiteState
from belvedere.hub.rollouts.book import RolloutBook
from belvedere.hub.rollouts.desk import RolloutDesk
from belvedere.hub.rollouts.store import ReleaseStore
from belvedere.hub.rules.desk import RuleDesk
from belvedere.link.client import SiteLink
from belvedere.link.health import Fault
from belvedere.link.records import Record


async def make_fleet(
    settings: Settings,
    engine: Engine,
    key: Ed25519PrivateKey,
    clock: Clock,
    *,
    link: FleetLink,
    own: SiteState,
    own_custody: CustodyDesk,
    health: HealthDesk,
    masks: MaskDesk,
    rules: RuleDesk,
    orders: AnalysisOrders,
    register: CameraRegister,
    audit: AuditLog,
    step_up: StepUps,
    vault: Vault,
    grants: GrantDesk,
    witnesses: WitnessDesk,
    switchboard: Switchboard | None = None,
    duties: bool = True,
) -> Fleet:
    """The fleet, not open yet. Raises StorageFault when the authority's key can't be kept."""
    authority = await asyncio.to_thread(Authority, settings.hub_folder / "keys" / "link", clock)
    own_id, name = settings.site.id, settings.hub.name
    public = key.public_key().public_bytes_raw()
    desk = FleetDesk(FleetBook(engine, clock), authority, audit, step_up, clock, own=own_id, hub=name, hub_key=public)

    records = RecordBook(engine, clock)
    records.hear("fault", partial(_faults, health.tickets))
    records.hear("rule_alarm", rules.hear)

    def custody(site: str) -> CustodyDesk:
        return CustodyDesk(site, engine, vault, key, audit, clock)

    configuration = ConfigurationDesk(engine, clock, key, audit, step_up)

    releases = ReleaseStore(settings.hub_folder / "releases")
    rollouts = RolloutDesk(RolloutBook(engine, clock), releases, audit, clock, link=link, belongs=desk.sites)

    def works(site: str, one: SiteLink) -> list[Coroutine[Any, Any, None]]:
        return [
            witnesses.run(site, one),
            EndingCourier(engine, clock, key, one, grants.ended).run(),
            masks.run(one, partial(register.camera_ids, (site,))),
            configuration.run(site, one),
            rules.run(site, one),
            orders.run(site, one),
        ]

    def watch(site: str, one: SiteLink) -> HealthDesk:
        return HealthDesk(engine, one, site, clock)

    return Fleet(
        desk,
        link,
        register,
        audit,
        clock,
        own=own if settings.hub.own_site else None,
        own_id=own_id,
        hub=name,
        custody=custody,
        works=works,
        watch=watch,
        own_health=health if settings.hub.own_site else None,
        tickets=health.tickets,
        records=records,
        aging=RecordAging(engine, clock, audit, settings.hub.record_days),
        own_custody=own_custody,
        configuration=configuration,
        rollouts=rollouts,
        switchboard=switchboard,
        duties=duties,
    )


def _faults(tickets: TicketBook, site: str, records: Sequence[Record]) -> None:
    """Faults become tickets as they come; the health desk asks now and then for what this may have missed."""
    tickets.take_in(site, [msgspec.json.decode(record.body, type=Fault) for record in records])
