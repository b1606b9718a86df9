"""Entering the command line's acts in the audit log."""

import asyncio

import structlog
from sqlalchemy import Engine, update
from sqlalchemy.exc import SQLAlchemyError

from belvedere.foundation.clock import Clock
from belvedere.foundation.errors import StorageFault
from belvedere.hub.audit.log import AuditLog
from belvedere.hub.cases.tables import case_act
from belvedere.hub.storage.acts import LocalAct, forget_act, waiting_acts
from belvedere.hub.storage.engine import writing
from belvedere.hub.watchers.notices import tell_dpo

ACTOR = "command line"
_EVERY_S = 2.0
_LOUD = frozenset({"account.created", "account.changed", "account.disabled"})
_LOG = structlog.get_logger(__name__)


async def log_local_acts(engine: Engine, audit: AuditLog, clock: Clock | None = None) -> int:
    """Log what waits, oldest first; returns how many. A crash in between may log an act twice: its id tells.

    With a `clock` the data protection officer is told of each account that was changed: nobody confirmed it.
    """
    logged = 0
    while acts := await asyncio.to_thread(waiting_acts, engine):
        for act in acts:
            logging = asyncio.create_task(_log_act(engine, audit, clock, act))
            try:
                await asyncio.shield(logging)
            except (
                asyncio.CancelledError
            ):  # the hub ends: not between an act's entry and its note's end, or it is logged twice
                await logging
                raise
        logged += len(acts)
    return logged


async def _log_act(engine: Engine, audit: AuditLog, clock: Clock | None, act: LocalAct) -> None:
    entry = await audit.append(act.kind, ACTOR, {**act.facts, "act": act.id, "acted_us": act.time_us})
    await asyncio.to_thread(_number, engine, act.id, entry.index)
    if clock is not None and act.kind in _LOUD:
        await _tell_of_account(engine, clock, act, entry.index)
    await asyncio.to_thread(forget_act, engine, act.id)


async def _tell_of_account(engine: Engine, clock: Clock, act: LocalAct, index: int) -> None:
    facts = {"kind": act.kind, "name": str(act.facts.get("name", "")), "acted_us": act.time_us}
    text = "An account was changed from the command line of the hub's machine, which nobody else confirms."
    about = str(act.facts.get("account", ""))
    matter = f"account.command_line:{act.id}"
    await tell_dpo(engine, clock, "account.command_line", about, text, facts, matter=matter, entries=[index])


def _number(engine: Engine, act_id: str, index: int) -> None:
    """The history of a case names the log's entry of each act, also of one that was noted here."""
    with writing(engine) as connection:
        connection.execute(update(case_act).where(case_act.c.id == act_id).values(audit_index=index))


async def keep_logging(engine: Engine, audit: AuditLog, clock: Clock | None = None) -> None:
    """Look for acts every two seconds, for as long as the hub runs."""
    while True:
        try:
            await log_local_acts(engine, audit, clock)
        except (StorageFault, SQLAlchemyError) as error:  # disk full, database locked: the notes wait
            _LOG.warning("local_acts_wait", reason=str(error))
        await asyncio.sleep(_EVERY_S)
