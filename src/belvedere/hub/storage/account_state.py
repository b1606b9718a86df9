"""What an account is, in one digest: noted in the log with each change and compared with the table (see `account_watch`)."""

import hashlib

import msgspec
from sqlalchemy import Connection, RowMapping, select

from belvedere.hub.storage.metadata import account

# Columns that say who somebody is and what they may do. Secrets are not among them: people change those themselves.
_SAID = (
    "id",
    "name",
    "display",
    "role",
    "more_roles",
    "sites",
    "shifts",
    "trained_us",
    "spss_number",
    "spss_expires_us",
    "team",
    "disabled",
)


def state_sha256(row: RowMapping) -> str:
    """The digest of one row of `account`, hex."""
    words = {name: row[name] for name in _SAID}
    return hashlib.sha256(msgspec.json.encode(words, order="sorted")).hexdigest()


def states(connection: Connection) -> dict[str, str]:
    """Account id: digest, of all there are."""
    rows = connection.execute(select(*(account.c[name] for name in _SAID))).mappings()
    return {row["id"]: state_sha256(row) for row in rows}


def state_of(connection: Connection, account_id: str) -> str:
    """The digest of one account, "" where there is none."""
    query = select(*(account.c[name] for name in _SAID)).where(account.c.id == account_id)
    row = connection.execute(query).mappings().one_or_none()
    return "" if row is None else state_sha256(row)
