"""What it costs that nobody looks without a purpose: deciding, checking each piece, the log entry before the picture, its proof.

Peers in the same run: cedarpy with policies of the same table for the decision (dev dependency), pymerkle for appending to a
Merkle log with no database behind it.
"""

import asyncio
import hashlib
import importlib.util
import itertools
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import insert
from table import Claim

TESTS = Path(__file__).resolve().parent.parent / "tests"
sys.path.insert(0, str(TESTS))
os.environ.setdefault(
    "BELVEDERE_HUB__ACCESS", "open_desk"
)  # what is timed here is alike; the stage's people ask for themselves

from belvedere.foundation.clock import DAY_US, HOUR_US, SystemClock  # noqa: E402
from belvedere.hub.audit.log import AuditLog  # noqa: E402
from belvedere.hub.audit.search import LogFilter, LogSearch  # noqa: E402
from belvedere.hub.storage import open_engine, upgrade  # noqa: E402
from belvedere.hub.storage.engine import writing  # noqa: E402
from belvedere.hub.storage.metadata import audit_entry  # noqa: E402
from belvedere.policy.ask import Ask, Asker  # noqa: E402
from belvedere.policy.decision import decide  # noqa: E402
from belvedere.policy.grant import Action  # noqa: E402
from belvedere.policy.row import Role  # noqa: E402
from belvedere.policy.signed import GrantOpener  # noqa: E402
from belvedere.policy.table import FULL_TABLE  # noqa: E402
from belvedere.tlog.folder import TileFolder  # noqa: E402
from belvedere.tlog.merkle import full_root, inclusion_proof, verify_inclusion  # noqa: E402
from belvedere.tlog.tiles import TILE_WIDTH, TileName  # noqa: E402
from hub_stage import HubStage, hub_stage  # noqa: E402
from policy_stage import CASE, HAPPENED, NOW, approved, ask, person  # noqa: E402


def questions() -> list[tuple[Asker, Ask]]:
    """Asks of every outcome: given, to be approved, approved, refused early and late."""
    wide = ask("investigation", Action.PLAYBACK, from_us=HAPPENED - HOUR_US, to_us=HAPPENED + HOUR_US)
    export = ask("investigation", Action.EXPORT, Action.PLAYBACK)
    return [
        (person(Role.OPERATOR), ask("duty", cameras=frozenset())),
        (person(Role.OPERATOR), ask("duty", Action.LIVE)),
        (person(Role.OPERATOR), ask("duty", Action.PLAYBACK)),
        (person(Role.OPERATOR, trained_us=None), ask("duty", Action.LIVE)),
        (person(Role.DPO), ask("duty")),
        (person(Role.INVESTIGATOR), ask("investigation", Action.PLAYBACK)),
        (person(Role.INVESTIGATOR), wide),
        (person(Role.INVESTIGATOR), approved(wide)),
        (person(Role.INVESTIGATOR), approved(export)),
        (person(Role.INVESTIGATOR), replace(wide, facts=replace(CASE, open=False))),
        (person(Role.OPERATOR), ask("break_glass", Action.LIVE, case="")),
        (person(Role.INVESTIGATOR), ask("unheard of")),
    ]


def percentile(seconds: list[float], share: float) -> float:
    return sorted(seconds)[min(len(seconds) - 1, int(share * len(seconds)))]


def timed(act: Callable[[], object], times: int, clock: Callable[[], float] = time.perf_counter) -> list[float]:
    taken = []
    for _ in range(times):
        begun = clock()
        act()
        taken.append(clock() - begun)
    return taken


def plain_loop() -> int:
    """What any Python of some microseconds takes: what the machine adds to it, it adds to whatever is measured beside it."""
    return sum(number for number in range(150))


