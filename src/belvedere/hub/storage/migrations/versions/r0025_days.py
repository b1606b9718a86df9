"""On PostgreSQL what sites tell lies in a partition a day, with a BRIN index on its time. SQLite stays as it is."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0028"
branch_labels = None
depends_on = None

_DAY_US = 86_400_000_000
_AHEAD_DAYS = 3


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name != "postgresql":
        return
    op.execute("ALTER TABLE site_record RENAME TO site_record_whole")
    op.execute("ALTER TABLE site_record_whole DROP CONSTRAINT pk_site_record")
    op.execute("DROP INDEX ix_site_record_time_us")
    # The day's column has to be in the key of a partitioned table. That a number comes once is held by site_mark, which
    # moves in the same transaction.
    op.execute(
        "CREATE TABLE site_record (LIKE site_record_whole INCLUDING DEFAULTS, "
        "CONSTRAINT pk_site_record PRIMARY KEY (site_id, epoch, lane, seq, received_us)) PARTITION BY RANGE (received_us)"
    )
    op.execute("CREATE TABLE site_record_rest PARTITION OF site_record DEFAULT")
    op.execute("CREATE INDEX ix_site_record_time_us ON site_record USING brin (time_us) WITH (pages_per_range = 32)")
    op.execute(
        "CREATE INDEX ix_site_record_site_card ON site_record (site_id, received_us, seq) WHERE kind = 'site_card'"
    )
    today = int(connection.scalar(sa.text("SELECT CAST(extract(epoch FROM now()) AS bigint) / 86400")) or 0)
    days = {today + ahead for ahead in range(_AHEAD_DAYS + 1)}
    days |= set(connection.scalars(sa.text(f"SELECT DISTINCT received_us / {_DAY_US} FROM site_record_whole")))
    for day in sorted(days):
        name = connection.scalar(
            sa.text("SELECT to_char(date '1970-01-01' + CAST(:day AS integer), 'YYYYMMDD')"), {"day": day}
        )
        op.execute(
            f"CREATE TABLE site_record_d{name} PARTITION OF site_record "
            f"FOR VALUES FROM ({day * _DAY_US}) TO ({(day + 1) * _DAY_US})"
        )
    op.execute("INSERT INTO site_record SELECT * FROM site_record_whole")
    op.execute("DROP TABLE site_record_whole")
