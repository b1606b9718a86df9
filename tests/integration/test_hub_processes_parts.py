"""What several processes of a hub rest on: one order in the log, one chair, a bus that may be away. On real servers."""

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine, text

import postgres_stage
from belvedere.foundation.clock import SystemClock
from belvedere.foundation.errors import Refused, StorageFault
from belvedere.foundation.settings import HubSettings
from belvedere.hub.audit.log import AuditLog
from belvedere.hub.audit.turn import LogTurn
from belvedere.hub.fleet.calls import Line
from belvedere.hub.processes.bus import Bus, BusAway
from belvedere.hub.processes.lines import SharedSwitchboard, owner_of
from belvedere.hub.processes.roll import Known, Roll
from belvedere.hub.quotas.counts import Scope, What
from belvedere.hub.quotas.desk import QuotaDesk
from belvedere.hub.storage import open_engine, writing
from belvedere.link.channel import ChannelClosed
from belvedere.link.control import Dial, FromHub, Hello
from belvedere.tlog.check import LogFolder, check_log
from processes_stage import LIMIT_S, Nats, free_port

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()
WRITER = """
import asyncio, sys
from pathlib import Path
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from belvedere.foundation.clock import SystemClock
from belvedere.hub.audit.log import AuditLog
from belvedere.hub.audit.turn import LogTurn
from belvedere.hub.storage.engine import open_engine

async def main(folder, url, name):
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    log = AuditLog(open_engine(url), folder, key, SystemClock(), LogTurn(name))
    await log.start()
    print("ready", flush=True)
    sys.stdin.readline()
    async def one(worker):
        for number in range(40):
            entry = await log.append("note", name, {"worker": worker, "number": number})
            print(entry.index, entry.hash.hex(), flush=True)
    await asyncio.gather(*(one(worker) for worker in range(4)))
    await log.stop()

asyncio.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
"""


@pytest.fixture
def url(tmp_path: Path) -> str:
    return postgres_stage.database_of(tmp_path)


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    opened = open_engine(url)
    yield opened
    opened.dispose()


def test_what_several_processes_write_has_one_order_and_nothing_acknowledged_is_lost(
    tmp_path: Path, url: str, engine: Engine
) -> None:
    folder = tmp_path / "log"
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(folder), url, name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ.copy(),
        )
        for name in ("one", "two", "killed")
    ]
    acknowledged: dict[int, str] = {}
    taken = threading.Lock()

    def read(writer: "subprocess.Popen[str]", kill_at: int | None) -> None:
        assert writer.stdout is not None
        for number, line in enumerate(writer.stdout):
            index, digest = line.split()
            with taken:
                assert int(index) not in acknowledged
                acknowledged[int(index)] = digest
            if number == kill_at:
                writer.kill()

    try:
        for writer in writers:
            assert writer.stdout is not None and writer.stdout.readline() == "ready\n"
        for writer in writers:
            assert writer.stdin is not None
            writer.stdin.write("go\n")
            writer.stdin.flush()
        readers = [
            threading.Thread(target=read, args=(writer, kill_at))
            for writer, kill_at in zip(writers, (None, None, 30), strict=True)
        ]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
        assert [writer.wait(LIMIT_S) for writer in writers[:2]] == [0, 0]
    finally:
        for writer in writers:
            writer.kill()
            writer.communicate()
    log = AuditLog(engine, folder, KEY, SystemClock(), LogTurn("reader"))
    size = log.checkpoint().size
    assert size >= len(acknowledged) > 320 and size > max(acknowledged)
    assert log.check() == size
    for index, digest in acknowledged.items():
        assert log.entry(index).hash.hex() == digest
    log.proof(size - 1).verify(PUBLIC)
    report = check_log(LogFolder(folder), PUBLIC)
    assert report.valid, report.problem


