"""The audit log on a real database and disk: durable before it returns, whole after a crash, and altered by nobody unseen."""

import asyncio
import errno
import os
import shutil
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, text, update

from belvedere.foundation.clock import SimulatedClock
from belvedere.foundation.errors import BadInput, NotFound, StorageFault
from belvedere.hub.audit.log import AuditLog
from belvedere.hub.storage.engine import open_engine, writing
from belvedere.hub.storage.metadata import audit_entry
from belvedere.hub.storage.migrate import upgrade
from belvedere.tlog.checkpoint import open_checkpoint
from belvedere.tlog.folder import TileFolder, write_durably
from belvedere.tlog.merkle import leaf_hash, root_of, verify_consistency
from belvedere.tlog.proof import read_proof

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database, to be copied."""
    path = tmp_path_factory.mktemp("template") / "hub.db"
    engine = open_engine(f"sqlite:///{path}")
    upgrade(engine)
    engine.dispose()
    return path


class Room:
    """A hub's database and log folder."""

    def __init__(self, folder: Path, template: Path) -> None:
        self.folder = folder
        self.template = template
        folder.mkdir(exist_ok=True)
        shutil.copy(template, folder / "hub.db")
        self.clock = SimulatedClock()

    @property
    def log_folder(self) -> Path:
        return self.folder / "log"

    def engine(self) -> Engine:
        return open_engine(f"sqlite:///{self.folder / 'hub.db'}")

    @asynccontextmanager
    async def log(self) -> AsyncIterator[AuditLog]:
        engine = self.engine()
        try:
            log = AuditLog(engine, self.log_folder, KEY, self.clock)
            await log.start()
            try:
                yield log
            finally:
                await log.stop()
        finally:
            engine.dispose()

    def change(self, statement: Any) -> None:
        engine = self.engine()
        with writing(engine) as connection:
            connection.execute(statement)
        engine.dispose()


@pytest.fixture
def room(tmp_path: Path, template: Path) -> Room:
    return Room(tmp_path / "hub", template)


async def fill(room: Room, count: int) -> None:
    async with room.log() as log:
        await asyncio.gather(*(log.append("view.live", f"user_{n % 3}", {"n": n}) for n in range(count)))


async def test_an_entry_is_durable_and_signed_when_append_returns(room: Room) -> None:
    async with room.log() as log:
        first = await log.append("session.opened", "user_1", {"name": "Ann Ó’Neill", "n": 3, "list": [1, None]})
        # What another process would find, without asking this one:
        checkpoint = open_checkpoint((room.log_folder / "checkpoint").read_bytes(), PUBLIC)
        assert checkpoint.size == 1
        assert TileFolder(room.log_folder, 1).root() == checkpoint.root
        assert log.entry(0) == first
        assert (
            first.record
            == (
                '{"actor":"user_1","facts":{"list":[1,null],"n":3,"name":"Ann Ó’Neill"},"index":0,"kind":"session.opened",'
                f'"time_us":{room.clock.now_us()}}}'
            ).encode()
        )
        proof = log.proof(0)
        assert read_proof(proof.text().encode(), first.record).verify(PUBLIC) == checkpoint
    async with room.log() as log:
        assert log.entry(0) == first
        assert log.proof(0).verify(PUBLIC).size == 1


async def test_many_at_once_share_writes_and_all_are_provable(room: Room) -> None:
    async with room.log() as log:
        entries = await asyncio.gather(*(log.append("view.live", "user_1", {"n": n}) for n in range(700)))
        assert sorted(entry.index for entry in entries) == list(range(700))
        assert log.checkpoint().size == 700
        assert log.check() == 700
        for index in (0, 255, 256, 511, 699):
            assert log.proof(index).verify(PUBLIC).root == log.checkpoint().root
        assert verify_consistency(
            300,
            700,
            root_of(leaf_hash(log.entry(n).hash) for n in range(300)),
            log.checkpoint().root,
            log.consistency(300),
        )
    assert len(list((room.log_folder / "tile").rglob("*.p/*"))) == 2


async def test_pages_of_entries(room: Room) -> None:
    await fill(room, 20)
    async with room.log() as log:
        page = log.entries(actor="user_1", limit=4)
        assert [entry.facts["n"] for entry in page] == [19, 16, 13, 10]
        rest = log.entries(actor="user_1", before=page[-1].index)
        assert [entry.facts["n"] for entry in rest] == [7, 4, 1]
        assert len(log.entries()) == 20


async def test_what_is_not_there_is_said(room: Room) -> None:
    async with room.log() as log:
        with pytest.raises(NotFound):
            log.entry(0)
        with pytest.raises(BadInput):
            log.consistency(1)
        with pytest.raises(BadInput):
            await log.append("note", "user_1", {"text": "x" * 200_000})
        with pytest.raises(TypeError):
            await log.append("note", "user_1", {"text": object()})
        assert (await log.append("note", "user_1", {})).index == 0
    with pytest.raises(StorageFault, match="not running"):
        await log.append("note", "user_1", {})


