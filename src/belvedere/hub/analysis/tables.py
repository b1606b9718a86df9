"""Tables of analysis: orders to analyse a site's recordings, the grants given under them, and jobs for cases."""

from sqlalchemy import BigInteger, Column, Index, Integer, PrimaryKeyConstraint, String, Table, Text

from belvedere.hub.storage.metadata import METADATA

# The data protection officer's orders; of a site at most one has not ended.
analysis_order = Table(
    "analysis_order",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("site_id", String(64), nullable=False),
    Column("dpia", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("account_id", String(64), nullable=False),
    Column("made_by", Text, nullable=False),
    Column("made_us", BigInteger, nullable=False),
    Column("review_us", BigInteger, nullable=False),
    Column("from_us", BigInteger, nullable=False),
    Column("ended_us", BigInteger, nullable=True),
    Column("ended_by", Text, nullable=False),
    Column("ended_words", Text, nullable=False),
)
Index("ix_analysis_order_site_id", analysis_order.c.site_id)

# The newest grant of each site. `told_us`: when the site had it; None until then. `ended_us`: before its time.
analysis_grant = Table(
    "analysis_grant",
    METADATA,
    Column("site_id", String(64), primary_key=True),
    Column("id", String(64), nullable=False),
    Column("order_id", String(64), nullable=False),
    Column("wire", Text, nullable=False),  # the signed words, as JSON text
    Column("cameras", Text, nullable=False),  # JSON, sorted
    Column("issued_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
    Column("ended_us", BigInteger, nullable=True),
    Column("told_us", BigInteger, nullable=True),
)

# state: running, paused, ended, done or failed.
analysis_job = Table(
    "analysis_job",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("case_ref", String(64), nullable=False),
    Column("account_id", String(64), nullable=False),
    Column("made_by", Text, nullable=False),
    Column("made_us", BigInteger, nullable=False),
    Column("grant_id", String(64), nullable=False),
    Column("cameras", Text, nullable=False),  # JSON, sorted
    Column("from_us", BigInteger, nullable=False),
    Column("to_us", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("over_us", BigInteger, nullable=True),
)
Index("ix_analysis_job_case_ref", analysis_job.c.case_ref)
Index("ix_analysis_job_state", analysis_job.c.state)

# One site's share of a job, as it said last. `asked`: how many of its cameras the site was asked for since the job went on.
analysis_part = Table(
    "analysis_part",
    METADATA,
    Column("job_id", String(64), nullable=False),
    Column("site_id", String(64), nullable=False),
    Column("cameras", Text, nullable=False),  # JSON, sorted
    Column("asked", Integer, nullable=False),
    Column("state", String(16), nullable=False),  # the site's word; "" before any
    Column("wanted_s", BigInteger, nullable=False),
    Column("done_s", BigInteger, nullable=False),
    Column("left_s", BigInteger, nullable=False),
    Column("found", BigInteger, nullable=False),
    Column("words", Text, nullable=False),
    Column("heard_us", BigInteger, nullable=True),
    PrimaryKeyConstraint("job_id", "site_id", name="pk_analysis_part"),
)
