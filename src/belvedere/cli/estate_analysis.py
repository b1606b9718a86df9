"""The demo's data protection officer has switched analysis on, so that last night can be searched."""

from collections.abc import Sequence

from sqlalchemy import select

from belvedere.cli.users import list_users
from belvedere.foundation.clock import DAY_US, Clock
from belvedere.foundation.ids import new_id
from belvedere.foundation.settings import Settings
from belvedere.hub.analysis.orders import SWITCHED_ON, KeptOrder, put_order
from belvedere.hub.analysis.tables import analysis_order
from belvedere.hub.storage import open_engine
from belvedere.hub.storage.acts import note_as
from belvedere.hub.storage.engine import writing
from belvedere.policy.standing import AnalysisOrder

_OFFICER = "dpo"
DPIA = "Alder Grove assessment 2026-3"
_REASON = "Residents' reports of fly-tipping and of damage are found in minutes, by fewer people looking for less time."
_REVIEW_US = 180 * DAY_US
_REACH_US = 2 * DAY_US


def order_analysis(settings: Settings, clock: Clock, sites: Sequence[str]) -> int:
    """An order for each site that never had one; returns how many. Blocking. The log has them as acts of the command line."""
    officer = next((user for user in list_users(settings) if user.name == _OFFICER), None)
    if officer is None:
        return 0
    engine, now_us = open_engine(settings.hub_database_url), clock.now_us()
    try:
        with writing(engine) as connection:
            had = set(connection.scalars(select(analysis_order.c.site_id)))
            for site in (new := [each for each in sites if each not in had]):
                order = AnalysisOrder(
                    site,
                    DPIA,
                    _REASON,
                    officer.id,
                    frozenset(officer.roles),
                    now_us,
                    now_us + _REVIEW_US,
                    now_us - _REACH_US,
                )
                kept = KeptOrder(new_id("order", clock), order, officer.display, None, "", "")
                put_order(connection, kept)
                facts = {"site": site, "dpia": DPIA, "reason": _REASON, "review_us": order.review_us, "order": kept.id}
                note_as(new_id("act", clock), now_us, SWITCHED_ON, facts)(connection)
        return len(new)
    finally:
        engine.dispose()
