"""How one's own accesses ended before their time: when, by whom and why, as the log has it. Blocking."""

from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Engine, select

from belvedere.foundation.clock import SECOND_US
from belvedere.hub.audit.rows import Entry, entry_of_row
from belvedere.hub.storage.engine import reading
from belvedere.hub.storage.metadata import access_grant, audit_entry

KINDS = ("grant.ended", "grant.revoked")
MOST = 20
_NEAR_US = 30 * SECOND_US  # the log says it just before, or just after


@dataclass(frozen=True, slots=True)
class Ended:
    """An access that ended early. `by` and `reason` are "" where it ended with a session or an account."""

    id: str
    purpose_text: str
    case: str
    cameras: tuple[str, ...]
    ended_us: int
    expires_us: int
    by: str  # account id
    reason: str
    renewed: bool  # another took its place


def ended_of(engine: Engine, account_id: str, since_us: int) -> list[Ended]:
    """The accesses of a person that ended early since then, the newest first, `MOST` at most."""
    column = access_grant.c
    query = select(column.id, column.case_ref, column.wire, column.ended_us, column.expires_us).where(
        column.account_id == account_id, column.ended_us >= since_us, column.ended_us < column.expires_us
    )
    with reading(engine) as connection:
        rows = connection.execute(query.order_by(column.ended_us.desc()).limit(MOST)).all()
        found = []
        for row in rows:
            near = audit_entry.c.time_us.between(row.ended_us - _NEAR_US, row.ended_us + _NEAR_US)
            said = connection.execute(select(audit_entry).where(near, audit_entry.c.kind.in_(KINDS))).mappings()
            entry = _about(row.id, [entry_of_row(each) for each in said])
            # Unchecked: it serves to name an access that opens nothing any more.
            words: Any = msgspec.json.decode(row.wire)["grant"]
            found.append(
                Ended(
                    id=row.id,
                    purpose_text=words["purpose_text"],
                    case=row.case_ref,
                    cameras=tuple(sorted(words["cameras"])),
                    ended_us=row.ended_us,
                    expires_us=row.expires_us,
                    by="" if entry is None else entry.actor,
                    reason="" if entry is None else str(entry.facts.get("reason", "")),
                    renewed=entry is not None and bool(entry.facts.get("renewed_as")),
                )
            )
    return found


def _about(grant_id: str, entries: list[Entry]) -> Entry | None:
    return next((each for each in entries if each.facts.get("grant") == grant_id), None)
