"""Which action table counts since when. A hub that works by another one than before says so: in its log, and to people.

Who had an account before four eyes counted keeps what the new table gives their role: for a while nobody is shut out for want of a
training date that the old table never asked for.
"""

from dataclasses import dataclass

import structlog
from sqlalchemy import BigInteger, Column, Engine, String, Table, insert, select

from belvedere.foundation.clock import DAY_US, Clock
from belvedere.foundation.settings import HubSettings
from belvedere.hub.access.users import User
from belvedere.hub.audit.log import AuditLog
from belvedere.hub.storage.engine import reading, writing
from belvedere.hub.storage.metadata import METADATA, account
from belvedere.policy.table import TABLES

TABLE_CHANGED = "access.table_changed"
OPEN_DESK, FOUR_EYES = "open_desk", "four_eyes"
GRACE_US = 30 * DAY_US
_LOG = structlog.get_logger(__name__)

access_table = Table(
    "access_table",
    METADATA,
    Column("since_us", BigInteger, primary_key=True),
    Column("name", String(32), nullable=False),
    Column("before", String(32), nullable=False),  # "" for the first; the same where it is not known to have changed
)


@dataclass(frozen=True, slots=True)
class TableChange:
    """The table in force. `before`: the one that counted until `since_us`, "" in a new hub."""

    name: str
    before: str
    since_us: int

    @property
    def stricter(self) -> bool:
        """Whether second persons came with it."""
        return self.before == OPEN_DESK and self.name == FOUR_EYES

    @property
    def grace_until_us(self) -> int:
        """Until when people from before need no training date; `since_us` where there is no such time."""
        return self.since_us + GRACE_US if self.stricter else self.since_us

    def trained_us(self, user: User, now_us: int) -> int | None:
        """When this person counts as trained: their date, or for who came before the change the day of it, for a while."""
        spared = user.created_us <= self.since_us <= now_us < self.grace_until_us
        return self.since_us if user.trained_us is None and spared else user.trained_us


async def note_table(engine: Engine, clock: Clock, audit: AuditLog, settings: HubSettings) -> TableChange:
    """The table in force; a change is written down, and in the log, before anybody is served by it. Raises StorageFault.

    Before this was kept the table was `open_desk`, unless the settings name one.
    """
    with reading(engine) as connection:
        last = connection.execute(select(access_table).order_by(access_table.c.since_us.desc()).limit(1)).first()
        people = connection.execute(select(account.c.id).limit(1)).first() is not None
    name = settings.access
    if last is not None and last.name == name:
        return TableChange(last.name, last.before, last.since_us)
    if last is not None:
        before = str(last.name)
    elif people:
        before = name if "access" in settings.model_fields_set else OPEN_DESK
    else:
        before = ""
    change = TableChange(name, before, max(clock.now_us(), 0 if last is None else last.since_us + 1))
    if before not in ("", name):
        _LOG.warning(
            "access_table_changed",
            before=before,
            now=name,
            advice="docs/guide/four-eyes.md says what that means for people; [hub] access chooses the table.",
        )
        await audit.append(TABLE_CHANGED, "hub", {"before": before, "now": name, "version": TABLES[name].version})
    with writing(engine) as connection:
        connection.execute(insert(access_table).values(since_us=change.since_us, name=name, before=before))
    return change