async def test_what_was_emptied_behind_the_log_stops_the_hub_and_what_the_log_says_is_erased_does_not(
    room: Room,
) -> None:
    await fill(room, 9)
    room.change(update(audit_entry).where(audit_entry.c.index < 5).values(salt=None, body=None))
    with pytest.raises(StorageFault, match="emptied, and the log does not say so"):
        async with room.log():
            pass
    shutil.rmtree(room.folder)
    room.folder.mkdir()
    shutil.copy(room.template, room.folder / "hub.db")
    await fill(room, 9)
    async with room.log() as log:
        await log.append("log.erased", "hub", {"first": 0, "end": 5})
    room.change(update(audit_entry).where(audit_entry.c.index < 5).values(salt=None, body=None, account_id=""))
    async with room.log() as log:
        assert log.check() == 10 and log.erased_end == 5
        assert log.entry(1).record == b"" and log.entry(1).facts == {}
        assert log.proof(5).verify(PUBLIC).size == 10
        with pytest.raises(NotFound, match="erased"):
            log.proof(1)


@pytest.mark.parametrize(
    "statement",
    [
        update(audit_entry).where(audit_entry.c.index == 3).values(body='{"index":3}'),
        update(audit_entry).where(audit_entry.c.index == 3).values(account_id="user_9"),
        update(audit_entry).where(audit_entry.c.index == 3).values(kind="view.none"),
        update(audit_entry).where(audit_entry.c.index == 3).values(time_us=5),
        update(audit_entry).where(audit_entry.c.index == 3).values(salt=b"s" * 32),
        update(audit_entry).where(audit_entry.c.index == 3).values(salt=None),
        update(audit_entry).where(audit_entry.c.index == 3).values(salt=None, body=None),
        update(audit_entry).where(audit_entry.c.index == 3).values(entry_hash=b"h" * 32),
        delete(audit_entry).where(audit_entry.c.index == 3),
        delete(audit_entry).where(audit_entry.c.index == 8),
        text('UPDATE audit_entry SET "index" = "index" + 1 WHERE "index" = 8'),
    ],
)
async def test_an_altered_database_stops_the_hub(room: Room, statement: Any) -> None:
    await fill(room, 9)
    room.change(statement)
    with pytest.raises(StorageFault) as fault:
        async with room.log():
            pass
    assert "data protection officer" in fault.value.advice


async def test_an_old_row_altered_is_found_by_the_full_check(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("belvedere.hub.audit.log.TAIL", 4)
    await fill(room, 9)
    room.change(update(audit_entry).where(audit_entry.c.index == 1).values(kind="view.none"))
    async with room.log() as log:
        with pytest.raises(StorageFault, match="Entry 1"):
            log.check()


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[5] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: _flip(folder / "tile/0/000.p/9"),
        lambda folder: _flip(folder / "checkpoint"),
        lambda folder: (folder / "tile/0/000.p/9").unlink(),
        lambda folder: write_durably(folder / "checkpoint", b"x"),
    ],
)
async def test_an_altered_folder_stops_the_hub(room: Room, damage: Callable[[Path], None]) -> None:
    await fill(room, 9)
    damage(room.log_folder)
    with pytest.raises(StorageFault):
        async with room.log():
            pass


async def test_a_lost_folder_is_not_made_up_again(room: Room) -> None:
    await fill(room, 600)
    shutil.rmtree(room.log_folder)
    with pytest.raises(StorageFault, match="folder only 0"):
        async with room.log():
            pass


def fail_at(monkeypatch: pytest.MonkeyPatch, step: int, error: BaseException) -> None:
    """Let the `step`-th of the small writes, syncs and renames of the log raise `error`, as a crash there would."""
    seen = 0
    real_sync, real_replace = os.fsync, Path.replace

    def count() -> None:
        nonlocal seen
        seen += 1
        if seen == step:
            raise error

    def sync(handle: int) -> None:
        count()
        real_sync(handle)

    def replace(path: Path, target: Path) -> Path:
        count()
        return real_replace(path, target)

    monkeypatch.setattr("belvedere.tlog.folder.os.fsync", sync)
    monkeypatch.setattr(Path, "replace", replace)


@pytest.mark.parametrize("before", [3, 255])
async def test_a_crash_at_any_step_loses_nothing_acknowledged(
    room: Room, monkeypatch: pytest.MonkeyPatch, before: int
) -> None:
    await fill(room, before)
    acknowledged = before
    for step in range(1, 30):
        finished = False
        with monkeypatch.context() as patch:
            async with room.log() as log:
                acknowledged = log.checkpoint().size
                fail_at(patch, step, OSError(errno.EIO, "cut"))
                try:
                    await log.append("view.live", "user_1", {"step": step})
                    acknowledged += 1
                    finished = True
                except StorageFault:
                    with pytest.raises(StorageFault, match="restart the hub"):
                        await log.append("view.live", "user_1", {})
                patch.undo()
        async with room.log() as log:
            assert log.checkpoint().size >= acknowledged
            assert log.check() == log.checkpoint().size
            assert log.proof(log.checkpoint().size - 1).verify(PUBLIC).size == log.checkpoint().size
        if finished:
            return
    pytest.fail("the write never succeeded")