async def test_each_sees_what_the_other_wrote_and_who_lost_the_chair_writes_nothing(
    tmp_path: Path, engine: Engine
) -> None:
    clock = SystemClock()
    rolls = [Roll(engine, clock, name, "127.0.0.1:1", 1, lambda _known: None) for name in ("one", "two")]
    rolls[0]._look()
    rolls[1]._look()
    assert rolls[0].has_chair() and not rolls[1].has_chair()
    fence = rolls[0].fence(rolls[0].known.number)
    logs = [
        AuditLog(engine, tmp_path / "log", KEY, clock, LogTurn("one", fence)),
        AuditLog(engine, tmp_path / "log", KEY, clock, LogTurn("two")),
    ]
    for log in logs:
        await log.start()
    first = await logs[0].append("view.live", "ann", {"camera": "gate"})
    assert logs[1].entry(first.index).facts == {"camera": "gate", "process": "one"}
    second = await logs[1].append("note", "ann", {})
    assert second.index == first.index + 1
    logs[0].proof(second.index).verify(PUBLIC)
    with writing(engine) as connection:  # as if it had been away for longer than the lease
        connection.execute(text("UPDATE hub_lease SET until_us = 0"))
    rolls[1]._look()
    assert rolls[1].has_chair() and rolls[1].known.number == 2
    with pytest.raises(StorageFault, match="taken over"):
        await logs[0].append("note", "ann", {})
    third = await logs[1].append("note", "ann", {})
    assert third.index == second.index + 1 and logs[0].checkpoint().size == third.index + 1
    for log in logs:
        await log.stop()


def test_the_chair_goes_to_another_when_its_holder_ends_and_not_before(engine: Engine) -> None:
    told: list[Known] = []
    rolls = [Roll(engine, SystemClock(), name, f"127.0.0.1:{name}", 1, told.append) for name in ("1", "2")]
    for roll in rolls:
        roll._look()
    rolls[0]._look()
    assert told[-1].living == {"1": "127.0.0.1:1", "2": "127.0.0.1:2"} and told[-1].chair == "1"
    assert [roll.has_chair() for roll in rolls] == [True, False] and not rolls[1].gone("1")
    rolls[0].pass_on()  # it can't do the work
    rolls[0]._look()
    rolls[1]._look()
    assert [roll.has_chair() for roll in rolls] == [False, True] and rolls[1].known.number == 2
    rolls[1].pass_on()
    rolls[0]._stands_back_us = 0
    rolls[0]._look()
    assert [roll.has_chair() for roll in rolls] == [True, False]
    rolls[1]._stands_back_us = 0
    rolls[0].stop()
    rolls[1]._look()
    assert rolls[1].has_chair() and rolls[1].gone("1") and rolls[1].address("1") == ""


def test_processes_count_together(engine: Engine) -> None:
    settings = HubSettings.model_validate({"quota_camera_minutes": 3})
    desks = [QuotaDesk(engine, SystemClock(), None, settings, shared=True) for _ in range(2)]  # type: ignore[arg-type]

    async def story() -> None:
        for desk, person in zip(desks, ("ann", "ben"), strict=True):
            await desk.footage(person, "grant", "gate", "main", 1)
            await desk._write()
        now_us = SystemClock().now_us()
        assert desks[1].counts.amount(What.FOOTAGE, Scope.CAMERA, "gate", now_us) == 120
        assert desks[1].counts.amount(What.FOOTAGE, Scope.PERSON, "ben", now_us) == 60

    asyncio.run(story())


