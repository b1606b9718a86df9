"""Writers of one SQLite file take turns; records have threads of their own, and batches that wait share a transaction."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sqlalchemy import event, text

from belvedere.foundation.clock import SimulatedClock
from belvedere.hub.fleet.records import RecordBook
from belvedere.hub.storage.engine import Turns, open_engine, writing
from belvedere.link.records import METADATA, Batch, Record
from outbox_stage import hub_engine


def _queued(turns: Turns, count: int) -> None:
    while len(turns._queue) < count:
        time.sleep(0.001)


def test_who_waits_first_writes_first_and_what_is_urgent_is_next() -> None:
    turns, order = Turns(patience_s=600), list[str]()

    def write(name: str, urgent: bool) -> None:
        with turns.turn(urgent=urgent):
            order.append(name)

    threads = [threading.Thread(target=write, args=each) for each in (("a", False), ("b", False), ("u", True))]
    with turns.turn():
        for count, thread in enumerate(threads, 1):
            thread.start()
            _queued(turns, count)
    for thread in threads:
        thread.join()
    assert order == ["u", "a", "b"]
    with turns.turn():
        order.append("free")
    assert order[-1] == "free"


def test_whose_patience_is_over_goes_on_and_takes_nobodys_turn() -> None:
    turns = Turns(patience_s=0.0)
    with turns.turn():
        with turns.turn():  # SQLite would say here that it is busy
            assert turns._taken and not turns._queue
        assert turns._taken, "still the first one's"
    assert not turns._taken


def test_many_threads_write_one_file(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'hub.db'}")
    with writing(engine) as connection:
        connection.execute(text("CREATE TABLE count (n INTEGER)"))
        connection.execute(text("INSERT INTO count VALUES (0)"))

    def add(_: int) -> None:
        with writing(engine) as connection:
            before = connection.scalar(text("SELECT n FROM count"))
            connection.execute(text("UPDATE count SET n = :n"), {"n": (before or 0) + 1})

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(add, range(80)))
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT n FROM count")) == 80
    engine.dispose()


def test_records_are_taken_while_all_threads_of_the_process_are_busy_and_share_transactions() -> None:
    engine, commits = hub_engine(), list[int]()
    event.listen(engine, "commit", lambda _: commits.append(1))
    book = RecordBook(engine, SimulatedClock())
    busy = threading.Event()
    records = (Record("seen", 1, "{}"), Record("seen", 2, "{}"))

    async def bring() -> list[int]:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
        waits = asyncio.create_task(asyncio.to_thread(busy.wait))
        came = [book.bring(f"site-{number}", Batch(bytes(16), METADATA, 1, 0, records)) for number in range(30)]
        try:
            return await asyncio.gather(*came)
        finally:
            busy.set()
            await waits

    assert asyncio.run(bring()) == [3] * 30
    assert book.taken == 60 and len(commits) == 3, "twelve batches in a transaction"
    engine.dispose()
