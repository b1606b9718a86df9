"""Entering the command line's acts in the audit log."""

import asyncio

import structlog
from sqlalchemy import Engine, update
from sqlalchemy.exc import SQLAlchemyError

from belvedere.foundation.errors import StorageFault
from belvedere.hub.audit.log import AuditLog
from belvedere.hub.cases.tables import case_act
from belvedere.hub.storage.acts import forget_act, waiting_acts
from belvedere.hub.storage.engine import writing

ACTOR = "command line"
_EVERY_S = 2.0
_LOG = structlog.get_logger(__name__)


async def log_local_acts(engine: Engine, audit: AuditLog) -> int:
    """Log what waits, oldest first; returns how many. A crash in between may log an act twice: its id tells."""
    logged = 0
    while acts := await asyncio.to_thread(waiting_acts, engine):
        for act in acts:
            entry = await audit.append(act.kind, ACTOR, {**act.facts, "act": act.id, "acted_us": act.time_us})
            await asyncio.to_thread(_number, engine, act.id, entry.index)
            await asyncio.to_thread(forget_act, engine, act.id)
        logged += len(acts)
    return logged


def _number(engine: Engine, act_id: str, index: int) -> None:
    """The history of a case names the log's entry of each act, also of one that was noted here."""
    with writing(engine) as connection:
        connection.execute(update(case_act).where(case_act.c.id == act_id).values(audit_index=index))


async def keep_logging(engine: Engine, audit: AuditLog) -> None:
    """Look for acts every two seconds, for as long as the hub runs."""
    while True:
        try:
            await log_local_acts(engine, audit)
        except (StorageFault, SQLAlchemyError) as error:  # disk full, database locked: the notes wait
            _LOG.warning("local_acts_wait", reason=str(error))
        await asyncio.sleep(_EVERY_S)