async def test_a_database_that_refuses_leaves_the_log_as_it_was(room: Room) -> None:
    async with room.log() as log:
        await log.append("note", "user_1", {})
        room.change(
            text("CREATE TRIGGER full BEFORE INSERT ON audit_entry BEGIN SELECT RAISE(ABORT, 'disk full'); END")
        )
        with pytest.raises(StorageFault):
            await log.append("note", "user_1", {"refused": True})
        room.change(text("DROP TRIGGER full"))
        assert (await log.append("note", "user_1", {})).index == 1


async def test_a_defect_in_the_writer_stops_appends_and_hangs_nobody(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with room.log() as log:
        with monkeypatch.context() as patch:
            patch.setattr("belvedere.hub.audit.log.leaf_hash", lambda entry: 1 / 0)
            with pytest.raises(StorageFault, match="stopped"):
                await log.append("note", "user_1", {})
        with pytest.raises(StorageFault, match="stopped"):
            await log.append("note", "user_1", {})
    async with room.log() as log:
        assert log.checkpoint().size == 1


async def test_fresh_entries_leave_memory_and_are_found_again(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("belvedere.hub.audit.log._RECENT", 3)
    async with room.log() as log:
        for number in range(6):
            await log.append("note", "user_1", {"n": number})
        assert len(log._recent) == 3
        assert [log.entry(number).facts["n"] for number in range(6)] == list(range(6))
        await log.stop()  # twice is once
    await fill(room, 1)


async def test_rows_missing_behind_the_tree_are_noticed(room: Room) -> None:
    await fill(room, 4)
    keep = (room.log_folder / "checkpoint").read_bytes()
    await fill(room, 3)
    write_durably(room.log_folder / "checkpoint", keep)  # as if a crash had come before it
    room.change(text('UPDATE audit_entry SET "index" = 99 WHERE "index" = 6'))
    with pytest.raises(StorageFault, match="missing"):
        async with room.log():
            pass
    room.change(text('UPDATE audit_entry SET "index" = 6 WHERE "index" = 99'))
    async with room.log() as log:
        assert log.checkpoint().size == 7


async def test_stopping_in_the_middle_leaves_nobody_waiting(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    async with room.log() as log:
        begun, go_on = asyncio.Event(), threading.Event()
        loop = asyncio.get_running_loop()

        def slow(entries: object) -> None:
            loop.call_soon_threadsafe(begun.set)
            go_on.wait(20)

        monkeypatch.setattr(log, "_commit", slow)
        waiting = asyncio.create_task(log.append("note", "user_1", {}))
        gone = asyncio.create_task(log.append("note", "user_1", {"bad": object()}))
        await begun.wait()
        assert log._writer is not None
        log._writer.cancel()
        for each in (waiting, gone):
            with pytest.raises(asyncio.CancelledError):
                await each
        go_on.set()


async def test_a_refused_entry_that_nobody_waits_for_is_no_trouble(room: Room) -> None:
    async with room.log() as log:
        refused = asyncio.create_task(log.append("note", "user_1", {"bad": object()}))
        await asyncio.sleep(0)
        refused.cancel()
        assert (await log.append("note", "user_1", {})).index == 0


async def test_whoever_stops_waiting_does_not_disturb_the_rest(room: Room) -> None:
    async with room.log() as log:
        waiting = [asyncio.create_task(log.append("note", "user_1", {"n": n})) for n in range(20)]
        await asyncio.sleep(0)
        for task in waiting[::2]:
            task.cancel()
        done = await asyncio.gather(*waiting, return_exceptions=True)
        assert sum(isinstance(one, asyncio.CancelledError) for one in done) == 10
        assert log.check() == log.checkpoint().size >= 10


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.integers(1, 90), min_size=1, max_size=5))
def test_any_history_of_restarts_gives_one_consistent_log(
    tmp_path_factory: pytest.TempPathFactory, template: Path, batches: list[int]
) -> None:
    room = Room(tmp_path_factory.mktemp("hub") / "hub", template)

    async def live() -> None:
        old_size, old_root = 0, b""
        for batch in batches:
            async with room.log() as log:
                assert log.checkpoint().size == old_size
                await asyncio.gather(*(log.append("note", "user_1", {"n": n}) for n in range(batch)))
                head = log.checkpoint()
                if old_size:
                    assert verify_consistency(old_size, head.size, old_root, head.root, log.consistency(old_size))
                old_size, old_root = head.size, head.root

    asyncio.run(live())


# Over HTTP ------------------------------------------------------------------------------------------------------------