def drawn(count: int) -> list[tuple[Asker, Ask]]:
    """So many different questions as the tests of the policy draw them, mostly near misses; always the same ones."""
    from hypothesis import HealthCheck, Phase, given, seed, settings

    from policy_draws import askers, asks

    found: list[tuple[Asker, Ask]] = []

    @seed(4)
    @settings(
        max_examples=count,
        database=None,
        phases=[Phase.generate],
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(askers(), asks())
    def keep(who: Asker, what: Ask) -> None:
        found.append((who, what))

    keep()
    return found


def decisions(times: int) -> list[Claim]:
    asked = questions()
    each_alone, loops = [], []
    for who, what in (*asked, *drawn(times // 2)):
        runs = timed(lambda who=who, what=what: decide(who, what, FULL_TABLE, NOW), 15, time.thread_time)  # type: ignore[misc]
        each_alone.append(statistics.median(runs))
    ours = []
    for who, what in asked:
        # of this thread, so that what else runs on the machine is not measured
        ours += timed(lambda who=who, what=what: decide(who, what, FULL_TABLE, NOW), times, time.thread_time)  # type: ignore[misc]
        loops += timed(plain_loop, times, time.thread_time)
    peer, theirs = "", None
    if importlib.util.find_spec("cedarpy") is None:
        print("cedarpy is not installed, so there is no second policy engine to compare with: pip install cedarpy")
    else:
        from unit.test_policy_cedar import cedar_allows

        named = [(who, what) for who, what in asked if what.cameras and what.actions]
        each = [
            seconds
            for who, what in named
            for seconds in timed(lambda who=who, what=what: cedar_allows(who, what), max(times // 100, 5))  # type: ignore[misc]
        ]
        peer, theirs = "cedarpy, same table", percentile(each, 0.99) * 1e6
    worst = percentile(each_alone, 0.99) * 1e6
    return [
        Claim(f"a decision, p99 of {len(each_alone):,} different questions, each the median of 15 runs, CPU time", "< 20",
              worst, "us", peer, theirs, worst < 20),
        Claim("a decision, median of those, CPU time", "", statistics.median(each_alone) * 1e6, "us"),
        Claim("single runs of 12 questions, p99, beside a plain loop's p99", "", percentile(ours, 0.99) * 1e6, "us",
              f"loop of {statistics.median(loops) * 1e6:.1f} us", percentile(loops, 0.99) * 1e6),
    ]  # fmt: skip


async def checks(stage: HubStage, times: int) -> list[Claim]:
    """A piece of footage is asked for: the hub's check, then the site's; and what stands before a first picture."""
    found = stage.hub.users.find("ann")
    assert found is not None
    async with stage.signed_in() as browser:
        given = (await browser.post("/api/grants", json={"purpose": "duty"})).json()
        desk, audit = stage.hub.grants, stage.hub.audit
        usable = await desk.use(found, given["id"], Action.LIVE, ["gate"])
        opener = GrantOpener(stage.hub.key.public_key().public_bytes_raw(), stage.clock)
        now_us = stage.clock.now_us()

        def at_site() -> None:
            opener.open(usable.wire).require(Action.PLAYBACK, "gate", now_us=now_us, start_us=now_us - 9, end_us=now_us)

        site = timed(at_site, times * 10)
        hub, first, loops = [], [], []
        for _ in range(5000):  # each is answered without leaving the event loop
            begun = time.thread_time()
            await desk.use(found, given["id"], Action.PLAYBACK, ["gate"], now_us - 9, now_us)
            hub.append(time.thread_time() - begun)
            begun = time.thread_time()
            plain_loop()
            loops.append(time.thread_time() - begun)
        for _ in range(max(times // 10, 20)):
            begun = time.perf_counter()
            await desk.use(found, given["id"], Action.LIVE, ["gate"])
            await audit.append("view.started", found.id, {"grant": given["id"], "camera": "gate"})
            first.append(time.perf_counter() - begun)
    at = percentile(site, 0.99) * 1e6
    before = statistics.median(first) * 1e3
    return [
        Claim("check of a piece at the site, p99", "< 100", at, "us", ok=at < 100),
        Claim("the same at the hub, asked of the database, so that an end counts at once; p99, CPU time", "< 100",
              percentile(hub, 0.99) * 1e6, "us", f"p99 of a plain loop of {statistics.median(loops) * 1e6:.1f} us",
              percentile(loops, 0.99) * 1e6, percentile(hub, 0.99) < 1e-4),
        Claim("the same, median", "", statistics.median(hub) * 1e6, "us"),
        Claim("before a first picture: check and durable log entry, median", "< 30", before, "ms", ok=before < 30),
    ]  # fmt: skip


async def appends(folder: Path, count: int) -> list[Claim]:
    engine = open_engine(f"sqlite:///{folder / 'log.db'}")
    upgrade(engine)
    audit = AuditLog(engine, folder / "log", Ed25519PrivateKey.generate(), SystemClock())
    await audit.start()
    try:
        callers = 2500  # each waits for its entry before it makes the next

        async def caller() -> None:
            for number in range(count // callers):
                await audit.append("view.started", "user_1", {"camera": "gate", "number": number})

        begun = time.perf_counter()
        await asyncio.gather(*(caller() for _ in range(callers)))
        rate = count / (time.perf_counter() - begun)
    finally:
        await audit.stop()
        engine.dispose()
    peer, theirs = "", None
    if importlib.util.find_spec("pymerkle") is not None:
        from pymerkle import SqliteTree

        with SqliteTree(str(folder / "peer.db")) as tree:
            some = min(count, 500)
            begun = time.perf_counter()
            for number in range(some):
                tree.append_entry(b'{"camera":"gate","number":%d}' % number)
            peer, theirs = "pymerkle SqliteTree, one by one", some / (time.perf_counter() - begun)
    return [Claim("entries that are durable and under a checkpoint", ">= 5000", rate, "/s", peer, theirs, rate >= 5000)]


def lay_tiles(folder: Path, entries: int) -> None:
    """The tiles of a tree of so many entries, written straight to where the log keeps them and not synced."""
    level = 0
    hashes: Iterator[bytes] = (hashlib.sha256(b"%d" % number).digest() for number in range(entries))
    while True:
        above: list[bytes] = []
        for index in itertools.count():
            tile = list(itertools.islice(hashes, TILE_WIDTH))
            if not tile:
                break
            path = folder / "tile" / TileName(level, index, len(tile)).path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"".join(tile))
            if len(tile) == TILE_WIDTH:
                above.append(full_root(tile))
        if not above:
            return
        level, hashes = level + 1, iter(above)


def proofs(folder: Path, entries: int, times: int) -> list[Claim]:
    """Inclusion proofs out of a log of `entries` on disk, opened anew: each of another tile, read and hashed for it."""
    lay_tiles(folder, entries)
    opened = TileFolder(folder, entries)
    root, step = opened.root(), max(1, entries // times)
    taken = []
    for index in range(0, entries, step):
        begun = time.perf_counter()
        path = inclusion_proof(index, entries, opened.node)
        taken.append(time.perf_counter() - begun)
        if not verify_inclusion(hashlib.sha256(b"%d" % index).digest(), index, entries, path, root):
            raise SystemExit(f"the proof of entry {index} of {entries} is wrong")
    worst = percentile(taken, 0.5) * 1e3
    name = f"inclusion proof in a log of {entries:,} entries"
    return [
        Claim(f"{name}, median", "< 1", worst, "ms", ok=worst < 1),
        Claim(f"{name}, p99", "", percentile(taken, 0.99) * 1e3, "ms"),
    ]


class Head:
    """A log of `size` entries, as far as searching it is concerned."""

    def __init__(self, size: int) -> None:
        self.size = size

    def checkpoint(self) -> "Head":
        return self


def explorer(folder: Path, entries: int) -> list[Claim]:
    """The audit explorer over a log of 90 days: pages and pictures over time of every kind of filter."""
    engine = open_engine(f"sqlite:///{folder / 'explorer.db'}")
    upgrade(engine)
    chance, kinds = random.Random(1), ("view.live",) * 5 + ("view.playback",) * 3 + ("grant.issued", "grant.refused")

    def row(index: int) -> dict[str, object]:
        facts = f'{{"facts":{{"camera":"cam-{chance.randrange(120):03}","case":"CR/{index // 300}"}}}}'
        who, time_us = f"user_{chance.randrange(40):02}", NOW + index * (90 * DAY_US // entries)
        return {"index": index, "time_us": time_us, "kind": chance.choice(kinds), "account_id": who, "salt": b"s" * 32,
                "body": facts, "entry_hash": b"h" * 32}  # fmt: skip

    for first in range(0, entries, 20_000):
        with writing(engine) as connection:
            connection.execute(insert(audit_entry), [row(n) for n in range(first, min(entries, first + 20_000))])
    search = LogSearch(engine, Head(entries))  # type: ignore[arg-type]
    begun = time.thread_time()
    search.catch_up()
    indexed = entries / (time.thread_time() - begun)
    filters = (
        LogFilter(), LogFilter(kind="view.live"), LogFilter(person="user_07"), LogFilter(camera="cam-007"),
        LogFilter(refused=True), LogFilter(kind="view.live", person="user_07"), LogFilter(case="CR/3"),
        LogFilter(from_us=NOW + 20 * DAY_US + 7, to_us=NOW + 60 * DAY_US + 9),
    )  # fmt: skip
    pictures = [statistics.median(timed(lambda w=w: search.histogram(w), 5, time.thread_time)) for w in filters]  # type: ignore[misc]
    pages = [statistics.median(timed(lambda w=w: search.find(w, entries // 2), 5, time.thread_time)) for w in filters]  # type: ignore[misc]
    engine.dispose()
    name = f"explorer, {entries:,} entries"
    return [
        Claim(f"{name}: picture over time, slowest of {len(filters)} filters, CPU time", "< 200", max(pictures) * 1e3,
              "ms", ok=max(pictures) < 0.2),
        Claim(f"{name}: page, slowest, CPU time", "< 200", max(pages) * 1e3, "ms", ok=max(pages) < 0.2),
        Claim(f"{name}: indexed", "", indexed, "entries a CPU second"),
    ]  # fmt: skip


def bench(*, quick: bool) -> list[Claim]:
    async def with_hub(folder: Path) -> list[Claim]:
        async with hub_stage(folder / "data") as stage:
            found = await checks(stage, 200 if quick else 2000)
        return found + await appends(folder, 5_000 if quick else 50_000)

    claims = decisions(2_000 if quick else 20_000)
    with tempfile.TemporaryDirectory(prefix="bv-access-") as name:
        folder = Path(name)
        (folder / "data").mkdir()
        claims += asyncio.run(with_hub(folder))
        if quick:
            print(
                "The log of the proofs has 500,000 entries here, not ten million; that of the explorer 50,000, not a million."
            )
        claims += explorer(folder, 50_000 if quick else 1_000_000)
        claims += proofs(folder / "tree", 500_000 if quick else 10_000_000, 500)
    return claims