async def test_a_bus_that_is_away_says_so_and_comes_back_by_itself() -> None:
    nats, key = Nats(free_port()), bytes(32)
    buses = [Bus(nats.url, key), Bus(nats.url, key), Bus(nats.url, b"another hub's key, 32 bytes long")]
    buses[2]._prefix = buses[0]._prefix  # it knows the names, and has no key
    heard: asyncio.Queue[bytes] = asyncio.Queue()

    async def answer(body: bytes) -> bytes:
        return b"answer to " + body

    async def until_up(*which: Bus) -> None:
        async with asyncio.timeout(LIMIT_S):
            while not all(bus.up for bus in which):
                await asyncio.sleep(0.02)

    try:
        await buses[0].respond("line.rowan", answer)
        await buses[0].hear("over", heard.put_nowait)
        for bus in buses:
            bus.start()
        with pytest.raises(BusAway):
            await buses[1].ask("line.rowan", b"dial", 5)
        for _ in range(2):
            await nats.start()
            await until_up(*buses)
            async with asyncio.timeout(LIMIT_S):
                while await buses[1].ask("line.rowan", b"dial", LIMIT_S) != b"answer to dial":
                    await asyncio.sleep(0.02)  # the other one has not said yet that it listens
                assert await buses[1].ask("line.nobody", b"dial", LIMIT_S) is None
                strangers = buses[0].lost
                while heard.empty() or buses[0].lost == strangers:  # it may not have said yet that it hears
                    buses[2].tell("over", b"made up")
                    buses[1].tell("over", b"grant")
                    await asyncio.sleep(0.02)
                while not heard.empty():
                    assert heard.get_nowait() == b"grant"
            await nats.kill()
            async with asyncio.timeout(LIMIT_S):
                while any(bus.up for bus in buses):
                    await asyncio.sleep(0.02)
            with pytest.raises(BusAway):
                await buses[1].ask("line.rowan", b"dial", 5)
    finally:
        for bus in buses:
            await bus.stop()
        await nats.kill()


async def test_a_site_is_told_to_dial_by_the_process_that_holds_its_line_and_a_copy_of_it_is_noticed(
    engine: Engine,
) -> None:
    clock, nats = SystemClock(), Nats(free_port())
    buses = [Bus(nats.url, bytes(32)) for _ in range(2)]
    boards = [
        SharedSwitchboard(clock, engine, name, bus) for name, bus in zip(("aaaaaaaa", "bbbbbbbb"), buses, strict=True)
    ]
    rolls = [Roll(engine, clock, name, "127.0.0.1:1", 1, lambda _known: None) for name in ("aaaaaaaa", "bbbbbbbb")]
    said: list[FromHub] = []
    hung_up: list[str] = []

    def line(run: bytes, since_us: int) -> Line:
        async def say(word: FromHub) -> None:
            said.append(word)

        async def hang_up() -> None:
            hung_up.append(run.decode())

        async def answers() -> bool:
            return True

        return Line("rowan", "d", Hello("rowan", "Rowan", run, "1", 1), "here", since_us, say, hang_up, answers)

    async def look() -> None:
        for roll in (*rolls, *rolls):  # the second time each knows of both
            await asyncio.to_thread(roll._look)
        for board, roll in zip(boards, rolls, strict=True):
            board.see(roll.known)

    try:
        await nats.start()
        for bus in buses:
            bus.start()
        async with asyncio.timeout(LIMIT_S):
            while not all(bus.up for bus in buses):
                await asyncio.sleep(0.02)
            first, second = line(b"one", 1), line(b"one", 2)
            await boards[0].open(first)
            await look()
            held = boards[1].line("rowan")
            assert held is not None and held.hello == first.hello and boards[0].line("rowan") is first
            while not said:  # the server may not have heard yet that the other listens
                with suppress(ChannelClosed):
                    await boards[1].command("rowan", boards[1].ticket())
            assert isinstance(said[0], Dial) and owner_of(said[0].ticket) == "bbbbbbbb" and len(said[0].ticket) == 32
            with pytest.raises(Refused, match="Another machine"):
                await boards[1].open(line(b"copy", 3))
            await boards[1].open(second)  # the same machine called again, before its old line was seen to be dead
            assert hung_up == ["one"] and boards[1].line("rowan") is second
            await look()
            assert boards[0].line("rowan") is not first and boards[0].line("rowan") is not None
            boards[0].close(first)  # changes nothing for the newer one
            boards[1].close(second)
            while boards[1]._tasks:
                await asyncio.gather(*boards[1]._tasks)
            await look()
            assert boards[0].line("rowan") is None and boards[1].line("rowan") is None
            with pytest.raises(ChannelClosed):
                await boards[0].command("rowan", boards[0].ticket())
    finally:
        for bus in buses:
            await bus.stop()
        await nats.kill()
