"""The tables of paging. They are made by a migration like all others, and hang on the same metadata."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, Index, Integer, String, Table, Text

from belvedere.hub.storage.metadata import METADATA

# Who is called when. One row a version; the newest counts, the others say what it was.
page_plan = Table(
    "page_plan",
    METADATA,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("plan", JSON, nullable=False),  # see `plan.Plan`
    Column("set_by", String(64), nullable=False),
    Column("setter", Text, nullable=False),
    Column("set_us", BigInteger, nullable=False),
)

# One call for help: what is wrong at a site (or at several), and how far the ladder has been climbed.
page = Table(
    "page",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("site_id", String(48), nullable=False),  # "" several sites at once, or a test
    Column("test", Boolean, nullable=False),
    # asked (a test that the hub has not taken up), calling, answered, unanswered, over
    Column("state", String(16), nullable=False),
    Column("round", Integer, nullable=False),  # the ladder is climbed once in a round; counts from 0
    Column("last_round", Integer, nullable=False),  # no round after this one
    Column("step", Integer, nullable=False),  # the one called last; -1 none in this round
    Column("step_us", BigInteger, nullable=False),
    Column("asked_by", Text, nullable=False),  # who asked for a test
    Column("opened_us", BigInteger, nullable=False),
    # Invariant: answered once between two calls; the first who says so is the one.
    Column("answered_us", BigInteger, nullable=True),
    Column("answered_by", Text, nullable=False),
    Column("answered_how", String(16), nullable=False),  # link, control_room or ""
    Column("over_us", BigInteger, nullable=True),
    Index("ix_page_state_site_id", "state", "site_id"),
    Index("ix_page_opened_us", "opened_us"),
)

# Which tickets a page is about. A ticket stands in one page that is not over, at most.
page_ticket = Table(
    "page_ticket",
    METADATA,
    Column("page_id", String(64), primary_key=True),
    Column("ticket_id", String(64), primary_key=True),
    Column("joined_us", BigInteger, nullable=False),
    Index("ix_page_ticket_ticket_id", "ticket_id"),
)

# What goes out to one person on one way. The id is made of page, round, step and place: writing it twice is once.
page_message = Table(
    "page_message",
    METADATA,
    Column("id", String(120), primary_key=True),
    Column("page_id", String(64), nullable=False),
    Column("round", Integer, nullable=False),
    Column("step", Integer, nullable=False),
    Column("what", String(16), nullable=False),  # call, taken (somebody else answered), over
    Column("name", Text, nullable=False),
    Column("channel", String(16), nullable=False),
    Column("address", Text, nullable=False),
    # Invariant: leaves `waiting` once: sent, failed, or dropped (nobody needs it any more).
    Column("state", String(16), nullable=False),
    Column("tries", Integer, nullable=False),
    Column("next_us", BigInteger, nullable=False),
    Column("made_us", BigInteger, nullable=False),
    Column("done_us", BigInteger, nullable=True),
    Column("fault", Text, nullable=False),
    Index("ix_page_message_state_next_us", "state", "next_us"),
    Index("ix_page_message_page_id", "page_id"),
)
